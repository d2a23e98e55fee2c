"""Which stored values count as observed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .header import Header


def observed(
    values: NDArray[Any],
    masks: NDArray[np.uint8] | None,
    header: Header,
    bands: tuple[int, ...],
    nodata: float | None,
) -> NDArray[np.bool_]:
    """Where each band is observed, bool of the shape of `values`, True = observed.

    Unobserved are: the band's nodata value (or the one given in its place), pixels that a mask or alpha
    band closes fully, and NaN in any floating-point band, tagged or not.

    Args:
        values: (C, H, W), as stored.
        masks: (C, H, W) GDAL's mask bands, 0 = unobserved; None where no band has one.
        header: Whose conventions hold.
        bands: Numbers of the C bands.
        nodata: Replaces the file's nodata values; masks and alpha still hold.
    """
    seen = np.ones(values.shape, dtype=np.bool_)
    for i, band in enumerate(bands):
        rule = header.validity[band - 1]
        if rule in ("mask", "alpha") and masks is not None:
            seen[i] &= masks[i] != 0
        unobserved = nodata
        if unobserved is None and rule == "nodata":
            unobserved = header.nodata[band - 1]
        stored = as_stored(unobserved, values.dtype)
        if stored is not None:
            seen[i] &= values[i] != stored
        if values.dtype.kind in "fc":
            seen[i] &= ~np.isnan(values[i])
    return seen


def as_stored(value: float | None, dtype: np.dtype[Any]) -> Any | None:
    """The value as the dtype holds it, or None where it cannot hold it (so no pixel equals it)."""
    if value is None:
        return None
    if dtype.kind in "fc":
        # float32 files are tagged in text, often with digits that float32 rounds away.
        with np.errstate(over="ignore"):
            return dtype.type(value)
    if not float(value).is_integer():
        return None
    limits = np.iinfo(dtype)
    return dtype.type(int(value)) if limits.min <= value <= limits.max else None


def fill_values(header: Header, bands: tuple[int, ...], nodata: float | None) -> list[Any]:
    """What stands where a band has no value: its nodata, or the one given in its place, or 0."""
    fills = []
    for band in bands:
        dtype = np.dtype(header.dtypes[band - 1])
        own = nodata if nodata is not None else header.nodata[band - 1]
        stored = as_stored(own, dtype)
        fills.append(dtype.type(0) if stored is None else stored)
    return fills
