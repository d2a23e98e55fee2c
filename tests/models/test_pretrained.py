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
from geoloom.models.pretrained.inputs import input_rule
from geoloom.models.pretrained.layouts import LAYOUTS
from geoloom.models.pretrained.start import Stored, fit_state, own_bands, start_from
from geoloom.models.pretrained.table import PretrainedWeights, get_weights, list_weights
from geoloom.models.registry import create_model
from geoloom.models.saved import load_model
from geoloom.tasks.train import train
from geoloom.testing.server import FolderServer, serving

LOADABLE = [get_weights(name) for name in list_weights()]
BUILT_HERE = [w for w in LOADABLE if w.architecture and w.architecture.startswith("timm/")]


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

GROUPS = {(w.architecture, json.dumps(dict(w.options)), w.layout): w for w in reversed(BUILT_HERE)}
"""One entry of each network and layout."""

UNKNOWN = tuple(Band(name) for name in "xyz")


@pytest.mark.parametrize("entry", GROUPS.values(), ids=lambda w: f"{w.layout}-{w.name}")
def test_each_layout_fills_its_network(entry: PretrainedWeights) -> None:
    """Nothing missing and nothing left over, at true size, without its memory; and so with other bands."""
    known = len(entry.bands)
    with torch.device("meta"):
        network = create_model(str(entry.architecture), known, 3, **entry.options)
    state = LAYOUTS[str(entry.layout)].state(
        AS_STORED[str(entry.layout)](network.state_dict()), "it"
    )
    own = own_bands(entry)
    for bands in (own, own[:1], (*UNKNOWN, own[-1]), (*own, *UNKNOWN)):
        found = match_known(bands, entry.bands)
        first = first_convolution(network)
        network.get_submodule(first.removesuffix(".weight")).weight = nn.Parameter(
            torch.empty(
                (
                    network.get_parameter(first).shape[0],
                    len(bands),
                    *network.get_parameter(first).shape[2:],
                ),
                device="meta",
            )
        )
        taken = fit_state(network, Stored(state, "it"), found)
        left = network.load_state_dict(taken, strict=False, assign=True)
        assert all(name.startswith(("fc.", "head.")) for name in left.missing_keys), bands


def test_every_entry_has_a_layout_that_was_tried() -> None:
    tried = {(w.architecture, w.layout) for w in GROUPS.values()}
    assert {(w.architecture, w.layout) for w in BUILT_HERE} == tried


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
def resnet_state() -> Mapping[str, Tensor]:
    return resnet(3).state_dict()


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


def fed(
    entry: PretrainedWeights, bands: tuple[Band, ...], dtype: str, *stored: float
) -> list[float]:
    rule = input_rule(entry, bands, dtype, match_known(bands, entry.bands))
    image = np.array(stored, dtype).reshape(-1, 1, 1)
    return [round(float(v), 5) for v in rule.apply(image)[:, 0, 0]]


TOA, SR = "toa_reflectance", "surface_reflectance"


