"""An evaluation shared by several devices: the counts of one, whatever each of them meets first."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox
from torch import distributed

from geoloom.chips.store import ChipStore, ChipWriter
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError
from geoloom.core.outputs import ValueOutputs
from geoloom.evaluation import evaluate as evaluation
from geoloom.evaluation.evaluate import evaluate
from geoloom.metrics.value_count import ValueCount
from geoloom.models.saved import load_model
from geoloom.tasks.part import WHOLE, Part
from geoloom.tasks.scoring import count_samples
from geoloom.tasks.train import train

CLASSES = Classes.of(["forest", "water"], codes=[4, 0])
MORE = Classes.of(["forest", "water", "swamp", "road"], codes=[4, 0, 7, 9])
SIDE = 64


def ground(seed=0):
    """Image (2, 64, 64) uint8 and codes; road in the first rows alone, swamp in the last."""
    rng = np.random.default_rng(seed)
    codes = rng.choice([0, 4], (SIDE, SIDE)).repeat(4, 0).repeat(4, 1)[:SIDE, :SIDE]
    image = rng.integers(60, 190, (2, SIDE, SIDE))
    image[1] += np.where(codes == 4, 40, -40)
    codes[-9:, 30:], codes[:5] = 7, 9
    return image.astype("uint8"), codes.astype("uint8")


def write_store(path, classes, split, stride=6):
    """Chips of 16 pixels that overlap by ten, in an order of their own."""
    image, codes = ground()
    if len(classes) == 2:
        codes = np.where(np.isin(codes, [7, 9]), 0, codes)
    offsets = [(r, c) for r in range(0, SIDE - 15, stride) for c in range(0, SIDE - 15, stride)]
    np.random.default_rng(1).shuffle(offsets)
    with ChipWriter(
        path, channels=2, size=16, dtype="uint8", bands=("red", "nir"), classes=classes
    ) as writer:
        for row, col in offsets:
            window = np.s_[..., row : row + 16, col : col + 16]
            writer.add(
                image[window],
                codes[window],
                crs="EPSG:32622",
                transform=(30, 0, 30 * col, 0, -30, -30 * row),
                source="scene.tif",
                row=row,
                col=col,
                split=split,
            )
    return ChipStore.open(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    store = write_store(folder / "chips.zarr", CLASSES, "train", stride=16)
    settings = {"width": 0.0625, "epochs": 2, "batch_size": 4, "device": "cpu", "progress": False}
    return train(store, folder / "m", model="unet", **settings)


def same(one, two):
    """All figures alike: counts to the last, sums of logarithms to rounding."""
    a, b = json.loads(one.read_text()), json.loads(two.read_text())
    assert a.keys() == b.keys()
    assert a["matrix"] == b["matrix"]
    assert a["classes"] == b["classes"]
    for key, value in a.items():
        if isinstance(value, float):
            assert b[key] == pytest.approx(value, rel=1e-12), key
        else:
            assert b[key] == value, key


@pytest.mark.parametrize("of", [2, 3, 7, 40])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_the_parts_of_an_evaluation_make_the_whole(model, tmp_path, of, batch_size):
    store, scorer = write_store(tmp_path / "c.zarr", MORE, "test"), load_model(model, "cpu")
    chosen = store.indices("test")
    whole, *others = (
        count_samples(scorer, store, chosen, batch_size, part=part)
        for part in (WHOLE, *(Part(i, of) for i in range(of)))
    )
    summed = others[0]
    for other in others[1:]:
        summed.take(other)
    assert whole.names == summed.names
    assert len(whole.names) == 4
    assert whole.tally.matrix.sum() == SIDE * SIDE
    np.testing.assert_array_equal(whole.tally.matrix, summed.tally.matrix)
    np.testing.assert_array_equal(whole.tally.histograms, summed.tally.histograms)
    assert whole.tally.scored == summed.tally.scored
    assert summed.tally.log_loss == pytest.approx(whole.tally.log_loss, rel=1e-12)


def test_a_part_answers_little_more_than_its_share(model, tmp_path):
    store, scorer = write_store(tmp_path / "c.zarr", MORE, "test"), load_model(model, "cpu")
    asked = []
    for i in range(2):
        done = []
        count_samples(
            scorer, store, store.indices(), 1, lambda a, b, d=done: d.append(a), part=Part(i, 2)
        )
        asked.append(len(done))
    # 81 chips in nine rows; a part also needs those of the blocks that it finishes.
    assert sum(asked) < 81 * 1.5


def test_values_are_summed_likewise():
    outputs = ValueOutputs(("height",), ("m",))
    rng = np.random.default_rng(0)
    truth, scores = rng.normal(30, 5, (2, 1, 20, 20))
    truth[0, 3:9] = np.nan
    whole, above, below = (ValueCount(outputs, outputs, "truth.tif") for _ in range(3))
    whole.add_scores(truth, scores, np.ones((20, 20), bool))
    above.add_scores(truth[:, :7], scores[:, :7], np.ones((7, 20), bool))
    below.add_scores(truth[:, 7:], scores[:, 7:], np.ones((13, 20), bool))
    above.take(below)
    one, other = whole.report().rows()[0], above.report().rows()[0]
    for name, value in one.items():
        assert other[name] == (
            pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
        )


def test_two_devices_count_chips_as_one_does(model, tmp_path):
    store = write_store(tmp_path / "c.zarr", MORE, "test")
    common = {"device": "cpu", "batch_size": 4}
    evaluate(model, store, out=tmp_path / "one.json", **common)
    evaluate(model, store, out=tmp_path / "two.json", devices=2, **common)
    same(tmp_path / "one.json", tmp_path / "two.json")
    assert not distributed.is_initialized()


def test_two_devices_count_a_scene_as_one_does(model, tmp_path, monkeypatch):
    image, codes = ground(3)
    grid = GeoBox.from_bbox((0, 0, 1920, 1920), "EPSG:32622", resolution=30)
    for name, values in (("scene.tif", image), ("truth.tif", codes[None])):
        with rasterio.open(
            tmp_path / name,
            "w",
            driver="GTiff",
            count=len(values),
            height=SIDE,
            width=SIDE,
            dtype="uint8",
            crs="EPSG:32622",
            transform=grid.affine,
        ) as target:
            target.write(values)
            if len(values) == 2:
                target.descriptions = ("red", "nir")
    monkeypatch.setattr(evaluation, "_TILE_PX", 16)
    monkeypatch.setattr(evaluation, "_HALO_PX", 8)
    common = {"truth": tmp_path / "truth.tif", "device": "cpu"}
    evaluate(model, tmp_path / "scene.tif", out=tmp_path / "one.json", **common)
    evaluate(model, tmp_path / "scene.tif", out=tmp_path / "two.json", devices=2, **common)
    same(tmp_path / "one.json", tmp_path / "two.json")


def test_a_loaded_model_is_not_shared(model, tmp_path):
    store = write_store(tmp_path / "c.zarr", MORE, "test", stride=16)
    with pytest.raises(ConfigError, match="give its folder, or devices=1"):
        evaluate(load_model(model, "cpu"), store, devices=2)
