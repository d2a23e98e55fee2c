"""Evaluation of what is no map of classes: values against measurements, and classes of whole images."""

import logging

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image
from rasterio.enums import Resampling
from rasterio.warp import reproject
from sklearn import metrics as sk

from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, DatasetError, ModelError
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.evaluation.evaluate import evaluate
from geoloom.evaluation.maps import evaluate_map
from geoloom.metrics.accuracy import Accuracy
from geoloom.metrics.value_accuracy import ValueAccuracy
from geoloom.tasks.source import open_labelled

GRID = GeoBox((70, 90), Affine(30, 0, 600000, 0, -30, 9300000), "EPSG:32622")


class Doubling:
    """Gives twice the first band, and a constant."""

    bands = ("red",)
    outputs = ValueOutputs(("height", "age"), ("m", None))

    def __call__(self, image_BCHW, valid_BHW):
        return torch.cat([2 * image_BCHW, torch.full_like(image_BCHW, 7.0)], dim=1)


def write(path, values, names, units=(), nodata=None, grid=GRID):
    with rasterio.open(
        path, "w", driver="GTiff", count=len(values), height=grid.shape[0], width=grid.shape[1],
        dtype=values.dtype, crs=str(grid.crs), transform=grid.affine, nodata=nodata,
    ) as target:  # fmt: skip
        target.write(values)
        target.descriptions = names
        if units:
            target.units = units
    return path


@pytest.fixture
def fields():
    rng = np.random.default_rng(4)
    return rng.uniform(0, 30, (1, *GRID.shape)).astype("float32"), rng


def test_a_model_of_values_is_scored_on_a_scene_where_the_truth_is_known(tmp_path, fields):
    red, rng = fields
    height = (2 * red[0] + rng.normal(0, 3, GRID.shape)).astype("float32")
    age = rng.normal(7, 2, GRID.shape).astype("float32")
    height[:20], age[:, :10] = np.nan, np.nan
    scene = write(tmp_path / "scene.tif", red, ("red",))
    # The truth has its bands in another order, and one more.
    truth = write(
        tmp_path / "truth.tif", np.stack([age, red[0], height]), ("age", "other", "height"),
        ("", "", "m"), np.nan,
    )  # fmt: skip
    accuracy = evaluate(Doubling(), scene, truth=truth, out=tmp_path / "a.json")
    assert isinstance(accuracy, ValueAccuracy)
    known = np.isfinite(height)
    expected = sk.root_mean_squared_error(height[known], 2 * red[0][known])
    assert accuracy.rmse[0] == pytest.approx(expected, rel=1e-6)
    assert accuracy.r2[0] == pytest.approx(sk.r2_score(height[known], 2 * red[0][known]), rel=1e-6)
    assert accuracy.bias[1] == pytest.approx((7 - age[np.isfinite(age)]).mean(), rel=1e-5)
    assert accuracy.count == (known.sum(), np.isfinite(age).sum())
    assert accuracy.subject.kind == "scene"
    assert "height (m)" in (tmp_path / "a.txt").read_text()


@pytest.mark.parametrize("block", [1024, 33])
def test_a_map_of_values_is_scored_block_by_block(tmp_path, fields, monkeypatch, block):
    red, rng = fields
    monkeypatch.setattr("geoloom.evaluation.maps._BLOCK_PX", block)
    mapped = red.copy()
    mapped[0, 50:] = np.nan
    path = write(tmp_path / "map.tif", mapped, ("height",), ("m",), np.nan)
    coarse = GeoBox((35, 45), Affine(60, 0, 600000, 0, -60, 9300000), "EPSG:32622")
    values = rng.uniform(0, 30, (1, 35, 45)).astype("float32")
    # One band alone may bear any name.
    truth = write(tmp_path / "truth.tif", values, ("lidar",), (), grid=coarse)
    accuracy = evaluate_map(path, truth)
    onto = np.empty(GRID.shape, "float32")
    reproject(
        values[0], onto, src_transform=coarse.affine, src_crs="EPSG:32622", dst_transform=GRID.affine,
        dst_crs="EPSG:32622", resampling=Resampling.bilinear, tolerance=1e-6,
    )  # fmt: skip
    assert accuracy.counted == 50 * 90
    assert accuracy.mae[0] == pytest.approx(np.abs(mapped[0, :50] - onto[:50]).mean(), rel=1e-5)


def test_values_are_compared_with_the_same_quantity_alone(tmp_path, fields):
    red, _ = fields
    path = write(tmp_path / "map.tif", red, ("height",), ("m",))
    feet = write(tmp_path / "feet.tif", red, ("height",), ("ft",))
    with pytest.raises(ModelError, match="holds height in ft, the map holds height in m"):
        evaluate_map(path, feet)
    scene = write(tmp_path / "scene.tif", red, ("red",))
    with pytest.raises(ModelError, match="holds height, the map height, age"):
        evaluate(Doubling(), scene, truth=feet)
    with pytest.raises(ConfigError, match="groups and probabilities go with classes"):
        evaluate_map(path, feet, class_field="name")


class Brightest:
    """Says which of red, green and blue is the brightest band of a whole picture."""

    bands = ("red", "green", "blue")
    outputs = ClassOutputs(Classes.of(["blue", "green", "red"]), per="image")

    def __call__(self, image_BCHW, valid_BHW):
        means = torch.where(valid_BHW[:, None], image_BCHW, 0).mean(dim=(2, 3))
        return means.flip(1).softmax(dim=1)


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for position, name in enumerate(("red", "green", "blue")):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 90, (24, 20 if number else 22, 3), dtype=np.uint8)
            pixels[..., (position + (number == 3)) % 3] += (
                100  # the fourth lies in the wrong folder
            )
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path / "pictures"


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_model_that_answers_per_image_is_scored_on_images(pictures, caplog, batch_size):
    with caplog.at_level(logging.INFO, logger="geoloom"):
        source = open_labelled(pictures)
        accuracy = evaluate(Brightest(), pictures, split="train", batch_size=batch_size)
    assert isinstance(accuracy, Accuracy)
    table = source.table[source.table["split"] == "train"]
    wrong = table["file"].str.contains("3.png").sum()
    assert accuracy.pixels == len(table) == sum(accuracy.support)
    assert accuracy.overall_accuracy == pytest.approx(1 - wrong / len(table))
    assert accuracy.classes == ("blue", "green", "red")
    assert accuracy.per == "image"
    assert f"images {len(table)}" in accuracy.text()
    assert Accuracy.from_dict(accuracy.to_dict()).per == "image"
    assert "cut or padded about the middle to 24 x 20, which 15 of 18 have" in caplog.text
    assert "divided by ClassSplit(" in caplog.text


def test_samples_have_to_hold_what_the_model_gives(pictures):
    with pytest.raises(DatasetError, match="per image, the model gives 2 values"):
        evaluate(Doubling(), pictures, split="train")


def test_a_size_is_for_pictures(pictures, tmp_path):
    assert open_labelled(pictures, 16).size == (16, 16)
    same = open_labelled(pictures, 16)
    assert open_labelled(same, 16) is same
    with pytest.raises(ConfigError, match="holds samples of 16 x 16 pixels"):
        open_labelled(same, 32)
