"""What one source left unobserved comes from the next, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from geoloom.io.loops.fill_gaps import fill_gap, gap_of

masks = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 40)), elements=st.integers(0, 1)
)


@given(valid=masks)
def test_the_window_is_the_smallest_that_holds_all_gaps(valid):
    rows, cols = np.nonzero(valid == 0)
    if rows.size:
        assert gap_of(valid) == (rows.min(), rows.max() + 1, cols.min(), cols.max() + 1)
    else:
        assert gap_of(valid) == (0, 0, 0, 0)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64"])
@given(valid=masks, seed=st.integers(0, 99))
def test_gaps_are_filled_where_the_next_observed(dtype, valid, seed):
    rng = np.random.default_rng(seed)
    top, bottom, left, right = gap_of(valid)
    window = np.s_[top:bottom, left:right]
    out = rng.integers(0, 100, (3, *valid.shape)).astype(dtype)
    values = rng.integers(100, 200, (3, bottom - top, right - left)).astype(dtype)
    seen = rng.integers(0, 2, values.shape[1:]).astype(np.uint8)
    gain = (seen == 1) & (valid[window] == 0)
    expected, known = out.copy(), valid.copy()
    expected[:, *window] = np.where(gain, values, out[:, *window])
    known[window] |= seen
    fill_gap(values, seen, (top, left), out, valid)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(valid, known)
