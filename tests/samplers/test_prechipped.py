"""Scenes that are chips: each given once, whole."""

from __future__ import annotations

from collections import Counter

import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.core.errors import SamplerError
from geoloom.core.interval import Interval
from geoloom.samplers import PreChippedGeoSampler
from geoloom.testing import strategies as some

TILES = [
    GeoBox((40, 40), Affine(30, 0, 600000 + 1200 * i, 0, -30, 4500000), "EPSG:32633")
    for i in range(6)
]


@given(grids=st.lists(some.grids(), min_size=1, max_size=5))
def test_each_scene_is_one_query_of_its_own_pixels(regions, grids):
    given_grids = [query.grid for query in PreChippedGeoSampler(regions(*grids))]
    assert len(given_grids) == len(grids)
    for found, grid in zip(given_grids, grids, strict=True):
        assert found.shape == grid.shape
        assert found.crs == grid.crs
        assert found.affine.almost_equals(grid.affine, 1e-9)


def test_areas_and_times_of_interest_choose_scenes_that_stay_whole(regions):
    dataset = regions(*((tile, "2018" if i < 3 else "2019") for i, tile in enumerate(TILES)))
    one, two = TILES[1][10:20, 10:20], TILES[4][5:9, 1:3]
    assert [q.grid for q in PreChippedGeoSampler(dataset, roi=[one, two])] == [TILES[1], TILES[4]]
    (query,) = PreChippedGeoSampler(dataset, roi=[one, two], toi="2019-05")
    assert (query.grid, query.when) == (TILES[4], Interval.of("2019-05"))


def test_a_shuffled_epoch_holds_each_scene_once_in_its_own_order(regions):
    dataset = regions(*TILES)
    one, two = (PreChippedGeoSampler(dataset, shuffle=True, generator=3) for _ in range(2))
    first, second = list(one), list(one)
    assert first == list(two)
    assert second == list(two)
    assert first != second
    assert Counter(q.grid for q in first) == Counter(TILES)
    shares = [
        list(PreChippedGeoSampler(dataset, shuffle=True, generator=3, rank=r, world_size=4))
        for r in range(4)
    ]
    assert Counter(q for share in shares for q in share) == Counter(first)


def test_ranks_share_scenes_in_order_without_a_seed(regions):
    sampler = PreChippedGeoSampler(regions(*TILES), rank=1, world_size=4)
    assert [q.grid for q in sampler] == [TILES[1], TILES[5]]


def test_nothing_left_is_said(regions):
    with pytest.raises(SamplerError, match="inside roi"):
        PreChippedGeoSampler(regions(*TILES), roi=shapely.box(0, 0, 1, 1))
    with pytest.raises(SamplerError, match="same seed"):
        list(PreChippedGeoSampler(regions(*TILES), shuffle=True, rank=0, world_size=2))
