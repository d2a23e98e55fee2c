"""Stored pixels of a window, as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from geoloom.core.errors import ReadError
from geoloom.core.grid import PixelWindow, window_inside, window_slices

from ..access.handles import close_handle, open_handle
from ..access.remote import is_remote, patiently, remotely, without_query
from ..headers.header import Header
from ..headers.validity import fill_values, observed


def read_window(
    header: Header, window: PixelWindow, bands: tuple[int, ...], nodata: float | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Stored values (C, H, W) of a window that may lie outside the raster, and where each is observed.

    Inside the raster values are bit for bit as stored, also where unobserved; outside they are the fill.

    Raises:
        ReadError: the file is damaged there.
    """
    part = window_inside(window, header.grid.shape)
    if part is None:
        return empty(header, bands, nodata, (window.height, window.width))
    inside = Window(part.col, part.row, part.width, part.height)
    if is_remote(header.uri):
        stored, stored_seen = remotely(_read_inside, header, inside, bands, nodata)
    else:
        stored, stored_seen = _read_inside(header, inside, bands, nodata)
    if stored.shape[1:] == (window.height, window.width):
        return stored, stored_seen
    values, seen = empty(header, bands, nodata, (window.height, window.width))
    top, left = part.row - window.row, part.col - window.col
    at = window_slices(PixelWindow(top, left, part.height, part.width))
    values[:, *at] = stored
    seen[:, *at] = stored_seen
    return values, seen


def empty(
    header: Header, bands: tuple[int, ...], nodata: float | None, shape: tuple[int, int]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values (C, H, W), all fill, and their validity, all False: what a place outside the raster has."""
    values = np.empty((len(bands), *shape), dtype=common_dtype(header, bands))
    for layer, fill in zip(values, fill_values(header, bands, nodata), strict=True):
        layer[:] = fill
    return values, np.zeros(values.shape, dtype=np.bool_)


def common_dtype(header: Header, bands: tuple[int, ...]) -> np.dtype[Any]:
    """The smallest dtype that holds the values of all these bands."""
    return np.result_type(*(np.dtype(header.dtypes[band - 1]) for band in bands))


def _read_inside(
    header: Header, window: Window, bands: tuple[int, ...], nodata: float | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    masked = any(header.validity[band - 1] in ("mask", "alpha") for band in bands)

    def attempt() -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
        handle = open_handle(header.uri, header.level)
        if handle.count < max(bands):
            raise _replaced(header, f"has {handle.count} bands", f"band {max(bands)}")
        values = handle.read(list(bands), window=window, out_dtype=common_dtype(header, bands))
        return values, handle.read_masks(list(bands), window=window) if masked else None

    try:
        # Inside an Env what GDAL has to say goes to logging, not to the terminal.
        with rasterio.Env():
            values, masks = patiently(attempt, header.uri, close_handle)
    except RasterioError as error:
        raise ReadError(
            f"{without_query(header.uri)} is damaged in rows {window.row_off} to "
            f"{window.row_off + window.height}, columns {window.col_off} to {window.col_off + window.width}: "
            f"{error.__cause__ or error}; fetch it again, or read a part that avoids the damage"
        ) from error
    if values.shape[1:] != (window.height, window.width):  # GDAL leaves out what the file lacks
        raise _replaced(
            header, "is smaller", f"{header.grid.shape[0]} x {header.grid.shape[1]} pixels"
        )
    return values, observed(values, masks, header, bands, nodata)


def _replaced(header: Header, found: str, expected: str) -> ReadError:
    return ReadError(
        f"{without_query(header.uri)} was replaced while it was read: it {found} by now, where its header "
        f"declared {expected}; read again when it is whole"
    )
