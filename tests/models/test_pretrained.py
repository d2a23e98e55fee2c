"""Pretrained weights: the table, their layouts, their bands, and what they want to be fed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from geoloom.core.bands import Band
from geoloom.core.errors import BandError, ModelError, ReadError
from geoloom.models.adapt import first_convolution, match_known
from geoloom.models.pretrained import fetch, table
from geoloom.models.pretrained.layouts import LAYOUTS
from geoloom.models.pretrained.start import Stored, fit_state, own_bands, start_from
from geoloom.models.pretrained.table import PretrainedWeights, get_weights, list_weights
from geoloom.models.registry import create_model
from geoloom.models.saved import load_model
from geoloom.tasks.train import train
from geoloom.testing.server import FolderServer, serving

LOADABLE = [get_weights(name) for name in list_weights()]


def test_the_table_is_whole() -> None:
    """Each entry says what nothing else can: where, for what, with which bands in which numbers."""
    assert len(LOADABLE) > 100
    for entry in LOADABLE:
        assert entry.url.startswith("https://"), entry.name
        assert entry.layout in LAYOUTS, entry.name
        assert entry.bands, entry.name
        assert entry.citation or entry.home, entry.name
        bounded = {band.low is not None for band in entry.bands}
        assert len(bounded) == 1, entry.name
        for band in entry.bands:
            assert band.scale > 0, (entry.name, band.name)
            assert (band.unit is None) == (entry.dtype is not None), (entry.name, band.name)
    for name in list_weights(refused=True):
        assert get_weights(name).refused


def test_weights_are_found_by_what_a_user_knows() -> None:
    seen = list_weights(sensor="sentinel-2", bands=["nir", "B04"], architecture="*resnet50")
    assert list_weights(sensor="Sentinel2", bands=["nir", "B04"], architecture="*resnet50") == seen
    assert "ResNet50_Weights.SENTINEL2_ALL_DINO" in seen
    assert "ResNet50_Weights.SENTINEL2_RGB_MOCO" not in seen
    assert set(list_weights("*closp*")) >= {"ResNet50_Weights.SENTINEL2_ALL_CLOSP"}
    with pytest.raises(ModelError, match=r"did you mean 'ResNet18_Weights\.SENTINEL2_RGB"):
        get_weights("ResNet18_Weights.SENTINEL2_RGB_MOC")


def torchvision_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """timm's names of a Swin transformer as torchvision's, written apart from the rules under test."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if parts[0] == "patch_embed":
            parts[:2] = ["features", "0", {"proj": "0", "norm": "2"}[parts[1]]]
        elif parts[0] == "layers" and parts[2] == "blocks":
            parts[:4] = ["features", str(2 * int(parts[1]) + 1), parts[3]]
            parts = ["0" if p == "fc1" else "3" if p == "fc2" else p for p in parts]
        elif parts[0] == "layers":
            parts[:3] = ["features", str(2 * int(parts[1]))]
        elif parts[:2] == ["head", "fc"]:
            parts[:2] = ["head"]
        if parts[-1] == "q_bias":
            values = state[name.removesuffix("q_bias") + "v_bias"]
            own = ".".join([*parts[:-1], "qkv.bias"])
            renamed[own] = torch.cat([tensor, torch.zeros_like(tensor), values])
        elif parts[-1] != "v_bias":
            renamed[".".join(parts)] = tensor
    return renamed


def seco_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    numbers = {"conv1": "0", "bn1": "1"} | {f"layer{i}": str(3 + i) for i in range(1, 5)}
    return {
        ".".join([numbers[first], rest]): tensor
        for name, tensor in state.items()
        for first, _, rest in [name.partition(".")]
        if first in numbers
    }


def prefixed(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


AS_STORED: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "timm": lambda state: state,
    "smp": lambda state: state,
    "torchvision_swin": lambda state: {
        "state_dict": torchvision_names(state),
        "feat_norms_state_dict": {},
    },
    "torchvision_swin_v2": torchvision_names,
    "seco": lambda state: {
        "epoch": 1,
        "state_dict": {
            **prefixed("encoder_q.", seco_names(state)),
            **prefixed("encoder_k.", seco_names(state)),
            "queue": torch.zeros(2, 2),
        },
    },
    "moco": lambda state: {
        "state_dict": {**prefixed("module.encoder_q.", state), "module.queue": torch.zeros(2, 2)}
    },
    "mae": lambda state: {"model": {**state, "decoder_embed.weight": torch.zeros(2, 2)}},
}
"""Layout -> a network's own tensors as the files of that layout have them."""

SMALL = "timm/test_resnet"
"""With the names of larger residual networks, but for its first layers."""
HEADS = "fc.", "head.", "segmentation_head."
UNKNOWN = tuple(Band(name) for name in "xyz")
CLASSES = 3


