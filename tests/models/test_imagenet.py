"""Weights of ImageNet by timm's and smp's names, from a server in the hub's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from geoloom.core.bands import Band
from geoloom.core.errors import BandError, ModelError, ReadError, WriteError
from geoloom.core.outputs import FeatureOutputs
from geoloom.models.pretrained import fetch
from geoloom.models.pretrained.find import find_weights
from geoloom.models.pretrained.hub import imagenet_weights
from geoloom.models.pretrained.layouts import LAYOUTS
from geoloom.models.pretrained.table import get_weights, list_weights
from geoloom.models.registry import create_model
from geoloom.models.saved import load_model
from geoloom.tasks.train import train
from geoloom.testing.server import FolderServer, serving

NAME = "timm/test_resnet.r160_in1k"
FILE = f"{NAME}/resolve/main/model.safetensors"
RGB = ["red", "green", "blue"]
FIRST = "conv1.0.weight"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FolderServer]:
    monkeypatch.setenv("GEOLOOM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "hub").mkdir()
    with serving(tmp_path / "hub") as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address(""))
        yield server


def put(tmp_path: Path, path: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A file at the hub: other numbers than a fresh network's."""
    torch.manual_seed(5)
    numbers = {
        name: torch.rand_like(t) if t.is_floating_point() else t for name, t in state.items()
    }
    file = tmp_path / "hub" / path
    file.parent.mkdir(parents=True)
    save_file(numbers, file)
    return numbers


@pytest.fixture
def stored(hub: FolderServer, tmp_path: Path) -> dict[str, Tensor]:
    return put(tmp_path, FILE, timm.create_model("test_resnet").state_dict())


