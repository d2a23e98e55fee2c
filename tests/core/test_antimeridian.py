"""Full turns of longitude: what is moved stays the same place."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from geoloom.core.antimeridian import around, full_turn, near, turned_pieces

longitudes = st.floats(-900, 900)


@given(longitudes, longitudes)
def test_near_is_the_same_place_within_half_a_turn(longitude, centre):
    found = float(near(longitude, centre))
    assert abs(found - centre) <= 180 + 1e-9
    turns = (found - longitude) / 360
    assert turns == pytest.approx(round(turns), abs=1e-9)


def test_what_has_no_longitude_is_left_alone():
    found = near(np.array([np.inf, np.nan, 190.0]), 0.0)
    assert np.isinf(found[0])
    assert np.isnan(found[1])
    assert found[2] == -170


@pytest.mark.parametrize(
    ("crs", "turn"), [("EPSG:4326", 360), ("EPSG:4807", 400), ("EPSG:32633", None)]
)
def test_a_full_turn_is_in_the_units_of_the_crs(crs, turn):
    assert full_turn(CRS(crs)) == turn


@given(longitudes, st.floats(1, 359), longitudes)
def test_around_keeps_the_ground(west, width, centre):
    box = shapely.box(west, -10, west + width, 20)
    found = around(box, centre)
    assert found.area == pytest.approx(box.area)
    assert found.bounds[0] >= centre - 180 - 1e-9
    assert found.bounds[2] <= centre + 180 + 1e-9
    for part in shapely.get_parts(found):
        inside = part.point_on_surface()
        assert box.buffer(1e-6).contains(shapely.Point(near(inside.x, west + width / 2), inside.y))


def test_parts_cut_at_the_antimeridian_are_joined_again():
    parts = shapely.union_all([shapely.box(170, 0, 180, 5), shapely.box(-180, 0, -160, 5)])
    assert around(parts, 185.0).equals(shapely.box(170, 0, 200, 5))
    assert around(shapely.box(170, 0, 200, 5), 0.0).equals(parts)


@given(
    west=st.floats(-500, 500),
    middle=st.floats(-200, 400),
    pixel=st.floats(0.01, 9),
    angle=st.sampled_from([0.0, 0.0, 180.0, 35.0]),
)
def test_pieces_tile_a_grid_and_lie_on_the_sources_side(west, middle, pixel, angle):
    affine = Affine.translation(west, 10) * Affine.rotation(angle) * Affine.scale(pixel, -pixel)
    grid = GeoBox((9, 23), affine, "EPSG:4326")
    pieces = turned_pieces(grid, middle, 360.0)
    cols, rows = np.meshgrid(np.arange(23) + 0.5, np.arange(9) + 0.5)
    lon, _ = grid.affine * (cols, rows)
    if not pieces:
        assert (abs(lon - middle) <= 180 + 1e-9).all()
        return
    times = np.zeros(grid.shape, int)
    for at_rows, at_cols, piece in pieces:
        times[at_rows, at_cols] += 1
        height, width = piece.shape
        cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        moved, _ = piece.affine * (cols, rows)
        assert (abs(moved - middle) <= 180 + 1e-9).all()
        turns = (moved - lon[at_rows, at_cols]) / 360
        assert turns == pytest.approx(np.round(turns), abs=1e-9)
    assert (times == 1).all()
