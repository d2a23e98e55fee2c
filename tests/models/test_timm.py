"""timm's backbones: any bands, any number of answers, never a download, imported only when one is built."""

import socket

import pytest
import torch

from geoloom.core.classes import Classes
from geoloom.core.errors import ModelError
from geoloom.core.outputs import ClassOutputs, FeatureOutputs, ValueOutputs
from geoloom.models.listing import get_spec, list_models
from geoloom.models.registry import create_model, model_options, outline

# One of each kind of stem: convolutions of several forms, patches, windows.
NAMES = ["resnet18", "efficientnet_b0", "regnetx_002", "convnext_atto", "mobilenetv3_small_050"]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was reached for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("bands", [1, 5, 13])
def test_any_number_of_bands_and_any_size(name, bands):
    network = create_model(f"timm/{name}", bands, 7).eval()
    with torch.inference_mode():
        assert network(torch.randn(2, bands, 65, 47)).shape == (2, 7)


def test_it_classifies_regresses_and_encodes():
    classes = ClassOutputs(Classes.of(["a", "b", "c"]), per="image")
    values = ValueOutputs(("height",), ("m",), per="image")
    image = torch.randn(2, 6, 64, 64)
    for outputs in (classes, values, FeatureOutputs(512)):
        network = create_model("timm/resnet18", 6, outputs=outputs).eval()
        with torch.inference_mode():
            assert network(image).shape == (2, outputs.channels)
    with pytest.raises(ModelError, match=r"gives 512 features, 128 were .*FeatureOutputs\(512\)"):
        create_model("timm/resnet18", 6, outputs=FeatureOutputs(128))


def test_a_network_for_one_size_can_be_built_for_another():
    network = create_model("timm/vit_tiny_patch16_224", 2, 3, img_size=64).eval()
    with torch.inference_mode():
        assert network(torch.randn(1, 2, 64, 64)).shape == (1, 3)


def test_dropout_is_handed_on():
    assert create_model("timm/resnet18", 3, 2, drop_rate=0.25).drop_rate == 0.25
    assert model_options("timm/resnet18") == {
        "drop_rate": 0.0,
        "drop_path_rate": 0.0,
        "img_size": None,
    }


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("timm/resnt18", {}, "timm has no network named 'resnt18'; did you mean timm/resnet18 or"),
        ("timm/resnet18.a1_in1k", {}, "names pretrained weights, .* give weights="),
        ("timm/hf_hub:someone/something", {}, "timm has no network named"),
        ("resnet18", {}, r"did you mean 'timm/resnet18'\?"),
        ("tim/resnet18", {}, r"did you mean 'timm/resnet18'\?"),
        ("timm/resnet18", {"droprate": 0.1}, r"did you mean 'drop_rate'\?"),
        ("timm/resnet18", {"drop_rate": 1.0}, "drop_rate is 1.0; it is a chance"),
        ("timm/resnet18", {"drop_rate": "much"}, "drop_rate"),
        ("timm/vit_tiny_patch16_224", {"img_size": 64.5}, "option 'img_size' .* is 64.5"),
        ("timm/resnet18", {"img_size": 64}, "timm cannot build 'resnet18' .*img_size"),
        ("timm/vgg11", {"drop_path_rate": 0.1}, "timm cannot build 'vgg11' .*drop_path_rate"),
    ],
)
def test_what_timm_does_not_have_is_refused_by_name(name, options, said):
    with pytest.raises(ModelError, match=said):
        create_model(name, 3, 2, **options)


def test_names_are_listed_by_pattern():
    everything = list_models("timm/*")
    assert len(everything) > 1000
    assert "timm/resnet34" in list_models("timm/resnet?4")
    assert {n for n in list_models("*resnet*") if "/" in n} == {"timm/resnet18", "timm/resnet50"}
    assert {n for n in list_models() if n.startswith("timm/")} <= set(everything)
    with pytest.raises(ModelError, match="no family of models is named 'tim'; did you mean 'timm'"):
        list_models("tim/*")


def test_what_it_gives():
    spec = get_spec("timm/resnet34")
    assert (spec.gives, spec.takes, spec.dates) == (("image", "features"), "BCHW", 1)


def test_an_outline_of_an_absurd_one_takes_no_memory():
    outputs = ValueOutputs(tuple(map(str, range(60_000))), (None,) * 60_000, per="image")
    assert outline("timm/resnet18", 60_000, outputs, {})["fc.weight"].shape == (60_000, 512)
