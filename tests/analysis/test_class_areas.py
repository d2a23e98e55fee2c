"""Areas on the ground, against geodesic polygons and hand-computed pixels."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Geod

from geoloom.analysis.areas import class_areas, pixel_areas_m2
from geoloom.core.classes import Classes
from geoloom.io.cog import write_raster
from geoloom.io.raster import Raster


def geodesic_area(grid, row, col, geod):
    """Area of one pixel as a polygon whose parallels are cut into short geodesics."""
    t = np.linspace(0, 1, 33)
    ring = [(col + u, row) for u in t] + [(col + 1, row + u) for u in t[1:]]
    ring += [(col + 1 - u, row + 1) for u in t[1:]] + [(col, row + 1 - u) for u in t[1:]]
    corners = np.array(ring)
    a, b, c, d, e, f = grid.affine[:6]
    lon = a * corners[:, 0] + b * corners[:, 1] + c
    lat = d * corners[:, 0] + e * corners[:, 1] + f
    return abs(geod.polygon_area_perimeter(lon, lat)[0])


@pytest.mark.parametrize("latitude", [0.0, -9.5, 47.0, 81.0])
@pytest.mark.parametrize("turn", [0.0, 12.0])
def test_degrees_are_measured_on_the_ellipsoid(latitude, turn):
    affine = Affine.translation(-63, latitude) * Affine.rotation(turn) * Affine.scale(0.001, -0.001)
    grid = GeoBox((6, 4), affine, "EPSG:4326")
    found = np.broadcast_to(pixel_areas_m2(grid), (6, 4))
    geod = Geod(ellps="WGS84")
    for row, col in [(0, 0), (5, 3), (2, 1)]:
        assert found[row, col] == pytest.approx(geodesic_area(grid, row, col, geod), rel=2e-5)


def test_large_degree_cells_sum_to_the_earth():
    """authalic radius 6 371 007.181 m (Snyder 1987, table 1): the ellipsoid's surface is 510.07 Mm2."""
    grid = GeoBox((720, 1440), Affine(0.25, 0, -180, 0, -0.25, 90), "EPSG:4326")
    total = pixel_areas_m2(grid).sum() * 1440
    assert total == pytest.approx(4 * np.pi * 6_371_007.181**2, rel=1e-5)


def test_feet_are_not_metres():
    grid = GeoBox(
        (2, 2), Affine(100, 0, 6_000_000, 0, -100, 2_000_000), "EPSG:2225"
    )  # US survey feet
    assert pixel_areas_m2(grid).item() == pytest.approx(100**2 * (1200 / 3937) ** 2, rel=1e-9)


def test_classes_are_counted_in_blocks_and_nodata_is_not(tmp_path):
    rng = np.random.default_rng(1)
    codes = rng.integers(
        0, 4, (1100, 70), dtype=np.uint8
    )  # three blocks; 3 is no class, 0 is nodata
    grid = GeoBox(codes.shape, Affine(30, 0, 500_000, 0, -30, 9_000_000), "EPSG:32720")
    classes = Classes.of(["forest", "water"])
    path = tmp_path / "map.tif"
    write_raster(path, codes[None], grid, nodata=0, colormap=classes.colormap())
    table = class_areas(path, classes)
    assert [row.pixels for row in table.rows] == [int((codes == 1).sum()), int((codes == 2).sum())]
    assert table.rows[0].hectares == pytest.approx((codes == 1).sum() * 0.09)
    assert table.unmapped_pixels == int(np.isin(codes, (0, 3)).sum())
    assert sum(row.share for row in table.rows) == pytest.approx(1)


def test_class_zero_is_a_class():
    grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32720")
    seen = Raster(np.array([[[0, 0, 1]]]), np.array([[True, False, True]]), grid, ("class",))
    table = class_areas(seen, Classes.of(["a", "b"], codes=[0, 1]))
    assert [row.pixels for row in table.rows] == [1, 1]


def test_an_empty_map_has_no_shares():
    grid = GeoBox((1, 2), Affine(10, 0, 0, 0, -10, 0), "EPSG:32720")
    table = class_areas(
        Raster(np.zeros((1, 1, 2), int), np.zeros((1, 2), bool), grid, ("class",)),
        Classes.of(["a"]),
    )
    assert np.isnan(table.rows[0].share)
    assert table.hectares == 0
