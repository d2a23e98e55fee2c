"""TIFFs that lie: changed in their header, tags, tables or pixels, in the same way for equal seeds."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_MOST_ENTRIES, _MOST_DIRECTORIES = 512, 16

_SIGNIFICANT: dict[int, tuple[int, ...]] = {
    254: (0, 1, 2, 4, 5),  # NewSubfileType
    256: (0, 1, 63, 65, 1 << 16, 1 << 30, (1 << 31) - 1),  # ImageWidth
    257: (0, 1, 63, 65, 1 << 16, 1 << 30, (1 << 31) - 1),  # ImageLength
    258: (0, 1, 4, 7, 8, 12, 16, 24, 32, 64, 128),  # BitsPerSample
    259: (0, 1, 2, 5, 6, 7, 8, 32773, 32946, 34887, 34925, 50000, 50001, 65535),  # Compression
    262: (0, 1, 2, 3, 5, 6, 8, 32844),  # PhotometricInterpretation
    266: (0, 1, 2),  # FillOrder
    274: (0, 1, 3, 6, 9),  # Orientation
    277: (0, 1, 2, 3, 4, 5, 255, 65535),  # SamplesPerPixel
    278: (0, 1, 7, 1 << 16, (1 << 32) - 1),  # RowsPerStrip
    284: (0, 1, 2, 3),  # PlanarConfiguration
    317: (0, 1, 2, 3, 4, 34892),  # Predictor
    322: (0, 1, 16, 48, 64, 128, 1 << 16, 1 << 30),  # TileWidth
    323: (0, 1, 16, 48, 64, 128, 1 << 16, 1 << 30),  # TileLength
    338: (0, 1, 2),  # ExtraSamples
    339: (0, 1, 2, 3, 4, 5, 6),  # SampleFormat
}
"""Tag -> values that change what it means."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of a directory, as places in the file."""

    at: int
    tag: int
    kind: int
    count: int
    values_at: int
    """Where its values stand."""


@dataclass(slots=True)
class _Tiff:
    """Bytes to be changed, and what they say as they are."""

    data: bytearray
    order: str
    big: bool
    entries: list[_Entry]
    links: list[int]
    """Where offsets of directories stand: in the header, and behind each directory."""

    @property
    def offset(self) -> str:
        """Format of an offset."""
        return self.order + ("Q" if self.big else "I")

    def put(self, at: int, format_: str, value: int) -> None:
        """Overwrite a number, cut to its size, unless it lies beyond the end."""
        size = struct.calcsize(format_)
        if 0 <= at <= len(self.data) - size:
            value &= (1 << (8 * size)) - 1
            self.data[at : at + size] = struct.pack(format_, value)


def mutant(data: bytes, seed: int) -> tuple[bytes, str]:
    """A TIFF changed in one to three places.

    Args:
        data: Of a whole TIFF or BigTIFF.
        seed: Equal seeds change equal bytes alike.

    Returns:
        The changed bytes, and what was changed, for people.

    Example:
        >>> changed, how = mutant(Path("scene.tif").read_bytes(), 7)  # doctest: +SKIP
    """
    rng = np.random.default_rng(seed)
    tiff = _take_apart(bytearray(data))
    notes = []
    for _ in range(int(rng.choice((1, 1, 1, 2, 3)))):
        change = _CHANGES[int(rng.choice(len(_CHANGES), p=_WEIGHTS))]
        notes.append(change(tiff, rng))
    return bytes(tiff.data), "; ".join(notes)


def _take_apart(data: bytearray) -> _Tiff:
    order = ">" if data[:2] == b"MM" else "<"
    big = len(data) >= 16 and struct.unpack_from(order + "H", data, 2)[0] == 43
    tiff = _Tiff(data, order, big, [], [8 if big else 4])
    counter, size, head = (order + "Q", 20, 8) if big else (order + "H", 12, 2)
    seen: set[int] = set()
    while len(seen) < _MOST_DIRECTORIES:
        try:
            (at,) = struct.unpack_from(tiff.offset, data, tiff.links[-1])
            (count,) = struct.unpack_from(counter, data, at)
        except struct.error:
            break
        if not at or at in seen or count > _MOST_ENTRIES:
            break
        seen.add(at)
        for place in range(at + head, at + head + count * size, size):
            if place + size <= len(data):
                tiff.entries.append(_entry(tiff, place))
        tiff.links.append(at + head + count * size)
    return tiff


def _entry(tiff: _Tiff, at: int) -> _Entry:
    tag, kind = struct.unpack_from(tiff.order + "HH", tiff.data, at)
    (count,) = struct.unpack_from(tiff.offset, tiff.data, at + 4)
    inline, values_at = (8, at + 12) if tiff.big else (4, at + 8)
    if _SIZES.get(kind, 1) * count > inline:
        (values_at,) = struct.unpack_from(tiff.offset, tiff.data, values_at)
    return _Entry(at, tag, kind, count, values_at)


def _number(tiff: _Tiff, rng: np.random.Generator) -> int:
    """A number of the kind at which programs fail."""
    size = len(tiff.data)
    match int(rng.integers(6)):
        case 0:
            return int(rng.choice((0, 1, 2, 3, 255, 256, 65535, 65536)))
        case 1:
            return (1 << int(rng.integers(1, 64))) + int(rng.integers(-1, 2))
        case 2:
            return size + int(rng.integers(-4, 5))
        case 3:
            return int(rng.integers(0, max(size, 1)))
        case 4:
            return -int(rng.integers(1, 1 << 16))
        case _:
            return int(rng.integers(0, 1 << 32))


