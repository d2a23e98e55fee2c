"""TIFF, with or without a place: by the direct engine where it can, else by GDAL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloom.core.bands import Band
from geoloom.core.errors import ReadError
from geoloom.core.grid import PixelWindow

from ..access.byte_source import Source
from ..access.gdal_fallback import LeftToGdalError, leave
from ..blocks.codecs import MOST_PER_BYTE
from ..blocks.copy import copy_from
from ..blocks.stack import Channel, Stack
from ..engines.gdal_window import common_dtype, read_window
from ..headers.header import Header, read_header
from ..headers.scan import own_bands
from ..headers.tiff_structure import orientation_and_color
from .orientation import upright, upright_shape
from .picture import RGB, Picture, PictureInfo, check_claim, named_bands

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_MOST_PER_BYTE = 1 << 13
"""What a stored byte can unfold to in the codecs that are left to GDAL, as far as one meets it."""


_STRANGE_COLORS = {
    5: "CMYK, for printing, where red, green and blue depend on inks and paper",
    8: "CIE L*a*b*",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
}
"""Photometric interpretations of which GDAL makes something like red, green and blue, or nothing."""


def describe(uri: str, measured: int) -> PictureInfo:
    """What a TIFF says of itself; see `read.picture_info`."""
    header = read_header(uri, measured=measured, placed=False)
    return _info(header, _turn(header))


def decode(uri: str, measured: int) -> Picture:
    """The pixels of a TIFF; see `read.read_picture`."""
    header = read_header(uri, measured=measured, placed=False)
    turn = _turn(header)
    info = _info(header, turn)
    stack = Stack(tuple(Channel(header, number) for number in header.data_bands))
    try:
        values, valid = _by_blocks(header, stack) or _by_gdal(header)
    except LeftToGdalError as error:
        leave(uri, error)
        values, valid = _by_gdal(header)
    finally:
        stack.forget()  # a picture is read once an epoch
    if header.colormap is not None:
        values = _colors(header, values[0])
    return Picture(upright(values, turn), upright(valid, turn), info)


def _by_blocks(header: Header, stack: Stack) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
    """Values (C, H, W) and where all are observed, without GDAL; None where it is left to GDAL."""
    ready = stack.ready()
    if ready is None:
        return None
    image = ready.files[0].image
    claimed = header.grid.shape[0] * header.grid.shape[1] * image.samples * image.dtype.itemsize
    check_claim(header.uri, claimed, int(image.counts.sum()), MOST_PER_BYTE[image.compression])
    values = np.empty((len(stack.channels), *header.grid.shape), ready.like.dtype)
    valid = np.empty(header.grid.shape, np.bool_)
    copy_from(ready, PixelWindow(0, 0, *header.grid.shape), values, valid.view(np.uint8))
    ready.check()
    return values, valid


def _by_gdal(header: Header) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    numbers, (height, width) = header.data_bands, header.grid.shape
    claimed = height * width * len(numbers) * common_dtype(header, numbers).itemsize
    check_claim(header.uri, claimed, header.stamp[0][1], _MOST_PER_BYTE)
    values, seen = read_window(header, PixelWindow(0, 0, height, width), numbers, None)
    return values, np.logical_and.reduce(seen, axis=0)


def _info(header: Header, turn: int) -> PictureInfo:
    strange = [dtype for dtype in header.dtypes if dtype not in _DTYPES]
    if strange:
        raise ReadError(
            f"{header.uri} holds values of type {strange[0]}, which are not a picture's; expected "
            f"{', '.join(sorted(_DTYPES))}"
        )
    shape = upright_shape(tuple(header.grid.shape), turn)
    dtype = common_dtype(header, header.data_bands).name
    bands = _bands(header)
    if header.colormap is not None:
        dtype = "uint8"
    grid = None if header.grid.crs is None else header.grid
    return PictureInfo(header.uri, "TIFF", shape, dtype, bands, grid)


def _bands(header: Header) -> tuple[Band, ...]:
    if header.colormap is not None:
        return named_bands(RGB)
    own = own_bands(header)
    described = any(header.descriptions[number - 1] for number in header.data_bands)
    if described or len(own) != len(RGB) or header.colors[: len(RGB)] != RGB:
        return own
    colors = zip(own, named_bands(RGB), strict=True)
    return tuple(replace(band, name=color.name, role=color.role) for band, color in colors)


def _colors(header: Header, indices: NDArray[Any]) -> NDArray[np.uint8]:
    """Palette indices (H, W) as red, green, blue (3, H, W); black where the palette has no entry."""
    assert header.colormap is not None  # the caller has looked
    table = np.zeros((int(np.iinfo(indices.dtype).max) + 1, 3), np.uint8)
    for index, color in header.colormap.items():
        table[index] = color[:3]
    return np.ascontiguousarray(table.T)[:, indices]


def _turn(header: Header) -> int:
    """How it is stored, 1 to 8; with a place, pixels lie as the place says.

    Raises:
        ReadError: its colours are none that a screen has.
    """
    with Path(header.uri).open("rb") as file:
        size = file.seek(0, 2)

        def read(start: int, length: int) -> bytes:
            file.seek(start)
            return file.read(length)

        turn, color = orientation_and_color(Source(read, size))
    if color in _STRANGE_COLORS:
        raise ReadError(
            f"{header.uri} is stored as {_STRANGE_COLORS[color]}; expected gray, RGB or bands of "
            "measurements: convert it first, or leave it out"
        )
    return turn if header.grid.crs is None else 1


_DTYPES = frozenset((
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64",
))  # fmt: skip
