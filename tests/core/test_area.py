"""Areas on the ellipsoid, against equal-area projections of finely cut outlines and a closed formula."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import example, given
from hypothesis import strategies as st
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from geoloom.core.area import grid_area_m2, pixel_areas_m2, polygon_areas_m2
from geoloom.testing.strategies import grids

WGS84 = CRS("EPSG:4326")
EARTH_M2 = 4 * np.pi * 6_371_007.1809**2
"""Snyder 1987, table 1: the sphere of the ellipsoid's surface."""

MAPS = {
    "utm": GeoBox((90, 70), Affine(30, 0, 300_000, 0, -30, 9_000_000), "EPSG:32720"),
    "utm across the antimeridian": GeoBox(
        (60, 80), Affine(500, 0, 830_000, 0, -500, 7_200_000), "EPSG:32601"
    ),
    "web mercator": GeoBox((40, 50), Affine(2000, 0, 0, 0, -2000, 8_400_000), "EPSG:3857"),
    "degrees": GeoBox((64, 48), Affine(0.25, 0, 20, 0, -0.25, 70), "EPSG:4326"),
    "degrees across the antimeridian": GeoBox(
        (30, 40), Affine(0.1, 0, 178, 0, -0.1, 66), "EPSG:4326"
    ),
    "degrees from 0 to 360": GeoBox((18, 36), Affine(10, 0, 0, 0, -10, 90), "EPSG:4326"),
    "turned degrees": GeoBox((40, 40), Affine(0.02, 0.01, 5, 0.01, -0.02, 50), "EPSG:4326"),
    "north pole": GeoBox((50, 60), Affine(25e3, 0, -7e5, 0, -25e3, 6e5), "EPSG:3413"),
    "south pole": GeoBox((40, 40), Affine(1e3, 0, -2e4, 0, -1e3, 2e4), "EPSG:3031"),
    "feet": GeoBox((30, 30), Affine(100, 0, 6e6, 0, -100, 2e6), "EPSG:2225"),
    "grads from Paris": GeoBox((20, 20), Affine(0.01, 0, 3, 0, -0.01, 53), "EPSG:4807"),
    "fine": GeoBox((300, 300), Affine(0.05, 0, 500_000, 0, -0.05, 5_000_000), "EPSG:32632"),
}


def equal_area_m2(grid: GeoBox, left: float, top: float, right: float, bottom: float) -> float:
    """A box of a grid's pixels, its sides cut in 2048, projected to equal area around its middle.

    At a pole PROJ's equal-area plane loses 0.03 m2, and a small box is projected to equal distances instead:
    their areas are off by (r / R)**2 / 6, r being the box's radius, 1e-7 at 5 km.
    """
    crs = grid.crs.proj
    outline = shapely.segmentize(shapely.box(left, top, right, bottom), (right - left) / 2048)
    corners = shapely.get_coordinates(outline)
    x, y = np.array([grid.affine * tuple(corner) for corner in corners]).T
    below = crs.geodetic_crs
    degrees = np.degrees(below.axis_info[0].unit_conversion_factor)
    move = pyproj.Transformer.from_crs(crs, below, always_xy=True).transform
    lon, lat = (np.asarray(values) * degrees for values in move(x, y))
    lon0, lat0 = (
        float(v) * degrees for v in move(*(grid.affine * ((left + right) / 2, (top + bottom) / 2)))
    )
    shape = below.ellipsoid
    plane = pyproj.Proj(
        proj="aeqd" if abs(lat).min() > 89.95 else "laea",
        lon_0=lon0,
        lat_0=lat0,
        a=shape.semi_major_metre,
        b=shape.semi_minor_metre,
    )
    return float(shapely.Polygon(np.column_stack(plane(lon, lat))).area)


@pytest.mark.parametrize("name", [name for name in MAPS if name != "degrees from 0 to 360"])
def test_a_maps_area_is_the_ellipsoids(name):
    grid = MAPS[name]
    height, width = grid.shape
    assert grid_area_m2(grid) == pytest.approx(equal_area_m2(grid, 0, 0, width, height), rel=1e-6)
    pixels = np.broadcast_to(pixel_areas_m2(grid), grid.shape)
    assert pixels.sum() == pytest.approx(grid_area_m2(grid), rel=1e-6)


