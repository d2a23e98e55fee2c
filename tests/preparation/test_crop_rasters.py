"""Crops hold the pixels that GDAL's own hold, and what lies outside is not a value."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import rasterio
import rasterio.mask
import shapely
from affine import Affine
from odc.geo.geom import Geometry

from geoloom.core.errors import GridError, WriteError
from geoloom.io.raster import read
from geoloom.preparation.crop import crop_to_extent, crop_to_polygons
from small_files import TRANSFORM, load, ramp, save

CROPS = (("extent", crop_to_extent), ("polygons", crop_to_polygons))


def _moved(cols, rows):
    a, b, c, d, e, f = TRANSFORM[:6]
    return Affine(a, b, c + a * cols, d, e, f + e * rows)


def test_pixels_cropped_away_are_no_value_of_the_image(tmp_path):
    x, y = 500_000, 9_000_000
    field = tmp_path / "f.gpkg"
    triangle = shapely.Polygon([(x, y), (x + 300, y), (x, y - 300)])
    geopandas.GeoDataFrame(geometry=[triangle], crs="EPSG:32722").to_file(field)
    image = save(tmp_path / "i.tif", np.zeros((1, 10, 10), np.uint8))
    found = read(crop_to_polygons(image, field, tmp_path / "c.tif"))
    assert 40 <= found.valid.sum() <= 60
    assert (found.values[0][found.valid] == 0).all()


@pytest.fixture
def polygons(tmp_path):
    """A triangle and a far-off square, in degrees."""
    x, y = 500_000, 9_000_000
    shapes = [
        shapely.Polygon([(x + 100, y - 100), (x + 1100, y - 250), (x + 400, y - 1000)]),
        shapely.box(x - 9000, y, x - 8000, y + 1000),
    ]
    frame = geopandas.GeoDataFrame(geometry=shapes, crs="EPSG:32722")
    frame.to_crs("EPSG:4326").to_file(tmp_path / "p.gpkg")
    return tmp_path / "p.gpkg", shapes[0]


def test_crop_to_polygons_is_gdals(tmp_path, polygons):
    path, triangle = polygons
    image = save(tmp_path / "i.tif", ramp((2, 50, 60), 1))
    out = crop_to_polygons(image, path, tmp_path / "c.tif", nodata=-5)
    with rasterio.open(image) as file:
        expected, transform = rasterio.mask.mask(file, [triangle], crop=True, nodata=-5)
    found, profile = load(out)
    # GDAL's crop rounds outward too, but may keep an empty border.
    assert profile["nodata"] == -5
    assert (found != -5).sum() == (expected != -5).sum()
    held = np.argwhere(found[0] != -5)
    wanted = np.argwhere(expected[0] != -5)
    shift = held[0] - wanted[0]
    np.testing.assert_array_equal(held - shift, wanted)
    np.testing.assert_array_equal(found[:, *held.T], expected[:, *wanted.T])
    assert profile["transform"].c - transform.c == pytest.approx(-30 * shift[1])


def test_crop_to_extent_keeps_whole_pixels_inside_the_image(tmp_path, polygons):
    path, _ = polygons
    image = save(tmp_path / "i.tif", ramp((1, 50, 60), 1))
    found, profile = load(crop_to_extent(image, path, tmp_path / "c.tif"))
    # x 100..1100 m of 30 m pixels is columns 3..36, y 100..1000 m is rows 3..33.
    np.testing.assert_array_equal(found, ramp((1, 50, 60), 1)[:, 3:34, 3:37])
    assert profile["transform"] == _moved(3, 3)


def test_polygons_that_touch_leave_no_sliver(tmp_path):
    x, y = 500_000, 9_000_000
    halves = [shapely.box(x, y - 300, x + 146, y), shapely.box(x + 154, y - 300, x + 300, y)]
    geopandas.GeoDataFrame(geometry=halves, crs="EPSG:32722").to_file(tmp_path / "h.gpkg")
    image = save(tmp_path / "i.tif", ramp((1, 10, 10), 1))
    kept, _ = load(
        crop_to_polygons(image, tmp_path / "h.gpkg", tmp_path / "a.tif", all_touched=True)
    )
    assert (kept > 0).all()


def test_nothing_to_crop_to_is_an_error(tmp_path, polygons):
    far = save(tmp_path / "far.tif", ramp((1, 5, 5)), transform=_moved(5000, 0))
    with pytest.raises(GridError, match="no feature"):
        crop_to_polygons(far, polygons[0], tmp_path / "c.tif")


def test_no_crop_is_written_over_what_it_is_made_of(tmp_path, polygons):
    image = save(tmp_path / "i.tif", ramp((1, 50, 60), 1))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for refused in (
        lambda: crop_to_polygons(image, polygons[0], image, overwrite=True),
        lambda: crop_to_extent(image, polygons[0], polygons[0], overwrite=True),
    ):
        with pytest.raises(WriteError, match="is an input"):
            refused()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_every_form_of_an_area_gives_the_same_crop(tmp_path, polygons):
    path, triangle = polygons
    image = save(tmp_path / "i.tif", ramp((2, 50, 60), 1))
    expected = {kind: load(crop(image, path, tmp_path / f"{kind}.tif"))[0] for kind, crop in CROPS}
    areas = [
        (triangle, "EPSG:32722"),
        Geometry(triangle, "EPSG:32722"),
        geopandas.GeoSeries([triangle], crs="EPSG:32722"),
    ]
    for number, area in enumerate(areas):
        for kind, crop in CROPS:
            out = crop(image, area, tmp_path / f"{kind}{number}.tif")
            np.testing.assert_array_equal(load(out)[0], expected[kind])
    degrees = geopandas.GeoSeries([triangle], crs="EPSG:32722").to_crs("EPSG:4326").total_bounds
    boxed, _ = load(crop_to_extent(image, tuple(degrees), tmp_path / "box.tif"))
    assert all(0 <= b - e <= 1 for b, e in zip(boxed.shape, expected["extent"].shape, strict=True))
    with pytest.raises(GridError, match=r"no feature of the roi .* lies on"):
        crop_to_extent(image, (10, 10, 11, 11), tmp_path / "far.tif")
