"""The layout of a TIFF: where each block of pixels lies in the file and how it was packed.

Only the directory is read, never a pixel. What the direct engine cannot decode is refused here with the
reason, so that GDAL takes the file instead.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..access.byte_source import Source
from ..access.gdal_fallback import LeftToGdalError

Compression = Literal["none", "deflate", "lzw", "zstd"]

_COMPRESSIONS: dict[int, Compression] = {
    1: "none",
    5: "lzw",
    8: "deflate",
    32946: "deflate",
    50000: "zstd",
}
_TYPE_FORMATS = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}
"""Of tags that hold sizes and places; of other types GDAL makes what it will."""
_DTYPES = {
    (1, 8): "u1",
    (1, 16): "u2",
    (1, 32): "u4",
    (1, 64): "u8",
    (2, 8): "i1",
    (2, 16): "i2",
    (2, 32): "i4",
    (2, 64): "i8",
    (3, 32): "f4",
    (3, 64): "f8",
}

# Tag numbers: TIFF 6.0 section 8, and the registered extensions.
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_FILL_ORDER, _STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_COUNTS = 266, 273, 277, 278, 279
_ORIENTATION, _PLANAR, _PREDICTOR = 274, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS, _FORMAT = 322, 323, 324, 325, 339
_KNOWN = frozenset(
    (
        _SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _STRIP_OFFSETS, _SAMPLES,
        _ROWS_PER_STRIP, _STRIP_COUNTS, _ORIENTATION, _PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT,
        _TILE_OFFSETS, _TILE_COUNTS, _FORMAT,
    )
)  # fmt: skip

_MAX_DIRECTORIES = 64
_MAX_ENTRIES = 4096
_MAX_BLOCK_BYTES = 1 << 30
_INT64_MAX = int(np.iinfo(np.int64).max)


class UnsupportedTiffError(LeftToGdalError):
    """A TIFF, a block of it, or something else, that is damaged or packed in a way left to GDAL."""


@dataclass(frozen=True, slots=True, eq=False)
class TiffImage:
    """One image of a TIFF: the full resolution, an overview, or a mask."""

    height: int
    width: int
    samples: int
    """Values a pixel, that is, bands."""
    dtype: np.dtype
    """As stored, byte order included."""
    block_height: int
    block_width: int
    """A strip is a block as wide as the image."""
    separate: bool
    """True: one block holds one band (planar). False: one block holds all bands, interleaved by pixel."""
    compression: Compression
    predictor: int
    """1 none, 2 horizontal differences, 3 floating point (TIFF technical note 3)."""
    offsets: np.ndarray
    """int64 (planes, block rows, block columns), bytes from the start of the file; 0 where never written.
    All lie inside the file, with as many bytes as `counts` says."""
    counts: np.ndarray
    """int64, same shape, bytes as stored; 0 where never written."""
    reduced: bool
    """Whether this is an overview."""
    mask: bool
    """Whether this is a transparency mask."""

    @property
    def block_samples(self) -> int:
        """Values a pixel inside one block."""
        return 1 if self.separate else self.samples

    @property
    def block_bytes(self) -> int:
        """Bytes of a whole decoded block."""
        return self.block_height * self.block_width * self.block_samples * self.dtype.itemsize

    def rows_in(self, block_row: int) -> int:
        """Rows that a block holds: strips stop at the image's edge, tiles are padded to their size."""
        if self.block_width == self.width and self.block_height * (block_row + 1) > self.height:
            return self.height - self.block_height * block_row
        return self.block_height


def parse_tiff(source: Source) -> tuple[TiffImage, ...]:
    """The images of a TIFF or BigTIFF, the full resolution first.

    Overviews and masks that cannot be used are left out; the first image must be usable.

    Raises:
        UnsupportedTiffError: not a TIFF, damaged, or packed in a way left to GDAL.
    """
    try:
        order, big, at = parse_start(source)
        images: list[TiffImage] = []
        seen: set[int] = set()
        while at and at not in seen and len(seen) < _MAX_DIRECTORIES:
            seen.add(at)
            tags, at = _parse_directory(source, at, order, big)
            try:
                images.append(_image(tags, order, source.size))
            except UnsupportedTiffError:
                if not images:
                    raise
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise UnsupportedTiffError(f"the TIFF directory is damaged: {error}") from error
    if not images or images[0].reduced or images[0].mask:
        raise UnsupportedTiffError("the first image of the TIFF is not the full resolution")
    return tuple(images)


