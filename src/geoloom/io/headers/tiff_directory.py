"""A TIFF's directory, read without GDAL: where the image lies, and all else as one comparable value.

GDAL takes a millisecond to open a file, most of it to make out its CRS. But the files of a product differ in
where they lie and in little else: GDAL reads one of a kind, and of the others no more than this is read.
"""

from __future__ import annotations

import os
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ..access.byte_source import Source
from .tiff_structure import UnsupportedTiffError, parse_start

_MAX_ENTRIES = 512
_MAX_DIRECTORIES = 32
_MAX_VALUE_BYTES = 1 << 20
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_WHOLE = {3: "H", 4: "I", 16: "Q"}
_ASCII, _SHORT, _DOUBLE = 2, 3, 12

_SUBFILE, _WIDTH, _HEIGHT, _SAMPLES, _PLANAR = 254, 256, 257, 277, 284
_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT = 278, 322, 323
_STRIP_TABLES, _TILE_TABLES = (273, 279), (324, 325)
_TABLES = frozenset({*_STRIP_TABLES, *_TILE_TABLES})
"""Where the blocks lie and how long they are: not part of what a header describes."""
_PIXEL_SCALE, _TIE_POINTS, _MATRIX, _GEO_KEYS = 33550, 33922, 34264, 34735
_METADATA = 42112
_TEXTS = {
    269: "TIFFTAG_DOCUMENTNAME",
    270: "TIFFTAG_IMAGEDESCRIPTION",
    305: "TIFFTAG_SOFTWARE",
    306: "TIFFTAG_DATETIME",
    315: "TIFFTAG_ARTIST",
    316: "TIFFTAG_HOSTCOMPUTER",
    33432: "TIFFTAG_COPYRIGHT",
}
"""Tags that GDAL hands on as they are, and its names for them."""
_RASTER_TYPE_KEY, _PIXEL_IS_POINT = 1025, 2
_PLAIN = re.compile(rb"[!-~](?:[ -~]*[!-~])?")
"""Text that no encoding and no trimming can change."""
_MEANT_FOR_GDAL = re.compile(r"NODATA_VALUES$|AREA_OR_POINT$|TIFFTAG_")
"""Items that GDAL acts on, or that a tag also contains."""

_Value = tuple[int, int, bytes]
"""TIFF type, count, bytes as stored."""


@dataclass(frozen=True, slots=True)
class Directory:
    """What the directories of a TIFF say, but for where its blocks lie."""

    shape: tuple[int, int]
    """Height, width."""
    affine: tuple[float, float, float, float, float, float] | None
    """Pixel corner (col, row) -> world (x, y), as GDAL computes it; None where no tag gives a place."""
    texts: Mapping[str, str]
    """Free metadata, by GDAL's names; the names, but not the texts, are part of the kind."""
    kind: Hashable
    """All else. Files of equal kinds have equal headers, but for what is above."""


def read_directory(path: str) -> Directory | None:
    """The directory of a local TIFF; None where anything about it is not understood for certain.

    A file with a mask, several images, control points, or a south-up transform is left to GDAL, and so is
    what is not a TIFF or is damaged.
    """
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path costs more than the call

            def read(start: int, size: int) -> bytes:
                file.seek(start)
                return file.read(size) or b""

            return _directory(Source(read, os.fstat(file.fileno()).st_size))
    except (OSError, UnsupportedTiffError, struct.error, ValueError, LookupError, OverflowError):
        return None


def _directory(source: Source) -> Directory | None:
    order, big, first = parse_start(source)
    tags, following = _tags(source, first, order, big)
    if not _only_overviews_follow(source, following, order, big):
        return None
    height, width = (_number(tags.pop(tag), order) for tag in (_HEIGHT, _WIDTH))
    _check_tables(tags, (height, width), order)
    affine = _affine(tags, order)
    texts = _free_texts(tags)
    for tag in (_PIXEL_SCALE, _TIE_POINTS, _MATRIX, _ROWS_PER_STRIP):
        tags.pop(tag, None)
    metadata = _items(tags.pop(_METADATA)[2]) if _METADATA in tags else ({}, b"")
    names = *texts, *metadata[0]
    kind = order, big, names, metadata[1], tuple(tags.items())
    return Directory((height, width), affine, {**texts, **metadata[0]}, kind)


def _tags(source: Source, at: int, order: str, big: bool) -> tuple[dict[int, _Value], int]:
    """The tags of a directory, and the offset of the next one (0: none)."""
    count_format, entry_format, offset_format = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    counted = struct.calcsize(count_format)
    (entries,) = struct.unpack(order + count_format, source.take(at, counted))
    if not 0 < entries <= _MAX_ENTRIES:
        raise ValueError(f"{entries} entries")
    entry_format = order + entry_format
    size = entries * struct.calcsize(entry_format)
    listed = source.take(at + counted, size + struct.calcsize(offset_format))
    tags: dict[int, _Value] = {}
    last = 0
    for tag, kind, count, value in struct.iter_unpack(entry_format, listed[:size]):
        if tag <= last:
            raise ValueError(f"tag {tag} after tag {last}")
        last = tag
        if tag in _TABLES:
            tags[tag] = kind, count, b""
            continue
        length = _SIZES.get(kind, _MAX_VALUE_BYTES + 1) * count
        if length > _MAX_VALUE_BYTES:
            raise ValueError(f"tag {tag} of {length} bytes")
        if length > len(value):
            (where,) = struct.unpack(order + offset_format, value)
            value = source.take(where, length)
        tags[tag] = kind, count, value[:length]
    (following,) = struct.unpack(order + offset_format, listed[size:])
    return tags, following


