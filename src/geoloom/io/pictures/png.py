"""PNG, whole or an error: GDAL gives black where a file ends early, and Pillow cuts 16 bits of colour to 8.

Source: Portable Network Graphics, third edition (W3C, 2025).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from geoloom.core.errors import ReadError

from .orientation import exif_orientation, upright, upright_shape
from .picture import RGB, Picture, PictureInfo, check_claim, named_bands

MAGIC = b"\x89PNG\r\n\x1a\n"

_GRAY, _COLOR, _PALETTE, _GRAY_ALPHA, _COLOR_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {_GRAY: 1, _COLOR: 3, _PALETTE: 1, _GRAY_ALPHA: 2, _COLOR_ALPHA: 4}
_WITH_ALPHA = (_GRAY_ALPHA, _COLOR_ALPHA)
_DEPTHS = {
    _GRAY: (1, 2, 4, 8, 16),
    _COLOR: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    _GRAY_ALPHA: (8, 16),
    _COLOR_ALPHA: (8, 16),
}
_PASSES = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
)  # fmt: skip
"""Of an interlaced picture: first row, first column, every so many rows, every so many columns (Adam7)."""
_WHOLE = ((0, 0, 1, 1),)
_DEFLATE_MOST = 1032
"""What a byte of DEFLATE can unfold to: a copy of 258 bytes takes two bits."""
_LONGEST_SIDE = (1 << 31) - 1
_HEAD_BYTES = 1 << 12
"""Holds what precedes the pixels in nearly all files."""


@dataclass(frozen=True, slots=True)
class _Header:
    """What precedes the pixels."""

    width: int
    height: int
    depth: int
    """Bits a sample, as stored."""
    kind: int
    interlaced: bool
    palette: NDArray[np.uint8] | None
    """(n, 3) red, green, blue; of a picture of indices."""
    clear: NDArray[Any] | None
    """Of a palette the opacity of its first entries; else the samples of the colour that means nothing."""
    turn: int
    """How the picture is stored, as Exif has it."""

    @property
    def samples(self) -> int:
        """Values a pixel, as stored."""
        return _SAMPLES[self.kind]

    def row_bytes(self, width: int) -> int:
        """Of so many pixels, without the filter before them."""
        return -(-width * self.depth * self.samples // 8)

    def bands(self, measured: int) -> tuple[str, ...]:
        """Names of the channels; transparency is one where it is declared as a measurement."""
        bands = ("1",) if self.kind in (_GRAY, _GRAY_ALPHA) else RGB
        declared = self.kind in _WITH_ALPHA and measured > len(bands)
        return (*bands, str(len(bands) + 1)) if declared else bands


def describe(uri: str, measured: int) -> PictureInfo:
    """What a PNG says of itself; see `read.picture_info`."""
    with open(uri, "rb") as file:  # noqa: PTH123 - one of many
        size = file.seek(0, 2)
        file.seek(0)
        data = file.read(_HEAD_BYTES)
        header = _read_header(uri, data, size)
        if header is None:
            header = _read_header(uri, data + file.read(), size)
    if header is None:
        raise _damaged(uri, "it ends before its pixels")
    return _info(uri, header, measured)


def decode(uri: str, measured: int) -> Picture:
    """The pixels of a PNG; see `read.read_picture`."""
    with open(uri, "rb") as file:  # noqa: PTH123 - one of many
        data = file.read()
    header = _read_header(uri, data, len(data))
    if header is None:
        raise _damaged(uri, "it ends before its pixels")
    info = _info(uri, header, measured)
    packed = [part for kind, part in _chunks(uri, data) if kind == b"IDAT"]
    stored = _stored(uri, header, packed[0] if len(packed) == 1 else b"".join(packed))
    values, valid = _meant(uri, header, stored, len(info.bands))
    return Picture(upright(values, header.turn), upright(valid, header.turn), info)


def _info(uri: str, header: _Header, measured: int) -> PictureInfo:
    shape = upright_shape((header.height, header.width), header.turn)
    dtype = "uint16" if header.depth == 16 else "uint8"
    return PictureInfo(uri, "PNG", shape, dtype, named_bands(header.bands(measured)))


def _stored(uri: str, header: _Header, packed: bytes | memoryview) -> NDArray[Any]:
    """The samples (H, W, C) as the file has them."""
    parts = [
        (part, len(range(part[0], header.height, part[2])), len(range(part[1], header.width, part[3])))
        for part in (_PASSES if header.interlaced else _WHOLE)
    ]  # fmt: skip
    parts = [(part, rows, cols) for part, rows, cols in parts if rows and cols]
    sizes = [rows * (header.row_bytes(cols) + 1) for _, rows, cols in parts]
    try:
        raw = isal_zlib.decompressobj().decompress(packed, sum(sizes))
    except cast(type[Exception], isal_zlib.error) as error:
        raise _damaged(uri, f"its pixels cannot be unpacked ({error})") from error
    if len(raw) < sum(sizes):
        raise _damaged(uri, f"its pixels are {len(raw):,} bytes where {sum(sizes):,} were expected")
    if not header.interlaced:
        return _samples_of(uri, header, np.frombuffer(raw, np.uint8), *parts[0][1:])
    dtype = np.uint16 if header.depth == 16 else np.uint8
    whole = np.empty((header.height, header.width, header.samples), dtype)
    at = 0
    for ((top, left, down, across), rows, cols), size in zip(parts, sizes, strict=True):
        part = np.frombuffer(raw, np.uint8, size, at)
        whole[top::down, left::across] = _samples_of(uri, header, part, rows, cols)
        at += size
    return whole


def _samples_of(
    uri: str, header: _Header, raw: NDArray[np.uint8], rows: int, cols: int
) -> NDArray[Any]:
    """Samples (rows, cols, C) of filtered bytes."""
    from ..loops.png_rows import unfilter

    width = header.row_bytes(cols)
    lines = np.empty((rows, width), np.uint8)
    step = max(header.depth * header.samples // 8, 1)
    wrong = unfilter(raw[: rows * (width + 1)].reshape(rows, width + 1), step, lines)
    if wrong >= 0:
        raise _damaged(uri, f"row {wrong} has a filter that there is not")
    shape = rows, cols, header.samples
    if header.depth == 16:
        return lines.view(">u2").astype(np.uint16).reshape(shape)
    if header.depth == 8:
        return lines.reshape(shape)
    bits = np.unpackbits(lines, axis=1)[:, : cols * header.depth].reshape(rows, cols, header.depth)
    weights = 1 << np.arange(header.depth - 1, -1, -1, dtype=np.uint8)
    samples: NDArray[Any] = (bits * weights).sum(axis=-1, dtype=np.uint8, keepdims=True)
    return samples


def _meant(
    uri: str, header: _Header, stored: NDArray[Any], count: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The values (C, H, W) of `count` bands, and which pixels are there."""
    valid = np.ones(stored.shape[:2], np.bool_)
    if header.palette is not None:
        indices = stored[..., 0]
        if int(indices.max()) >= len(header.palette):
            raise _damaged(
                uri,
                f"its palette has {len(header.palette)} colours, and pixels are of number "
                f"{int(indices.max())} (counted from 0)",
            )
        if header.clear is not None:
            opacity = np.full(len(header.palette), 255, np.uint8)
            opacity[: len(header.clear)] = header.clear[: len(opacity)]
            valid = opacity[indices] != 0
        return np.ascontiguousarray(header.palette.T)[:, indices], valid
    if header.kind in _WITH_ALPHA and count < header.samples:
        valid = stored[..., -1] != 0
    elif header.clear is not None:
        valid = (stored != header.clear).any(axis=-1)
    values = np.ascontiguousarray(np.moveaxis(stored[..., :count], -1, 0))
    if header.depth < 8:
        # Section 13.12: samples are scaled to the range of the depth that one goes on with.
        values *= np.uint8(255 // ((1 << header.depth) - 1))
    return values, valid


def _read_header(uri: str, data: bytes, size: int) -> _Header | None:
    """What precedes the pixels; None where that does not lie in `data`, the file's first bytes."""
    parts = {b"IHDR": b"", b"PLTE": b"", b"tRNS": b"", b"eXIf": b""}
    for kind, part in _chunks(uri, data):
        if kind == b"IDAT":
            break
        if not parts[b"IHDR"] and kind != b"IHDR":
            raise _damaged(uri, "it does not begin with a header (IHDR)")
        if kind in parts:
            parts[kind] = bytes(part)
    else:
        return None
    return _header_of(uri, parts, size)


def _header_of(uri: str, parts: dict[bytes, bytes], size: int) -> _Header:
    if len(parts[b"IHDR"]) != 13:
        raise _damaged(uri, f"its header has {len(parts[b'IHDR'])} bytes, expected 13")
    width, height, depth, kind, *others = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    if not (0 < width <= _LONGEST_SIDE and 0 < height <= _LONGEST_SIDE):
        raise _damaged(uri, f"its header claims {width} x {height} pixels")
    if depth not in _DEPTHS.get(kind, ()) or others not in ([0, 0, 0], [0, 0, 1]):
        raise _damaged(
            uri,
            f"its header claims colour type {kind} of {depth} bits, and compression, filter and interlace "
            f"{others}",
        )
    colors = np.frombuffer(parts[b"PLTE"], np.uint8)
    is_palette = kind == _PALETTE
    if is_palette and not (0 < colors.size <= 768 and colors.size % 3 == 0):
        raise _damaged(uri, f"its palette has {colors.size} bytes; expected 3 to 768, by threes")
    header = _Header(
        width,
        height,
        depth,
        kind,
        interlaced=bool(others[2]),
        palette=colors.reshape(-1, 3) if is_palette else None,
        clear=_clear(uri, kind, parts[b"tRNS"]),
        turn=exif_orientation(parts[b"eXIf"]) if parts[b"eXIf"] else 1,
    )
    check_claim(uri, height * (header.row_bytes(width) + 1), size, _DEFLATE_MOST)
    return header


def _clear(uri: str, kind: int, data: bytes) -> NDArray[Any] | None:
    if not data or kind in _WITH_ALPHA:
        return None
    if kind == _PALETTE:
        return np.frombuffer(data, np.uint8)
    if len(data) != 2 * _SAMPLES[kind]:
        raise _damaged(uri, f"its transparent colour (tRNS) has {len(data)} bytes")
    return np.frombuffer(data, ">u2").astype(np.uint16)


def _chunks(uri: str, data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and contents of each chunk that lies wholly in `data`; of the first IDAT, also what is cut off."""
    view, at = memoryview(data), len(MAGIC)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        whole = at + 12 + length <= len(data)
        part = view[at + 8 : at + 8 + length]
        if not whole and kind != b"IDAT":
            return
        if whole and struct.unpack_from(">I", data, at + 8 + length)[0] != isal_zlib.crc32(
            view[at + 4 : at + 8 + length]
        ):
            raise _damaged(uri, f"the checksum of its part {kind!r} at byte {at} is wrong")
        yield kind, part
        at += 12 + length


def _damaged(uri: str, why: str) -> ReadError:
    return ReadError(f"{uri} is a damaged PNG: {why}; fetch it again, or leave it out")
