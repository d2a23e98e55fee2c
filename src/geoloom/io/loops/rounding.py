"""Resampled values in the dtype that they were stored in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HALF = 0.5 + 1e-5
"""Means of whole numbers are often exactly between two. Rounding those up from just below keeps them from
falling either way with the last digit of a coordinate."""


def as_dtype(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Values cast to a dtype: rounded, halves upwards, and clipped to its range if it is an integer's."""
    if dtype.kind not in "iu":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    rounded = np.floor(values + HALF)
    # Limits of 64-bit integers are not float64s: casting them would wrap around.
    low, high = float(limits.min), np.nextafter(float(limits.max) + 1, 0)
    return rounded.clip(low, high).astype(dtype)


UNROUNDED = np.dtype(np.float64)
"""Of stored integers that are resampled without rounding: holds every one of up to 32 bits."""


def given_dtype(dtype: np.dtype[Any], *, unrounded: bool) -> np.dtype[Any]:
    """The dtype in which values stored in a dtype are resampled and given: that, or `UNROUNDED`."""
    return UNROUNDED if unrounded and dtype.kind in "iu" else dtype


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype to resample in: floating, holding every value of a stored dtype of up to 32 bits."""
    if dtype.kind not in "iu":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)
