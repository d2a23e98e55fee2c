"""Units from files, sensors and catalogues, into datasets and chips."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

import geoloom as gl
from geoloom.chips import ChipStore, cut_chips
from geoloom.core.bands import Band
from geoloom.core.errors import BandError, ChipError
from geoloom.datasets import Landsat8, RasterDataset, Sentinel2
from geoloom.io.headers.header import read_header
from geoloom.io.headers.scan import own_bands
from geoloom.io.write.cog import CogWriter
from geoloom.samplers import GridGeoSampler

WHOLE = Band("red", "red", 0.66, 30.0, "surface_reflectance", scale=1e-4, offset=-0.1, nodata=0)


@pytest.fixture
def tagged(raster):
    """Writes a raster whose bands have units."""

    def make(name, units, **options):
        path = raster(name, 100, bands=len(units), dtype="uint16", **options)
        with rasterio.open(path, "r+") as file:
            file.units = units
            file.scales, file.offsets = (1e-4,) * len(units), (-0.1,) * len(units)
            file.descriptions = ["red", "height", "other"][: len(units)]
        return path

    return make


def test_a_files_own_tag_is_the_unit_where_it_is_one_of_ours(tagged):
    path = tagged("a.tif", ("Surface_Reflectance", "metre", ""))
    header = read_header(path)
    assert header.units[:2] == ("Surface_Reflectance", "metre")
    assert [band.unit for band in own_bands(header)] == ["surface_reflectance", None, None]
    dataset = gl.open(path)
    assert [band.unit for band in dataset.bands] == ["surface_reflectance", None, None]
    assert dataset.bands[0].scale == 1e-4
    named = RasterDataset(path, all_bands=["red", Band("dem", "elevation", unit="index"), "b"])
    assert [band.unit for band in named.bands] == ["surface_reflectance", "index", None]
    assert dataset.with_bands(["height", "red"]).bands[1].unit == "surface_reflectance"


def test_units_are_written_and_read_again(tmp_path, utm):
    with CogWriter(tmp_path / "a.tif", utm, count=2, units=("K", None), dtype="float32") as writer:
        writer.write(np.zeros((2, *utm.shape), np.float32), 0, 0)
    with rasterio.open(tmp_path / "a.tif") as file:
        assert [unit or None for unit in file.units] == ["K", None]


def test_an_index_of_scenes_keeps_units(tagged, tmp_path):
    path = tagged("a.tif", ("K",))
    first = RasterDataset(path, index=tmp_path / "i.parquet")
    again = RasterDataset(path, index=tmp_path / "i.parquet")
    assert first.bands == again.bands
    assert again.bands[0].unit == "K"


def test_scenes_of_two_units_are_no_dataset(tagged, tmp_path, caplog):
    tagged("s/a.tif", ("K",))
    tagged("s/b.tif", ("DN",))
    with pytest.raises(BandError, match="band 'red' would mix values in DN and K"):
        gl.open(tmp_path / "s")
    tagged("t/a.tif", ("K",))
    tagged("t/b.tif", ("",))
    assert gl.open(tmp_path / "t").bands[0].unit is None
    assert "it counts as not known" in caplog.text


@pytest.mark.parametrize(
    ("folder", "suffix", "unit"),
    [
        ("S2A_MSIL2A_20220301T100000_N0400_R122_T33TWM_20220301T120000.SAFE/", "_10m",
         "surface_reflectance"),
        ("S2A_MSIL1C_20190301T100000_N0207_R122_T33TWM_20190301T120000.SAFE/", "",
         "toa_reflectance"),
        ("", "_10m", "surface_reflectance"),
        ("", "", None),
    ],
)  # fmt: skip
def test_sentinel_2_tells_its_level(raster, tmp_path, folder, suffix, unit):
    raster(f"{folder}T33TWM_20190301T100000_B04{suffix}.tif", 1000, dtype="uint16")
    dataset = Sentinel2(tmp_path, bands=["red"])
    assert dataset.bands[0].unit == unit


def test_landsat_is_surface_reflectance_and_kelvins(raster, tmp_path):
    for band in ("SR_B4", "ST_B10", "QA_PIXEL"):
        raster(f"LC08_L2SP_190030_20190607_20200828_02_T1_{band}.TIF", 8000, dtype="uint16")
    dataset = Landsat8(tmp_path, bands=["SR_B4", "ST_B10", "QA_PIXEL"])
    assert [band.unit for band in dataset.bands] == ["surface_reflectance", "K", None]


def test_chips_carry_whole_bands(raster, tmp_path):
    path = raster("a.tif", 1000, dtype="uint16")
    labels = raster("l.tif", 1, dtype="uint8")
    dataset = RasterDataset(path, all_bands=[WHOLE])
    store = gl.materialize(dataset, GridGeoSampler(dataset, 20), tmp_path / "a.zarr")
    assert store.bands == ChipStore.open(tmp_path / "a.zarr").bands == (WHOLE,)
    assert store.band_names == ("red",)
    scaled = RasterDataset(path, all_bands=[WHOLE], scaled=True)
    physical = gl.materialize(scaled, GridGeoSampler(scaled, 20), tmp_path / "b.zarr").bands[0]
    assert (physical.unit, physical.scale, physical.offset) == ("surface_reflectance", 1.0, 0.0)
    with rasterio.open(path, "r+") as file:
        file.units, file.descriptions = ("DN",), ("red",)
    cut = cut_chips(path, tmp_path / "c.zarr", labels=labels, size=10, count=4, split=None)
    assert (cut.bands[0].name, cut.bands[0].role, cut.bands[0].unit) == ("red", "red", "DN")


def test_what_transforms_made_has_no_known_unit(raster, tmp_path):
    def doubled(sample):
        return {**sample, "image": sample["image"] * 2}

    path = raster("a.tif", 1000, dtype="uint16")
    dataset = RasterDataset(path, all_bands=[WHOLE], transforms=doubled)
    sampler = GridGeoSampler(dataset, 20)
    (band,) = gl.materialize(dataset, sampler, tmp_path / "a.zarr").bands
    assert (band.name, band.role, band.unit, band.scale) == ("red", "red", None, 1.0)
    derived = gl.materialize(
        dataset, sampler, tmp_path / "b.zarr", bands=[Band("twice", unit="index")]
    )
    assert derived.bands == (Band("twice", unit="index"),)


def test_chips_of_two_units_are_not_cut_into_one_store(tagged, raster, tmp_path):
    labels = raster("l.tif", 1, dtype="uint8")
    images = [tagged("a.tif", ("K",)), tagged("b.tif", ("DN",))]
    with pytest.raises(
        ChipError, match=r"b\.tif stores values of 0\.0001 and -0\.1 in DN, .* in K"
    ):
        cut_chips(images, tmp_path / "c.zarr", labels=[labels] * 2, size=10, count=4, split=None)
