"""Footprints: where grids of all kinds lie, in longitude and latitude."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from geoloom.core.errors import GridError
from geoloom.core.outline import footprint, footprints
from geoloom.testing import strategies as some


def lon_lat(grid, cols, rows):
    x, y = grid.affine * (cols, rows)
    change = Transformer.from_crs(grid.crs.to_wkt(), "EPSG:4326", always_xy=True)
    lon, lat = change.transform(x, y)
    placed = np.isfinite(lon) & np.isfinite(lat)
    return np.where(placed, (lon + 180) % 360 - 180, 0), np.where(placed, lat, 0), placed


def assert_footprint(grid, *, around=True):
    """All of the grid's pixel centres are inside, and none of a lattice well outside of it."""
    height, width = grid.shape
    outline = footprint(grid)
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
        assert footprint(grid).bounds == pytest.approx(bounds, abs=0.7)

    def test_across_the_antimeridian_it_comes_in_two_parts(self):
        outline = footprint(GeoBox((10, 20), Affine(1, 0, 170, 0, -1, 5), "EPSG:4326"))
        assert sorted(part.bounds for part in outline.geoms) == [
            (-180, -5, -170, 5),
            (170, -5, 180, 5),
        ]

    def test_a_disc_seen_from_space(self):
        """Full disc from a geostationary place: its whole edge is space."""
        from_space = "+proj=geos +h=35785831 +lon_0=-75 +ellps=GRS80 +sweep=x"
        disc = GeoBox((54, 54), Affine(200_000, 0, -5.4e6, 0, -200_000, 5.4e6), from_space)
        # The horizon is acos(R / (R + h)) = 81.3 degrees away; a pixel short of it, some degrees less.
        assert footprint(disc).bounds == pytest.approx((-153, -79, 3, 79), abs=3)

    @given(grids=st.lists(st.one_of([some.grids(kind) for kind in some.KINDS]), max_size=6))
    def test_of_many_grids_are_those_of_each(self, grids):
        for many, grid in zip(footprints(grids), grids, strict=True):
            assert many.equals(footprint(grid))
            assert many.bounds == footprint(grid).bounds

    def test_another_body_has_no_place(self):
        mars = GeoBox((4, 4), Affine(0.1, 0, 0, 0, -0.1, 0), "+proj=longlat +R=3396190 +no_defs")
        with pytest.raises(GridError, match=r"no place on Earth .* check its CRS"):
            footprint(mars)

    def test_space_alone_has_no_place(self):
        from_space = "+proj=geos +h=35785831 +lon_0=-75 +ellps=GRS80 +sweep=x"
        corner = GeoBox((4, 4), Affine(1000, 0, -5.4e6, 0, -1000, 5.4e6), from_space)
        with pytest.raises(GridError, match="no place on Earth"):
            footprint(corner)