@pytest.mark.parametrize(
    ("name", "bands", "dtype", "stored", "expected"),
    [
        # Sentinel-2, reflectance = counts / 10000, within 0..1.
        (
            "ResNet18_Weights.SENTINEL2_ALL_MOCO",
            (Band("B04", "red", unit=TOA, scale=1e-4), Band("B08", "nir", unit=TOA, scale=1e-4)),
            "uint16",
            (2500, 12000),
            [0.25, 1.0],
        ),
        # The same, from a product with an offset: (2500 - 1000) / 10000.
        (
            "ResNet18_Weights.SENTINEL2_RGB_MOCO",
            (Band("B04", "red", unit=TOA, scale=1e-4, offset=-0.1),),
            "uint16",
            (2500,),
            [0.15],
        ),
        # Landsat 8 at the surface, counts of collection 2: 0..0.3 -> 0..1; 12727.27 counts are 0.15.
        (
            "ResNet18_Weights.LANDSAT_OLI_SR_MOCO",
            (Band("SR_B4", "red", unit=SR, scale=2.75e-5, offset=-0.2),),
            "float32",
            (12727.2727,),
            [0.5],
        ),
        # Brightness 248.15..318.15 K and reflectance 0..0.4 -> 0..1.
        (
            "ResNet50_Weights.LANDSAT_OLI_TIRS_TOA_SIMCLR",
            (Band("B10", "thermal", unit="K"), Band("B3", "green", unit=TOA)),
            "float32",
            (283.15, 0.1),
            [0.5, 0.25],
        ),
        # SeCo: reflectance x 255 between the quantiles 0 and 129 of red, then ImageNet's mean and deviation:
        # (64.5 / 129 - 0.485) / 0.229.
        (
            "ResNet50_Weights.SENTINEL2_RGB_SECO",
            (Band("B04", "red", unit=SR),),
            "float32",
            (64.5 / 255,),
            [0.0655],
        ),
        # Sentinel-1: (-12.59 - 2 * 5.26) dB -> 0, + 4 deviations -> 1.
        (
            "ResNet50_Weights.SENTINEL1_GRD_MOCO",
            (Band("VV", "vv", unit="dB"), Band("VH", "vh", unit="dB")),
            "float32",
            (-12.59, -20.26 + 3 * 5.91),
            [0.5, 1.0],
        ),
        # A photograph: (128 / 255 - 0.485) / 0.229.
        (
            "ResNet50_Weights.FMOW_RGB_GASSL",
            (Band("red", "red"),),
            "uint8",
            (128,),
            [round((128 / 255 - 0.485) / 0.229, 5)],
        ),
        # Fields of the World divides counts by 3000.
        (
            "Unet_Weights.NAIP_RGBN_RESNET18_CHESAPEAKERSC",
            (Band("N", "nir"),),
            "uint8",
            (51,),
            [0.2],
        ),
        # Satlas: counts / 8160.
        (
            "Swin_V2_T_Weights.SENTINEL2_SI_MS_SATLAS",
            (Band("B11", "swir1", unit=TOA, scale=1e-4),),
            "uint16",
            (4080,),
            [0.5],
        ),
    ],
)
def test_each_recipe_feeds_what_was_worked_out_by_hand(
    name: str, bands: tuple[Band, ...], dtype: str, stored: tuple[float, ...], expected: list[float]
) -> None:
    assert fed(get_weights(name), bands, dtype, *stored) == expected


