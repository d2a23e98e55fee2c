"""Chips whose labels are measured values: cut, materialised, stored, read, put together again."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

import geoloom as gl
from geoloom.chips import ChipStore, cut_chips
from geoloom.chips.materialize import materialize
from geoloom.chips.reconstitute import reconstitute
from geoloom.chips.store import ChipWriter
from geoloom.core.classes import Classes
from geoloom.core.errors import ChipError, ConfigError, DatasetError
from geoloom.core.outputs import ValueOutputs
from geoloom.datasets import RasterDataset
from geoloom.io.write.cog import CogWriter
from geoloom.samplers import GridGeoSampler
from geoloom.splits.rules import BlockSplit

SHAPE = (96, 128)


@pytest.fixture
def scene(tmp_path):
    """An image of two bands, and a float raster of heights, unknown in the upper left corner."""
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]]
    profile = {"driver": "GTiff", "height": SHAPE[0], "width": SHAPE[1], "crs": "EPSG:32722"}
    profile["transform"] = Affine(30, 0, 500_000, 0, -30, 9_000_000)
    with rasterio.open(
        tmp_path / "scene.tif", "w", count=2, dtype="uint8", nodata=0, **profile
    ) as file:
        file.write(np.stack([rows + 1, cols + 1]).astype(np.uint8))
    heights = (rows * 0.25 + cols * 0.5).astype(np.float32)
    heights[:20, :30] = -9999
    with rasterio.open(
        tmp_path / "heights.tif", "w", count=1, dtype="float32", nodata=-9999, **profile
    ) as file:
        file.write(heights, 1)
        file.descriptions = ("height",)
    truth = np.where(heights == -9999, np.nan, heights)
    return tmp_path / "scene.tif", tmp_path / "heights.tif", truth


def cut(scene, tmp_path, **options):
    image, heights, _ = scene
    given = {"size": 32, "strategy": "sequential", "split": None, **options}
    return cut_chips(image, tmp_path / "c.zarr", labels=heights, label_kind="values", **given)


def test_any_unit_of_values_is_kept_as_it_was_written(scene, tmp_path):
    with rasterio.open(scene[1], "r+") as file:
        file.units = ("Mg/ha (dry)",)
    assert gl.open(str(scene[1]), gives="value").outputs.units == ("Mg/ha (dry)",)
    assert cut(scene, tmp_path).outputs == ValueOutputs(("height",), ("Mg/ha (dry)",))


def test_chips_hold_what_was_measured_under_them(scene, tmp_path):
    store = cut(scene, tmp_path)
    assert store.outputs == ValueOutputs(("height",), (None,))
    assert store.classes is None
    assert len(store) == 12
    for i in range(len(store)):
        row, col = store.table.loc[i, ["row", "col"]]
        under = scene[2][row : row + 32, col : col + 32]
        np.testing.assert_array_equal(store.value(i)[0], under)
        np.testing.assert_array_equal(store.valid(i), np.isfinite(under))
        assert store.observed(i).all()
        labels = store.labels(i)
        assert set(labels) == {"value", "valid"}
        sample = store.dataset()[i]
        np.testing.assert_array_equal(sample["value"].numpy(), store.value(i))
        assert "mask" not in sample
    with pytest.raises(ChipError, match="are values, expected classes"):
        store.mask(0)


def test_min_valid_counts_what_is_known(scene, tmp_path):
    whole = cut(scene, tmp_path, min_valid=1.0)
    assert len(whole) == 11  # all but the chip in the corner
    options = {"strategy": "random", "count": 40, "min_valid": 0.9, "seed": 3}
    drawn = cut(scene, tmp_path, overwrite=True, **options)
    assert all(drawn.valid(i).mean() >= 0.9 for i in range(len(drawn)))


def test_splits_divide_chips_of_values(scene, tmp_path):
    split = BlockSplit(0.25, 0.25, block_px=32)
    store = cut(scene, tmp_path, size=16, strategy="random", count=60, split=split, min_valid=0.5)
    assert set(store.splits) == {"train", "val", "test"}


def test_values_have_no_classes_to_balance(scene, tmp_path):
    with pytest.raises(ConfigError, match="labels are values"):
        cut(scene, tmp_path, strategy="random", count=4, balanced=True)
    with pytest.raises(ConfigError, match="unknown label_kind 'value'"):
        cut_chips("a.tif", tmp_path / "x.zarr", labels="b.tif", label_kind="value", count=1)


def test_measurements_cut_as_classes_are_refused_with_the_way_to_values(scene, tmp_path):
    image, heights, _ = scene
    with pytest.raises(DatasetError, match=r"--label-kind values"):
        cut_chips(image, tmp_path / "c.zarr", labels=heights, size=32, count=4, split=None)
    with rasterio.open(heights) as file:
        profile = {**file.profile, "dtype": "uint8", "nodata": None}
    with rasterio.open(tmp_path / "whole.tif", "w", **profile) as file:
        file.write((np.arange(SHAPE[0] * SHAPE[1]) % 251).reshape(SHAPE).astype(np.uint8), 1)
    with pytest.raises(ChipError, match=r"look like a measurement.*--label-kind values"):
        cut_chips(
            image, tmp_path / "c.zarr", labels=tmp_path / "whole.tif", size=32, count=4, split=None
        )


def test_named_classes_are_no_values(scene, tmp_path):
    codes = np.ones((1, *SHAPE), np.uint8)
    with rasterio.open(scene[0]) as file:
        grid = GeoBox(SHAPE, file.transform, "EPSG:32722")
    with CogWriter(
        tmp_path / "l.tif", grid, count=1, dtype="uint8", class_names={1: "forest"}
    ) as writer:
        writer.write(codes, 0, 0)
    with pytest.raises(ChipError, match=r"names classes \(forest"):
        cut_chips(
            scene[0], tmp_path / "c.zarr", labels=tmp_path / "l.tif", label_kind="values", count=2
        )


def test_materialised_values_are_those_of_the_dataset(scene, tmp_path):
    image, heights, _ = scene
    dataset = gl.open(image) & RasterDataset(heights, gives="value")
    sampler = GridGeoSampler(dataset, size=32)
    store = materialize(dataset, sampler, tmp_path / "m.zarr")
    assert store.outputs == dataset.outputs
    for i, query in enumerate(sampler):
        sample, chip = dataset[query], store.dataset()[i]
        for key in ("image", "value", "valid", "observed"):
            np.testing.assert_array_equal(chip[key].numpy(), sample[key].numpy())


def test_a_scene_of_values_is_put_together_again(scene, tmp_path):
    store = cut(scene, tmp_path)
    reconstitute(store, tmp_path / "again.tif", content="value")
    with rasterio.open(tmp_path / "again.tif") as file:
        np.testing.assert_array_equal(file.read(1), scene[2].astype(np.float32))
        assert file.descriptions == ("height",)
        assert np.isnan(file.nodata)


def test_xarray_reads_the_values(scene, tmp_path):
    xarray = pytest.importorskip("xarray")
    store = cut(scene, tmp_path)
    opened = xarray.open_zarr(store.path, consolidated=False)
    assert opened["value"].dims == ("chip", "quantity", "y", "x")
    np.testing.assert_array_equal(opened["value"][3].values, store.value(3))


def test_a_store_of_several_values_and_of_none_known(tmp_path):
    values = ValueOutputs(("a", "b"), ("K", None))
    with ChipWriter(
        tmp_path / "v.zarr", channels=1, size=4, dtype="uint8", bands=["x"], values=values
    ) as writer:
        place = {"crs": "", "transform": (1, 0, 0, 0, -1, 0), "source": "s", "row": 0, "col": 0}
        image = np.ones((1, 4, 4), np.uint8)
        value = np.arange(32, dtype=np.float32).reshape(2, 4, 4)
        value[0, 0], value[:, 1] = np.nan, np.inf
        writer.add(image, value=value, **place)
        writer.add(image, **place)
        with pytest.raises(ChipError, match=r"value is \(1, 4, 4\)"):
            writer.add(image, value=value[:1], **place)
    store = ChipStore.open(tmp_path / "v.zarr")
    assert store.outputs == values
    assert store.valid(0)[0].all()  # the second is known there
    assert not store.valid(0)[1].any()
    assert np.isnan(store.value(0)[:, 1]).all()
    assert not store.valid(1).any()
    assert np.isnan(store.value(1)).all()
    with pytest.raises(ChipError, match="both were given"):
        ChipWriter(
            tmp_path / "w.zarr", channels=1, size=4, dtype="uint8", bands=["x"], values=values,
            classes=Classes.of(["a", "b"]),
        )  # fmt: skip


def test_a_store_of_an_older_layout_is_refused(scene, tmp_path):
    store = cut(scene, tmp_path)
    file = store.path / "zarr.json"
    declared = json.loads(file.read_text())
    declared["attributes"]["version"] = 3
    file.write_text(json.dumps(declared))
    with pytest.raises(ChipError, match="made by a pre-release; cut the chips again"):
        ChipStore.open(store.path)
