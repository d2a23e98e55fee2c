"""The layout of a TIFF: where each block of pixels lies in the file and how it was packed.

Only the directory is read, never a pixel. What the direct engine cannot decode is refused here with the
reason, so that GDAL takes the file instead.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np

from geoloom.core.errors import ReadError

Compression = Literal["none", "deflate", "lzw", "zstd"]

_COMPRESSIONS: dict[int, Compression] = {
    1: "none",
    5: "lzw",
    8: "deflate",
    32946: "deflate",
    50000: "zstd",
}
_TYPE_FORMATS = {1: "u1", 3: "u2", 4: "u4", 6: "i1", 8: "i2", 9: "i4", 13: "u4", 16: "u8", 17: "i8"}
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
_MAX_BLOCK_BYTES = 1 << 30


class UnsupportedTiffError(ReadError):
    """A TIFF, or something else, that the direct engine leaves to GDAL; the message says why."""


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
    """int64 (planes, block rows, block columns), bytes from the start of the file; 0 where never written."""
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


def parse_tiff(data: memoryview) -> tuple[TiffImage, ...]:
    """The images of a TIFF or BigTIFF, the full resolution first.

    Overviews and masks that cannot be used are left out; the first image must be usable.

    Args:
        data: The file's bytes, usually a memory map.

    Raises:
        UnsupportedTiffError: not a TIFF, damaged, or packed in a way left to GDAL.
    """
    try:
        order, big, first = parse_start(data)
        images: list[TiffImage] = []
        seen: set[int] = set()
        at = first
        while at and at not in seen and len(seen) < _MAX_DIRECTORIES:
            seen.add(at)
            tags, following = _parse_directory(data, at, order, big)
            try:
                images.append(_image(tags, order, len(data)))
            except UnsupportedTiffError:
                if not images:
                    raise
            at = following
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise UnsupportedTiffError(f"the TIFF directory is damaged: {error}") from error
    if not images or images[0].reduced or images[0].mask:
        raise UnsupportedTiffError("the first image of the TIFF is not the full resolution")
    return tuple(images)


def parse_start(data: memoryview) -> tuple[str, bool, int]:
    """Byte order (`<` or `>`), whether BigTIFF, offset of the first directory.

    Raises:
        UnsupportedTiffError: not a TIFF.
    """
    mark = bytes(data[:2])
    if mark not in (b"II", b"MM"):
        raise UnsupportedTiffError("not a TIFF")
    order = "<" if mark == b"II" else ">"
    (version,) = struct.unpack_from(order + "H", data, 2)
    if version == 42:
        return order, False, struct.unpack_from(order + "I", data, 4)[0]
    if version == 43:
        return order, True, struct.unpack_from(order + "Q", data, 8)[0]
    raise UnsupportedTiffError(f"TIFF version {version} is neither 42 nor 43")


def _parse_directory(
    data: memoryview, at: int, order: str, big: bool
) -> tuple[dict[int, np.ndarray], int]:
    """The integer tags of one directory, and the offset of the next one (0: none)."""
    count_format, entry_size, inline, value_format = ("Q", 20, 8, "Q") if big else ("H", 12, 4, "I")
    (entries,) = struct.unpack_from(order + count_format, data, at)
    at += struct.calcsize(count_format)
    if entries > 4096:
        raise UnsupportedTiffError(f"a TIFF directory of {entries} entries is damaged")
    tags: dict[int, np.ndarray] = {}
    for entry in range(at, at + entries * entry_size, entry_size):
        tag, kind, count = struct.unpack_from(order + "HH" + value_format, data, entry)
        format_ = _TYPE_FORMATS.get(kind)
        if format_ is None or tag not in _KNOWN:
            continue
        where = entry + entry_size - inline
        size = int(format_[1]) * count
        if size > inline:
            (where,) = struct.unpack_from(order + value_format, data, where)
        if where + size > len(data):
            raise UnsupportedTiffError(f"TIFF tag {tag} points beyond the end of the file")
        tags[tag] = np.frombuffer(data, order + format_, count, where).astype(np.int64)
    (following,) = struct.unpack_from(order + value_format, data, at + entries * entry_size)
    return tags, following


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
    if (offsets < 0).any() or (counts < 0).any() or (offsets + counts > file_bytes).any():
        raise UnsupportedTiffError("the TIFF's blocks reach beyond the end of the file")
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


def _table(tags: dict[int, np.ndarray], tag: int, shape: tuple[int, int, int]) -> np.ndarray:
    values = tags.get(tag)
    if values is None or values.size != shape[0] * shape[1] * shape[2]:
        raise UnsupportedTiffError(f"TIFF tag {tag} does not list {shape} blocks")
    table = values.reshape(shape)
    table.setflags(write=False)
    return table
