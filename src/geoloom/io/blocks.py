"""TIFFs mapped into memory, and a cache of decoded blocks bounded in bytes.

A block is found by its address in memory: inside the map where the file holds plain native values, inside
the cache where it was decoded. Both are safe to use from many threads; a forked child keeps the maps, and
starts with an empty cache and fresh locks.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geoloom.core.errors import ReadError

from .codecs import Block
from .handles import Key, Stamp
from .tiff import TiffImage, UnsupportedTiffError, parse_tiff

FILES_MAPPED = 4096
"""Maps kept at most; each holds address space and directory, but neither a descriptor nor memory."""

CACHE_BYTES = 256 << 20
"""Default bound of the cache of decoded blocks, bytes, for the whole process."""

LEAST_BYTES = 32 << 20
"""What the cache holds where it is of little use: the blocks of a chip or two, as neighbours share them."""

_NEW_TO_KNOWN = 4
"""So many bytes of new blocks undo the growth by one byte that was wanted again."""

BlockKey = tuple[int, int, int, int]
"""File serial, plane, block row, block column."""


@dataclass(frozen=True, slots=True, eq=False)
class MappedTiff:
    """A TIFF's bytes and the layout of its full-resolution image, or of an overview."""

    uri: str
    serial: int
    """Unlike that of any other map of this process, also of an older state of the same file."""
    image: TiffImage
    data: memoryview
    """The whole file."""
    plain: bool
    """Whether values can be used where they lie: uncompressed, native byte order, aligned, all written."""
    addresses: NDArray[np.int64] = field(repr=False)
    """(planes, block rows, block columns), where each block lies in memory; only of use where `plain`."""


class BlockCache:
    """Decoded blocks, the most recently used; as many as are worth their memory, within a bound.

    Chips along a grid come back to a block again and again, chips at random hardly ever. So the cache starts
    small and remembers, by name only, what it dropped. A block that is wanted again soon after lets it
    grow, one that is new lets it shrink: it grows where more memory would save one block in five.

    Guarantee: never more than `max_bytes`. A block that several threads want at once is decoded once. A block
    larger than the bound is handed out and not kept.

    Args:
        max_bytes: Bound of the memory of all kept blocks together.
        least_bytes: What it holds at least, as far as the bound allows.
    """

    def __init__(self, max_bytes: int = CACHE_BYTES, least_bytes: int = LEAST_BYTES) -> None:
        self.max_bytes, self.least_bytes = max_bytes, least_bytes
        self.room = min(least_bytes, max_bytes)
        """What the kept blocks may take now, bytes."""
        self.bytes = 0
        self._lock = threading.Lock()
        self._blocks: OrderedDict[BlockKey, Block] = OrderedDict()
        self._dropped: OrderedDict[BlockKey, int] = OrderedDict()
        self._dropped_bytes = 0

    def get(self, key: BlockKey, make: Callable[[], Block]) -> Block:
        """The block, from the cache or else made, as yet undecoded."""
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                self._blocks.move_to_end(key)
                return block
            block = make()
            self._adapt(key, block.nbytes)
            if block.nbytes <= self.max_bytes:
                self._make_room(max(self.room, block.nbytes) - block.nbytes)
                self._blocks[key] = block
                self.bytes += block.nbytes
            return block

    def _adapt(self, key: BlockKey, size: int) -> None:
        """Grow if a larger cache had held this block, else shrink a little."""
        dropped = self._dropped.pop(key, None)
        if dropped is None:
            self.room = max(
                self.room - size // _NEW_TO_KNOWN, min(self.least_bytes, self.max_bytes)
            )
        else:
            self._dropped_bytes -= dropped
            self.room = min(self.room + size, self.max_bytes)

    def _make_room(self, max_bytes: int) -> None:
        while self.bytes > max_bytes:
            key, block = self._blocks.popitem(last=False)
            self.bytes -= block.nbytes
            self._dropped[key] = block.nbytes
            self._dropped_bytes += block.nbytes
        while self._dropped_bytes > self.max_bytes - self.bytes:
            self._dropped_bytes -= self._dropped.popitem(last=False)[1]

    def resize(self, max_bytes: int) -> None:
        """Change the bound, dropping the least recently used blocks above it."""
        with self._lock:
            self.max_bytes = max_bytes
            self.room = min(max(self.room, self.least_bytes), max_bytes)
            self._make_room(self.room)

    def clear(self) -> None:
        """Drop all blocks."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._blocks.clear()
        self._dropped.clear()
        self.bytes = self._dropped_bytes = 0
        self.room = min(self.least_bytes, self.max_bytes)

    def __len__(self) -> int:
        return len(self._blocks)


CACHE = BlockCache()
"""The process's one cache."""