def _only_overviews_follow(source: Source, at: int, order: str, big: bool) -> bool:
    """Whether the further images are smaller copies: neither masks nor pages."""
    for _ in range(_MAX_DIRECTORIES):
        if not at:
            return True
        tags, at = _tags(source, at, order, big)
        if _SUBFILE not in tags or _number(tags[_SUBFILE], order) != 1:
            return False
    return False


def _check_tables(tags: dict[int, _Value], shape: tuple[int, int], order: str) -> None:
    """Takes the tables of blocks out of the tags; they must list as many blocks as the image has."""
    tiled = _TILE_WIDTH in tags
    if tiled:
        rows, columns = (_number(tags[tag], order) for tag in (_TILE_HEIGHT, _TILE_WIDTH))
    else:
        rows, columns = _number(tags[_ROWS_PER_STRIP], order), shape[1]
    samples = _number(tags[_SAMPLES], order) if _SAMPLES in tags else 1
    planes = samples if _PLANAR in tags and _number(tags[_PLANAR], order) == 2 else 1
    blocks = planes * -(-shape[0] // max(rows, 1)) * -(-shape[1] // max(columns, 1))
    for table in _TILE_TABLES if tiled else _STRIP_TABLES:
        kind, count, _ = tags.pop(table)
        if kind not in _WHOLE or count != blocks or min(rows, columns) < 1:
            raise ValueError(f"TIFF tag {table} lists {count} blocks, not {blocks}")


def _number(value: _Value, order: str) -> int:
    kind, count, stored = value
    if count != 1 or kind not in _WHOLE:
        raise ValueError(f"TIFF type {kind} x {count} where a number was expected")
    return int(struct.unpack(order + _WHOLE[kind], stored)[0])


def _doubles(tags: Mapping[int, _Value], tag: int, order: str) -> tuple[float, ...]:
    kind, count, stored = tags.get(tag, (_DOUBLE, 0, b""))
    if kind != _DOUBLE:
        raise ValueError(f"TIFF tag {tag} of type {kind}")
    return struct.unpack(f"{order}{count}d", stored)


def _affine(
    tags: Mapping[int, _Value], order: str
) -> tuple[float, float, float, float, float, float] | None:
    """As GeoTIFF 1.1 section 7.4.3 has it; where a pixel is a point, its corner lies half a pixel off it.

    None where no tag gives a place.
    """
    scale, ties, matrix = (_doubles(tags, t, order) for t in (_PIXEL_SCALE, _TIE_POINTS, _MATRIX))
    if len(matrix) == 16 and not scale and not ties:
        a, b, _, c, d, e, _, f = matrix[:8]
    elif len(scale) >= 2 and len(ties) == 6 and not matrix and min(scale[:2]) > 0:
        a, b, d, e = scale[0], 0.0, 0.0, -scale[1]
        c, f = ties[3] - ties[0] * a, ties[4] - ties[1] * e
    elif scale or ties or matrix or _GEO_KEYS in tags:
        raise ValueError("a place that is left to GDAL")
    else:
        return None
    if _pixel_is_point(tags, order):
        c, f = c - (a * 0.5 + b * 0.5), f - (d * 0.5 + e * 0.5)
    return a, b, c, d, e, f


def _pixel_is_point(tags: Mapping[int, _Value], order: str) -> bool:
    kind, count, stored = tags.get(_GEO_KEYS, (_SHORT, 0, b""))
    if kind != _SHORT or count % 4:
        raise ValueError("GeoTIFF keys that come not in fours")
    keys = struct.iter_unpack(order + "4H", stored)
    return any(key == _RASTER_TYPE_KEY and value == _PIXEL_IS_POINT for key, _, _, value in keys)


def _free_texts(tags: dict[int, _Value]) -> dict[str, str]:
    """Takes the texts out of the tags that hold nothing but plain text."""
    texts = {}
    for tag, name in _TEXTS.items():
        kind, _, stored = tags.get(tag, (0, 0, b""))
        if kind == _ASCII and stored.endswith(b"\0") and _PLAIN.fullmatch(stored[:-1]):
            texts[name] = stored[:-1].decode()
            del tags[tag]
    return texts


@lru_cache(maxsize=512)
def _items(stored: bytes) -> tuple[Mapping[str, str], bytes]:
    """GDAL's metadata: free texts by name, and all that means something.

    Statistics are recognised: they differ from file to file and are not part of a header.
    """
    try:
        root = ElementTree.fromstring(stored.rstrip(b"\0"))
    except ElementTree.ParseError:
        return {}, stored
    if any(len(item) for item in root):
        return {}, stored  # items have no parts; what has, may have them without end
    texts: dict[str, str] = {}
    others = []
    for item in root:
        name, text = item.get("name", ""), (item.text or "").encode()
        if set(item.attrib) == {"name", "sample"} and name.startswith("STATISTICS_"):
            continue
        free = item.tag == "Item" and set(item.attrib) == {"name"} and name not in texts
        if free and not _MEANT_FOR_GDAL.match(name) and _PLAIN.fullmatch(text):
            texts[name] = text.decode()
        else:
            others.append(ElementTree.tostring(item))
    return texts, b"".join(others)
