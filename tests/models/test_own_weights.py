"""A model folder or a file of weights as the start on other bands and classes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.core.bands import Band
from geoloom.core.classes import Classes
from geoloom.core.errors import BandError, ModelError
from geoloom.core.outputs import ClassOutputs
from geoloom.models.card import ModelCard
from geoloom.models.pretrained.own import own_weights
from geoloom.models.registry import create_model
from geoloom.models.saved import load_model, save_model, save_weights
from geoloom.project.steps.train import Train
from geoloom.tasks.train import train
from geoloom.transforms.normalize import Normalization

RED, GREEN, NIR = Band("red", "red"), Band("green", "green"), Band("nir", "nir")
OLD = ClassOutputs(Classes.of(["forest", "water"]))
SMALL = {"width": 0.05, "depth": 2}


def saved(folder: Path, bands: tuple[Band, ...], name: str = "unet", **options: Any) -> nn.Module:
    """A network of random weights as a model folder."""
    options = options or SMALL
    torch.manual_seed(1)
    network = create_model(name, len(bands), outputs=OLD, **options)
    save_model(folder, network, ModelCard(name, options, bands, OLD, dtype="uint8"))
    return network


FIRST, LAST = "down.levels.0.0.0.weight", "score.weight"


def test_a_folder_is_carried_onto_other_bands_and_classes(tmp_path: Path) -> None:
    """Each band's filters are those of its name or role; all but the last layer is kept, value by value."""
    old = saved(tmp_path / "m", (RED, GREEN, NIR)).state_dict()
    made = create_model(
        "unet", 4, 5, weights=tmp_path / "m", bands=["nir", Band("B3", "green"), "dem", "red"]
    )
    new = made.state_dict()
    assert new.keys() == old.keys()
    filters = old[FIRST]
    expected = torch.stack([filters[:, 2], filters[:, 1], filters.mean(1), filters[:, 0]], dim=1)
    assert torch.equal(new[FIRST], expected)
    same = [n for n in old if n != FIRST and not n.startswith("score")]
    assert same
    assert all(torch.equal(new[n], old[n]) for n in same)
    assert new[LAST].shape[0] == 5
    zeros = create_model(
        "unet", 2, 2, weights=tmp_path / "m", bands=["dem", "red"], missing_bands="zeros"
    )
    assert not zeros.state_dict()[FIRST][:, 0].any()
    assert torch.equal(zeros.state_dict()[LAST], old[LAST])


def test_a_folder_brings_its_options_and_no_other_network(tmp_path: Path) -> None:
    saved(tmp_path / "m", (RED, NIR))
    made = create_model("unet", 2, 2, weights=str(tmp_path / "m"))  # width and depth of its card
    assert sum(p.numel() for p in made.parameters()) < 20_000
    with pytest.raises(ModelError, match="are weights of 'unet', not of 'fcn8s'"):
        create_model("fcn8s", 2, 2, weights=tmp_path / "m", width=0.05)
    with pytest.raises(ModelError, match=r"does not fit .*\bdepth\b.*: give these"):
        create_model("unet", 2, 2, weights=tmp_path / "m", depth=3)
    with pytest.raises(ModelError, match="in_channels is 3, and the weights know 2"):
        create_model("unet", 3, 2, weights=tmp_path / "m")
    with pytest.raises(BandError, match="none of the bands vv, vh"):
        create_model("unet", 2, 2, weights=tmp_path / "m", bands=["vv", "vh"])
    with pytest.raises(ModelError, match="says what its bands are; leave them out"):
        create_model("unet", 2, 2, weights=tmp_path / "m", weights_bands=["red", "nir"])


