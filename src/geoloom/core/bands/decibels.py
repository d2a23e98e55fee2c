"""Backscatter as a ratio of powers and in decibels: arrays of numpy."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

PowerUnit = Literal["linear", "dB"]
"""Units that one turns into the other."""


def decibels_of(power: NDArray[Any]) -> NDArray[np.float32]:
    """10 log10 of a ratio of powers.

    Args:
        power: Any shape, any numeric dtype.

    Returns:
        The same shape; NaN where the power is 0, below 0 or not known.

    Example:
        >>> decibels_of(np.array([100.0, 0.0])).round(4).tolist()
        [20.0, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        decibels = 10 * np.log10(power.astype(np.float32))
    return np.where(np.isfinite(decibels), decibels, np.float32(np.nan)).astype(np.float32)


def power_of(decibels: NDArray[Any]) -> NDArray[np.float32]:
    """The ratio of powers that decibels mean, 10 ^ (dB / 10).

    Args:
        decibels: Any shape, any numeric dtype.

    Returns:
        The same shape; NaN where it is not known, or larger than float32 holds.

    Example:
        >>> power_of(np.array([20.0, 0.0])).tolist()
        [100.0, 1.0]
    """
    with np.errstate(over="ignore"):
        power = np.power(np.float32(10), decibels.astype(np.float32) / np.float32(10))
    return np.where(np.isfinite(power), power, np.float32(np.nan)).astype(np.float32)
