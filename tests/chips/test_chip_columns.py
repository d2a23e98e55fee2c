"""Labels per image, and whatever else is known of a chip, as columns of a store."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import torch
import zarr
from affine import Affine
from PIL import Image

import geoloom as gl
from geoloom.chips.materialize import materialize
from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.chips.zarr.layout import seal
from geoloom.core.classes import Classes
from geoloom.core.errors import ChipError, ModelError
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.datasets import RasterDataset
from geoloom.evaluation.evaluate import evaluate
from geoloom.samplers import GridGeoSampler
from geoloom.splits.samples import ClassSplit
from geoloom.tasks.train import train

CLASSES = Classes.of(["dark", "bright"])
LABELS = ClassOutputs(CLASSES, per="image")


@pytest.fixture
def scene(tmp_path):
    values = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8) + 1
    with rasterio.open(
        tmp_path / "scene.tif",
        "w",
        driver="GTiff",
        count=1,
        height=48,
        width=64,
        dtype="uint8",
        crs="EPSG:32722",
        transform=Affine(30, 0, 500_000, 0, -30, 9_000_000),
    ) as file:
        file.write(values, 1)
    return tmp_path / "scene.tif"


def known(sample):
    """What a transform may know of a chip."""
    mean = float(sample["image"].float().mean())
    return {
        **sample,
        "label": torch.tensor(int(mean > 55)),
        "cloud_cover": mean / 200,
        "day": int(mean) + 2**40,
        "cloudy": mean > 60,
        "station": f"S\u00e3o {int(mean)} \N{GLOWING STAR}\n",
        "spectrum": torch.arange(3, dtype=torch.float64) * mean,
        "flow": torch.zeros(2, 2),
        "notes": ["a", "b"],
    }


def dataset(scene, transforms=known):
    return RasterDataset(str(scene), transforms=transforms)


def keep(scene, out, transforms=known, outputs=LABELS, **options):
    data = dataset(scene, transforms)
    return materialize(data, GridGeoSampler(data, size=16), out, outputs=outputs, **options)


def test_what_is_known_of_a_chip_comes_back_under_its_key(scene, tmp_path, caplog):
    store = keep(scene, tmp_path / "c.zarr")
    assert "samples hold flow, notes, which a chip store does not keep" in caplog.text
    data = dataset(scene)
    queries = list(GridGeoSampler(data, size=16))
    assert len(store) == len(queries) == 12
    for given, query in zip(store.dataset().__getitems__(range(12)), queries, strict=True):
        expected = data[query]
        for key in ("label", "spectrum"):
            torch.testing.assert_close(given[key], expected[key], rtol=0, atol=0)
        for key in ("cloud_cover", "day", "cloudy", "station"):
            assert given[key] == expected[key], key
        assert given["label"].dtype == torch.int64
        assert given["cloudy"].dtype == torch.bool
        assert "flow" not in given
    assert store.outputs == LABELS
    assert store.has_labels
    assert store.labels(11)["label"] == int(data[queries[11]]["label"])
    assert store.table["station"][3] == data[queries[3]]["station"]
    batch = next(iter(gl.loader(store.dataset(), batch_size=5)))
    assert batch["label"].shape == (5,)
    assert len(batch["station"]) == 5


def test_a_split_has_its_own_rows(scene, tmp_path):
    keep(
        scene,
        tmp_path / "c.zarr",
        split=lambda q: "test" if q.grid.affine.f < 8_999_900 else "train",
    )
    whole, part = ChipStore(tmp_path / "c.zarr"), ChipStore(f"{tmp_path / 'c.zarr'}#test")
    assert 0 < len(part) < len(whole)
    rows = whole.indices("test")
    assert part.column("station", np.arange(len(part))) == whole.column("station", rows)
    np.testing.assert_array_equal(part.column("label", [0]), whole.column("label", rows[:1]))


def test_values_and_several_classes_per_image(scene, tmp_path):
    def values(sample):
        mean = sample["image"].float().mean()
        return {**sample, "value": torch.stack([mean, torch.tensor(float("nan"))])}

    store = keep(scene, tmp_path / "v.zarr", values, None)
    assert store.outputs == ValueOutputs(("value 1", "value 2"), (None, None), "image")
    named = ValueOutputs(("biomass", "height"), ("t/ha", "m"), "image")
    assert keep(scene, tmp_path / "n.zarr", values, named).outputs == named
    assert torch.isnan(store.dataset()[0]["value"][1])

    def several(sample):
        return {**sample, "multilabel": torch.tensor([True, bool(sample["image"].max() > 60)])}

    outputs = ClassOutputs(CLASSES, multilabel=True, per="image")
    kept = keep(scene, tmp_path / "m.zarr", several, outputs)
    assert kept.outputs == outputs
    assert kept.dataset()[11]["multilabel"].tolist() == [True, True]
    assert kept.dataset()[0]["multilabel"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("change", "outputs", "match"),
    [
        ({"label": torch.tensor(2)}, LABELS, "label is 2, expected a position 0..1 among dark, bright"),
        ({"label": torch.tensor(0.5)}, None, "label is one float32; expected one of int64"),
        ({"value": torch.zeros(3)}, ValueOutputs(("a",), (None,), "image"), r"value is \(3,\)"),
        ({}, ClassOutputs(CLASSES, multilabel=True, per="image"), "learned from 'multilabel'"),
        ({}, ClassOutputs(CLASSES), "labels per image teach.*itself knows"),
        ({"name": "a\0b"}, None, "name is a text of 3 bytes.*without NUL"),
    ],
)  # fmt: skip
def test_what_labels_cannot_be_is_refused(scene, tmp_path, change, outputs, match):
    with pytest.raises(ChipError, match=match):
        keep(scene, tmp_path / "c.zarr", lambda sample: {**sample, **change}, outputs)
    assert not (tmp_path / "c.zarr").exists()


def test_chips_that_hold_other_entries_are_refused(scene, tmp_path):
    def sometimes(sample):
        return {**sample, "day": 1} if sample["image"].max() < 50 else sample

    with pytest.raises(ChipError, match="gives no day, and the first one does"):
        keep(scene, tmp_path / "c.zarr", sometimes, None)
    with pytest.raises(ChipError, match="spectrum is float64"):
        keep(
            scene,
            tmp_path / "d.zarr",
            lambda s: {**s, "spectrum": np.zeros(2 + int(s["image"].max() > 50))},
            None,
        )


def test_damage_of_a_column_is_found_when_a_store_is_opened(scene, tmp_path):
    keep(scene, tmp_path / "c.zarr")
    for name in ("label", "station"):
        file = next(
            p for p in (tmp_path / "c.zarr" / f"sample_{name}" / "c").rglob("*") if p.is_file()
        )
        whole = file.read_bytes()
        file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        with pytest.raises(ChipError, match=f"sample_{name}.*is damaged"):
            ChipStore(tmp_path / "c.zarr")
        file.write_bytes(whole[:-1])
        with pytest.raises(ChipError, match=r"bytes, and .* were written"):
            ChipStore(tmp_path / "c.zarr")
        file.write_bytes(whole)
    assert len(ChipStore(tmp_path / "c.zarr")) == 12


@pytest.mark.parametrize(
    ("lie", "match"),
    [
        (lambda a: a["columns"].pop("label"), "without a column label"),
        (lambda a: a["columns"].update(day="text"), "day is"),
        (lambda a: a["columns"].update({"../image": "numbers"}), "a column is named"),
        (lambda a: a["columns"].update(day="picture"), "numbers"),
        (
            lambda a: [entry.pop() for entry in a["outputs"]["classes"].values()],
            "outside the 1 classes",
        ),
    ],
)
def test_lies_about_columns_are_found_though_they_are_sealed(scene, tmp_path, lie, match):
    keep(scene, tmp_path / "c.zarr")
    file = tmp_path / "c.zarr" / "zarr.json"
    whole = json.loads(file.read_text())
    attributes = whole["attributes"]
    lie(attributes)
    attributes["seal"] = seal(attributes)
    file.write_text(json.dumps(whole))
    with pytest.raises(ChipError, match=match):
        ChipStore(tmp_path / "c.zarr")


def test_xarray_and_zarr_read_the_columns(scene, tmp_path):
    store = keep(scene, tmp_path / "c.zarr")
    array = zarr.open_group(tmp_path / "c.zarr", mode="r")["sample_label"]
    np.testing.assert_array_equal(array[:], store.column("label", np.arange(12)))
    xarray = pytest.importorskip("xarray")
    with xarray.open_zarr(tmp_path / "c.zarr") as opened:
        assert opened["sample_spectrum"].dims == ("chip", "sample_spectrum")


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for k, name in enumerate(CLASSES.names):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(8):
            pixels = rng.integers(0, 90, (16, 16, 3), dtype=np.uint8) + np.uint8(100 * k)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path / "pictures"


def test_a_folder_of_pictures_is_kept_and_teaches_the_same(pictures, tmp_path):
    folder = gl.open(str(pictures)).with_splits(ClassSplit(test=0.25, val=0.25))
    store = materialize(folder, None, tmp_path / "c.zarr", batch_size=3)
    assert store.outputs == folder.outputs
    assert store.splits == folder.splits
    for i in (0, 9, 15):
        torch.testing.assert_close(store.dataset()[i]["image"], folder[i]["image"])
        assert store.dataset()[i]["label"] == folder[i]["label"]
        assert store.dataset()[i]["file"] == folder.table["file"][i]
    some = materialize(folder, [3, 12], tmp_path / "d.zarr", split="val")
    assert some.column("label", np.arange(2)).tolist() == folder.targets[[3, 12]].tolist()
    assert some.splits == {"val": 2}

    settings = {
        "task": "classification",
        "model": "timm/resnet18",
        "epochs": 1,
        "batch_size": 4,
        "device": "cpu",
        "progress": False,
    }
    pytest.importorskip("timm")
    model = train(store, tmp_path / "m", **settings)
    on_store = evaluate(model, store, device="cpu")
    on_files = evaluate(model, folder, device="cpu")
    np.testing.assert_array_equal(on_store.matrix, on_files.matrix)


def test_a_model_of_several_classes_is_not_scored_and_it_says_so(scene, tmp_path):
    class Several:
        bands = ("1",)
        outputs = ClassOutputs(CLASSES, multilabel=True, per="image")

    data = {"multilabel": torch.tensor([True, False])}
    store = keep(scene, tmp_path / "c.zarr", lambda s: {**s, **data}, Several.outputs)
    with pytest.raises(
        ModelError, match=r"2 classes.* at once per image, which nothing counts yet"
    ):
        evaluate(Several(), store)


def test_many_chips_are_packed_on_the_way(tmp_path):
    count = 2_500
    with ChipWriter(
        tmp_path / "c.zarr", channels=1, size=2, dtype="uint8", bands=["a"], image_outputs=LABELS
    ) as writer:
        for k in range(count):
            writer.add(
                np.ones((1, 2, 2), np.uint8),
                crs="",
                transform=(1, 0, 0, 0, -1, 0),
                source="s",
                row=0,
                col=0,
                columns={"label": k % 2, "name": "x" * (k % 7)},
            )
    store = ChipStore(tmp_path / "c.zarr")
    np.testing.assert_array_equal(store.column("label", np.arange(count)), np.arange(count) % 2)
    assert store.column("name", np.arange(count)) == ["x" * (k % 7) for k in range(count)]
