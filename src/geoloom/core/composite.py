"""Several answers over one grid as one: which of them gives a pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

CompositeRule = Literal["newest", "first", "mean"]
"""Which answer gives a pixel: the first that observed it (for `newest`, answers come newest first), or the
mean of all that did."""

COMPOSITE_RULES: tuple[CompositeRule, ...] = get_args(CompositeRule)

Part = tuple[NDArray[Any], NDArray[np.bool_]]
"""Values (..., H, W), and where they are valid, bool (H, W)."""


def composite(
    parts: Iterable[Part],
    rule: CompositeRule,
    *,
    cast: Callable[[NDArray[Any]], NDArray[Any]] = lambda means: means.astype(np.float32),
) -> Part:
    """One answer of several, which are drawn only as long as pixels are missing.

    A pixel's bands all come from one answer (apart from `mean`), so that spectra stay whole.

    Args:
        parts: In the order of their priority, at least one.
        rule: `mean` averages what was observed; the others take the first that observed.
        cast: From means, float64, to the values' dtype; float32 if not given.

    Returns:
        Values, and where some part is valid, bool (H, W). Elsewhere they are the first part's.

    Example:
        >>> a = np.array([[1, 0]]), np.array([[True, False]])
        >>> b = np.array([[3, 4]]), np.array([[True, True]])
        >>> composite([a, b], "first")[0].tolist(), composite([a, b], "mean")[0].tolist()
        ([[1, 4]], [[2.0, 4.0]])
    """
    drawn = iter(parts)
    whole = next(drawn)
    if rule == "mean":
        return _mean(whole, drawn, cast)
    for part in drawn if not whole[1].all() else ():
        whole = first_valid(whole, part)
        if whole[1].all():
            break
    return whole


def first_valid(first: Part, second: Part) -> Part:
    """The first answer, with the second where the second alone is valid."""
    (values, valid), (more, seen) = first, second
    fresh = seen & ~valid
    if not fresh.any():
        return first
    dtype = np.result_type(values, more)
    return np.where(fresh, more, values).astype(dtype, copy=False), valid | seen


def _mean(first: Part, drawn: Iterable[Part], cast: Callable[[NDArray[Any]], NDArray[Any]]) -> Part:
    values, valid = first
    total = np.where(valid, values, 0).astype(np.result_type(values, np.float64))
    count = valid.astype(np.int64)
    for more, seen in drawn:
        total = total.astype(np.result_type(total, more), copy=False)
        np.add(total, more, out=total, where=seen)
        count += seen
    means = cast(total / np.maximum(count, 1))
    return np.where(count > 0, means, values.astype(means.dtype)), count > 0
