"""Bands, queries, scenes and errors: checked where they are made, and their messages."""

from __future__ import annotations

import pickle

import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core import errors
from geoloom.core.bands import Band, find_bands
from geoloom.core.errors import (
    BandError,
    DatasetError,
    GeoloomError,
    GridError,
    IntervalError,
    QueryError,
    suggest,
)
from geoloom.core.interval import ALWAYS, Interval
from geoloom.core.outline import footprint
from geoloom.core.query import Asset, Query, Scene

GRID = GeoBox((4, 5), Affine(30, 0, 500_000, 0, -30, 8_000_000), "EPSG:32720")


def test_bands_are_found_in_the_order_wanted():
    assert find_bands(["nir", "red"], ["red", "nir"], where="a.tif") == (1, 0)
    assert find_bands([], ["red"], where="a.tif") == ()
    with pytest.raises(
        BandError, match=r"a\.tif has no band 'nr'; did you mean 'nir'\? Known: nir, red"
    ):
        find_bands(["nr"], ["red", "nir"], where="a.tif")


def test_a_query_is_a_value():
    query = Query(GRID, Interval.of("2019"))
    assert pickle.loads(pickle.dumps(query)) == query
    assert hash(query) == hash(Query(GRID, Interval.of("2019")))
    assert Query(GRID).when is ALWAYS


def test_a_query_needs_a_place_and_pixels():
    with pytest.raises(GridError, match="has no CRS; build it with"):
        Query(GeoBox((4, 5), GRID.affine, None))
    with pytest.raises(GridError, match="no pixels"):
        Query(GeoBox((0, 5), GRID.affine, GRID.crs))


def test_a_query_reads_a_time_as_people_write_it():
    assert Query(GRID, "2019-06") == Query(GRID, Interval.of("2019-06"))
    assert Query(GRID, ("2019", "2020")).takes(Interval.of("2020-12-31"))
    assert Query(GRID, None).when is ALWAYS


def test_a_query_of_nothing_is_refused():
    with pytest.raises(IntervalError, match="'june' as a time"):
        Query(GRID, "june")
    with pytest.raises(QueryError, match=r"is a GeoBox, got tuple; .*from_bbox"):
        Query((0, 0, 1, 1))


def test_a_scene_has_an_asset_a_band():
    bands = (Band("red", "red"), Band("nir", "nir"))
    assets = tuple(Asset("a.tif", i) for i in (1, 2))
    scene = Scene("a", GRID, ALWAYS, bands, assets, footprint(GRID))
    assert pickle.loads(pickle.dumps(scene)) == scene
    assert hash(scene) == hash(Scene("a", GRID, ALWAYS, bands, assets, footprint(GRID)))
    with pytest.raises(DatasetError, match="'a' has 2 bands and 1 assets"):
        Scene("a", GRID, ALWAYS, bands, assets[:1], footprint(GRID))


def test_every_error_is_ours_and_a_builtin():
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, GeoloomError) and value is not GeoloomError
    ]
    assert len(classes) > 10
    for kind in classes:
        builtins = [base for base in kind.__mro__ if base.__module__ == "builtins"]
        assert {b for b in builtins if b not in (Exception, BaseException, object)}, kind


def test_a_missing_extra_names_the_command():
    with pytest.raises(
        ImportError, match=r"dask is not installed.*pip install 'geoloom\[cluster\]'"
    ):
        raise errors.MissingExtraError("dask", "cluster")


def test_suggestions_name_the_nearest_then_all():
    assert suggest("ndiv", ["ndvi", "evi"]) == "; did you mean 'ndvi'? Known: evi, ndvi"
    assert suggest("xyz", ["ndvi", "evi"]) == ". Known: evi, ndvi"
    assert suggest("xyz", []) == "; there are none"


@pytest.mark.parametrize(
    "affine",
    [
        Affine(float("nan"), 0, 0, 0, -30, 0),
        Affine(float("inf"), 0, 0, 0, -30, 0),
        Affine(30, 0, float("nan"), 0, -30, 0),
        Affine(30, 0, 0, 0, -30, float("inf")),
        Affine(0, 0, 0, 0, 0, 0),
        Affine(30, 30, 0, 30, 30, 0),
    ],
)
def test_a_query_whose_pixels_have_no_size_or_place_is_refused(affine):
    with pytest.raises(GridError, match=r"affine map .* no size or no place; expected finite"):
        Query(GeoBox((4, 4), affine, "EPSG:32720"))
