"""Every 16-bit value comes out as itself, wherever it lies in memory, and nothing beside it is touched."""

from __future__ import annotations

import numpy as np
import pytest

from geoloom.chips.zarr.widen import _plainly, widen


@pytest.mark.parametrize("loop", [widen, _plainly])
def test_all_values_from_and_to_all_places(loop):
    values = np.random.default_rng(0).permutation(1 << 16).astype(np.uint16)
    for count in (0, 1, 15, 16, 17, 33, 1000, values.size - 20):
        for skip in (0, 1, 5, 16, 19):
            target = np.full(values.size + 40, -1, np.float32)
            loop(values[skip : skip + count], target[skip : skip + count])
            np.testing.assert_array_equal(target[skip : skip + count], values[skip : skip + count])
            assert (target[:skip] == -1).all()
            assert (target[skip + count :] == -1).all()
