"""The generated grids are as awkward as they claim, and the ramps' truth holds by hand."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from geoloom.testing import strategies as some
from geoloom.testing.ramps import ramp, truth


def middle(grid):
    x, y = grid.affine * (grid.shape[1] / 2, grid.shape[0] / 2)
    to_degrees = Transformer.from_crs(grid.crs.to_wkt(), "EPSG:4326", always_xy=True)
    return to_degrees.transform(x, y)


@pytest.mark.parametrize("kind", some.KINDS)
@given(data=st.data())
def test_each_kind_is_what_it_says(kind, data):
    grid = data.draw(some.grids(kind))
    a, b, _, d, e, _ = grid.affine[:6]
    lon, lat = middle(grid)
    claims = {
        "north": lat > 0,
        "south": lat < 0,
        "polar": abs(lat) > 80,
        "antimeridian": 180 - abs((lon + 180) % 360 - 180) < 0.03,
        "degree": CRS.from_wkt(grid.crs.to_wkt()).is_geographic or abs(lat) > 80,
        "rotated": (a, b, d, e) != (a, 0, 0, e) or abs(a) == abs(e),
        "south_up": e > 0,
        "oblong": 0.49 < a / -e < 2.01,
    }
    assert claims[kind]
    assert grid.affine.determinant != 0


@given(pair=some.overlapping_grids(), data=st.data())
def test_overlapping_grids_overlap(pair, data):
    source, grid = pair
    assert truth(source, grid).inside().any()
    rows, cols = data.draw(some.cuts(grid))
    assert min(grid[rows, cols].shape) >= 1


@given(some.intervals())
def test_intervals_last(interval):
    assert interval.start < interval.stop


def test_truth_by_hand():
    source = GeoBox((10, 20), Affine(10, 0, 100, 0, -10, 500), "EPSG:32633")
    grid = GeoBox((2, 2), Affine(5, 0, 115, 0, -5, 480), "EPSG:32633")
    got = truth(source, grid)
    np.testing.assert_allclose(got.cols, [[1.75, 2.25], [1.75, 2.25]])
    np.testing.assert_allclose(got.rows, [[2.25, 2.25], [2.75, 2.75]])
    np.testing.assert_array_equal(got.nearest(ramp(source)[0]), [[1, 2], [1, 2]])
    assert got.inside(1.75).all()
    assert not got.inside(1.8)[:, 0].any()
    assert got.off_ties(0.2).all()
    assert not got.off_ties(0.3).any()


def test_truth_across_the_antimeridian():
    """A thousandth of a degree east of 180 lies in a source that counts on, and in one that does not."""
    zone = GeoBox((1, 1), Affine(1, 0, 0, 0, -1, 0), "EPSG:32660")
    x, y = Transformer.from_crs("EPSG:4326", zone.crs.to_wkt(), always_xy=True).transform(
        180.001, -18
    )
    here = GeoBox((1, 1), Affine(1, 0, x - 0.5, 0, -1, y + 0.5), "EPSG:32660")
    for left in (179.0, -181.0):
        source = GeoBox((2, 2), Affine(1, 0, left, 0, -1, -17), "EPSG:4326")
        got = truth(source, here)
        np.testing.assert_allclose((got.cols, got.rows), [[[1.001]], [[1.0]]], atol=1e-6)
