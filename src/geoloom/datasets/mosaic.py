"""Several scenes over one grid: which of them gives a pixel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

Mosaic = Literal["newest", "first", "mean"]


def compose(
    answers: Iterable[tuple[np.ndarray, np.ndarray]], rule: Mosaic
) -> tuple[np.ndarray, np.ndarray]:
    """One answer of several, which are drawn only as long as pixels are missing.

    A pixel's bands all come from one scene (apart from `mean`), so that spectra stay whole.

    Args:
        answers: Values (C, H, W) and valid (H, W) of each scene, in the order of their priority.
        rule: `mean` averages what was observed; the others take the first that observed.

    Returns:
        Values (C, H, W), float32 for `mean`, and where some scene observed, bool (H, W).
    """
    drawn = iter(answers)
    values, valid = next(drawn)
    if rule == "mean":
        return _mean(values, valid, drawn)
    for more, seen in drawn if not valid.all() else ():
        fresh = seen & ~valid
        if fresh.any():
            dtype = np.result_type(values, more)
            values = np.where(fresh, more, values).astype(dtype, copy=False)
            valid = valid | seen
        if valid.all():
            break
    return values, valid


def _mean(
    values: np.ndarray, valid: np.ndarray, drawn: Iterable[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    total = np.where(valid, values, 0).astype(np.float64)
    count = valid.astype(np.int64)
    for more, seen in drawn:
        total += np.where(seen, more, 0)
        count += seen
    mean = np.where(count > 0, total / np.maximum(count, 1), values)
    return mean.astype(np.float32), count > 0
