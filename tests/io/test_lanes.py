"""Eight pixels at once give, bit for bit, what one pixel after the other gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloom.io.loops.bilinear_simd import LANES, bilinear_row, split_of
from geoloom.io.loops.rounding import HALF


def one_by_one(source, corner, right, lower, working, dtype):
    """The rule, plainly: two steps across and one down, in the working dtype."""
    width = source.shape[2]
    values, at = source.reshape(len(source), -1).astype(working), corner.astype(np.int64)
    above = values[:, at] + right * (values[:, at + 1] - values[:, at])
    below = values[:, at + width] + right * (values[:, at + width + 1] - values[:, at + width])
    result = above + lower * (below - above)
    if source.dtype.kind in "iu":
        result = np.floor(result + np.dtype(working).type(HALF))
    return result.astype(dtype)


@pytest.mark.parametrize(
    ("stored", "working", "dtype"),
    [
        ("uint8", "float32", "uint8"),
        ("uint8", "float32", "int64"),
        ("int8", "float32", "float64"),
        ("uint16", "float32", "float32"),
        ("uint16", "float32", "uint16"),
        ("int16", "float32", "int16"),
        ("int32", "float64", "int32"),
        ("uint32", "float64", "int64"),
        ("uint32", "float64", "float32"),
        ("float32", "float64", "float32"),
        ("float64", "float64", "float64"),
    ],
)
@given(
    count=st.integers(1, 60),
    step=st.floats(-2.5, 2.5),
    slope=st.floats(-1.5, 1.5),
    start=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    ends=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    bands=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_equals_one_by_one(stored, working, dtype, count, step, slope, start, ends, bands, seed):
    """Along any line through the window, up to its very edges; other pixels stay as they were."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(2, 40, 2)
    source = values_of(stored, (bands, height, width), rng)
    cols = np.clip(start[0] * (width - 2) + step * np.arange(count), 0, width - 2).astype(np.int32)
    rows = np.clip(start[1] * (height - 2) + slope * np.arange(count), 0, height - 2).astype(
        np.int32
    )
    corner = (rows * width + cols).astype(np.int32)
    right, lower = rng.random((2, count)).astype(working)
    first, after = min(ends[0], count), max(count - ends[1], min(ends[0], count))
    out = np.full((bands, 3, count + 5), 99, dtype)
    bilinear_row(source, corner, first, after, right, lower, out, count + 5 + 2)
    expected = np.full((bands, 3, count + 5), 99, dtype)
    row = one_by_one(source, corner, right, lower, working, dtype)
    expected[:, 1, 2 + first : 2 + after] = row[:, first:after]
    np.testing.assert_array_equal(out, expected)


def values_of(dtype, shape, rng):
    """Values over the whole range of the dtype, its ends among them."""
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    values = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    ends = rng.random(shape)
    values[ends < 0.2], values[ends > 0.8] = limits.min, limits.max
    return values


def test_runs_are_found():
    def split(*corner, last=1000):
        return split_of(np.array(corner, np.int32), 0, last)

    assert split(*range(10, 18)) == LANES
    assert split(10, 11, 12, 53, 54, 55, 56, 57) == 3
    assert split(60, 61, 62, 63, 64, 65, 66, 27) == 7
    assert split(10, 12, 14, 16, 18, 20, 22, 24) == -1
    assert split(*range(10, 18), last=16) == -1
    assert split(30, 31, 32, 33, 2, 3, 4, 5) == -1  # counted back, the second run begins before 0