@lru_cache
def outlined(architecture: str, options: str, bands: int) -> nn.Module:
    """A network at true size, without its memory."""
    with torch.device("meta"):
        return create_model(architecture, bands, CLASSES, **json.loads(options))


def with_head(state: dict[str, Tensor], classes: int) -> dict[str, Tensor]:
    """A state whose last layer tells so many classes."""
    return {
        name: torch.empty((classes, *tensor.shape[1:]), device="meta")
        if name.startswith(HEADS)
        else tensor
        for name, tensor in state.items()
    }


@pytest.mark.parametrize("entry", LOADABLE, ids=lambda w: w.name)
def test_each_entry_fills_its_network(entry: PretrainedWeights) -> None:
    """In its own bands, one of them, unknown ones beside, and more: nothing missing and nothing left over.

    Its own last layer is taken where it tells as many classes, and left where it tells others.
    """
    network = outlined(str(entry.architecture), json.dumps(dict(entry.options)), len(entry.bands))
    layout = str(entry.layout)
    own = own_bands(entry)
    first = first_convolution(network)
    whole = torch.empty(network.get_parameter(first).shape, device="meta")
    heads = {name for name in network.state_dict() if name.startswith(HEADS)}
    for classes in (CLASSES, entry.num_classes or 1000):
        stored = with_head({**network.state_dict(), first: whole}, classes)
        state = LAYOUTS[layout].state(AS_STORED[layout](stored), "it")
        more = (own[:1], (*UNKNOWN, own[-1]), (*own, *UNKNOWN)) if classes == CLASSES else ()
        for bands in (own, *more):
            filters = torch.empty((whole.shape[0], len(bands), *whole.shape[2:]), device="meta")
            network.get_submodule(first.removesuffix(".weight")).weight = nn.Parameter(filters)
            taken = fit_state(network, Stored(state, "it"), match_known(bands, entry.bands))
            left = network.load_state_dict(taken, strict=False, assign=True)
            assert not left.unexpected_keys
            given_away_with_it = layout not in ("moco", "seco") and classes == CLASSES
            assert set(left.missing_keys) == (set() if given_away_with_it else heads), bands
    network.get_submodule(first.removesuffix(".weight")).weight = nn.Parameter(whole)


def test_all_entries_were_tried() -> None:
    assert len(LOADABLE) == 122
    assert {entry.layout for entry in LOADABLE} == set(AS_STORED)
    assert any(str(entry.architecture).startswith("smp/") for entry in LOADABLE)


def test_a_network_of_smp_takes_values_of_its_entry() -> None:
    """Filters by band, decoder and encoder as stored; the last layer where it tells as many classes."""
    entry = get_weights("Unet_Weights.NAIP_RGBN_RESNET18_CHESAPEAKERSC")
    torch.manual_seed(0)
    state = create_model("smp/unet", 4, 2, **entry.options).state_dict()
    state = {n: torch.rand_like(t) if t.is_floating_point() else t for n, t in state.items()}
    bands = (Band("nir", "nir"), Band("dem"), Band("r", "red"))
    for classes in (2, 5):
        network = create_model("smp/unet", 3, classes, **entry.options)
        start_from(network, entry.name, Stored(state, "it"), match_known(bands, entry.bands))
        made = network.state_dict()
        filters = state["encoder.conv1.weight"]
        expected = [filters[:, 3], filters.mean(1), filters[:, 0]]
        assert torch.equal(made["encoder.conv1.weight"], torch.stack(expected, dim=1))
        others = [
            n for n in state if n != "encoder.conv1.weight" and made[n].shape == state[n].shape
        ]
        assert all(torch.equal(made[n], state[n]) for n in others)
        assert ("segmentation_head.0.weight" in others) == (classes == 2)


def test_swin_transformers_answer_as_those_of_torchvision() -> None:
    torchvision = pytest.importorskip("torchvision")
    for layout, theirs, ours in (
        ("torchvision_swin_v2", "swin_v2_t", "timm/swinv2_tiny_window8_256"),
        ("torchvision_swin", "swin_t", "timm/swin_tiny_patch4_window7_224"),
    ):
        torch.manual_seed(0)
        reference = getattr(torchvision.models, theirs)(num_classes=3).eval()
        for parameter in reference.parameters():  # also those that begin at 0
            nn.init.normal_(parameter, std=0.05)
        stored: Any = reference.state_dict()
        stored = {"state_dict": stored} if "v2" not in layout else stored
        network = create_model(ours, 3, 3).eval()
        found = network.load_state_dict(LAYOUTS[layout].state(stored, "it"), strict=False)
        assert not [*found.missing_keys, *found.unexpected_keys]
        side = 256 if "v2" in layout else 224
        image = torch.randn(1, 3, side, side)
        with torch.no_grad():
            assert torch.allclose(network(image), reference(image), atol=1e-4)