@pytest.mark.parametrize("name", MAPS)
def test_each_pixels_area_is_the_ellipsoids(name):
    grid = MAPS[name]
    height, width = grid.shape
    pixels = np.broadcast_to(pixel_areas_m2(grid), grid.shape)
    for row, col in [(0, 0), (height - 1, width - 1), (height // 2, width // 3), (1, width - 1)]:
        exact = equal_area_m2(grid, col, row, col + 1, row + 1)
        assert pixels[row, col] == pytest.approx(exact, rel=2e-6), (row, col)


@example(GeoBox((8, 8), Affine(5, 0, -20, 0, -5, 20), "EPSG:3031"), 1)
@example(GeoBox((20, 21), Affine(5, 0, -52.5, 0, -5, 50), "EPSG:3031"), 0)
@example(
    GeoBox(
        (14, 8),
        Affine(24.8523, 0, -99.4092, 0, -24.8523, 173.966),
        "+proj=stere +lat_0=90 +lon_0=96",
    ),
    7,
)
@given(grids(), st.integers(0, 2**32 - 1))
def test_pixels_of_any_grid_are_the_ellipsoids(grid, seed):
    pixels = np.broadcast_to(pixel_areas_m2(grid), grid.shape)
    height, width = grid.shape
    rng = np.random.default_rng(seed)
    row, col = int(rng.integers(height)), int(rng.integers(width))
    exact = equal_area_m2(grid, col, row, col + 1, row + 1)
    assert pixels[row, col] == pytest.approx(exact, rel=1e-5)
    assert pixels.sum() == pytest.approx(equal_area_m2(grid, 0, 0, width, height), rel=1e-5)


@given(
    st.sampled_from(["utm", "web mercator", "north pole", "degrees across the antimeridian"]),
    st.integers(0, 2**32 - 1),
)
def test_polygons_are_measured_as_geodesics_through_their_finely_cut_edges(name, seed):
    grid = MAPS[name]
    corners = np.random.default_rng(seed).uniform((0, 0), grid.shape[::-1], (3, 2))
    triangle = shapely.Polygon([grid.affine * tuple(corner) for corner in corners])
    hole = shapely.transform(triangle, lambda xy: xy.mean(axis=0) + (xy - xy.mean(axis=0)) / 3)
    polygon = shapely.Polygon(triangle.exterior, [hole.exterior])
    fine = shapely.segmentize(polygon, triangle.length / 20_000)
    move = pyproj.Transformer.from_crs(grid.crs.proj, "EPSG:4326", always_xy=True).transform
    lonlat = shapely.transform(fine, lambda xy: np.column_stack(move(*xy.T)))
    measure = pyproj.Geod(ellps="WGS84").geometry_area_perimeter
    outline, inside = (abs(measure(ring)[0]) for ring in (lonlat.exterior, lonlat.interiors[0]))
    exact = outline - inside
    thin = triangle.area < 1e-3 * triangle.length**2
    assert polygon_areas_m2([polygon], grid.crs)[0] == pytest.approx(
        exact, rel=1e-2 if thin else 1e-4
    )


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:3031"])
@pytest.mark.parametrize("size_m", [1.0, 30.0, 3000.0])
@pytest.mark.parametrize("shift", [-0.5, 0.0, 3.7])
def test_polygons_at_a_pole_lose_nothing_to_the_rest_of_the_earth(crs, size_m, shift):
    """The scale of the polar stereographic is even over some kilometres: known at the pole, from the latitude
    of true scale (Snyder 1987, equations 21-34 and 21-35)."""
    e, true_at = pyproj.Geod(ellps="WGS84").es ** 0.5, np.radians(70 if crs == "EPSG:3413" else 71)
    t = np.tan(np.pi / 4 - true_at / 2) / (
        (1 - e * np.sin(true_at)) / (1 + e * np.sin(true_at))
    ) ** (e / 2)
    m = np.cos(true_at) / np.sqrt(1 - (e * np.sin(true_at)) ** 2)
    scale = 0.5 * m / t * np.sqrt((1 + e) ** (1 + e) * (1 - e) ** (1 - e))
    square = shapely.box(*(shift * size_m + np.array([0, 0, size_m, size_m])))
    hole = shapely.affinity.scale(square, 0.5, 0.5)
    ring = shapely.Polygon(square.exterior, [hole.exterior])
    found = polygon_areas_m2([square, ring], CRS(crs))
    far = (
        (abs(shift) + 1) * size_m / 6.3e6
    )  # radians: areas grow with half of their square, along both axes
    assert found == pytest.approx(
        [size_m**2 / scale**2, 0.75 * size_m**2 / scale**2], rel=far**2 + 1e-7 + 1e-7 / size_m
    )


def test_the_whole_earth_and_its_zones_are_those_of_the_ellipsoid():
    """Snyder 1987, equation 3-12: the surface up to a latitude."""
    e = pyproj.Geod(ellps="WGS84").es ** 0.5

    def up_to(lat: float) -> float:
        s = np.sin(np.radians(lat))
        return (1 - e**2) * (s / (1 - (e * s) ** 2) - np.log((1 - e * s) / (1 + e * s)) / (2 * e))

    zones = [(-180, -90, 180, 90), (0, -90, 360, 90), (-180, -60, 180, -50), (350, 60, 380, 90)]
    found = polygon_areas_m2([shapely.box(*zone) for zone in zones], WGS84)
    exact = [
        np.radians(east - west) * 6378137.0**2 / 2 * (up_to(north) - up_to(south))
        for west, south, east, north in zones
    ]
    assert found == pytest.approx(exact, rel=1e-6)
    assert found[:2] == pytest.approx([EARTH_M2] * 2, rel=1e-6)
    world = GeoBox(
        (361, 720), Affine(0.5, 0, 0, 0, -0.5, 90.25), WGS84
    )  # its pixels reach beyond the poles
    assert pixel_areas_m2(world).sum() * 720 == pytest.approx(EARTH_M2, rel=1e-6)


def test_a_drawing_is_measured_in_its_plane():
    drawing = CRS('LOCAL_CS["floor",UNIT["foot",0.3048],AXIS["x",EAST],AXIS["y",NORTH]]')
    assert polygon_areas_m2([shapely.box(0, 0, 10, 10)], drawing)[0] == pytest.approx(
        100 * 0.3048**2
    )
    plan = GeoBox((2, 2), Affine(10, 0, 0, 0, -10, 0), drawing)
    assert pixel_areas_m2(plan) == pytest.approx(100 * 0.3048**2)


def test_what_has_no_place_has_no_area():
    view = GeoBox(
        (40, 40), Affine(300e3, 0, -6e6, 0, -300e3, 6e6), "+proj=geos +h=35785831 +lon_0=0"
    )
    pixels = pixel_areas_m2(view)
    assert pixels[0, 0] == 0
    assert pixels[20, 20] == pytest.approx(equal_area_m2(view, 20, 20, 21, 21), rel=1e-5)
    assert np.isnan(grid_area_m2(view))
    assert polygon_areas_m2([], WGS84).shape == (0,)
