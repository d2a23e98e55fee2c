"""Streamed statistics equal numpy's over the whole array."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.errors import BandError
from geoloom.core.statistics import BandStatistics, band_statistics

DTYPES = ("uint8", "int8", "uint16", "int16", "float32")


def _blocks(image, valid, cuts):
    edges = [0, *sorted(cuts), image.shape[1]]
    return [(image[:, a:b], valid[a:b]) for a, b in pairwise(edges)]


@given(
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(0, 9), max_size=3),
)
def test_equals_numpy_for_any_cut(dtype, seed, cuts):
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        image = (rng.normal(size=(3, 9, 7)) * 10.0 ** rng.integers(-3, 4)).astype(np.float32)
    else:
        info = np.iinfo(dtype)
        image = rng.integers(info.min, info.max, size=(3, 9, 7), endpoint=True).astype(dtype)
    valid = rng.random((9, 7)) < 0.7
    valid[0, 0] = True
    found = band_statistics(lambda: _blocks(image, valid, cuts), ["a", "b", "c"])
    for band in range(3):
        values = image[band][valid].astype(np.float64)
        assert found.count[band] == values.size
        np.testing.assert_allclose(found.mean[band], values.mean(), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.std[band], values.std(), rtol=1e-9, atol=1e-12)
        assert found.median[band] == np.median(values)
        assert (found.min[band], found.max[band]) == (values.min(), values.max())


def test_large_offset_keeps_the_spread():
    # Sums of squares in float32 would lose a spread of 1 around 1e6 altogether.
    image = np.array([[[1e6, 1e6 + 1, 1e6 + 2]]], dtype=np.float64)
    found = band_statistics(lambda: [(image, np.ones((1, 3), bool))] * 1000, ["a"])
    np.testing.assert_allclose(found.std[0], np.sqrt(2 / 3), rtol=1e-9)


def test_nan_and_not_valid_never_count():
    image = np.array([[[np.nan, 5.0, -1.0, 7.0]]], dtype=np.float32)
    found = band_statistics(lambda: [(image, np.array([[True, True, False, True]]))], ["a"])
    assert (found.count, found.mean, found.median) == ((2,), (6.0,), (6.0,))


def test_band_without_a_valid_pixel_has_no_numbers():
    image = np.zeros((1, 2, 2), np.uint8)
    found = band_statistics(lambda: [(image, np.zeros((2, 2), bool))], ["a"])
    assert found.count == (0,)
    assert np.isnan([found.mean[0], found.std[0], found.median[0], found.min[0]]).all()


def test_wrong_number_of_channels_is_refused():
    with pytest.raises(BandError, match="2 bands"):
        band_statistics(lambda: [(np.zeros((3, 1, 1)), np.ones((1, 1), bool))], ["a", "b"])


def test_round_trip_through_json_values():
    image = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    found = band_statistics(lambda: [(image, np.ones((2, 2), bool))], ["a", "b"])
    assert BandStatistics.from_dict(found.to_dict()) == found
