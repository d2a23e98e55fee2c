"""Reading a picture of any of the formats, recognised by their first bytes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from geoloom.core.errors import ReadError
from geoloom.core.progress import Progress

from . import jpeg, png, tiff
from .picture import Picture, PictureInfo, local_file

log = logging.getLogger(__name__)

PICTURE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff"))
"""Of files that are looked for in folders, lower case; what a file is, its first bytes say."""

_MAGICS: dict[bytes, ModuleType] = {
    png.MAGIC: png,
    jpeg.MAGIC: jpeg,
    **dict.fromkeys(tiff.MAGICS, tiff),
}
_OTHERS = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"RIFF": "a WebP picture or a sound",
    b"\0\0\0\x0cjP": "a JPEG 2000",
    b"\x89HDF": "an HDF5 file",
    b"PK": "an archive (zip)",
    b"<": "a page of a web server",
    b"version https://git-lfs": "a pointer of Git LFS, whose file was not fetched",
}
_MAGIC_BYTES = 32
_THREADS = 8
_AT_ONCE = 256


def picture_info(uri: str | Path, *, measured: int = 0) -> PictureInfo:
    """What a file says of its picture; no pixel is decoded.

    Args:
        uri: Path of a PNG, JPEG or TIFF.
        measured: How many bands, from the first, are known to be measurements: none of them is transparency,
            even where the file says so.

    Raises:
        ReadError: it is no such file, is damaged as far as can be seen, or is meant for printing (CMYK).
    """
    name = local_file(uri)
    try:
        return _format_of(name).describe(name, measured)  # type: ignore[no-any-return]
    except ReadError:
        raise
    except OSError as error:
        raise ReadError(f"{name} cannot be read: {error}") from error


def read_picture(uri: str | Path, *, measured: int = 0) -> Picture:
    """The pixels of a picture, (C, H, W) in the file's own dtype.

    Guarantee: values as stored, except that palettes become their colours, samples of less than a byte fill
    its range, and pictures that were stored turned, as cameras do, are turned upright; a TIFF with a place
    stays as its place says. Memory is taken only where the file's size can explain it.

    Args:
        uri, measured: As `picture_info`.

    Returns:
        Values, and which pixels are observed: not those that are wholly transparent, of the file's nodata
        value, or NaN.

    Raises:
        ReadError: as `picture_info`, or its pixels are damaged or missing.

    Example:
        >>> read_picture("chips/forest/forest07.png").values.shape  # doctest: +SKIP
        (3, 256, 256)
    """
    name = local_file(uri)
    try:
        return _format_of(name).decode(name, measured)  # type: ignore[no-any-return]
    except ReadError:
        raise
    except OSError as error:
        raise ReadError(f"{name} cannot be read: {error}") from error


def picture_infos(
    uris: Sequence[str], *, measured: int = 0, progress: Progress | None = None
) -> list[PictureInfo | ReadError]:
    """`picture_info` of many files, in their order, by threads; the error where one cannot be read.

    Args:
        uris, measured: As `picture_info`.
        progress: Called with (files read, files in all), by the calling thread.
    """

    def look(part: Sequence[str]) -> list[PictureInfo | ReadError]:
        return [_info_or_error(uri, measured) for uri in part]

    parts = [uris[i : i + _AT_ONCE] for i in range(0, len(uris), _AT_ONCE)]
    infos: list[PictureInfo | ReadError] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for answers in pool.map(look, parts):
            infos += answers
            if progress is not None:
                progress(len(infos), len(uris))
    return infos


def _info_or_error(uri: str, measured: int) -> PictureInfo | ReadError:
    try:
        return picture_info(uri, measured=measured)
    except ReadError as error:
        return error


def _format_of(name: str) -> ModuleType:
    with open(name, "rb") as file:  # noqa: PTH123 - one of many
        start = file.read(_MAGIC_BYTES)
    for magic, module in _MAGICS.items():
        if start.startswith(magic):
            return module
    if not start:
        raise ReadError(f"{name} is empty, expected a PNG, JPEG or TIFF; fetch it again")
    kind = next((kind for mark, kind in _OTHERS.items() if start.startswith(mark)), None)
    problem = f"is {kind}" if kind else f"begins with {start[:8]!r}"
    raise ReadError(
        f"{name} {problem}, expected a PNG, JPEG or TIFF; convert it, or fetch it again"
    )
