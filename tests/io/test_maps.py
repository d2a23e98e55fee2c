"""Coordinate maps against pyproj at every pixel: the promised bound holds wherever one looks."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.core.errors import ReadError
from geoloom.io.geometry.coordinate_map import (
    TOLERANCE_PX,
    coordinate_map,
    coordinate_maps,
    exact_map,
    exact_places,
    way,
)
from geoloom.io.loops.polynomials import fill_corners, fill_places
from geoloom.testing import strategies as some
from geoloom.testing.ramps import truth

MARS = "+proj=longlat +a=3396190 +b=3376200 +no_defs"

# float64 places a pixel of a far, fine lattice no better than this.
NOISE_PX = 2e-8


def places(found):
    cols, rows = np.full((2, *found.grid.shape), np.nan)
    for cell, coefs in zip(found.cells, found.coefs, strict=True):
        for row in range(cell[0], cell[1]):
            line = np.s_[row, cell[2] : cell[3]]
            fill_places(cell, coefs, found.exact, row, cols[line], rows[line])
    return cols, rows


def assert_bound_holds(source, grid, found=None):
    found = coordinate_map(way(source, grid.crs), grid) if found is None else found
    assert found.error_px <= TOLERANCE_PX + found.way.noise_px
    tiled = np.zeros(grid.shape, int)
    for top, bottom, left, right, _ in found.cells:
        tiled[top:bottom, left:right] += 1
    assert (tiled == 1).all()
    expected = truth(source, grid)
    for ours, theirs in zip(places(found), (expected.cols, expected.rows), strict=True):
        placed = np.isfinite(theirs)
        np.testing.assert_array_equal(np.isfinite(ours), placed)
        error = np.abs(ours - theirs)[placed].max(initial=0.0)
        assert error <= found.error_px + NOISE_PX
    return found


@pytest.mark.parametrize("kind", some.KINDS)
@settings(max_examples=12)
@given(data=st.data())
def test_the_bound_holds_everywhere(kind, data):
    source, grid = data.draw(some.overlapping_grids(kind, shrink=(0.2, 20.0), max_px=90))
    assert_bound_holds(source, grid)


WORLD = GeoBox((180, 360), Affine(1, 0, -180, 0, -1, 90), "EPSG:4326")
FINE_WORLD = GeoBox((18_000, 36_000), Affine(0.01, 0, -180, 0, -0.01, 90), "EPSG:4326")


@pytest.mark.parametrize(
    ("source", "grid"),
    [
        (WORLD, GeoBox((70, 90), Affine(20_000, 0, -9e5, 0, -20_000, 7e5), "EPSG:3995")),
        (FINE_WORLD, GeoBox((60, 60), Affine(1_000, 0, -3e4, 0, -1_000, 3e4), "EPSG:3413")),
        (WORLD, GeoBox((60, 300), Affine(6_000, 0, 1.9e7, 0, -6_000, 2e6), "EPSG:3857")),
        (
            WORLD,
            GeoBox((60, 80), Affine(150_000, 0, -6e6, 0, -150_000, 4e6), "+proj=ortho +lat_0=20"),
        ),
    ],
    ids=["pole", "pole, fine", "antimeridian", "edge of the Earth"],
)
def test_seams_and_places_without_a_place_are_exact(source, grid):
    found = assert_bound_holds(source, grid)
    assert (found.cells[:, 4] == 1).any()


def test_one_cell_is_enough_for_a_chip():
    scene = GeoBox((7700, 7600), Affine(30, 0, 300_000, 0, -30, 4_600_000), "EPSG:32614")
    albers = GeoBox((96_523, 153_811), Affine(30, 0, -2_356_095, 0, -30, 3_172_605), "EPSG:5070")
    found = assert_bound_holds(albers, scene[4000:4224, 3000:3224])
    assert len(found.cells) == 1
    assert found.error_px < 2e-7


def test_the_tolerance_decides_how_finely_a_grid_is_cut():
    scene = GeoBox((4000, 4000), Affine(300, 0, 0, 0, -300, 5_000_000), "EPSG:32614")
    source = GeoBox((40_000, 40_000), Affine(0.0003, 0, -105, 0, -0.0003, 46), "EPSG:4326")
    there = way(source, scene.crs)
    counts = [len(coordinate_map(there, scene, tolerance_px=t).cells) for t in (1e-2, 1e-5, 1e-7)]
    assert counts[0] < counts[1] < counts[2]
    found = coordinate_map(there, scene, tolerance_px=1e-2)
    pixels = np.random.default_rng(0).integers(0, 4000 * 4000, 500)
    cols, rows = exact_places(source, scene, pixels)
    got_cols, got_rows = places(found)
    assert np.abs(got_cols.ravel()[pixels] - cols).max() <= found.error_px
    assert np.abs(got_rows.ravel()[pixels] - rows).max() <= found.error_px


@given(pair=some.overlapping_grids())
def test_an_exact_map_is_pyprojs(pair):
    source, grid = pair
    assert_bound_holds(source, grid, exact_map(way(source, grid.crs), grid))


@given(pair=some.overlapping_grids())
def test_the_extent_holds_all_places_and_is_not_much_wider(pair):
    source, grid = pair
    found = coordinate_map(way(source, grid.crs), grid)
    cols, rows = places(found)
    low_row, high_row, low_col, high_col = found.extent()
    for at, low, high in ((rows, low_row, high_row), (cols, low_col, high_col)):
        assert low <= np.nanmin(at)
        assert high >= np.nanmax(at)
        if len(found.cells) == 1:
            pixel = np.nanmax(np.abs(np.diff(at, axis=0))) + np.nanmax(np.abs(np.diff(at, axis=1)))
            slack = 0.3 * (np.nanmax(at) - np.nanmin(at)) + pixel
            assert np.nanmin(at) - slack <= low
            assert high <= np.nanmax(at) + slack


def test_corners_are_between_centres():
    source = some.grid_around((10.0, 50.0), "EPSG:32632", (90, 90), 10)
    grid = some.grid_around((10.0, 50.0), "EPSG:4326", (20, 25), 15)
    found = coordinate_map(way(source, grid.crs), grid)
    finer = GeoBox(
        (40, 50), grid.affine * Affine.translation(-0.25, -0.25) * Affine.scale(0.5), grid.crs
    )
    expected = truth(source, finer)
    for row in (0, 7, 20):
        cols, rows = np.empty((2, 26))
        fill_corners(found.cells[0], found.coefs[0], row, cols, rows)
        if row < 20:
            np.testing.assert_allclose(cols[:25], expected.cols[2 * row, ::2], atol=1e-7)
            np.testing.assert_allclose(rows[:25], expected.rows[2 * row, ::2], atol=1e-7)


def test_no_transformation_is_an_error():
    source = GeoBox((10, 10), Affine(1, 0, 0, 0, -1, 10), MARS)
    grid = some.grid_around((10.0, 5.0), "EPSG:32632", (9, 9), 1000)
    with pytest.raises(ReadError, match="no transformation"):
        coordinate_map(way(source, grid.crs), grid)


@given(data=st.data())
@settings(max_examples=30)
def test_many_at_once_are_those_asked_alone(data):
    """Bit for bit, extents too; where one cell does not suffice there is none."""
    kinds = data.draw(st.lists(st.sampled_from(some.KINDS), min_size=1, max_size=4))
    pairs = [
        data.draw(some.overlapping_grids(kind, shrink=(0.2, 20.0), max_px=60)) for kind in kinds
    ]
    asked = [(way(source, grid.crs), grid) for source, grid in pairs]
    for (one, grid), found in zip(asked, coordinate_maps(asked), strict=True):
        alone = coordinate_map(one, grid)
        if found is None:
            assert len(alone.cells) > 1 or alone.cells[0, 4] == 1
            continue
        np.testing.assert_array_equal(found.cells, alone.cells)
        np.testing.assert_array_equal(found.coefs, alone.coefs)
        assert found.error_px == alone.error_px
        assert found.extent() == alone.extent()


def test_grids_that_nothing_joins_are_left_to_be_asked_alone():
    mars = GeoBox((9, 9), Affine(1, 0, 0, 0, -1, 9), MARS)
    here = GeoBox((9, 9), Affine(30, 0, 5e5, 0, -30, 4e6), "EPSG:32614")
    asked = [(way(mars, here.crs), here), (way(here, here.crs), here)]
    first, second = coordinate_maps(asked)
    assert first is None
    assert second is not None
