"""Rasters of measurements as what is learned: `gives="value"`."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from odc.geo.geobox import GeoBox

import geoloom as gl
from geoloom.core.errors import DatasetError
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.core.query import Query
from geoloom.datasets import RasterDataset
from geoloom.io.raster import read
from geoloom.samplers import GridGeoSampler
from geoloom.testing.ramps import ramp
from geoloom.testing.ramps import truth as ramp_truth


def tagged(path, *, scales=None, offsets=None, units=None, names=None):
    with rasterio.open(path, "r+") as file:
        if scales is not None:
            file.scales, file.offsets = scales, offsets
        if units is not None:
            file.units = units
        if names is not None:
            file.descriptions = names
    return path


def test_values_are_physical_float32_and_nan_where_nothing_was_measured(raster, utm):
    stored = np.arange(60 * 80, dtype=np.int16).reshape(60, 80)
    stored[:7] = -9999
    path = raster("a.tif", stored, nodata=-9999)
    tagged(path, scales=(0.01,), offsets=(-3.0,), units=("K",), names=("temperature",))
    dataset = RasterDataset(path, gives="value")
    sample = dataset[utm]
    assert sample["value"].dtype.is_floating_point
    assert sample["value"].shape == (1, 60, 80)
    assert "mask" not in sample
    assert "image" not in sample
    truth = np.where(stored == -9999, np.nan, stored * 0.01 - 3.0).astype(np.float32)
    np.testing.assert_array_equal(sample["value"][0].numpy(), truth)
    np.testing.assert_array_equal(sample["valid"].numpy(), stored != -9999)
    assert dataset.outputs == ValueOutputs(("temperature",), ("K",))
    assert dataset.classes is None
    assert dataset.sample_dtype("value") == np.float32
    assert dataset.sample_dtype("image") is None


def test_each_value_says_for_itself_where_it_is_known(raster, utm):
    layers = np.stack([np.full((60, 80), 1.5, np.float32), np.full((60, 80), 2.5, np.float32)])
    layers[0, :20], layers[1, 10:30] = -1, np.nan
    path = tagged(raster("a.tif", layers, nodata=-1), names=("height", "cover"))
    sample = RasterDataset(path, gives="value")[utm]
    value, valid = sample["value"].numpy(), sample["valid"].numpy()
    assert np.isnan(value[0, :20]).all()
    assert (value[0, 20:] == 1.5).all()
    assert np.isnan(value[1, 10:30]).all()
    assert (value[1, :10] == 2.5).all()
    assert not valid[10:20].any()  # neither is known there
    assert valid[:10].all()
    assert valid[20:].all()


def test_values_are_resampled_once_as_a_measurement(raster, utm):
    """The ramp law: bilinear gives a linear function back, wherever the new pixels lie."""
    path = raster("ramp.tif", ramp(utm).astype(np.float32))
    turned = GeoBox.from_bbox((16.19, 40.632, 16.2, 40.641), "EPSG:4326", shape=(31, 33))
    expected = ramp_truth(utm, turned)
    inside = expected.inside(2.0)
    value = RasterDataset(path, gives="value")[turned]["value"].numpy()
    assert inside.sum() > 500
    np.testing.assert_allclose(value[0][inside], expected.cols[inside] - 0.5, atol=2e-4)
    np.testing.assert_allclose(value[1][inside], expected.rows[inside] - 0.5, atol=2e-4)
    coarse = utm.zoom_out(4)
    stored = ramp(utm).astype(np.float32)[0]
    means = stored.reshape(15, 4, 20, 4).mean(axis=(1, 3))
    shrunk = RasterDataset(path, gives="value")[coarse]["value"].numpy()[0]
    np.testing.assert_allclose(shrunk[2:-2, 2:-2], means[2:-2, 2:-2], atol=1e-3)


def test_a_paletted_raster_of_measurements_is_interpolated(raster, utm):
    path = raster("a.tif", (3 * ramp(utm)[0]).astype(np.uint8))
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {code: (code, 0, 0, 255) for code in range(240)})
    finer = utm.zoom_to(resolution=15)
    value = RasterDataset(path, gives="value")[finer]["value"].numpy()[0]
    assert (value % 3 != 0).any()


def test_images_and_values_make_one_sample(raster, utm):
    image = raster("image.tif", 7, nodata=0, dtype="uint8")
    height = np.full((60, 80), 3.25, np.float32)
    height[:, :11] = np.nan
    values = RasterDataset(tagged(raster("h.tif", height), names=("height",)), gives="value")
    dataset = gl.open(image) & values
    sample = dataset[utm]
    assert sample["image"].shape == (1, 60, 80)
    np.testing.assert_array_equal(sample["value"][0].numpy(), height)
    assert sample["observed"].all()
    np.testing.assert_array_equal(sample["valid"].numpy(), np.isfinite(height))
    assert dataset.outputs == ValueOutputs(("height",), (None,))
    assert dataset.layers == {"image", "value"}
    assert [band.name for band in dataset.bands] == ["1"]


def test_several_layers_of_values_follow_one_another(raster, utm):
    one = np.full((60, 80), 1.0, np.float32)
    two = np.full((60, 80), 2.0, np.float32)
    one[:30], two[20:40] = np.nan, np.nan
    layers = [
        RasterDataset(raster(f"{name}.tif", data), gives="value")
        for name, data in (("one", one), ("two", two))
    ]
    dataset = gl.open(raster("image.tif", 7)) & layers[0] & layers[1]
    sample = dataset[utm]
    np.testing.assert_array_equal(sample["value"].numpy(), np.stack([one, two]))
    known = np.isfinite(one) | np.isfinite(two)
    np.testing.assert_array_equal(sample["valid"].numpy(), known)
    assert not known.all()
    assert dataset.outputs == ValueOutputs(("1", "1_2"), (None, None))


def test_classes_and_values_are_two_tasks(raster, utm):
    mask = raster("mask.tif", 1, dtype="uint8")
    values = RasterDataset(raster("h.tif", 1.5, dtype="float32"), gives="value")

    class Landcover(RasterDataset):
        is_image = False
        class_names = {1: "wood", 2: "water"}  # noqa: RUF012 - as users write it

    dataset = Landcover(mask) & values
    assert dataset.outputs is None
    assert {"mask", "value"} <= dataset[utm].keys()
    assert isinstance(Landcover(mask).outputs, ClassOutputs)


def test_a_union_fills_value_by_value_what_the_first_part_does_not_know(raster, utm):
    first = np.full((2, 60, 80), 1.0, np.float32)
    first[0, :10], first[1, 5:15] = np.nan, np.nan
    second = np.full((2, 60, 80), 2.0, np.float32)
    parts = [
        RasterDataset(tagged(raster(f"{n}.tif", v), names=("a", "b")), gives="value")
        for n, v in (("one", first), ("two", second))
    ]
    union = parts[0] | parts[1]
    value = union[utm]["value"].numpy()
    np.testing.assert_array_equal(value, np.where(np.isnan(first), 2.0, first))
    assert union.outputs == ValueOutputs(("a", "b"), (None, None))
    within_one = RasterDataset(
        [raster("one.tif", first), raster("two.tif", second)], gives="value", mosaic="first"
    )
    np.testing.assert_array_equal(within_one[utm]["value"].numpy(), value)


def test_a_union_refuses_other_values_and_other_layers(raster):
    height = RasterDataset(tagged(raster("h.tif", 1.5), names=("height",)), gives="value")
    cover = RasterDataset(tagged(raster("c.tif", 1.5), names=("cover",)), gives="value")
    with pytest.raises(DatasetError, match=r"1 value \(height\).*1 value \(cover\)"):
        height | cover
    with pytest.raises(DatasetError, match="one kind"):
        height | gl.open(raster("i.tif", 1))


def test_a_batch_of_values_equals_its_samples(raster, utm):
    rng = np.random.default_rng(0)
    stored = rng.normal(size=(60, 80)).astype(np.float32)
    values = RasterDataset(raster("h.tif", stored), gives="value")
    dataset = gl.open(raster("image.tif", 7, dtype="uint16")) & values
    sampler = GridGeoSampler(dataset, size=16)
    queries = list(sampler)
    [batch, *_] = gl.loader(dataset, sampler, batch_size=len(queries))
    for k, query in enumerate(queries):
        single = dataset[query]
        np.testing.assert_array_equal(batch["value"][k].numpy(), single["value"].numpy())
        np.testing.assert_array_equal(batch["valid"][k].numpy(), single["valid"].numpy())
    assert batch["image"].dtype == dataset[queries[0]]["image"].dtype


def test_values_go_with_a_series_of_images_and_are_none_themselves(raster, utm):
    names = {"filename_regex": r".*_(?P<date>\d{4})\.tif", "date_format": "%Y"}
    images = RasterDataset([raster(f"i_{year}.tif", 1) for year in (2019, 2020)], **names)
    values = RasterDataset(raster("h.tif", 2.5, dtype="float32"), gives="value")
    sample = (images.series() & values)[utm]
    assert sample["image"].shape == (2, 1, 60, 80)
    assert sample["value"].shape == (1, 60, 80)
    dated = RasterDataset(raster("v_2019.tif", 1.5, dtype="float32"), gives="value", **names)
    with pytest.raises(DatasetError, match=r"images\.series\(steps\) & values"):
        dated.series()


def test_open_and_at_take_values(raster, utm):
    path = raster("h.tif", 2.5, dtype="float32")
    dataset = gl.open(path, gives="value")
    assert isinstance(dataset, RasterDataset)
    query = dataset.at(dataset.regions[0].footprint)
    assert float(np.nanmax(dataset[query]["value"].numpy())) == 2.5
    assert dataset == RasterDataset(path, gives="value")
    assert dataset != RasterDataset(path)


def test_what_is_given_is_said_once(raster):
    path = raster("h.tif", 2.5, dtype="float32")
    with pytest.raises(DatasetError, match="contradict"):
        RasterDataset(path, is_image=True, gives="value")
    with pytest.raises(DatasetError, match=r"'values'.*value"):
        RasterDataset(path, gives="values")  # type: ignore[arg-type]
    assert RasterDataset(path, is_image=False, gives="value").layers == {"value"}

    class CanopyHeight(RasterDataset):
        gives = "value"

    assert CanopyHeight(path).layers == {"value"}
    assert CanopyHeight(path, is_image=True).layers == {"image"}


def test_fractions_are_no_classes_and_the_way_to_values_is_named(raster, utm):
    labels = RasterDataset(raster("h.tif", 2.75, dtype="float32"), is_image=False)
    with pytest.raises(DatasetError, match=r'2\.75.*gives="value".*--label-kind values'):
        labels[Query(utm)]


def test_features_give_no_values(tmp_path, utm):
    import geopandas as gpd
    import shapely

    gpd.GeoDataFrame({"class": ["a"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326).to_file(
        tmp_path / "a.gpkg"
    )
    with pytest.raises(DatasetError, match="raster of the measurements"):
        gl.open(tmp_path / "a.gpkg", gives="value")


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int32])
def test_stored_integers_are_interpolated_without_rounding(raster, utm, dtype):
    """Half a pixel beside 2, 5, 8, ... lies 3.5, 6.5, ...: whichever way the file is read."""
    stored = np.broadcast_to(2 + 3 * np.arange(80), (60, 80)).astype(dtype)
    path = raster("whole.tif", stored, nodata=0)
    beside = GeoBox((40, 50), utm.affine * Affine.translation(5.5, 5), utm.crs)
    expected = np.broadcast_to(3.5 + 3 * np.arange(5, 55), (40, 50)).astype(np.float32)
    for overviews in (False, True):  # read in one batch, and file by file
        sample = RasterDataset(path, gives="value", overviews=overviews)[beside]
        assert sample["value"].dtype == torch.float32
        np.testing.assert_allclose(sample["value"][0].numpy(), expected, atol=1e-4)
    wide = GeoBox((20, 20), utm.affine * Affine.scale(2), utm.crs)
    for resampling in ("bilinear", "cubic", "average", "mode", "nearest"):
        for grid in (beside, wide, wide.rotate(20)):
            direct, gdal = (
                read(path, grid, resampling=resampling, unrounded=True, engine=engine)
                for engine in ("direct", "gdal")
            )
            assert direct.values.dtype == gdal.values.dtype == np.float64
            np.testing.assert_array_equal(direct.valid, gdal.valid)
            seen = gdal.valid
            np.testing.assert_allclose(direct.values[0][seen], gdal.values[0][seen], atol=0.01)
    assert read(path, wide, resampling="average", unrounded=True).values[0, 3, 3] == 21.5
    assert read(path, beside, resampling="bilinear").values.dtype == dtype
