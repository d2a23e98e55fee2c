"""Networks of other libraries: any bands, any size, never a download; most of them in the deep run."""

from __future__ import annotations

import socket

import pytest
import torch

from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.core.outputs import BoxOutputs
from geoloom.models.listing import list_models
from geoloom.models.registry import create_model, outline

TWO = Classes.of(["ship", "harbour"])
DEEP_SMP = [("unetplusplus", "resnet18"), ("fpn", "efficientnet-b0"), ("deeplabv3plus", "resnet34")]
DEEP_SMP += [("segformer", "mit_b0"), ("upernet", "tu-convnext_atto"), ("pan", "resnet18")]
DEEP_TIMM = ["resnet50", "efficientnet_b0", "convnext_tiny", "regnety_002", "mobilevit_xs"]
DEEP_TIMM += ["swin_tiny_patch4_window7_224"]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was reached for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def check_segmentation(decoder, encoder):
    for bands in (1, 4, 13):
        network = create_model(f"smp/{decoder}", bands, 5, encoder=encoder).eval()
        with torch.inference_mode():
            assert network(torch.randn(1, bands, 97, 131)).shape == (1, 5, 97, 131)
    answers = network.train()(torch.randn(2, 13, 64, 64))
    (answers * torch.randn_like(answers)).sum().backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)


def test_what_no_answer_depends_on_is_not_learned():
    network = create_model("smp/fpn", 4, 3, encoder="efficientnet-b0")
    frozen = [name for name, p in network.named_parameters() if not p.requires_grad]
    assert frozen == ["encoder._conv_head.weight", "encoder._bn1.weight", "encoder._bn1.bias"]
    network(torch.randn(2, 4, 64, 64)).sum().backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)


def test_segmentation_models_take_any_bands_and_size():
    check_segmentation("fpn", "tu-test_resnet")


@pytest.mark.deep
@pytest.mark.parametrize(("decoder", "encoder"), DEEP_SMP)
def test_more_segmentation_models(decoder, encoder):
    check_segmentation(decoder, encoder)


@pytest.mark.deep
@pytest.mark.parametrize("name", DEEP_TIMM)
def test_more_of_timm(name):
    sized = {"img_size": 64} if "swin" in name else {}
    for bands in (1, 4, 13):
        network = create_model(f"timm/{name}", bands, 5, **sized).eval()
        with torch.inference_mode():
            assert network(torch.randn(2, bands, 64, 64)).shape == (2, 5)


def targets(masks: bool) -> list[dict[str, torch.Tensor]]:
    """Of two images of 97 x 131: one thing of each class, and nothing."""
    boxes = torch.tensor([[8.0, 10.0, 40.0, 50.0], [60.0, 20.0, 120.0, 80.0]])
    outlines = torch.zeros(2, 97, 131, dtype=torch.uint8)
    for outline_, (left, top, right, bottom) in zip(outlines, boxes.int().tolist(), strict=True):
        outline_[top:bottom, left:right] = 1
    thing = {"boxes": boxes, "labels": torch.tensor([0, 1])}
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    if masks:
        thing, nothing = {**thing, "masks": outlines}, {**nothing, "masks": outlines[:0]}
    return [thing, nothing]


def check_detector(name, bands):
    outputs = BoxOutputs(TWO, masks=name == "maskrcnn")
    network = create_model(f"torchvision/{name}", bands, outputs=outputs, backbone="resnet18")
    image = torch.randn(2, bands, 97, 131)
    given = targets(outputs.masks)
    losses = network(image, given)
    assert all(loss.isfinite() for loss in losses.values())
    sum(losses.values()).backward()
    assert network.network.backbone.body.conv1.weight.grad.abs().max() > 0
    assert given[0]["labels"].tolist() == [0, 1]  # arguments are left alone
    network.eval()
    with torch.inference_mode():
        answers = network(image)
    assert len(answers) == 2
    for answer in answers:
        assert set(answer) == {"boxes", "labels", "scores"} | ({"masks"} & set(given[0]))
        assert ((answer["labels"] >= 0) & (answer["labels"] < 2)).all()
        assert (answer["boxes"] <= torch.tensor([131, 97, 131, 97])).all()


def test_a_detector_learns_and_answers_in_the_classes_of_its_data():
    check_detector("fcos", 4)


@pytest.mark.deep
@pytest.mark.parametrize("name", ["fasterrcnn", "maskrcnn", "retinanet", "fcos"])
@pytest.mark.parametrize("bands", [1, 13])
def test_more_detectors(name, bands):
    check_detector(name, bands)


@pytest.mark.deep
@pytest.mark.parametrize("name", ["fasterrcnn", "maskrcnn", "retinanet", "fcos"])
def test_detectors_overfit_a_chip(name):
    torch.manual_seed(0)
    network = create_model(f"torchvision/{name}", 2, 2, backbone="resnet18")
    truth = targets(masks=True)[:1]
    image = torch.zeros(1, 2, 97, 131)
    for box, label in zip(truth[0]["boxes"].int().tolist(), truth[0]["labels"], strict=True):
        image[0, label, box[1] : box[3], box[0] : box[2]] = 3
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    # Distances to far edges, which it tells without anchors, grow slowly.
    for _ in range(240 if name == "fcos" else 80):
        optimiser.zero_grad()
        sum(network(image.repeat(2, 1, 1, 1), truth * 2).values()).backward()
        optimiser.step()
    # Statistics of batch norm lag behind so few steps: answers as while learning, but for the losses.
    network.eval()
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.train()
    with torch.inference_mode():
        (answer, _) = network(image.repeat(2, 1, 1, 1))
    best = answer["labels"][:2].tolist()
    assert sorted(best) == [0, 1]
    for place, label in enumerate(best):
        distance = (answer["boxes"][place] - truth[0]["boxes"][label]).abs().max()
        assert distance < 12, (name, answer)


def test_a_detector_is_outlined_and_listed_without_memory():
    assert "torchvision/maskrcnn" in list_models("torchvision/*")
    weights = outline("torchvision/fcos", 6, BoxOutputs(TWO), {"backbone": "resnet18"})
    assert weights["network.backbone.body.conv1.weight"].shape[1] == 6


def test_what_is_per_pixel_is_not_learned_with_boxes():
    from geoloom.core.outputs import ClassOutputs

    with pytest.raises(ModelError, match="torchvision/fcos gives boxes, not one answer per pixel"):
        create_model("torchvision/fcos", 3, outputs=ClassOutputs(TWO))
