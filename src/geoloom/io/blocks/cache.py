"""Local TIFFs, laid out and ready to be read, and a cache of decoded blocks; both bounded in bytes.

Both are safe to use from many threads; a forked child keeps the layouts, and starts with an empty cache and
fresh locks.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np

from geoloom.core.errors import ReadError

from ..access.byte_source import Source
from ..access.gdal_fallback import leave
from ..access.handles import Key, Stamp
from ..access.local_file import LocalFile
from ..access.mapped_file import Map, any_lost, may_map
from ..headers.tiff_structure import TiffImage, UnsupportedTiffError, parse_tiff
from .codecs import Block

LAYOUT_BYTES = 64 << 20
"""Bound of the memory of all layouts kept, bytes: those of some 20,000 scenes of a few hundred blocks."""

CACHE_BYTES = 256 << 20
"""Default bound of the cache of decoded blocks, bytes, for the whole process."""

LEAST_BYTES = 32 << 20
"""What the cache holds where it is of little use: the blocks of a chip or two, as neighbours share them."""

_NEW_TO_KNOWN = 4
"""So many bytes of new blocks undo the growth by one byte that was wanted again."""

_LAYOUT_BYTES_EACH = 2048
"""What a layout weighs besides its tables."""

BlockKey = tuple[int, int, int, int]
"""File serial, plane, block row, block column."""


@dataclass(frozen=True, slots=True, eq=False)
class LocalTiff:
    """A TIFF's bytes and the layout of its full-resolution image, or of an overview."""

    serial: int
    """Unlike that of any other of this process, also of an older state of the same file."""
    image: TiffImage
    file: LocalFile = field(repr=False)
    plain: bool
    """Whether values can be copied as they are stored: uncompressed, native byte order, blocks whole or
    unwritten."""
    map: Map | None = field(repr=False)
    """Its bytes in memory, where it is plain, lies on a disk of this machine, and its values are aligned."""

    @property
    def uri(self) -> str:
        """Path."""
        return self.file.uri

    def check(self) -> None:
        """Make sure that what was copied from the map is what the file contained.

        Raises:
            ReadError: the file was changed or shortened.
        """
        self.file.check()
        if self.map is not None and self.map.lost:
            raise self.file.failed(self.file.open())

    @property
    def nbytes(self) -> int:
        """Memory that the layout takes, about."""
        return self.image.offsets.nbytes + self.image.counts.nbytes + _LAYOUT_BYTES_EACH


class Watch:
    """Mapped files, which are looked at all at once after each batch of copies.

    Args:
        files: Those files, repeated ones too.
    """

    __slots__ = ("_files", "_names", "_noted")

    def __init__(self, files: Iterable[LocalTiff]) -> None:
        self._files = list({file.serial: file for file in files}.values())
        names = [os.fsencode(file.uri) + b"\0" for file in self._files]
        self._names = np.frombuffer(b"".join(names), np.uint8)  # kept: addresses point into it
        starts = accumulate((len(name) for name in names[:-1]), initial=self._names.ctypes.data)
        stamps = [file.file.stamp for file in self._files]
        sizes, times = [size for _, size in stamps], [time for time, _ in stamps]
        self._noted = tuple(np.array(list(column), np.int64) for column in (starts, sizes, times))

    def check(self) -> None:
        """Make sure that what was copied from the maps is what the files contained; to be called after it.

        Raises:
            ReadError: a file was changed or shortened.
        """
        from ..loops.file_status import ASKS, all_as_noted

        if ASKS and not any_lost() and all_as_noted(*self._noted):
            return
        for file in self._files:
            file.check()


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

_LAYOUTS: OrderedDict[Key, tuple[Stamp, LocalTiff | None]] = OrderedDict()
_LAYOUTS_LOCK = threading.Lock()
_held_bytes = 0
_SERIALS = iter(range(1, 1 << 62))


def local_tiff(uri: str, stamp: Stamp, level: int | None = None) -> LocalTiff | None:
    """The TIFF laid out, or None where it is left to GDAL; remembered until the file changes.

    Args:
        uri: Local path.
        stamp: Modification time and size as they are now; another one than last time is laid out again.
        level: Number of the overview inside the file, from 0; None for the full resolution.
    """
    key = uri, level
    known = _LAYOUTS.get(key)
    if known is not None and known[0] == stamp and not _is_lost(known[1]):
        return known[1]
    try:
        laid_out = _lay_out(uri, stamp, level)
    except UnsupportedTiffError as error:
        leave(uri, error)
        laid_out = None
    except ReadError:  # perhaps the next time; GDAL says why
        return None
    _remember(key, stamp, laid_out)
    return laid_out