def parse_start(source: Source) -> tuple[str, bool, int]:
    """Byte order (`<` or `>`), whether BigTIFF, offset of the first directory.

    Raises:
        UnsupportedTiffError: not a TIFF.
        ValueError: it ends too early.
    """
    mark, version = source.take(0, 2), source.take(2, 2)
    if mark not in (b"II", b"MM"):
        raise UnsupportedTiffError("not a TIFF")
    order = "<" if mark == b"II" else ">"
    match struct.unpack(order + "H", version)[0]:
        case 42:
            return order, False, struct.unpack(order + "I", source.take(4, 4))[0]
        case 43:
            return order, True, struct.unpack(order + "Q", source.take(8, 8))[0]
        case other:
            raise UnsupportedTiffError(f"TIFF version {other} is neither 42 nor 43")


def orientation_and_color(source: Source) -> tuple[int, int | None]:
    """How the first image is stored, 1 to 8, and its photometric interpretation.

    Upright (1), and None, where that is not given or not understood.

    Source: TIFF 6.0, section 8, Orientation and PhotometricInterpretation.
    """
    try:
        order, big, at = parse_start(source)
        tags = _parse_directory(source, at, order, big)[0]
    except (UnsupportedTiffError, struct.error, ValueError, IndexError, OverflowError):
        return 1, None
    turn, color = (tags.get(tag, np.array([])) for tag in (_ORIENTATION, _PHOTOMETRIC))
    return (
        int(turn[0]) if turn.size and 1 <= turn[0] <= 8 else 1,
        int(color[0]) if color.size else None,
    )


def _parse_directory(
    source: Source, at: int, order: str, big: bool
) -> tuple[dict[int, np.ndarray], int]:
    """The integer tags of one directory, and the offset of the next one (0: none)."""
    count_format, entry_format, offset_format = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    (entries,) = struct.unpack(order + count_format, source.take(at, struct.calcsize(count_format)))
    if entries > _MAX_ENTRIES:
        raise UnsupportedTiffError(f"a TIFF directory of {entries} entries is damaged")
    at += struct.calcsize(count_format)
    size = entries * struct.calcsize(order + entry_format)
    listed = source.take(at, size + struct.calcsize(offset_format))
    tags: dict[int, np.ndarray] = {}
    for tag, kind, count, value in struct.iter_unpack(order + entry_format, listed[:size]):
        if tag not in _KNOWN:
            continue
        format_ = _TYPE_FORMATS.get(kind)
        if format_ is None:  # passed over, a predictor of such a type would be none
            raise UnsupportedTiffError(f"TIFF tag {tag} of type {kind} is left to GDAL")
        length = int(format_[1]) * count
        if length > len(value):
            (where,) = struct.unpack(order + offset_format, value)
            value = source.take(where, length)
        tags[tag] = _whole_numbers(np.frombuffer(value, order + format_, count))
    (following,) = struct.unpack(order + offset_format, listed[size:])
    return tags, following


def _whole_numbers(stored: np.ndarray) -> np.ndarray:
    """As int64, which holds every place in a file and every size of an image."""
    wide = stored.dtype.kind == "u" and stored.dtype.itemsize == 8
    if wide and stored.size and int(stored.max()) > _INT64_MAX:
        raise UnsupportedTiffError(f"a TIFF tag of {int(stored.max())} is damaged")
    return stored.astype(np.int64)


