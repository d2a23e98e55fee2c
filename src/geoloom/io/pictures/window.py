"""A window of a TIFF, of which no more is read than lies in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.errors import ReadError
from geoloom.core.grid import PixelWindow

from ..access.gdal_fallback import LeftToGdalError, leave
from ..blocks.copy import copy_from
from ..blocks.stack import Channel, Stack
from ..engines.gdal_window import read_window
from ..headers.header import Header, read_header
from .picture import local_file


def read_picture_window(
    uri: str | Path, window: PixelWindow, *, measured: int = 0
) -> tuple[NDArray[Any], NDArray[np.bool_], GeoBox | None]:
    """The pixels of a window of a TIFF, as stored.

    Args:
        uri: Path of the file.
        window: Wholly inside it.
        measured: As of `picture_info`.

    Returns:
        Values (C, h, w) in the file's dtype, where all are observed (h, w), and where they lie; None where
        the file gives no place.

    Raises:
        ReadError: the file is missing or damaged, or smaller than the window asks.
    """
    header = _header(uri, window, measured)
    values, valid = _pixels(header, window)
    return values, valid, _placed(header, window)


def picture_window_grid(
    uri: str | Path, window: PixelWindow, *, measured: int = 0
) -> GeoBox | None:
    """Where a window of a TIFF lies, no pixel read; arguments and errors as of `read_picture_window`."""
    return _placed(_header(uri, window, measured), window)


def _header(uri: str | Path, window: PixelWindow, measured: int) -> Header:
    """Of a file that holds the window."""
    header = read_header(local_file(uri), measured=measured, placed=False)
    height, width = header.grid.shape
    if window.row + window.height > height or window.col + window.width > width:
        raise ReadError(
            f"{uri} has {height} x {width} pixels, expected at least {window.row + window.height} x "
            f"{window.col + window.width}; it is another file: fetch it again"
        )
    return header


def _placed(header: Header, window: PixelWindow) -> GeoBox | None:
    if header.grid.crs is None:
        return None
    rows = slice(window.row, window.row + window.height)
    return header.grid[rows, window.col : window.col + window.width]


def _pixels(header: Header, window: PixelWindow) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    stack = Stack(tuple(Channel(header, number) for number in header.data_bands))
    try:
        ready = stack.ready()
        if ready is not None:
            shape = window.height, window.width
            values = np.empty((len(stack.channels), *shape), ready.like.dtype)
            valid = np.empty(shape, np.bool_)
            copy_from(ready, window, values, valid.view(np.uint8))
            ready.check()
            return values, valid
    except LeftToGdalError as error:
        leave(header.uri, error)
    finally:
        stack.forget()
    values, seen = read_window(header, window, header.data_bands, None)
    return values, np.logical_and.reduce(seen, axis=0)
