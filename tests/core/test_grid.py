"""Grids: equal lattices, maps between them, and where they lie."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer

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


def lon_lat(grid, cols, rows):
    x, y = grid.affine * (cols, rows)
    change = Transformer.from_crs(grid.crs.to_wkt(), "EPSG:4326", always_xy=True)
    lon, lat = change.transform(x, y)
    placed = np.isfinite(lon) & np.isfinite(lat)
    return np.where(placed, (lon + 180) % 360 - 180, 0), np.where(placed, lat, 0), placed


def assert_footprint(grid, *, around=True):
    """All of the grid's pixel centres are inside, and none of a lattice well outside of it."""
    import shapely

    height, width = grid.shape
    outline = core.footprint(grid)
    assert outline.is_valid
    left, bottom, right, top = outline.bounds
    assert -180 <= left < right <= 180
    assert -90 <= bottom < top <= 90
    cols, rows = np.meshgrid(np.linspace(0.5, width - 0.5, 12), np.linspace(0.5, height - 0.5, 12))
    lon, lat, placed = lon_lat(grid, cols, rows)
    assert placed.any()
    assert shapely.intersects_xy(outline.buffer(1e-7), lon[placed], lat[placed]).all()
    cols, rows = np.meshgrid(
        np.linspace(-0.5, 1.5, 14) * width, np.linspace(-0.5, 1.5, 14) * height
    )
    beyond = (cols < -0.1 * width) | (cols > 1.1 * width)
    beyond |= (rows < -0.1 * height) | (rows > 1.1 * height)
    lon, lat, placed = lon_lat(grid, cols, rows)
    outside = placed & beyond & (abs(lat) < 89.9999)
    if not around:
        assert not shapely.intersects_xy(outline, lon[outside], lat[outside]).any()


class TestFootprint:
    @pytest.mark.parametrize("kind", some.KINDS)
    @given(data=st.data())
    def test_holds_the_pixels_and_no_others(self, kind, data):
        assert_footprint(data.draw(some.grids(kind)), around=False)

    @pytest.mark.parametrize(
        ("grid", "bounds"),
        [
            # The pole inside: the whole cap around it.
            (GeoBox((9, 9), Affine(2e5, 0, -9e5, 0, -2e5, 9e5), "EPSG:3995"), (-180, 78, 180, 90)),
            (
                GeoBox((9, 9), Affine(2e5, 0, -9e5, 0, -2e5, 9e5), "EPSG:3031"),
                (-180, -90, 180, -78),
            ),
            # The antimeridian inside: two parts, at both ends.
            (
                GeoBox((9, 9), Affine(1e5, 0, 4e5, 0, -1e5, 83e5), "EPSG:32760"),
                (-180, -24, 180, -15),
            ),
            # Around the Earth, counted from Greenwich eastwards.
            (GeoBox((18, 36), Affine(10, 0, 0, 0, -10, 90), "EPSG:4326"), (-180, -90, 180, 90)),
            (GeoBox((18, 36), Affine(10, 0, -180, 0, 10, -90), "EPSG:4326"), (-180, -90, 180, 90)),
            # Past 180 degrees.
            (GeoBox((10, 20), Affine(1, 0, 170, 0, -1, 5), "EPSG:4326"), (-180, -5, 180, 5)),
        ],
    )
    def test_poles_and_the_antimeridian(self, grid, bounds):
        assert_footprint(grid)
        assert core.footprint(grid).bounds == pytest.approx(bounds, abs=0.7)

    def test_across_the_antimeridian_it_comes_in_two_parts(self):
        outline = core.footprint(GeoBox((10, 20), Affine(1, 0, 170, 0, -1, 5), "EPSG:4326"))
        assert sorted(part.bounds for part in outline.geoms) == [
            (-180, -5, -170, 5),
            (170, -5, 180, 5),
        ]

    def test_a_disc_seen_from_space(self):
        """Full disc from a geostationary place: its whole edge is space."""
        from_space = "+proj=geos +h=35785831 +lon_0=-75 +ellps=GRS80 +sweep=x"
        disc = GeoBox((54, 54), Affine(200_000, 0, -5.4e6, 0, -200_000, 5.4e6), from_space)
        # The horizon is acos(R / (R + h)) = 81.3 degrees away; a pixel short of it, some degrees less.
        assert core.footprint(disc).bounds == pytest.approx((-153, -79, 3, 79), abs=3)

    @given(grids=st.lists(st.one_of([some.grids(kind) for kind in some.KINDS]), max_size=6))
    def test_of_many_grids_are_those_of_each(self, grids):
        for many, grid in zip(core.footprints(grids), grids, strict=True):
            assert many.equals(core.footprint(grid))
            assert many.bounds == core.footprint(grid).bounds

    def test_another_body_has_no_place(self):
        mars = GeoBox((4, 4), Affine(0.1, 0, 0, 0, -0.1, 0), "+proj=longlat +R=3396190 +no_defs")
        with pytest.raises(GridError, match=r"no place on Earth .* check its CRS"):
            core.footprint(mars)

    def test_space_alone_has_no_place(self):
        from_space = "+proj=geos +h=35785831 +lon_0=-75 +ellps=GRS80 +sweep=x"
        corner = GeoBox((4, 4), Affine(1000, 0, -5.4e6, 0, -1000, 5.4e6), from_space)
        with pytest.raises(GridError, match="no place on Earth"):
            core.footprint(corner)
