"""Gaps and shared ground of many outlines; pyproj's geodesics and boxes measured by hand are the judges."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer

from geoloom.splits.gaps.distances import between_m, nearest, pairs_within
from geoloom.splits.gaps.moments import Moments
from geoloom.splits.gaps.places import Places

GEOD = Geod(ellps="WGS84")


def _boxes(*bounds):
    return np.array([shapely.box(*own) for own in bounds], object)


@pytest.mark.parametrize(
    ("one", "other", "ends"),
    [
        ((10.0, 59.9, 10.1, 60.0), (10.3, 59.9, 10.4, 60.0), (10.1, 60.0, 10.3, 60.0)),
        ((10.0, 0.0, 10.1, 0.1), (10.0, 0.3, 10.1, 0.4), (10.1, 0.1, 10.1, 0.3)),
        ((179.9, 10, 179.95, 10.1), (-179.95, 10, -179.9, 10.1), (179.95, 10.1, 180.05, 10.1)),
        ((-70.0, -50.1, -69.9, -50.0), (-69.8, -49.9, -69.7, -49.8), (-69.9, -50.0, -69.8, -49.9)),
        ((20.0, 79.9, 20.1, 80.0), (20.5, 79.9, 20.6, 80.0), (20.1, 80.0, 20.5, 80.0)),
    ],
)
def test_gaps_are_geodesics_between_corners(one, other, ends):
    wanted = GEOD.inv(*ends)[2]
    far = (100.0, -30.0, 100.1, -29.9)
    gap, first, second = nearest(_boxes(far, one), _boxes(other, (*far[:2], 100.05, -29.95))[:1])
    assert gap == pytest.approx(wanted, rel=1e-3)
    assert (first, second) == (1, 0)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), latitude=st.sampled_from([-60.0, 0.0, 35.0, 70.0]))
def test_the_nearest_of_many_is_found(seed, latitude):
    """Judged by all pairs, one by one."""
    rng = np.random.default_rng(seed)
    west = rng.uniform(-179.99, 179.9, 1) + rng.uniform(0, 1, 24)
    south = latitude + rng.uniform(0, 1, 24)
    outlines = shapely.box(west, south, west + 0.01, south + 0.01)
    one, other = outlines[:12], outlines[12:]
    gap, first, second = nearest(one, other)
    mine, theirs = np.divmod(np.arange(144), 12)
    metres = between_m(one[mine], other[theirs])
    assert gap == pytest.approx(metres.min(), rel=1e-6, abs=1e-3)
    assert between_m(one[[first]], other[[second]])[0] == pytest.approx(gap, abs=1e-3)
    limit = float(np.sort(metres)[20])
    found = set(zip(*(own.tolist() for own in pairs_within(one, other, limit)[:2]), strict=True))
    assert found == {(i, j) for i, j, m in zip(mine, theirs, metres, strict=True) if m <= limit}


def _tile(x, y, res=10.0, crs="EPSG:32632", side=64):
    return GeoBox((side, side), Affine(res, 0, x, 0, -res, y), crs)


def test_ground_in_common_is_counted_once_and_touching_is_none():
    one = Places.of_grids([_tile(500_000, 5_000_000), _tile(500_320, 5_000_000)])
    other = Places.of_grids(
        [
            _tile(500_000, 4_999_360),  # touches the first from below
            _tile(499_680, 5_000_000),  # the western half of the first
            _tile(499_680, 5_000_000),  # the same again
            _tile(501_000, 5_000_000),  # 40 m to the east of the second
        ]
    )
    mine, theirs = one.meeting(other)
    assert sorted(zip(mine.tolist(), theirs.tolist(), strict=True)) == [(0, 1), (0, 2)]
    # On the central meridian of a UTM zone, a map's kilometre is 1/0.9996 on the ground.
    assert one.shared_km2(other, mine, theirs) == pytest.approx(0.32 * 0.64 / 0.9996**2, rel=1e-4)
    assert other.shared_km2(one, *reversed((mine, theirs))) == pytest.approx(
        one.shared_km2(other, mine, theirs)
    )


def test_ground_in_common_across_zones():
    """A tile of one zone under tiles of the next: all of it is shared."""
    east = Transformer.from_crs(32632, 32633, always_xy=True)
    x, y = east.transform(830_000, 5_000_000)
    whole = Places.of_grids([_tile(x - 3000, y + 3000, side=600, crs="EPSG:32633")])
    part = Places.of_grids([_tile(830_000, 5_000_000)])
    pairs = part.meeting(whole)
    assert len(pairs[0]) == 1
    assert part.shared_km2(whole, *pairs) == pytest.approx(part.areas_m2()[0] / 1e6, rel=1e-6)


def test_tiles_side_by_side_share_nothing_wherever_their_corners_meet():
    """Edges bow in degrees: tiles laid like bricks still only touch."""
    rows = [
        [_tile(700_000 + 640 * k + 213 * (r % 2), 7_000_000 - 640 * r) for k in range(12)]
        for r in range(6)
    ]
    one = Places.of_grids([tile for row in rows[::2] for tile in row])
    other = Places.of_grids([tile for row in rows[1::2] for tile in row])
    assert len(one.meeting(other)[0]) == 0
    assert nearest(one.lonlat, other.lonlat)[0] == pytest.approx(0, abs=0.1)


def _moments(*intervals):
    start, stop = np.array(intervals, np.int64).T * 86_400_000_000
    return Moments(start, stop, np.arange(len(start)))


def test_gaps_in_time():
    one = _moments((0, 1), (10, 11))
    assert one.gap_days(_moments((20, 21), (13, 15))) == (2.0, 1, 1)
    assert one.gap_days(_moments((-9, -4), (100, 101))) == (4.0, 0, 0)
    assert one.gap_days(_moments((30, 31), (1, 2))) == (
        0.0,
        0,
        1,
    )  # one stops when the other starts
    assert one.gap_days(_moments((30, 31), (-5, 300))) == (0.0, 0, 1)
    undated = Moments.of_columns({"date": np.array(["", None], object)})
    assert one.gap_days(undated) is None


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), min_size=1, max_size=8),
)
def test_gaps_in_time_are_the_least_of_all_pairs(one, other):
    intervals = [[(start, start + days) for start, days in own] for own in (one, other)]
    wanted = min(max(c - b, a - d, 0) for a, b in intervals[0] for c, d in intervals[1])
    first, second = (_moments(*own) for own in intervals)
    days, i, j = first.gap_days(second)
    (a, b), (c, d) = intervals[0][i], intervals[1][j]
    assert days == wanted == max(c - b, a - d, 0)


def test_times_are_read_from_what_columns_hold():
    days = ["2019-07-27", "2019", None]
    read = Moments.of_columns({"date": np.array(days, object)})
    day = 86_400_000_000
    first = int(np.datetime64("2019-07-27", "us").astype(np.int64))
    assert read.start[0] == first
    assert (read.stop - read.start)[:2].tolist() == [day, 365 * day]
    assert read.undated.tolist() == [False, False, True]
    same = Moments.of_columns({"time": np.array(["2019-07-27", "NaT"], "datetime64[D]")})
    assert same.start[0] == first
    assert same.undated.tolist() == [False, True]
    assert Moments.of_columns({"year": np.array([2019])}).stop[0] == read.stop[1]
    assert Moments.of_columns({"date": np.array(["20190727"])}).start[0] == first
    ends = {
        "start": np.array(["2019-07-27"], "datetime64[us]"),
        "stop": np.array(["2019-07-28"], "datetime64[us]"),
    }
    assert Moments.of_columns(ends).stop[0] == first + day
    assert Moments.of_columns({"file": np.array(["a"])}) is None
