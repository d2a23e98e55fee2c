"""GDAL's cache is bounded, and large enough for how a file is stored."""

from __future__ import annotations

import pytest
import rasterio
from affine import Affine
from rasterio.env import get_gdal_config

from geoloom.io.headers.gdal_cache import DEFAULT_MB, MOST_MB, cache_for_files, gdal_cache


@pytest.mark.parametrize(
    ("width", "bands", "layout", "expected"),
    [
        (8000, 6, {"tiled": True, "blockxsize": 512, "blockysize": 512}, DEFAULT_MB),
        (8000, 1, {"blockysize": 16}, DEFAULT_MB),
        # 640 rows and two strips of 16, of 8000 x 6 x 4 bytes, and 16 MB to spare.
        (8000, 6, {"blockysize": 16}, 145),
        (90_000, 6, {"blockysize": 1}, MOST_MB),
        (600, 6, {"blockysize": 16}, DEFAULT_MB),
    ],
)
def test_lines_as_wide_as_the_scene_need_more_than_tiles(tmp_path, width, bands, layout, expected):
    rasterio.open(
        tmp_path / "x.tif", "w", driver="GTiff", width=width, height=700, count=bands,
        dtype="float32", crs="EPSG:32722", transform=Affine(10, 0, 0, 0, -10, 0),
        SPARSE_OK=True, **layout,
    ).close()  # fmt: skip
    assert cache_for_files([str(tmp_path / "x.tif")], 640) == expected


def test_the_bound_before_comes_back():
    with rasterio.Env():
        before = get_gdal_config("GDAL_CACHEMAX")
        with gdal_cache(64):
            assert get_gdal_config("GDAL_CACHEMAX") == 64 * 2**20
        assert get_gdal_config("GDAL_CACHEMAX") == before