def _pick(tiff: _Tiff, rng: np.random.Generator) -> _Entry | None:
    if not tiff.entries:
        return None
    # The tags that a reader computes with come first.
    significant = [
        e for e in tiff.entries if e.tag in _SIGNIFICANT or e.tag in (273, 279, 324, 325)
    ]
    pool = significant if significant and rng.random() < 0.7 else tiff.entries
    return pool[int(rng.integers(len(pool)))]


def _change_entry(tiff: _Tiff, rng: np.random.Generator) -> str:
    """The tag, type, count, or value of an entry."""
    entry = _pick(tiff, rng)
    if entry is None:
        return _flip_bits(tiff, rng)
    number = _number(tiff, rng)
    match int(rng.integers(8)):
        case 0:
            tiff.put(entry.at, tiff.order + "H", number)
            return f"tag {entry.tag} is called {number & 0xFFFF}"
        case 1:
            kind = int(rng.integers(0, 20))
            tiff.put(entry.at + 2, tiff.order + "H", kind)
            return f"tag {entry.tag} is of type {kind}"
        case 2 | 3:
            tiff.put(entry.at + 4, tiff.offset, number)
            return f"tag {entry.tag} counts {number}"
        case _:
            tiff.put(entry.at + (12 if tiff.big else 8), tiff.offset, number)
            return f"tag {entry.tag} has {number}, or points there"


def _change_meaning(tiff: _Tiff, rng: np.random.Generator) -> str:
    """A tag gets a value that means something else."""
    significant = [entry for entry in tiff.entries if entry.tag in _SIGNIFICANT]
    if not significant:
        return _flip_bits(tiff, rng)
    entry = significant[int(rng.integers(len(significant)))]
    value = int(rng.choice(_SIGNIFICANT[entry.tag]))
    code = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(entry.kind, "H")
    for i in range(min(entry.count, 16) if rng.random() < 0.7 else 1):
        tiff.put(entry.values_at + i * struct.calcsize(code), tiff.order + code, value)
    return f"tag {entry.tag} is {value}"


def _change_table(tiff: _Tiff, rng: np.random.Generator) -> str:
    """Where a block lies, or how long it is."""
    tables = [entry for entry in tiff.entries if entry.tag in (273, 279, 324, 325)]
    if not tables:
        return _flip_bits(tiff, rng)
    entry = tables[int(rng.integers(len(tables)))]
    size = _SIZES.get(entry.kind, 4)
    number, which = _number(tiff, rng), int(rng.integers(max(min(entry.count, 1 << 20), 1)))
    code = tiff.order + {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
    tiff.put(entry.values_at + which * size, code, number)
    return f"tag {entry.tag} has {number} for block {which}"


def _change_chain(tiff: _Tiff, rng: np.random.Generator) -> str:
    """Where a directory follows: nowhere, itself, an earlier one, anywhere."""
    link = tiff.links[int(rng.integers(len(tiff.links)))]
    places = [entry.at - (8 if tiff.big else 2) for entry in tiff.entries]
    goal = _number(tiff, rng)
    if places and rng.random() < 0.5:
        goal = places[int(rng.integers(len(places)))]
    tiff.put(link, tiff.offset, goal)
    return f"the directory after {link} is at {goal}"


def _change_start(tiff: _Tiff, rng: np.random.Generator) -> str:
    """The first bytes: byte order, version, size of offsets."""
    at = int(rng.integers(0, min(16, max(len(tiff.data), 1))))
    value = int(rng.integers(256))
    tiff.put(at, "<B", value)
    return f"byte {at} is {value}"


def _flip_bits(tiff: _Tiff, rng: np.random.Generator) -> str:
    """Bits anywhere, or within a short stretch."""
    size = len(tiff.data)
    if not size:
        return "nothing"
    first, last = 0, size
    if rng.random() < 0.5:
        first = int(rng.integers(size))
        last = min(first + 512, size)
    places = [int(at) for at in rng.integers(first, last, int(rng.integers(1, 17)))]
    for at in places:
        tiff.data[at] ^= 1 << int(rng.integers(8))
    return f"bits flipped at {sorted(places)[:4]}"


def _cut(tiff: _Tiff, rng: np.random.Generator) -> str:
    """The end is missing."""
    size = len(tiff.data)
    keep = (
        int(rng.integers(size + 1))
        if rng.random() < 0.7
        else max(size - int(rng.integers(1, 65)), 0)
    )
    del tiff.data[keep:]
    return f"cut after {keep} of {size} bytes"


def _overwrite(tiff: _Tiff, rng: np.random.Generator) -> str:
    """A stretch is another's, zeros, or noise."""
    size = len(tiff.data)
    if size < 2:
        return "nothing"
    length = int(rng.integers(1, min(size, 4096)))
    at, other = (int(i) for i in rng.integers(0, size - length + 1, 2))
    sources = (bytes(length), rng.bytes(length), bytes(tiff.data[other : other + length]))
    tiff.data[at : at + length] = sources[int(rng.integers(3))]
    return f"{length} bytes overwritten at {at}"


_CHANGES: tuple[Callable[[_Tiff, np.random.Generator], str], ...] = (
    _change_entry,
    _change_meaning,
    _change_table,
    _change_chain,
    _change_start,
    _flip_bits,
    _cut,
    _overwrite,
)
_WEIGHTS = (0.27, 0.22, 0.15, 0.06, 0.03, 0.12, 0.09, 0.06)
