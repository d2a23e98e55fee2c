"""What should not be passed ends in an error of ours that says what was given."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

import geoloom as gl
from geoloom.core.errors import GeoloomError
from geoloom.datasets import RasterDataset, VectorDataset
from geoloom.io.headers.header import read_header
from geoloom.io.mosaic import read_many
from geoloom.io.raster import read
from geoloom.io.vector.layers import list_fields, make_features, read_features
from geoloom.testing.ramps import write_raster

GRID = GeoBox((8, 16), Affine(10, 0, 500_000, 0, -10, 5_000_000), "EPSG:32633")
SQUARE = shapely.box(500_000, 4_999_900, 500_100, 5_000_000)


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_raster("a.tif", np.ones((1, 8, 16), "uint8"), GRID)
    gpd.GeoDataFrame({"k": ["a"]}, geometry=[SQUARE], crs=GRID.crs.to_wkt()).to_file("v.gpkg")
    (tmp_path / "empty").mkdir()


PATHS = [
    "", "a\0.tif", "\n", "x" * 300, "x/" * 5000, 7, None, b"a.tif", {"a": 1}, [7], "empty", "no/a.tif",
    "/vsizip/", "zip://", "nonsense://x", "http://[bad",
]  # fmt: skip
DOORS = (read, read_header, RasterDataset, VectorDataset, gl.open, read_features, list_fields)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path)[:20])
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_paths(door, path):
    with pytest.raises(GeoloomError) as refused:
        door(path)
    assert len(str(refused.value)) < 1500


@pytest.mark.parametrize(
    "crs",
    ["banana", "", "\0", "EPSG:999999", "EPSG:4326; x", "{" * 5000, 7, -1, 3.5, b"x", [], {"a": 1}],
    ids=lambda crs: repr(crs)[:20],
)
def test_coordinate_systems(crs):
    for door in (
        lambda: read("a.tif", assume_crs=crs),
        lambda: read_many(["a.tif"], GRID, crs=crs),
        lambda: read_features("v.gpkg", crs=crs),
        lambda: make_features([SQUARE], ["a"], crs=crs),
        lambda: RasterDataset("a.tif", assume_crs=crs),
        lambda: VectorDataset("v.gpkg", assume_crs=crs),
    ):
        with pytest.raises(
            GeoloomError, match="is not a CRS that PROJ knows; give a code"
        ) as refused:
            door()
        assert repr(crs)[:40] in str(refused.value)


@pytest.mark.parametrize(
    "bands", ["red", [], [0], [99], ["x"], [1.5], [None], [True], [b"1"], [[1]], 7]
)
def test_bands(bands):
    for door in (read, RasterDataset):
        with pytest.raises(GeoloomError, match="band"):
            door("a.tif", bands=bands)


@pytest.mark.parametrize(
    "options",
    [
        {"nodata": "x"},
        {"nodata": [1]},
        {"nodata": 1j},
        {"grid": "x"},
        {"grid": (1, 2)},
        {"resampling": []},
        {"resampling": "foo"},
        {"engine": 7},
    ],
    ids=str,
)
def test_options_of_reading(options):
    (name,) = options
    with pytest.raises(GeoloomError, match=name):
        read("a.tif", **options)


@pytest.mark.parametrize(
    "options",
    [
        {"filename_glob": 7},
        {"filename_regex": 7},
        {"filename_regex": "("},
        {"date_format": 7},
        {"all_bands": 7},
        {"all_bands": "red"},
        {"all_bands": [7]},
        {"on_error": 7},
    ],
    ids=str,
)
def test_options_of_datasets(options):
    (name,) = options
    with pytest.raises(GeoloomError, match=name):
        RasterDataset("a.tif", **options)
