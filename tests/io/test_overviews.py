"""Overviews are read in the file's place where they were asked for, and only where they are fine enough."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling

from geoloom.datasets import RasterDataset
from geoloom.io.geometry.overviews import coarser
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read
from geoloom.testing.ramps import write_raster

SOURCE = GeoBox((512, 384), Affine(10, 0, 600_000, 0, -10, 4_500_000), "EPSG:32633")


@pytest.fixture(params=["inside", "beside"])
def averaged(request, tmp_path):
    """A file of noise, and its averages inside the file or in one beside it."""
    noise = np.random.default_rng(0).integers(1, 500, (1, *SOURCE.shape)).astype("uint16")
    path = write_raster(tmp_path / "a.tif", noise, SOURCE, nodata=0)
    outside = request.param == "beside"
    with rasterio.Env(TIFF_USE_OVR=outside), rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8], Resampling.average)
    assert path.with_name("a.tif.ovr").exists() == outside
    for level in range(3):
        with rasterio.open(path, overview_level=level) as file:
            assert file.shape == (512 >> (level + 1), 384 >> (level + 1))
    return path, noise


def grid_of(zoom):
    return GeoBox(
        (round(512 / zoom) - 4, round(384 / zoom) - 4),
        SOURCE.affine @ Affine.scale(zoom) @ Affine.translation(1.3, 1.7),
        SOURCE.crs,
    )


@pytest.mark.parametrize(
    ("zoom", "level"), [(1.0, None), (3.0, None), (4.0, 0), (8.0, 1), (16.0, 2), (30.0, 2)]
)
def test_the_coarsest_that_leaves_two_pixels_is_chosen(averaged, zoom, level):
    header = read_header(averaged[0])
    assert coarser(header, grid_of(zoom), "average").level == level
    assert coarser(header, grid_of(zoom), "bilinear").level == level
    assert coarser(header, grid_of(zoom), "nearest") is header
    assert coarser(header, grid_of(zoom), "mode") is header


@pytest.mark.parametrize("engine", ["auto", "gdal"])
def test_values_are_the_overview_s(averaged, tmp_path, engine):
    """What is read is the overview, written to a file of its own, on the same grid."""
    path, _ = averaged
    with rasterio.open(path, overview_level=1) as file:
        reduced = file.read()
    own = GeoBox(reduced.shape[1:], SOURCE.affine @ Affine.scale(4), SOURCE.crs)
    alone = write_raster(tmp_path / "reduced.tif", reduced, own, nodata=0)
    grid = grid_of(8.0)
    for resampling in ("average", "bilinear", "cubic"):
        got = read(path, grid, resampling=resampling, overviews=True, engine=engine)
        expected = read(alone, grid, resampling=resampling, engine=engine)
        np.testing.assert_array_equal(got.values, expected.values)
        np.testing.assert_array_equal(got.valid, expected.valid)
        assert got.grid == grid


def test_without_being_asked_nothing_comes_from_overviews(averaged, tmp_path):
    path, noise = averaged
    plain = write_raster(tmp_path / "plain.tif", noise, SOURCE, nodata=0)
    for zoom in (4.0, 16.0):
        got, expected = (read(p, grid_of(zoom), resampling="average") for p in (path, plain))
        np.testing.assert_array_equal(got.values, expected.values)
        near = read(path, grid_of(zoom), resampling="average", overviews=True)
        assert (near.values != got.values).any()
        # Means of means: the overview's averages are rounded, and its pixels cross the grid's edges.
        assert abs(near.values.astype(float).mean() - got.values.mean()) < 3


def test_windows_agree(averaged):
    path, _ = averaged
    grid = grid_of(8.0)
    whole = read(path, grid, resampling="bilinear", overviews=True)
    part = read(path, grid[10:30, 5:21], resampling="bilinear", overviews=True)
    np.testing.assert_array_equal(whole.values[:, 10:30, 5:21], part.values)


def test_a_dataset_reads_them_when_asked(averaged):
    path, _ = averaged
    grid = grid_of(16.0)
    plain = RasterDataset(path, resampling="average")
    quick = RasterDataset(path, resampling="average", overviews=True)
    assert plain != quick
    got = read(path, grid, resampling="average", overviews=True)
    np.testing.assert_array_equal(quick[grid]["image"], got.values)
    np.testing.assert_array_equal(
        plain[grid]["image"], read(path, grid, resampling="average").values
    )