_MAPS: OrderedDict[Key, tuple[Stamp, MappedTiff | None]] = OrderedDict()
_MAPS_LOCK = threading.Lock()
_SERIALS = iter(range(1, 1 << 62))


def map_tiff(uri: str, stamp: Stamp, level: int | None = None) -> MappedTiff | None:
    """The mapped file, or None where it is left to GDAL; remembered until the file changes.

    Args:
        uri: Local path.
        stamp: Modification time and size as they are now; another one than last time maps the file anew.
        level: Number of the overview inside the file, from 0; None for the full resolution.
    """
    key = uri, level
    known = _MAPS.get(key)
    if known is not None and known[0] == stamp:
        return known[1]
    try:
        mapped = _map(uri, stamp, level)
    except (UnsupportedTiffError, OSError, ValueError):
        mapped = None
    with _MAPS_LOCK:
        _MAPS[key] = (stamp, mapped)
        _MAPS.move_to_end(key)
        # First in, first out: ordering by use would put a lock around every read.
        while len(_MAPS) > FILES_MAPPED:
            _MAPS.popitem(last=False)
    return mapped


def _map(uri: str, stamp: Stamp, level: int | None) -> MappedTiff:
    descriptor = os.open(uri, os.O_RDONLY)
    try:
        if os.fstat(descriptor).st_size != stamp[0][1]:
            raise UnsupportedTiffError(f"{uri} is being written")
        data = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    finally:
        os.close(descriptor)
    images = parse_tiff(data)
    image = images[0]
    if level is not None:
        reduced = [other for other in images if other.reduced and not other.mask]
        if level >= len(reduced):
            raise UnsupportedTiffError(f"{uri} keeps its overviews elsewhere")
        image = reduced[level]
    base = int(np.frombuffer(data, np.uint8).ctypes.data)
    plain = (
        image.compression == "none"
        and image.dtype.isnative
        and bool((image.offsets % image.dtype.itemsize == 0).all())
        and _whole(image)
    )
    addresses = image.offsets + base
    return MappedTiff(uri, next(_SERIALS), image, data, plain, addresses)


def _whole(image: TiffImage) -> bool:
    """Whether every block was written in full."""
    rows = np.full(image.offsets.shape[1], image.block_height)
    rows[-1] = image.rows_in(len(rows) - 1)
    needed = rows * (image.block_bytes // image.block_height)
    return bool((image.counts >= needed[None, :, None]).all())


def block_at(
    mapped: MappedTiff, plane: int, row: int, col: int, rows: int, cache: BlockCache | None = None
) -> Block | None:
    """A block of which at least the first `rows` are decoded; None where the file never wrote it.

    Raises:
        ReadError: the block is damaged; the message says which file and block.
    """
    image = mapped.image
    offset = int(image.offsets[plane, row, col])
    count = int(image.counts[plane, row, col])
    if offset == 0 or count == 0:
        return None
    block = (CACHE if cache is None else cache).get(
        (mapped.serial, plane, row, col),
        lambda: Block(image, mapped.data[offset : offset + count], image.rows_in(row)),
    )
    try:
        block.need(rows)
    except ReadError as error:
        raise ReadError(f"{mapped.uri}, block at row {row}, column {col}: {error}") from error
    return block


def _renew_in_child() -> None:
    # Locks may have been held by threads that the child does not have; maps stay good.
    global _MAPS_LOCK
    _MAPS_LOCK = threading.Lock()
    CACHE._lock = threading.Lock()
    CACHE._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)