def _image(tags: dict[int, np.ndarray], order: str, file_bytes: int) -> TiffImage:
    def one(tag: int, default: int | None = None) -> int:
        if tag in tags and tags[tag].size:
            return int(tags[tag][0])
        if default is None:
            raise UnsupportedTiffError(f"the TIFF lacks tag {tag}")
        return default

    height, width, samples = one(_HEIGHT), one(_WIDTH), one(_SAMPLES, 1)
    dtype = _dtype(tags, samples, order)
    if one(_COMPRESSION, 1) not in _COMPRESSIONS:
        raise UnsupportedTiffError(f"TIFF compression {one(_COMPRESSION)} is left to GDAL")
    if one(_FILL_ORDER, 1) != 1 or one(_ORIENTATION, 1) != 1 or one(_PHOTOMETRIC, 1) == 6:
        raise UnsupportedTiffError("reversed bits, turned images and YCbCr are left to GDAL")
    predictor = one(_PREDICTOR, 1)
    compression = _COMPRESSIONS[one(_COMPRESSION, 1)]
    if compression == "none":
        predictor = 1  # the tag only has a meaning for LZW, DEFLATE and ZSTD
    if predictor not in (1, 2, 3) or (predictor == 3) != (dtype.kind == "f" and predictor == 3):
        raise UnsupportedTiffError(f"predictor {predictor} of {dtype} values is left to GDAL")
    tiled = _TILE_OFFSETS in tags
    block_height = one(_TILE_HEIGHT) if tiled else min(one(_ROWS_PER_STRIP, height), height)
    block_width = one(_TILE_WIDTH) if tiled else width
    if min(height, width, samples, block_height, block_width) < 1:
        raise UnsupportedTiffError("the TIFF has no pixels")
    separate = samples > 1 and one(_PLANAR, 1) == 2
    shape = (
        samples if separate else 1,
        -(-height // block_height),
        -(-width // block_width),
    )
    offsets = _table(tags, _TILE_OFFSETS if tiled else _STRIP_OFFSETS, shape)
    counts = _table(tags, _TILE_COUNTS if tiled else _STRIP_COUNTS, shape)
    _check_places(offsets, counts, file_bytes)
    image = TiffImage(
        height=height,
        width=width,
        samples=samples,
        dtype=dtype,
        block_height=block_height,
        block_width=block_width,
        separate=separate,
        compression=compression,
        predictor=predictor,
        offsets=offsets,
        counts=counts,
        reduced=bool(one(_SUBFILE, 0) & 1),
        mask=bool(one(_SUBFILE, 0) & 4),
    )
    if image.block_bytes > _MAX_BLOCK_BYTES:
        raise UnsupportedTiffError(f"a block of {image.block_bytes} bytes is left to GDAL")
    return image


def _dtype(tags: dict[int, np.ndarray], samples: int, order: str) -> np.dtype:
    bits = set(tags.get(_BITS, np.array([1])).tolist())
    formats = set(tags.get(_FORMAT, np.array([1])).tolist())
    if len(bits) != 1 or len(formats) != 1:
        raise UnsupportedTiffError("bands of different types are left to GDAL")
    code = _DTYPES.get((formats.pop(), bits.pop()))
    if code is None:
        raise UnsupportedTiffError(
            f"sample format {tags.get(_FORMAT)} of {tags.get(_BITS)} bits is left to GDAL"
        )
    return np.dtype(code if code[1] == "1" else order + code)


def _check_places(offsets: np.ndarray, counts: np.ndarray, file_bytes: int) -> None:
    if min(offsets.min(), counts.min()) < 0:
        raise UnsupportedTiffError("the TIFF's blocks lie before the start of the file")
    # Subtracted, as the sum of an offset and a count can overflow; the difference of two from 0 on cannot.
    if (offsets > file_bytes - counts).any():
        raise UnsupportedTiffError("the TIFF's blocks reach beyond the end of the file")
    if ((offsets == 0) != (counts == 0)).any():
        raise UnsupportedTiffError(
            "blocks of the TIFF have a place without a size, or a size without a place: it is damaged"
        )


def _table(tags: dict[int, np.ndarray], tag: int, shape: tuple[int, int, int]) -> np.ndarray:
    values = tags.get(tag)
    if values is None or values.size != shape[0] * shape[1] * shape[2]:
        raise UnsupportedTiffError(f"TIFF tag {tag} does not list {shape} blocks")
    table = values.reshape(shape)
    table.setflags(write=False)
    return table
