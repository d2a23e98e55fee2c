"""Options that are none: refused when a dataset is made, by name and with what to give instead."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import geoloom
from geoloom.core.errors import BandError, DatasetError
from geoloom.datasets import RasterDataset, VectorDataset


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resampling": "foo"}, "no resampling is called 'foo'.*nearest"),
        ({"resampling": "bilinar"}, "did you mean 'bilinear'"),
        ({"dtype": "foo"}, "no dtype is called 'foo'"),
        ({"dtype": "float64"}, "no dtype is called 'float64'; did you mean 'float32'"),
        ({"dtype": torch.float32}, "torch.float32; did you mean 'float32'"),
        ({"dtype": np.dtype("float32")}, "did you mean 'float32'"),
        ({"res": (1, 2, 3)}, r"res is \(1, 2, 3\).*two \(x, y\)"),
        ({"res": "10"}, "res is '10'"),
        ({"res": float("nan")}, "res is nan"),
        ({"res": -10}, "res is -10"),
        ({"res": True}, "res is True"),
        ({"crs": "banana"}, "crs: 'banana' is not a CRS"),
        ({"nodata": "0"}, "nodata is '0'"),
        ({"transforms": "normalise"}, "transforms is 'normalise'"),
        ({"is_image": "no"}, "is_image is 'no'; give True or False"),
        ({"scaled": "False"}, "scaled is 'False'"),
    ],
)
def test_a_raster_dataset_says_which_option_is_wrong(raster, options, message):
    with pytest.raises(DatasetError, match=message):
        RasterDataset(raster("a.tif", 1), **options)


@pytest.mark.parametrize("options", [{"res": "10"}, {"res": (1, 2, 3)}, {"crs": "banana"}])
def test_so_does_a_vector_dataset(tmp_path, options):
    with pytest.raises(DatasetError, match=rf"{next(iter(options))}( is|:) "):
        VectorDataset(tmp_path, **options)


def test_no_band_is_named_twice(raster):
    path = raster("a.tif", 1, bands=3)
    for ask in (
        lambda: RasterDataset(path, all_bands=["a", "a", "b"]),
        lambda: RasterDataset(path, all_bands=["a", "b", "red"], bands=["red", "a", "a"]),
        lambda: RasterDataset(path, all_bands=["a", "b", "c"]).with_bands(["a", "a"]),
    ):
        with pytest.raises(BandError, match="names a more than once"):
            ask()


def test_steps_and_days_are_what_they_say(raster):
    dated = RasterDataset(raster("x_20190101.tif", 1), filename_regex=r"x_(?P<date>\d{8})")
    with pytest.raises(DatasetError, match=r"steps is 'month'; .*FixedSteps\.of"):
        dated.series("month")
    with pytest.raises(DatasetError, match="days='3'; give days"):
        dated.paired(dated.with_transforms(dict), "nearest", days="3")


def test_two_sides_of_a_pixel_are_x_and_y(raster):
    assert RasterDataset(raster("a.tif", 1), res=[10, 20]).res == (10, 20)


def test_a_transform_that_returns_nothing_is_named(raster, utm):
    def forgetful(sample):
        sample["image"] = sample["image"] * 2

    dataset = RasterDataset(raster("a.tif", 1), transforms=forgetful)
    for ask in (lambda: dataset[utm], lambda: dataset.__getitems__([utm])):
        with pytest.raises(DatasetError, match=r"forgetful.* gave NoneType .*return the sample"):
            ask()


def test_a_transform_must_be_callable(raster):
    with pytest.raises(DatasetError, match="transforms is 3"):
        RasterDataset(raster("a.tif", 1)).with_transforms(3)


def test_importing_everything_leaves_pythons_own_open_alone():
    names = {}
    exec("from geoloom.datasets import *", names)
    assert "open" not in names
    assert "RasterDataset" in names
    assert callable(geoloom.open)


def test_sensors_take_every_option_of_rasters():
    """Those that add some of their own pass all others on by one table."""
    import inspect

    from geoloom.datasets.raster_options import RasterOptions

    parameters = inspect.signature(RasterDataset.__init__).parameters.values()
    by_keyword = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert set(RasterOptions.__annotations__) == by_keyword - {"root"}
