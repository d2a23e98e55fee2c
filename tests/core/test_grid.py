"""Grids: equal lattices, maps between them, and where they lie."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.core import grid as core
from geoloom.core.errors import GridError
from geoloom.testing import strategies as some

UTM = GeoBox((40, 50), Affine(30, 0, 500_000, 0, -30, 8_000_000), "EPSG:32720")


class TestLattice:
    @given(grid=some.grids(), data=st.data())
    def test_a_cut_is_its_own_window(self, grid, data):
        rows, cols = data.draw(some.cuts(grid))
        window = core.lattice_window(grid, grid[rows, cols])
        assert window == core.PixelWindow(
            rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start
        )

    @given(grid=some.grids(), row=st.integers(-500, 500), col=st.integers(-500, 500))
    def test_windows_may_lie_outside(self, grid, row, col):
        moved = GeoBox((3, 4), grid.affine * Affine.translation(col, row), grid.crs)
        assert core.lattice_window(grid, moved) == core.PixelWindow(row, col, 3, 4)

    @given(grid=some.grids(), shift=st.floats(1e-3, 0.999))
    def test_shifted_turned_or_scaled_is_another_lattice(self, grid, shift):
        for change in (
            Affine.translation(shift, 0),
            Affine.translation(0, -shift),
            Affine.rotation(90),
            Affine.scale(1 + shift),
            Affine.scale(1, -1),
        ):
            assert (
                core.lattice_window(grid, GeoBox(grid.shape, grid.affine * change, grid.crs))
                is None
            )

    def test_another_crs_is_another_lattice(self):
        assert core.lattice_window(UTM, GeoBox(UTM.shape, UTM.affine, "EPSG:32721")) is None

    def test_a_small_drift_counts_only_over_a_long_way(self):
        drifting = UTM.affine * Affine.scale(1 + 1e-9)
        assert core.lattice_window(UTM, GeoBox((100, 100), drifting, UTM.crs)) is not None
        assert core.lattice_window(UTM, GeoBox((100, 100_000), drifting, UTM.crs)) is None

    @given(grid=some.grids())
    def test_noise_of_float64_is_forgiven(self, grid):
        shaken = [np.nextafter(v, v + 1) for v in grid.affine[:6]]
        assert core.lattice_window(grid, GeoBox(grid.shape, Affine(*shaken), grid.crs)) is not None


WINDOWS = st.builds(
    core.PixelWindow,
    row=st.integers(-60, 60),
    col=st.integers(-60, 60),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
)


class TestWindows:
    @given(grid=some.grids(), data=st.data())
    def test_inside_a_grid_a_window_is_its_slice(self, grid, data):
        rows, cols = data.draw(some.cuts(grid))
        window = core.PixelWindow(
            rows.start, cols.start, rows.stop - rows.start, cols.stop - cols.start
        )
        cut = core.window_grid(grid, window)
        assert cut == grid[rows, cols]
        assert cut.affine == grid[rows, cols].affine  # not only nearly
        assert core.window_slices(window) == (rows, cols)

    @given(grid=some.grids(), window=WINDOWS)
    def test_a_window_may_reach_beyond_the_grid(self, grid, window):
        cut = core.window_grid(grid, window)
        assert tuple(cut.shape) == (window.height, window.width)
        assert cut.crs == grid.crs
        expected = grid.affine * (window.col + 0.5, window.row + 0.5)
        assert cut.affine * (0.5, 0.5) == pytest.approx(expected, rel=1e-12)
        assert core.lattice_window(grid, cut) == window
        assert core.window_of(cut, tuple(~grid.affine)[:6]) == window

    @given(window=WINDOWS, height=st.integers(1, 50), width=st.integers(1, 50))
    def test_what_lies_inside_is_what_numpy_finds_there(self, window, height, width):
        """Pixels by their numbers, in an array with a margin wide enough for all windows."""
        margin = 100
        numbers = np.full((height + 2 * margin, width + 2 * margin), -1)
        numbers[margin:-margin, margin:-margin] = np.arange(height * width).reshape(height, width)
        under = numbers[core.window_slices(_moved(window, margin))]
        inside = core.window_inside(window, (height, width))
        if inside is None:
            assert (under < 0).all()
            return
        found = numbers[core.window_slices(_moved(inside, margin))]
        assert (found >= 0).all()
        assert sorted(found.ravel()) == sorted(under[under >= 0])

    @given(
        left=st.floats(-50, 50),
        top=st.floats(-50, 50),
        width=st.floats(1e-3, 50),
        height=st.floats(1e-3, 50),
    )
    def test_the_fewest_whole_pixels_around_a_box(self, left, top, width, height):
        right, bottom = left + width, top + height
        window = core.window_around(left, top, right, bottom)
        hair = core.LATTICE_TOLERANCE_PX
        assert window.row <= top + hair < window.row + 1
        assert window.col <= left + hair < window.col + 1
        assert window.row + window.height - 1 < bottom - hair <= window.row + window.height
        assert window.col + window.width - 1 < right - hair <= window.col + window.width

    def test_a_side_on_the_edge_of_a_pixel_takes_no_more(self):
        noise = 1e-9
        window = core.window_around(2 - noise, 3 + noise, 5 + noise, 7 - noise)
        assert window == core.PixelWindow(3, 2, 4, 3)

    def test_a_box_without_area_holds_no_pixel(self):
        assert core.window_around(2.0, 3.0, 2.0, 7.0) is None
        assert core.window_around(2.0, 7.0, 4.0, 3.0) is None

    @given(
        height=st.integers(1, 40),
        width=st.integers(1, 40),
        step=st.integers(1, 50),
        rows=st.integers(1, 50),
    )
    def test_blocks_and_rows_tile_a_raster(self, height, width, step, rows):
        for windows, sides in (
            (core.block_windows((height, width), step), (step, step)),
            (core.row_windows((height, width), rows), (rows, width)),
        ):
            times = np.zeros((height, width), int)
            for window in windows:
                assert core.window_inside(window, (height, width)) == window
                assert window.height <= sides[0]
                assert window.width <= sides[1]
                times[core.window_slices(window)] += 1
            assert (times == 1).all()


def _moved(window, by):
    return core.PixelWindow(window.row + by, window.col + by, window.height, window.width)


class TestMaps:
    def test_pixel_map_counts_in_source_pixels(self):
        coarse = GeoBox((5, 5), UTM.affine * Affine.translation(3, 4) * Affine.scale(2), UTM.crs)
        assert core.pixel_map(UTM, coarse) * (1, 1) == pytest.approx((5, 6))
        with pytest.raises(GridError, match="EPSG:32720, EPSG:32721"):
            core.pixel_map(UTM, GeoBox((5, 5), UTM.affine, "EPSG:32721"))

    @given(grid=some.grids())
    def test_pixel_centres_are_the_affine_of_halves(self, grid):
        x, y = core.pixel_centres(grid)
        assert x.shape == y.shape == tuple(grid.shape)
        for row, col in ((0, 0), (grid.shape[0] - 1, grid.shape[1] - 1), (2, 5)):
            expected = grid.affine * (col + 0.5, row + 0.5)
            assert (x[row, col], y[row, col]) == pytest.approx(expected, rel=1e-12)

    @given(grid=some.grids())
    def test_place_is_undone_by_grid_at(self, grid):
        place = core.place(grid)
        assert core.grid_at(tuple(grid.shape), place["transform"], place["crs"]) == grid
        left, bottom, right, top = place["bounds"]
        x, y = core.pixel_centres(grid)
        assert left < x.min() < x.max() < right
        assert bottom < y.min() < y.max() < top

    def test_crs_names_survive(self):
        for crs in ("EPSG:4326", "EPSG:32720", "+proj=sinu +R=6371007.181"):
            grid = GeoBox((2, 2), UTM.affine, crs)
            assert core.CRS(core.crs_name(grid.crs)) == grid.crs
        assert core.crs_name(UTM.crs) == "EPSG:32720"
