"""Eight pixels at once give, bit for bit, what one pixel after the other gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloom.io.lanes import LANES, bilinear_row, find_runs


def one_by_one(values, width, corner, right, lower):
    at = corner.astype(np.int64)
    above = values[at] + right * (values[at + 1] - values[at])
    under = values[at + width] + right * (values[at + width + 1] - values[at + width])
    return above + lower * (under - above)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@given(
    count=st.integers(1, 60),
    step=st.floats(-2.5, 2.5),
    slope=st.floats(-1.5, 1.5),
    start=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    ends=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    seed=st.integers(0, 99),
)
def test_equals_one_by_one(dtype, count, step, slope, start, ends, seed):
    """Along any line through the window, up to its very edges."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(2, 40, 2)
    values = rng.normal(size=height * width).astype(dtype)
    cols = np.clip(start[0] * (width - 2) + step * np.arange(count), 0, width - 2).astype(np.int64)
    rows = np.clip(start[1] * (height - 2) + slope * np.arange(count), 0, height - 2).astype(
        np.int64
    )
    corner = (rows * width + cols).astype(np.uint64)
    right, lower = rng.random((2, count)).astype(dtype)
    splits = np.empty(count // LANES, np.int64)
    first, after = min(ends[0], count), max(count - ends[1], min(ends[0], count))
    find_runs(corner, first, after, int(height * width - width - 2), splits)
    buffer = np.full(count, 99, dtype)
    bilinear_row(values, int(width), corner, first, after, splits, right, lower, buffer)
    expected = np.full(count, 99, dtype)
    expected[first:after] = one_by_one(values, width, corner, right, lower)[first:after]
    np.testing.assert_array_equal(buffer, expected)


def test_runs_are_found():
    def splits_of(*corner, last=1000):
        found = np.empty(1, np.int64)
        find_runs(np.array(corner, np.uint64), 0, LANES, last, found)
        return int(found[0])

    assert splits_of(*range(10, 18)) == 8
    assert splits_of(10, 11, 12, 53, 54, 55, 56, 57) == 3
    assert splits_of(60, 61, 62, 63, 64, 65, 66, 27) == 7
    assert splits_of(10, 12, 14, 16, 18, 20, 22, 24) == -1
    assert splits_of(*range(10, 18), last=16) == -1
    assert (
        splits_of(30, 31, 32, 33, 2, 3, 4, 5) == -1
    )  # counted back, the second run begins before 0