def _remember(key: Key, stamp: Stamp, laid_out: LocalTiff | None) -> None:
    global _held_bytes
    with _LAYOUTS_LOCK:
        before = _LAYOUTS.pop(key, None)
        _LAYOUTS[key] = stamp, laid_out
        _held_bytes += _weight(laid_out) - (_weight(before[1]) if before is not None else 0)
        # First in, first out: stacks hold the layouts of what is read again and again.
        while _held_bytes > LAYOUT_BYTES and len(_LAYOUTS) > 1:
            _held_bytes -= _weight(_LAYOUTS.popitem(last=False)[1][1])


def _is_lost(tiff: LocalTiff | None) -> bool:
    return tiff is not None and tiff.map is not None and tiff.map.lost


def _weight(laid_out: LocalTiff | None) -> int:
    return _LAYOUT_BYTES_EACH if laid_out is None else laid_out.nbytes


def _lay_out(uri: str, stamp: Stamp, level: int | None) -> LocalTiff:
    file = LocalFile(uri, stamp)
    images = parse_tiff(Source(file.take, file.size))
    image = images[0]
    if level is not None:
        reduced = [other for other in images if other.reduced and not other.mask]
        if level >= len(reduced):
            raise UnsupportedTiffError(f"{uri} keeps its overviews elsewhere")
        image = reduced[level]
    plain = image.compression == "none" and image.dtype.isnative and _whole(image)
    if plain:
        image = _joined(image)
    return LocalTiff(next(_SERIALS), image, file, plain, _map(file, image) if plain else None)


def _map(file: LocalFile, image: TiffImage) -> Map | None:
    opened = file.open()
    assert file.device is not None  # known now
    if not may_map(file.device[0]) or (image.offsets % image.dtype.itemsize).any():
        return None
    try:
        return Map(opened.number, file.size)
    except OSError:  # no room for it among the process's addresses: it is read
        return None


def _whole(image: TiffImage) -> bool:
    """Whether every block was written in full, or not at all."""
    rows = np.full(image.offsets.shape[1], image.block_height)
    rows[-1] = image.rows_in(len(rows) - 1)
    needed = rows * (image.block_bytes // image.block_height)
    return bool(((image.counts >= needed[None, :, None]) | (image.offsets == 0)).all())


def _joined(image: TiffImage) -> TiffImage:
    """Strips that follow one another in the file, as most do, as one block: it takes fewer reads."""
    tops = image.offsets[:, :, 0]
    strip_bytes = image.block_bytes
    follow = image.block_width == image.width and (np.diff(tops, axis=1) == strip_bytes).all()
    if not follow or image.block_height >= image.height or (tops == 0).any():
        return image
    return replace(
        image,
        block_height=image.height,
        offsets=image.offsets[:, :1],
        counts=image.counts.sum(axis=1, keepdims=True),
    )


def block_at(
    tiff: LocalTiff, plane: int, row: int, col: int, rows: int, cache: BlockCache | None = None
) -> Block | None:
    """A block of which at least the first `rows` are decoded; None where the file never wrote it.

    Raises:
        UnsupportedTiffError: the block is damaged; the message says which file and block.
        ReadError: the file is gone, or was changed or shortened since it was laid out.
    """
    image = tiff.image
    offset = int(image.offsets[plane, row, col])
    count = int(image.counts[plane, row, col])
    if offset == 0 or count == 0:
        return None
    try:
        block = (CACHE if cache is None else cache).get(
            (tiff.serial, plane, row, col),
            lambda: Block(image, lambda: tiff.file.take(offset, count), count, image.rows_in(row)),
        )
        block.need(rows)
    except UnsupportedTiffError as error:
        raise UnsupportedTiffError(
            f"{tiff.uri}, block at row {row}, column {col}: {error}"
        ) from error
    return block


def _renew_in_child() -> None:
    # Locks may have been held by threads that the child does not have; layouts stay good.
    global _LAYOUTS_LOCK
    _LAYOUTS_LOCK = threading.Lock()
    CACHE._lock = threading.Lock()
    CACHE._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)