def resnet(channels: int) -> nn.Module:
    return create_model("timm/resnet18", channels, 3)


@lru_cache
def small_state() -> Mapping[str, Tensor]:
    return create_model(SMALL, 3, 3).state_dict()


def kept_state(tmp_path: Path, entry: PretrainedWeights) -> tuple[Path, dict[str, Tensor]]:
    state = {n: t.clone() for n, t in resnet(len(entry.bands)).state_dict().items()}
    fetch.save_state(tmp_path / "kept.safetensors", state)
    return tmp_path / "kept.safetensors", state


RED, NIR, SWIR = Band("B4", role="red"), Band("near", role="nir"), Band("B11", role="swir1")
OWN = Band("height", role="elevation")


@pytest.mark.parametrize("missing", ["mean", "zeros", "fresh"])
@pytest.mark.parametrize(
    "bands", [(RED,), (SWIR, RED, NIR), (OWN, RED, Band("B8A"))], ids=["one", "three", "unknown"]
)
def test_filters_follow_their_bands(missing: Any, bands: tuple[Band, ...], tmp_path: Path) -> None:
    entry = get_weights("ResNet18_Weights.SENTINEL2_ALL_MOCO")
    kept, state = kept_state(tmp_path, entry)
    network = resnet(len(bands))
    before = network.get_parameter("conv1.weight").detach().clone()
    found = match_known(bands, entry.bands, missing=missing)
    start = start_from(network, entry.name, Stored(fetch.read_state(kept), "it"), found)
    filters = network.get_parameter("conv1.weight")
    position = {"red": 3, "nir": 7, "swir1": 11, "B8A": 8}
    for i, band in enumerate(bands):
        at = position.get(band.role, position.get(band.name))
        expected = {
            "mean": state["conv1.weight"].mean(1),
            "zeros": torch.zeros(64, 7, 7),
            "fresh": before[:, i],
        }[missing]
        if at is not None:
            expected = state["conv1.weight"][:, at]
        assert torch.equal(filters[:, i], expected), band
    assert "near from B08" in start.text if NIR in bands else True
    assert (f"({missing}): height" in start.text) == (OWN in bands)


def test_a_name_that_means_another_band_elsewhere_does_not_mislead() -> None:
    """B4 is near infrared to Landsat 5 and red to Landsat 8."""
    known = get_weights("ResNet18_Weights.LANDSAT_OLI_SR_MOCO").bands
    assert match_known([Band("B4", "nir")], known).sources == (4,)
    assert match_known([Band("B4")], known).sources == (3,)