def test_a_network_begins_with_timms_default(
    hub: FolderServer, stored: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the classifier, value by value; fetched once, and there without a connection after that."""
    made = create_model("timm/test_resnet", 3, 5, weights="imagenet").state_dict()
    assert all(torch.equal(made[n], t) for n, t in stored.items() if not n.startswith("fc."))
    assert made["fc.weight"].shape[0] == 5
    monkeypatch.setenv("GEOLOOM_OFFLINE", "1")
    again = create_model("timm/test_resnet", 3, 1000, weights=NAME).state_dict()
    assert torch.equal(again["fc.weight"], stored["fc.weight"])
    features = create_model("timm/test_resnet", 3, outputs=FeatureOutputs(96), weights="imagenet")
    assert torch.equal(features.state_dict()[FIRST], stored[FIRST])
    assert hub.requests(FILE) == 1
    with pytest.raises(ReadError, match="GEOLOOM_OFFLINE=1 forbids"):
        create_model("timm/test_vit", 3, 5, weights="imagenet")


@pytest.mark.parametrize("missing", ["mean", "zeros", "fresh"])
def test_bands_find_red_green_and_blue(
    missing: Any, hub: FolderServer, stored: dict[str, Tensor]
) -> None:
    bands = ["nir", Band("B2", "blue"), "red", "green"]
    torch.manual_seed(3)
    fresh = create_model("timm/test_resnet", 4, 5).state_dict()[FIRST]
    torch.manual_seed(3)
    made = create_model(
        "timm/test_resnet", 4, 5, weights="imagenet", bands=bands, missing_bands=missing
    ).state_dict()[FIRST]
    assert torch.equal(made[:, 1:], stored[FIRST][:, [2, 0, 1]])
    expected = {
        "mean": stored[FIRST].mean(1),
        "zeros": torch.zeros_like(fresh[:, 0]),
        "fresh": fresh[:, 0],
    }[missing]
    assert torch.equal(made[:, 0], expected)


def test_what_they_are_fed_is_an_eight_bit_photograph() -> None:
    """timm has mean and deviation of numbers in 0..1."""
    entry = get_weights("timm/resnet18.a1_in1k")
    assert [(b.role, b.unit) for b in entry.bands] == [(role, None) for role in RGB]
    assert entry.dtype == "uint8"
    assert [b.center for b in entry.bands] == [123.675, 116.28, 103.53]  # 255 * (.485, .456, .406)
    assert [b.scale for b in entry.bands] == [58.395, 57.12, 57.375]  # 255 * (.229, .224, .225)
    half = get_weights("timm/tf_efficientnet_lite0")
    assert {(b.center, b.scale) for b in half.bands} == {(127.5, 127.5)}
    assert half.name == "timm/tf_efficientnet_lite0.in1k"


def test_names_are_those_of_timm() -> None:
    assert "timm/resnet18.tv_in1k" in list_weights("timm/resnet18.*")
    assert not [name for name in list_weights() if name.startswith("timm/")]
    with pytest.raises(
        ModelError, match=r"named 'timm/resnet18\.tv'; known: timm/resnet18\.a1_in1k"
    ):
        get_weights("timm/resnet18.tv")
    with pytest.raises(ModelError, match=r"did you mean|known: timm/resnet18"):
        get_weights("timm/resnet188")
    with pytest.raises(ModelError, match="depends on the network: name it, such as timm/resnet18"):
        get_weights("imagenet")
    with pytest.raises(ModelError, match="no weights of ImageNet are known for 'unet'"):
        create_model("unet", 3, 2, weights="imagenet")
    with pytest.raises(ModelError, match=r"are weights of 'timm/resnet18', not of 'timm/resnet50'"):
        create_model("timm/resnet50", 3, 2, weights="timm/resnet18.a1_in1k")
    with pytest.raises(ModelError, match=r"give weights='timm/resnet18\.a1_in1k'"):
        create_model("timm/resnet18.a1_in1k", 3, 2)
    for encoder in ("dpn68", "xception"):
        with pytest.raises(ModelError, match=f"fed is not known for the encoder '{encoder}'"):
            imagenet_weights("smp/unet", {"encoder": encoder})


def test_a_folder_named_imagenet_is_not_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imagenet").mkdir()
    found = find_weights("imagenet", "timm/resnet18", {})
    assert found is not None
    assert found.name == "timm/resnet18.a1_in1k"
    with pytest.raises(ModelError, match="does not exist"):
        find_weights("./imagenet", "timm/resnet18", {})


ENCODERS = ["mobilenet_v2", "tu-test_resnet", "tu-test_convnext", "tu-test_efficientnet"]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_encoder_of_smp_begins_with_imagenet(
    encoder: str, hub: FolderServer, tmp_path: Path
) -> None:
    """The whole encoder, under smp's names; the decoder stays as it was."""
    entry = imagenet_weights("smp/unet", {"encoder": encoder})
    path = entry.url.removeprefix("https://huggingface.co/")
    plain = create_model("smp/unet", 3, 2, encoder=encoder).state_dict()
    own = {n.removeprefix("encoder."): t for n, t in plain.items() if n.startswith("encoder.")}
    if encoder.startswith("tu-"):
        state = put(tmp_path, path, timm.create_model(encoder.removeprefix("tu-")).state_dict())
        own = {n.removeprefix("model."): t for n, t in own.items()}
    else:
        state = put(tmp_path, path, {**own, "classifier.1.weight": torch.zeros(9, 9)})
    torch.manual_seed(4)
    fresh = create_model("smp/unet", 4, 2, encoder=encoder).state_dict()
    torch.manual_seed(4)
    made = create_model(
        "smp/unet", 4, 2, encoder=encoder, weights="imagenet", bands=[*RGB, "nir"]
    ).state_dict()
    flat = {name.replace(".", "_"): tensor for name, tensor in state.items()}
    checked = 0
    for name, tensor in made.items():
        if not name.startswith("encoder."):
            assert torch.equal(tensor, fresh[name]), name
            continue
        short = name.removeprefix("encoder.").removeprefix("model.")
        source = flat[short.replace(".", "_")]
        assert torch.equal(tensor[:, :3] if tensor.shape != source.shape else tensor, source), name
        checked += 1
    assert checked == len(own) > 20


def test_densenets_of_smp_are_renamed_as_smp_does() -> None:
    from segmentation_models_pytorch.encoders import get_encoder

    with torch.device("meta"):
        expected = get_encoder("densenet121", weights=None).state_dict()
        old = {
            name.replace("norm1.", "norm.1.").replace("norm2.", "norm.2.")
            .replace("conv1.", "conv.1.").replace("conv2.", "conv.2.")
            if "denselayer" in name else name: tensor
            for name, tensor in expected.items()
        }  # fmt: skip
    found = LAYOUTS["smp_encoder"].state({**old, "classifier.bias": torch.zeros(1)}, "it")
    assert set(found) == {f"encoder.{name}" for name in expected}


def test_a_training_begins_with_them(
    hub: FolderServer, stored: dict[str, Tensor], tmp_path: Path
) -> None:
    for number in range(6):
        folder = tmp_path / "pictures" / ("field", "river")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"{number}.png")
    given: Any = {"epochs": 1, "learning_rate": 1e-9, "progress": False, "device": "cpu"}
    train(tmp_path / "pictures", tmp_path / "model", weights=NAME, **given)
    card = load_model(tmp_path / "model").card
    assert card.architecture == "timm/test_resnet"
    assert card.initial_weights == f"{NAME}: bands red from R, green from G, blue from B; new: fc"
    assert card.normalization is not None
    assert card.normalization["center"] == [127.5] * 3
    with pytest.raises(ModelError, match="no weights of ImageNet are known for 'unet'"):
        train(tmp_path / "pictures", tmp_path / "no", weights="imagenet", **given)


