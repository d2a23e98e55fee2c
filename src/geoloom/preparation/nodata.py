"""Nodata: which pixels of an image count as observed, and which value can say that they are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ConfigError
from ..io.engines.gdal_window import common_dtype
from ..io.headers.header import Header
from ..io.headers.validity import as_stored
from .options import NodataRule

_WIDER = {"uint8": "int16", "int8": "int16", "uint16": "int32", "int16": "int32"}


def observed_pixels(
    values: np.ndarray,
    rule: NodataRule,
    tagged: Sequence[float | None],
    nodata: float | None,
) -> np.ndarray:
    """Where nodata values leave a pixel observed, bool (h, w).

    Args:
        values: (C, h, w), as stored.
        rule: Whether one band decides, or all together.
        tagged: The file's own nodata value of each band. Under `any` the reader has seen to them.
        nodata: Value given by hand; under `all`, for bands that have none of their own.

    Example:
        >>> observed_pixels(np.array([[[0, 0]], [[0, 5]]]), "all", [None, None], 0).tolist()
        [[False, True]]
    """
    absent = [nodata if own is None or rule == "any" else own for own in tagged]
    missing = np.zeros(values.shape, dtype=bool)
    for band, (plane, value) in enumerate(zip(values, absent, strict=True)):
        stored = as_stored(value, plane.dtype)
        if stored is not None:
            missing[band] = plane == stored
    hidden = missing.any(axis=0) if rule == "any" else missing.all(axis=0)
    return np.asarray(~hidden)


def wider_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A type that holds all values of an integer type and more; other types stay.

    Example:
        >>> wider_dtype(np.dtype("uint8"))
        dtype('int16')
    """
    return np.dtype(_WIDER.get(dtype.name, "int64")) if dtype.kind in "iu" else dtype


def free_nodata(
    headers: Sequence[Header], nodata: float | None, *, gaps: bool
) -> tuple[np.dtype[Any], float | None]:
    """A type for the values of several files, and a nodata value in it that no pixel has.

    Args:
        headers: Of the files.
        nodata: The value that the user gives; None looks for one.
        gaps: Whether there are pixels that no file holds.

    Returns:
        The files' common type and nodata value where they agree on one; else NaN, or of integers the lowest
        value of the next wider type. None where every pixel is observed.

    Raises:
        ConfigError: there is no such value; the message says how to give one.
    """
    dtype = np.result_type(*(common_dtype(header, header.data_bands) for header in headers))
    if nodata is not None:
        return dtype, nodata
    own = {
        str(header.nodata[n - 1]): header.nodata[n - 1]
        for header in headers
        for n in header.data_bands
    }
    [first, *others] = own.values()
    hidden = any(header.validity[n - 1] != "all" for header in headers for n in header.data_bands)
    if not others and (first is not None or not (gaps or hidden)):
        return dtype, first
    if dtype.kind == "f":
        return dtype, float("nan")
    wider = wider_dtype(dtype)
    # Maps of classes are of bytes: their colours and names go with no other type.
    if wider.itemsize == dtype.itemsize or headers[0].categorical:
        raise ConfigError(
            f"{headers[0].uri} holds {'classes' if headers[0].categorical else dtype} and the files share no "
            "nodata value, which unobserved pixels need: say which value no pixel has by nodata= "
            "(--nodata; in the toolbox no_data=)"
        )
    return wider, float(np.iinfo(wider).min)


def fill_unobserved(image: np.ndarray, valid: np.ndarray, nodata: float | None) -> np.ndarray:
    """The image with nodata where not valid; a valid float that equals it by chance moves by one bit.

    Args:
        image: (C, h, w).
        valid: (h, w) bool, True = observed.
        nodata: None leaves the image as it is.
    """
    if nodata is None:
        return image
    fill = np.asarray(nodata).astype(image.dtype)
    if image.dtype.kind == "f" and not np.isnan(fill):
        image = np.where(image == fill, np.nextafter(fill, np.asarray(np.inf, image.dtype)), image)
    return np.where(valid, image, fill)
