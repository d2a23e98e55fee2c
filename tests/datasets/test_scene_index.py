"""Every scene under a grid is found, in every kind of place."""

from __future__ import annotations

import pickle

import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.core.bands import Band
from geoloom.core.interval import Interval
from geoloom.core.outline import footprint
from geoloom.core.query import Asset, Scene
from geoloom.datasets.scenes import index as index_module
from geoloom.datasets.scenes.index import SceneIndex, lonlat_boxes
from geoloom.testing import strategies as some
from geoloom.testing.ramps import truth


def scene(grid, when="2019", name="s"):
    return Scene(name, grid, Interval.of(when), (Band("b"),), (Asset("a.tif"),), footprint(grid))


@pytest.mark.parametrize("kind", some.KINDS)
@given(data=st.data())
def test_a_scene_that_shares_a_pixel_with_the_grid_is_found(kind, data):
    source, grid = data.draw(some.overlapping_grids(kind))
    shares = truth(source, grid).inside().any()
    found = SceneIndex([scene(source)]).find(grid)
    assert found == (0,) or not shares


@pytest.mark.parametrize("kind", ["north", "antimeridian", "polar"])
@given(data=st.data())
def test_a_scene_on_the_other_side_of_the_world_is_not(kind, data):
    lon, lat = data.draw(some.places(kind))
    here = data.draw(some.grids("north", place=(lon, lat), crs=some.crs_choices(lon, lat)[0]))
    there = (lon - 180 if lon > 0 else lon + 180), -lat
    index = SceneIndex(
        [scene(data.draw(some.grids("north", place=there, crs=some.crs_choices(*there)[0])))]
    )
    assert index.find(here) == ()


def test_times_are_half_open_and_order_is_kept(utm):
    index = SceneIndex([scene(utm, w) for w in ("2019", "2020", "2019-12-31")])
    assert index.find(utm) == (0, 1, 2)
    assert index.find(utm, Interval.of("2019")) == (0, 2)
    assert index.find(utm, Interval.of("2020-01-01")) == (1,)
    assert index.find(utm, Interval.of("2018")) == ()
    assert pickle.loads(pickle.dumps(index)).find(utm) == (0, 1, 2)


@given(data=st.data())
def test_many_at_once_or_one_by_one_it_is_what_looking_at_each_scene_gives(utm, data):
    """Against the definition: boxes that meet and times that overlap."""
    years = st.sampled_from(["2018", "2019", "2019-06", "2020"])
    moves = st.tuples(st.integers(-70, 70), st.integers(-50, 50))
    scenes = [
        scene(utm.translate_pix(*move), year)
        for move, year in data.draw(st.lists(st.tuples(moves, years), min_size=1, max_size=30))
    ]
    asked = [
        (utm.translate_pix(*move)[:9, :9], Interval.of(year) if year else Interval.always())
        for move, year in data.draw(
            st.lists(st.tuples(moves, st.one_of(years, st.none())), min_size=1, max_size=6)
        )
    ]
    index = SceneIndex(scenes)
    expected = [
        tuple(
            i
            for i, held in enumerate(scenes)
            if held.when.overlaps(when)
            and any(
                box.intersects(shapely.box(*held.footprint.bounds)) for box in lonlat_boxes(grid)
            )
        )
        for grid, when in asked
    ]
    assert index.find_many(asked) == expected
    assert [index.find(grid, when) for grid, when in asked] == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "_FEW_HITS", -1)
        assert [index.find(grid, when) for grid, when in asked] == expected
    for found in expected:
        by_hand = sorted(found, key=lambda i: scenes[i].when.start, reverse=True)
        assert index.newest_first(found) == by_hand


def test_a_grid_over_the_pole_finds_what_lies_beyond_it():
    cap = GeoBox((50, 50), Affine(10_000, 0, -250_000, 0, -10_000, 250_000), "EPSG:3413")
    degrees = [GeoBox((10, 10), Affine(1, 0, lon, 0, -1, 90), "EPSG:4326") for lon in (-180, 0, 90)]
    assert SceneIndex([scene(g) for g in degrees]).find(cap) == (0, 1, 2)
    assert SceneIndex([scene(cap)]).find(degrees[1]) == (0,)


def test_a_view_of_the_whole_globe_finds_everything(utm):
    globe = GeoBox(
        (20, 20), Affine(600_000, 0, -6e6, 0, -600_000, 6e6), "+proj=geos +h=35785831 +lon_0=0"
    )
    assert SceneIndex([scene(utm)]).find(globe) == (0,)