def test_bands_that_are_not_told_apart_are_refused() -> None:
    known = get_weights("ResNet18_Weights.SENTINEL2_ALL_MOCO").bands
    with pytest.raises(BandError, match="a and b would both be 'B04'"):
        match_known([Band("a", role="red"), Band("b", role="red")], known)
    with pytest.raises(BandError, match="none of the bands x, y is one of the weights'"):
        match_known([Band("x"), Band("y")], known)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FolderServer]:
    monkeypatch.setenv("GEOLOOM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as running:
        yield running


def stand_in(
    server: FolderServer, monkeypatch: pytest.MonkeyPatch, content: bytes, **changed: Any
) -> PretrainedWeights:
    """Weights of a small network whose file the test serves."""
    entry = get_weights("ResNet18_Weights.SENTINEL2_RGB_MOCO")
    digest = hashlib.sha256(content).hexdigest()
    given = {
        "architecture": SMALL,
        "url": server.address("w.pth"),
        "checksum": f"sha256:{digest[:8]}",
        **changed,
    }
    entry = PretrainedWeights(**{f: getattr(entry, f) for f in entry.__slots__} | given)
    monkeypatch.setattr(table, "_table", lambda: {entry.name: entry})
    return entry


def test_a_model_starts_from_weights_that_are_fetched_once(
    server: FolderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = create_model(SMALL, 3, 5).state_dict()
    torch.save(state, tmp_path / "served" / "w.pth")
    entry = stand_in(server, monkeypatch, (tmp_path / "served" / "w.pth").read_bytes())
    bands = [Band("B08", "nir"), Band("B04", "red")]
    made = create_model(SMALL, 2, 4, weights=entry.name, bands=bands)
    assert torch.equal(made.get_parameter("conv1.0.weight")[:, 1], state["conv1.0.weight"][:, 0])
    assert torch.equal(made.get_parameter("layer4.0.conv1.weight"), state["layer4.0.conv1.weight"])
    again = create_model(SMALL, 3, 5, weights=entry.name)
    assert torch.equal(again.get_parameter("fc.weight"), state["fc.weight"])
    assert server.requests("w.pth") == 1
    kept = tmp_path / "cache" / "weights"
    assert sorted(f.suffix for f in kept.iterdir()) == [".json", ".safetensors"]
    assert set(load_file(kept / f"{entry.name}.safetensors")) == set(state)
    with pytest.raises(
        ModelError, match="are weights of 'timm/test_resnet', not of 'timm/resnet50'"
    ):
        create_model("timm/resnet50", 3, 5, weights=entry.name)
    with pytest.raises(ModelError, match=r"in_channels is 4, .*give bands"):
        create_model(SMALL, 4, 5, weights=entry.name)


class Program:
    """What a hostile file holds: opening it by pickle would run it."""

    ran = False

    def __reduce__(self) -> tuple[Any, ...]:
        return setattr, (Program, "ran", True)


def test_a_file_with_a_program_in_it_is_refused(
    server: FolderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"conv1.weight": Program()}, tmp_path / "served" / "w.pth")
    entry = stand_in(server, monkeypatch, (tmp_path / "served" / "w.pth").read_bytes())
    with pytest.raises(ModelError, match="running a program"):
        create_model(SMALL, 3, 5, weights=entry.name)
    assert not Program.ran


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {k: v for k, v in s.items() if "layer3" not in k}, r"lacks layer3\.0\.conv1"),
        (lambda s: {**s, "extra.weight": torch.zeros(1)}, r"no place for extra\.weight"),
        (
            lambda s: {**s, "bn1.weight": torch.zeros(7)},
            r"differs in the shape or type of bn1\.weight",
        ),
        (lambda s: {**s, "conv1.0.weight": torch.zeros(16, 4, 3, 3)}, "filters of 3 bands"),
        (lambda s: {**s, "bn1.weight": s["bn1.weight"] * np.nan}, "NaN"),
        (lambda s: {"none": 1}, "no weights"),
    ],
)
def test_a_file_that_is_not_what_the_table_says_is_refused(
    change: Callable[[dict[str, Tensor]], dict[str, Any]],
    message: str,
    server: FolderServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = change(dict(small_state()))
    torch.save(state, tmp_path / "served" / "w.pth")
    entry = stand_in(server, monkeypatch, (tmp_path / "served" / "w.pth").read_bytes())
    with pytest.raises(ModelError, match=message):
        create_model(SMALL, 3, 5, weights=entry.name)


def test_nothing_is_fetched_offline_or_for_what_cannot_be_used(
    server: FolderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = get_weights(list_weights(refused=True)[0])
    with pytest.raises(ModelError, match="cannot be used here"):
        fetch.download_weights(refused)
    entry = stand_in(server, monkeypatch, b"")
    monkeypatch.setenv("GEOLOOM_OFFLINE", "1")
    with pytest.raises(ReadError, match="GEOLOOM_OFFLINE"):
        create_model(SMALL, 3, 5, weights=entry.name)
    assert not server.requests()


def test_a_training_begins_with_them_and_feeds_what_they_want(
    server: FolderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network, its options and the normalisation come with the weights; the card says what was done."""
    torch.save(dict(small_state()), tmp_path / "served" / "w.pth")
    photographs = get_weights("ResNet50_Weights.FMOW_RGB_GASSL")
    entry = stand_in(
        server,
        monkeypatch,
        (tmp_path / "served" / "w.pth").read_bytes(),
        bands=photographs.bands,
        dtype="uint8",
    )
    for number in range(6):
        folder = tmp_path / "pictures" / ("field", "river")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"{number}.png")
    given: Any = {"weights": entry.name, "epochs": 1, "learning_rate": 1e-9, "progress": False}
    train(tmp_path / "pictures", tmp_path / "model", **given)
    model = load_model(tmp_path / "model")
    assert model.card.architecture == SMALL
    assert model.card.initial_weights is not None
    assert model.card.initial_weights.startswith(f"{entry.name}: bands red from R, green from G")
    assert model.card.normalization is not None
    assert model.card.normalization["center"] == [band.center for band in photographs.bands]
    begun = small_state()["layer1.0.conv1.weight"]
    assert torch.allclose(model.network.get_parameter("layer1.0.conv1.weight"), begun, atol=1e-6)
    train(tmp_path / "pictures", tmp_path / "fitted", normalize="mean_std", **given)
    fitted = load_model(tmp_path / "fitted").card.normalization
    assert fitted is not None
    assert fitted["kind"] == "mean_std"


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    for given in (tmp_path / "none", str(tmp_path / "none.safetensors")):
        with pytest.raises(ModelError, match=r"none\S* does not exist; give a model folder"):
            create_model(SMALL, 3, 5, weights=given)


def test_an_entry_goes_into_json() -> None:
    entry = get_weights("ResNet18_Weights.SENTINEL2_RGB_MOCO")
    assert json.loads(json.dumps(entry.to_dict()))["bands"][0]["name"] == "B04"
    assert own_bands(entry)[0].unit == "toa_reflectance"
