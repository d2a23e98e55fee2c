"""Which pixels of an image count as observed, where a nodata value is also a measured one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..io.headers.validity import as_stored

NodataRule = Literal["any", "all"]
"""Whether a pixel is unobserved where `any` of its bands holds nodata, or only where `all` do."""

_WIDER = {"uint8": "int16", "int8": "int16", "uint16": "int32", "int16": "int32"}


def observed_bands(
    values: np.ndarray,
    rule: NodataRule,
    tagged: Sequence[float | None],
    no_data: float | None,
) -> np.ndarray:
    """Where nodata values leave a pixel observed, bool (h, w).

    Args:
        values: (C, h, w), as stored.
        rule: Whether one band decides, or all together.
        tagged: The file's own nodata value of each band. Under `any` the reader has seen to them.
        no_data: Value given by hand; under `all`, for bands that have none of their own.

    Example:
        >>> observed_bands(np.array([[[0, 0]], [[0, 5]]]), "all", [None, None], 0).tolist()
        [[False, True]]
    """
    absent = [no_data if own is None or rule == "any" else own for own in tagged]
    missing = np.zeros(values.shape, dtype=bool)
    for band, (plane, value) in enumerate(zip(values, absent, strict=True)):
        stored = as_stored(value, plane.dtype)
        if stored is not None:
            missing[band] = plane == stored
    hidden = missing.any(axis=0) if rule == "any" else missing.all(axis=0)
    return np.asarray(~hidden)


def wider(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A type that holds all values of an integer type and more; other types stay.

    Example:
        >>> wider(np.dtype("uint8"))
        dtype('int16')
    """
    return np.dtype(_WIDER.get(dtype.name, "int64")) if dtype.kind in "iu" else dtype
