"""Grid chips: every pixel of every scene, in order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry
from scipy import ndimage

from geoloom.core.errors import SamplerError
from geoloom.core.grid import lattice_window
from geoloom.samplers import GridGeoSampler
from geoloom.testing import strategies as some

UTM = GeoBox((100, 70), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")


def coverage(grid, queries):
    """How often each pixel of the grid lies in a chip."""
    count = np.zeros(grid.shape, int)
    for query in queries:
        w = lattice_window(grid, query.grid, tolerance_px=1e-6)
        rows = slice(max(w.row, 0), max(w.row + w.height, 0))
        count[rows, max(w.col, 0) : max(w.col + w.width, 0)] += 1
    return count


@pytest.mark.parametrize("kind", some.KINDS)
@given(data=st.data())
def test_every_pixel_is_covered_and_shifted_chips_stay_inside(regions, kind, data):
    grid = data.draw(some.grids(kind))
    size = tuple(data.draw(st.integers(1, side)) for side in grid.shape)
    stride = tuple(data.draw(st.integers(1, side)) for side in size)
    sampler = GridGeoSampler(regions(grid), size, stride)
    assert coverage(grid, sampler).min() >= 1
    for query in sampler:
        w = lattice_window(grid, query.grid, tolerance_px=1e-6)
        assert w.row >= 0
        assert w.col >= 0
        assert w.row + w.height <= grid.shape[0]
        assert w.col + w.width <= grid.shape[1]


@pytest.mark.parametrize("kind", some.KINDS)
@given(data=st.data())
def test_padded_chips_cover_every_pixel_of_any_scene(regions, kind, data):
    grid = data.draw(some.grids(kind))
    size = tuple(data.draw(st.integers(1, side + 10)) for side in grid.shape)
    stride = tuple(data.draw(st.integers(max(1, side // 3), side)) for side in size)
    sampler = GridGeoSampler(regions(grid), size, stride, edge="pad")
    assert coverage(grid, sampler).min() >= 1
    rows = sampler.table().rows
    for axis, (step, side) in enumerate(zip(stride, grid.shape, strict=True)):
        starts = rows["row" if axis == 0 else "col"]
        assert (starts % step == 0).all()
        assert ((starts >= 0) & (starts < side)).all()


@pytest.mark.parametrize("kind", some.KINDS)
@pytest.mark.parametrize("edge", ["shift", "pad"])
@given(data=st.data())
def test_every_pixel_of_the_areas_of_interest_is_covered(regions, kind, edge, data):
    """Areas are windows of the scene, given by its own corners: south-up and turned ones, too."""
    grid = data.draw(some.grids(kind))
    cuts = data.draw(st.lists(some.cuts(grid), min_size=1, max_size=3))
    size = tuple(data.draw(st.integers(1, side)) for side in grid.shape)
    stride = tuple(data.draw(st.integers(max(1, side // 3), side)) for side in size)
    areas = [Geometry(grid[cut].extent.geom, grid.crs) for cut in cuts]
    count = coverage(grid, GridGeoSampler(regions(grid), size, stride, roi=areas, edge=edge))
    for cut in cuts:
        assert count[cut].min() >= 1
    wanted = np.zeros(grid.shape, bool)
    for rows, cols in cuts:
        wanted[rows, cols] = True
    near = ndimage.maximum_filter(wanted, [2 * side - 1 for side in size])
    assert (count[~near] == 0).all()


@given(size=st.integers(1, 130), data=st.data())
def test_padded_chips_cover_every_pixel_and_stay_on_the_stride(regions, size, data):
    stride = data.draw(st.integers(max(1, size // 3), size))
    sampler = GridGeoSampler(regions(UTM), size, stride, edge="pad")
    assert coverage(UTM, sampler).min() >= 1
    rows = sampler.table().rows
    assert (rows["row"] % stride == 0).all()
    assert (rows["col"] % stride == 0).all()
    assert (rows["row"] < 100).all()
    assert (rows["col"] < 70).all()


def test_without_overlap_only_the_last_row_and_column_overlap(regions):
    count = coverage(UTM, GridGeoSampler(regions(UTM), 32))
    assert count[:64, :38].max() == 1
    assert count[68:96, :].min() >= 2
    assert count.max() == 4


def test_order_is_scene_by_scene_row_by_row(regions):
    other = GeoBox((40, 40), Affine(30, 0, 700000, 0, -30, 4500000), "EPSG:32633")
    sampler = GridGeoSampler(regions(UTM, other), 40)
    rows = sampler.table().rows
    keys = list(zip(rows["region"], rows["row"], rows["col"], strict=True))
    assert keys == sorted(keys)
    assert len(sampler) == len(list(sampler)) == 3 * 2 + 1
    sampler.set_epoch(4)
    assert list(sampler) == list(GridGeoSampler(regions(UTM, other), 40))


def test_only_chips_that_touch_the_area_are_given(regions):
    dataset = regions(UTM)
    corners = [UTM[:10, :10].extent.geom, UTM[90:, 60:].extent.geom]
    dataset._given = (replace(dataset._given[0], area=shapely.union_all(corners)),)
    sampler = GridGeoSampler(dataset, 10)
    rows = sampler.table().rows
    assert list(zip(rows["row"], rows["col"], strict=True)) == [(0, 0), (90, 60)]


def test_a_region_of_interest_is_covered_and_little_more(regions):
    roi = UTM[21:49, 33:60]
    sampler = GridGeoSampler(regions(UTM), 16, roi=roi)
    count = coverage(UTM, sampler)
    assert count[21:49, 33:60].min() >= 1
    assert count[:21].max() == 0
    assert count[:, :33].max() == 0


def test_a_roi_smaller_than_a_chip_still_gives_a_whole_chip(regions):
    (query,) = GridGeoSampler(regions(UTM), 64, roi=UTM[95:, 65:])
    assert query.grid.shape == (64, 64)
    w = lattice_window(UTM, query.grid)
    assert (w.row + w.height, w.col + w.width) == (100, 70)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 80}, r"exceeds every scene; the largest, scene0, has 100 x 70"),
        ({"size": 20, "stride": 21}, "leaves gaps"),
        ({"size": 20, "edge": "crop"}, "expected 'shift' or 'pad'"),
    ],
)
def test_an_impossible_order_says_why(regions, options, message):
    with pytest.raises(SamplerError, match=message):
        GridGeoSampler(regions(UTM), **options)


def test_one_scene_too_small_to_shift_into_is_named(regions):
    small = GeoBox((10, 10), Affine(30, 0, 700000, 0, -30, 4500000), "EPSG:32633")
    with pytest.raises(SamplerError, match=r"cannot be shifted into scene 'scene1' of 10 x 10"):
        GridGeoSampler(regions(UTM, small), 20)
    assert len(GridGeoSampler(regions(UTM, small), 20, edge="pad")) == 5 * 4 + 1