@pytest.mark.parametrize(
    ("name", "band", "dtype", "message"),
    [
        (
            "ResNet18_Weights.SENTINEL2_ALL_MOCO",
            Band("B04", "red"),
            "uint16",
            "no unit is declared",
        ),
        (
            "ResNet18_Weights.SENTINEL2_ALL_MOCO",
            Band("B04", "red", unit=SR),
            "uint16",
            f"it is {SR}",
        ),
        ("ResNet50_Weights.SENTINEL1_GRD_MOCO", Band("VV", "vv", unit="linear"), "float32", "dB"),
        ("ResNet50_Weights.FMOW_RGB_GASSL", Band("red", "red"), "uint16", "uint16 without a unit"),
        ("ResNet50_Weights.FMOW_RGB_GASSL", Band("red", "red", unit=SR), "uint8", f"uint8 in {SR}"),
    ],
)
def test_a_wrong_unit_is_refused_by_name(name: str, band: Band, dtype: str, message: str) -> None:
    with pytest.raises(BandError, match=message):
        fed(get_weights(name), (band,), dtype, 1)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FolderServer]:
    monkeypatch.setenv("GEOLOOM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as running:
        yield running


def stand_in(
    server: FolderServer, monkeypatch: pytest.MonkeyPatch, content: bytes, **changed: Any
) -> PretrainedWeights:
    """Weights of ResNet-18 whose file the test serves."""
    entry = get_weights("ResNet18_Weights.SENTINEL2_RGB_MOCO")
    digest = hashlib.sha256(content).hexdigest()
    given = {"url": server.address("w.pth"), "checksum": f"sha256:{digest[:8]}", **changed}
    entry = PretrainedWeights(**{f: getattr(entry, f) for f in entry.__slots__} | given)
    monkeypatch.setattr(table, "_table", lambda: {entry.name: entry})
    return entry


def test_a_model_starts_from_weights_that_are_fetched_once(
    server: FolderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = create_model("timm/resnet18", 3, 5).state_dict()
    torch.save(state, tmp_path / "served" / "w.pth")
    entry = stand_in(server, monkeypatch, (tmp_path / "served" / "w.pth").read_bytes())
    bands = [Band("B08", "nir"), Band("B04", "red")]
    made = create_model("timm/resnet18", 2, 4, weights=entry.name, bands=bands)
    assert torch.equal(made.get_parameter("conv1.weight")[:, 1], state["conv1.weight"][:, 0])
    assert torch.equal(made.get_parameter("layer4.0.conv1.weight"), state["layer4.0.conv1.weight"])
    again = create_model("timm/resnet18", 3, 5, weights=entry.name)
    assert torch.equal(again.get_parameter("fc.weight"), state["fc.weight"])
    assert server.requests("w.pth") == 1
    kept = tmp_path / "cache" / "weights"
    assert sorted(f.suffix for f in kept.iterdir()) == [".json", ".safetensors"]
    assert set(load_file(kept / f"{entry.name}.safetensors")) == set(state)
    with pytest.raises(ModelError, match="are weights of 'timm/resnet18', not of 'timm/resnet50'"):
        create_model("timm/resnet50", 3, 5, weights=entry.name)
    with pytest.raises(ModelError, match=r"in_channels is 4, .*give bands"):
        create_model("timm/resnet18", 4, 5, weights=entry.name)


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
        create_model("timm/resnet18", 3, 5, weights=entry.name)
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
        (lambda s: {**s, "conv1.weight": torch.zeros(64, 4, 7, 7)}, "filters of 3 bands"),
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
    state = change(dict(resnet_state()))
    torch.save(state, tmp_path / "served" / "w.pth")
    entry = stand_in(server, monkeypatch, (tmp_path / "served" / "w.pth").read_bytes())
    with pytest.raises(ModelError, match=message):
        create_model("timm/resnet18", 3, 5, weights=entry.name)


def test_nothing_is_fetched_offline_or_for_what_cannot_be_used(
    server: FolderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = get_weights(list_weights(refused=True)[0])
    with pytest.raises(ModelError, match="cannot be used here"):
        fetch.download_weights(refused)
    entry = stand_in(server, monkeypatch, b"")
    monkeypatch.setenv("GEOLOOM_OFFLINE", "1")
    with pytest.raises(ReadError, match="GEOLOOM_OFFLINE"):
        create_model("timm/resnet18", 3, 5, weights=entry.name)
    assert not server.requests()


def test_a_training_begins_with_them_and_feeds_what_they_want(
    server: FolderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network, its options and the normalisation come with the weights; the card says what was done."""
    torch.save(dict(resnet_state()), tmp_path / "served" / "w.pth")
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
    assert model.card.architecture == "timm/resnet18"
    assert model.card.initial_weights is not None
    assert model.card.initial_weights.startswith(f"{entry.name}: bands red from R, green from G")
    assert model.card.normalization is not None
    assert model.card.normalization["center"] == [band.center for band in photographs.bands]
    begun = resnet_state()["layer1.0.conv1.weight"]
    assert torch.allclose(model.network.get_parameter("layer1.0.conv1.weight"), begun, atol=1e-6)
    train(tmp_path / "pictures", tmp_path / "fitted", normalize="mean_std", **given)
    fitted = load_model(tmp_path / "fitted").card.normalization
    assert fitted is not None
    assert fitted["kind"] == "mean_std"


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    for given in (tmp_path / "none", str(tmp_path / "none.safetensors")):
        with pytest.raises(ModelError, match=r"none\S* does not exist; give a model folder"):
            create_model("timm/resnet18", 3, 5, weights=given)


def test_an_entry_goes_into_json() -> None:
    entry = get_weights("ResNet18_Weights.SENTINEL2_RGB_MOCO")
    assert json.loads(json.dumps(entry.to_dict()))["bands"][0]["name"] == "B04"
    assert own_bands(entry)[0].unit == TOA
