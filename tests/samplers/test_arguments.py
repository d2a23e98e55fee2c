"""What samplers are given: refused by name where it is none, and short when it is printed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import GeoloomError, IntervalError, RoiError, SamplerError
from geoloom.samplers import GridGeoSampler, RandomBatchGeoSampler, RandomGeoSampler

UTM = GeoBox((300, 200), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
NAN = float("nan")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "64"}, "size is '64'; give a number"),
        ({"size": (64, 64, 64)}, "size is .*two \\(height, width\\)"),
        ({"size": NAN}, "size is nan"),
        ({"size": None}, "size is None"),
        (
            {"roi": (NAN, 40.0, 17.0, 41.0)},
            "the roi .nan, 40, 17, 41. is not a box",
        ),
        ({"roi": shapely.box(16, 40, float("inf"), 41)}, "not finite numbers"),
        ({"roi": [shapely.Point(NAN, 40)]}, "not finite numbers"),
        ({"length": "10"}, "length is '10'; give a whole number"),
        ({"length": 1.5}, "length is 1.5"),
        ({"length": 0}, "length is 0"),
        ({"generator": 1.5}, "generator is 1.5; give a seed, a whole number"),
        ({"generator": np.random.default_rng(0)}, "generator is .*torch.Generator"),
        ({"generator": "0"}, "generator is '0'"),
    ],
)
def test_a_sampler_says_which_argument_is_wrong(regions, options, message):
    with pytest.raises((RoiError, SamplerError), match=message):
        RandomGeoSampler(regions(UTM), **{"size": 64, **options})


@pytest.mark.parametrize(
    "toi",
    [
        pd.Interval(pd.Timestamp("2019"), pd.Timestamp("2020")),
        slice("2019", "2020"),
        2019,
        pd.NaT,
    ],
)
def test_a_time_of_interest_that_is_none_is_refused_with_what_is(regions, toi):
    with pytest.raises(IntervalError, match="is not a time; expected text such as '2019'"):
        RandomGeoSampler(regions(UTM), 64, toi=toi)
    assert issubclass(IntervalError, GeoloomError)


def test_sizes_may_be_a_list(regions):
    assert GridGeoSampler(regions(UTM), [64, 32]).table()[0].grid.shape == (64, 32)


def test_what_is_printed_is_short(regions):
    dataset = regions(*((UTM, "2019"),) * 500)
    sampler = RandomBatchGeoSampler(dataset, 64, batch_size=4, length=40, generator=3)
    assert repr(sampler) == "RandomBatchGeoSampler(40 chips per epoch, seed 3)"
    assert repr(sampler.shard(1, 2)).endswith("rank 1 of 2)")
    assert repr(sampler.table()) == "ChipTable(40 chips in 500 regions)"
    region = repr(dataset.regions[0])
    assert region.startswith("Region('scene0', 300 x 200 px in EPSG:32633, [2019-01-01")
    assert region.endswith("km2)")
    assert len(region) < 150


@pytest.mark.parametrize("size", ["4", 1.5, None, NAN, float("inf")])
def test_batches_have_a_whole_number_of_chips(regions, size):
    with pytest.raises(SamplerError, match=r"batch_size is .*whole number of chips"):
        RandomBatchGeoSampler(regions(UTM), size=64, batch_size=size, length=8)


@pytest.mark.parametrize("sampler", [RandomGeoSampler, GridGeoSampler])
def test_a_sampler_of_a_path_asks_for_a_dataset(sampler):
    with pytest.raises(SamplerError, match=r"draws from a dataset, got 'scene\.tif'"):
        sampler("scene.tif", size=64)