def test_other_classes_of_the_same_number_are_another_last_layer(tmp_path: Path) -> None:
    old = saved(tmp_path / "m", (RED, NIR)).state_dict()
    alike = create_model("unet", 2, outputs=OLD, weights=tmp_path / "m").state_dict()
    assert torch.equal(alike[LAST], old[LAST])
    torch.manual_seed(2)
    others = ClassOutputs(Classes.of(["road", "roof"]))
    new = create_model("unet", 2, outputs=others, weights=tmp_path / "m").state_dict()
    assert not torch.equal(new[LAST], old[LAST])
    assert torch.equal(new[FIRST], old[FIRST])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fcn8s", {"width": 0.02}),
        ("utae", {"width": 0.1, "heads": 2}),
        ("ltae", {}),
        ("tempcnn", {"width": 0.1}),
        ("fc_siam_diff", {"width": 0.25}),
        ("unet_late", {"width": 0.05, "dates": 2}),
        ("timm/test_resnet", {}),
        ("timm/test_vit", {}),
        ("smp/fpn", {"encoder": "mobilenet_v2"}),
        ("torchvision/fcos", {"backbone": "resnet18"}),
    ],
)
def test_any_network_can_be_carried(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    """Bands swapped, one more, other classes: tensors that do not follow from them are kept, all of them."""
    bands = ["red", "green", "nir"]
    old = create_model(name, 3, 3, **options)
    file = tmp_path / "w.safetensors"
    save_weights(file, old)
    given: Any = {"weights": file, "weights_bands": bands, **options}
    alike = create_model(name, 3, 3, bands=bands, **given).state_dict()
    assert all(torch.equal(alike[n], t) for n, t in old.state_dict().items())
    others: Any = {"bands": ["nir", "dem", "red", "green"], **given}
    if name == "ltae":  # it normalises all bands together, before anything sees one of them
        with pytest.raises(ModelError, match="expected filters of 3 bands"):
            create_model(name, 4, 6, **others)
        return
    made = create_model(name, 4, 6, **others).state_dict()
    swapped = kept = 0
    for tensor_name, tensor in old.state_dict().items():
        other = made[tensor_name]
        if other.shape == tensor.shape:
            kept += torch.equal(other, tensor)
        elif tensor.ndim > 1 and other.shape[1] == tensor.shape[1] + 1:
            assert torch.equal(other[:, [0, 2, 3]], tensor[:, [2, 0, 1]])
            swapped += 1
    assert swapped >= 1
    differing = sum(made[n].shape != t.shape for n, t in old.state_dict().items())
    assert kept == len(made) - differing


def test_early_fusion_is_carried_onto_its_own_bands_alone(tmp_path: Path) -> None:
    options: Any = {"width": 0.05, "dates": 2}
    save_weights(tmp_path / "w.safetensors", create_model("unet_early", 2, 2, **options))
    given: Any = {"weights": tmp_path / "w.safetensors", "weights_bands": ["red", "nir"], **options}
    create_model("unet_early", 2, 3, bands=["red", "nir"], **given)
    with pytest.raises(ModelError, match="expected filters of 2 bands"):
        create_model("unet_early", 2, 3, bands=["nir", "red"], **given)


def strangers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each module under another name, tensors in their order."""
    modules = list(dict.fromkeys(name.rpartition(".")[0] for name in state))
    numbers = {module: f"_part{i}" for i, module in enumerate(modules)}
    return OrderedDict(
        (f"{numbers[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}", tensor)
        for name, tensor in state.items()
    )


def test_a_strangers_names_are_read_by_order_and_shape(tmp_path: Path) -> None:
    old = create_model("timm/test_resnet", 3, 7).state_dict()
    torch.save({"epoch": 3, "state_dict": strangers(old)}, tmp_path / "w.pth")
    rgb = ["red", "green", "blue"]
    made = create_model(
        "timm/test_resnet", 4, 2, weights=tmp_path / "w.pth", weights_bands=rgb, bands=["nir", *rgb]
    ).state_dict()
    first = next(iter(old))
    assert torch.equal(made[first][:, 1:], old[first])
    kept = [n for n in old if n != first and not n.startswith("fc")]
    assert all(torch.equal(made[n], old[n]) for n in kept)


def _swapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weight and bias of each normalisation change places."""
    names = list(state)
    for i in range(len(names) - 1):
        if (
            names[i].endswith("weight")
            and names[i + 1].endswith("bias")
            and state[names[i]].ndim == 1
        ):
            names[i], names[i + 1] = names[i + 1], names[i]
    return {name: state[name] for name in names}


@pytest.mark.parametrize(
    "change",
    [
        _swapped,
        lambda s: dict(sorted(s.items())),
        lambda s: dict(list(s.items())[:-1]),
        lambda s: {**s, "more": torch.zeros(1)},
        lambda s: {n.replace("_part1.", "_part0."): t for n, t in s.items()},
    ],
    ids=["swapped", "sorted", "fewer", "more", "one module"],
)
def test_what_order_and_shape_do_not_tell_is_refused(change: Any, tmp_path: Path) -> None:
    state = strangers(create_model("timm/test_resnet", 3, 7).state_dict())
    torch.save(change(state), tmp_path / "w.pth")
    with pytest.raises(
        ModelError, match=r"does not fit the network: it lacks .*; give the network"
    ):
        create_model("timm/test_resnet", 3, 7, weights=tmp_path / "w.pth")


def test_files_that_hold_no_weights_are_named(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_text("<html>")
    with pytest.raises(ModelError, match="cannot be read as weights"):
        create_model("unet", 2, 2, weights=tmp_path / "w.pth")
    torch.save({"epoch": 3}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"holds no weights \(it has epoch\)"):
        create_model("unet", 2, 2, weights=tmp_path / "w.pth")
    torch.save({"w": Path("x")}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match="running a program"):
        create_model("unet", 2, 2, weights=tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"weights_bands say .* no weights are given"):
        create_model("unet", 2, 2, weights_bands=["red", "nir"])


def chips(path: Path, bands: tuple[Band, ...], names: list[str], dtype: str = "uint8") -> ChipStore:
    """Eight chips of two classes that differ in brightness."""
    rng = np.random.default_rng(0)
    classes = Classes.of(names)
    with ChipWriter(
        path, channels=len(bands), size=16, dtype=dtype, bands=bands, classes=classes
    ) as writer:
        for i in range(8):
            mask = np.full((16, 16), 1 + i % 2, "uint8")
            image = rng.integers(50, 90, (len(bands), 16, 16)) + 80 * (i % 2)
            place: Any = {"crs": "EPSG:32622", "transform": (30, 0, 0, 0, -30, 480 * i)}
            more: Any = {"source": "s.tif", "row": 16 * i, "col": 0, "split": "train"}
            writer.add(image.astype(dtype), mask, np.ones((16, 16), bool), **place, **more)
    return ChipStore.open(path)


QUICK: Any = {
    "epochs": 1,
    "learning_rate": 1e-9,
    "progress": False,
    "recipe": "none",
    "device": "cpu",
}


def test_a_training_goes_on_from_a_folder(tmp_path: Path) -> None:
    """Network, options and normalisation come with it; bands and classes are the chips' own."""
    network = saved(tmp_path / "m", (RED, NIR))
    rule = Normalization("mean_std", (100.0, 50.0), (20.0, 10.0), ("red", "nir"))
    card = ModelCard("unet", SMALL, (RED, NIR), OLD, dtype="uint8", normalization=rule.to_dict())
    save_model(tmp_path / "m", network, card, overwrite=True)
    store = chips(tmp_path / "c.zarr", (NIR, RED, GREEN), ["road", "roof"])
    train(store, tmp_path / "new", weights=str(tmp_path / "m"), **QUICK)
    model = load_model(tmp_path / "new")
    assert model.card.options["width"] == SMALL["width"]
    assert model.card.initial_weights is not None
    assert "bands nir, red; not known to the weights (mean): green" in model.card.initial_weights
    assert "new: score" in model.card.initial_weights
    assert model.card.normalization is not None
    assert model.card.normalization["center"] == [50.0, 100.0, 75.0]
    assert model.card.config["normalize"] == "as_pretrained"
    old = network.state_dict()[FIRST]
    assert torch.allclose(model.network.state_dict()[FIRST][:, :2], old[:, [1, 0]], atol=1e-6)
    train(store, tmp_path / "own", weights=str(tmp_path / "m"), normalize="mean_std", **QUICK)
    fitted = load_model(tmp_path / "own").card.normalization
    assert fitted is not None
    assert fitted["center"] != model.card.normalization["center"]


SR: Any = "surface_reflectance"


def test_a_folder_of_reflectance_reads_it_in_any_scale_and_no_other_unit(tmp_path: Path) -> None:
    bands = tuple(Band(b.name, b.role, unit=SR, scale=1e-4) for b in (RED, NIR))
    network = create_model("unet", 2, outputs=OLD, **SMALL)
    rule = Normalization("mean_std", (1000.0, 3000.0), (200.0, 400.0))
    save_model(
        tmp_path / "m",
        network,
        ModelCard("unet", SMALL, bands, OLD, dtype="uint16", normalization=rule.to_dict()),
    )
    other = tuple(replace(band, scale=2.75e-5, offset=-0.2) for band in bands)
    train(
        chips(tmp_path / "c.zarr", other, ["forest", "water"], "uint16"),
        tmp_path / "new",
        weights=str(tmp_path / "m"),
        **QUICK,
    )
    card = load_model(tmp_path / "new").card
    assert card.normalization is not None
    # 0.1 of reflectance is (0.1 + 0.2) / 2.75e-5 counts; 0.02 of it 727.27 counts.
    assert card.normalization["center"] == pytest.approx([10909.0909, 18181.8182])
    assert card.normalization["scale"] == pytest.approx([727.2727, 1454.5455])
    bare = chips(tmp_path / "b.zarr", (RED, NIR), ["forest", "water"], "uint16")
    with pytest.raises(BandError, match=f"want band 'red' as {SR}, and no unit is declared"):
        train(bare, tmp_path / "no", weights=str(tmp_path / "m"), **QUICK)
    radar = (*bands, Band("vv", "vv", unit="dB"))
    train(
        chips(tmp_path / "r.zarr", radar, ["a", "b"], "uint16"),
        tmp_path / "radar",
        weights=str(tmp_path / "m"),
        **QUICK,
    )
    fed = load_model(tmp_path / "radar").card.normalization
    assert fed is not None
    assert fed["center"][:2] == pytest.approx([1000.0, 3000.0])
    assert 70 < fed["center"][2] < 150  # fitted on the samples


def test_a_project_step_knows_the_weights_of_an_earlier_step(tmp_path: Path) -> None:
    """What is not there yet is no problem of the settings; what is there, is looked at."""
    step = Train(chips=tmp_path, out=tmp_path / "o", weights=str(tmp_path / "m"))
    assert [key for key, _ in step.problems() if key in ("weights", "model", "options")] == []
    assert ("weights", tmp_path / "m") in step.inputs()
    saved(tmp_path / "m", (RED, NIR))
    wrong = Train(chips=tmp_path, out=tmp_path / "o", weights=str(tmp_path / "m"), options={"a": 1})
    assert "model 'unet' has no option 'a'" in dict(wrong.problems())["options"]
    bands = Train(
        chips=tmp_path, out=tmp_path / "o", weights=str(tmp_path / "m"), weights_bands="red,nir"
    )
    assert bands.weights_bands == ("red", "nir")
    assert "leave them out" in dict(bands.problems())["weights"]


def test_bands_that_measure_the_same_are_told_apart_by_name(tmp_path: Path) -> None:
    """As the bands of several dates in one image."""
    dates = tuple(Band(f"red {year}", "red") for year in (2016, 2020))
    saved(tmp_path / "m", dates)
    turned = create_model("unet", 2, 2, weights=tmp_path / "m", bands=dates[::-1]).state_dict()
    old = load_model(tmp_path / "m").network.state_dict()
    assert torch.equal(turned[FIRST], old[FIRST][:, [1, 0]])
    with pytest.raises(BandError, match="'red' could be 'red 2016' or 'red 2020'"):
        create_model("unet", 1, 2, weights=tmp_path / "m", bands=["red"])


def test_a_file_beside_its_card_is_its_folder(tmp_path: Path) -> None:
    saved(tmp_path / "m", (RED, NIR))
    assert own_weights(tmp_path / "m" / "weights.safetensors").architecture == "unet"