def test_reflectance_is_no_photograph() -> None:
    """Refused by name, with what to do; a training that fits its normalisation takes it."""
    from geoloom.models.adapt import match_known
    from geoloom.models.pretrained.inputs import input_rule

    entry = get_weights("timm/resnet18")
    for band, dtype, message in (
        (Band("red", "red", unit="surface_reflectance"), "uint16", "uint16 in surface_reflectance"),
        (Band("red", "red"), "uint16", "uint16 without a unit"),
        (Band("red", "red", scale=0.004), "uint8", "with scale 0.004 and offset 0"),
        (Band("red", "red", unit="DN"), "uint16", "uint16 in DN"),
    ):
        with pytest.raises(BandError, match=message) as caught:
            input_rule(entry, [band], dtype, match_known([band], entry.bands))
        assert "--normalize mean_std" in str(caught.value)
    counts = Band("red", "red", unit="DN")
    rule = input_rule(entry, [counts], "uint8", match_known([counts], entry.bands))
    assert rule.center == (123.675,)


def test_what_comes_broken_is_fetched_again(hub: FolderServer, tmp_path: Path) -> None:
    """A page instead of a file, or no weights in it: nothing is kept, so that the next time may do better."""
    file = tmp_path / "hub" / FILE
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not weights at all")
    with pytest.raises(ModelError, match="cannot be read as weights"):
        create_model("timm/test_resnet", 3, 5, weights="imagenet")
    save_file(timm.create_model("test_resnet").state_dict(), file)
    create_model("timm/test_resnet", 3, 5, weights="imagenet")
    hub.behave(kind="text/html")
    with pytest.raises(ReadError, match="web page instead of a file"):
        fetch.download_weights(get_weights(NAME), folder=tmp_path / "other")
    with pytest.raises(WriteError, match="weights"):
        fetch.download_weights(get_weights(NAME), folder=file / "weights")


def test_weights_of_the_table_come_from_the_mirror_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror:8000/hub/")
    address = "https://hf.co/torchgeo/ftw/resolve/2ff8/a.pth"
    assert fetch.by_endpoint(address) == "http://mirror:8000/hub/torchgeo/ftw/resolve/2ff8/a.pth"
    assert fetch.by_endpoint("https://zenodo.org/a.pth") == "https://zenodo.org/a.pth"
    monkeypatch.delenv("HF_ENDPOINT")
    assert fetch.by_endpoint(address) == address
