"""Bands of one lattice, perhaps of several files, made ready to be read directly."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from geoloom.core.errors import BandError, GridError

from ..access.gdal_fallback import leave
from ..access.handles import stamp_of
from ..access.local_file import Descriptor
from ..geometry.coordinate_map import CrsToPixels, way
from ..headers.header import Header
from ..headers.validity import as_stored, fill_values
from ..loops.rounding import given_dtype, working_dtype
from .cache import BlockCache, LocalTiff, Watch, block_at, local_tiff
from .codecs import Block

_RECHECK_S = 1.0
"""How long a file may be trusted not to have changed."""

_KINDS = frozenset(("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"))
_SERIALS = count(1)


@dataclass(frozen=True, slots=True, eq=False)
class MappedStack:
    """Where the pixels of a stack are, and which of them count as observed. C bands, in the stack's order."""

    grid: GeoBox
    """The bands' own lattice."""
    ways: dict[str, CrsToPixels] = field(repr=False)
    """From other CRSs, as far as asked for."""
    files: tuple[LocalTiff, ...]
    """C of them, repeated where a file holds several bands."""
    planes: tuple[int, ...]
    samples: NDArray[np.int64]
    """(C,), position of each band within a pixel of a block."""
    like: NDArray[Any]
    """Empty, of the stored dtype in native byte order."""
    working: NDArray[Any]
    """Empty, of the dtype to interpolate in."""
    limits: tuple[float, float]
    """Least and greatest value of a stored integer; equal for floats."""
    block: tuple[int, int, int]
    """Rows, columns, values per pixel."""
    addresses: NDArray[np.int64] | None
    """(C, block rows, block columns), where the blocks lie in memory where all files are mapped, 0 where
    never written; else None."""
    watch: Watch | None
    """Over the files, where they are mapped; else None."""
    offsets: NDArray[np.int64] | None
    """(C, block rows, block columns), places of the blocks in the files where these hold plain values, 0
    where never written; None where blocks have to be decoded."""
    nodata: NDArray[Any]
    """(C,), of the stored dtype."""
    tagged: NDArray[np.bool_]
    """(C,), whether `nodata` counts."""
    fill: NDArray[Any]
    """(C,), of the stored dtype, what stands where there is no value."""
    any_tagged: bool
    """Whether some band's `nodata` counts."""
    unrounded: bool = False
    """Whether stored integers are resampled as floats."""
    _casts: dict[tuple[str, np.dtype[Any]], NDArray[Any]] = field(
        default_factory=dict, repr=False, init=False
    )

    def as_floats(self) -> MappedStack:
        """For what follows the decoding of blocks: the same pixels, as if they were stored as floats."""
        dtype = given_dtype(self.like.dtype, unrounded=True)
        return replace(
            self,
            like=np.empty(0, dtype),
            working=np.empty(0, dtype),
            limits=_limits(dtype),
            nodata=self.nodata_as(dtype),
            fill=self.fill_as(dtype),
        )

    def nodata_as(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """`nodata` in another dtype, remembered."""
        return self._cast("nodata", self.nodata, dtype)

    def fill_as(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """`fill` in another dtype, remembered."""
        return self._cast("fill", self.fill, dtype)

    def _cast(self, name: str, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        cast = self._casts.get((name, dtype))
        if cast is None:
            cast = self._casts[name, dtype] = values.astype(dtype)
        return cast

    def way(self, crs: CRS) -> CrsToPixels:
        """From a CRS to the stack's pixels."""
        name = str(crs)
        route = self.ways.get(name)
        if route is None:
            route = self.ways[name] = way(self.grid, crs)
        return route

    def check(self) -> None:
        """Make sure that what was copied from maps is what the files hold; to be called after it.

        Raises:
            ReadError: a file was changed or shortened.
        """
        if self.watch is not None:
            self.watch.check()

    def opened(self) -> list[Descriptor]:
        """The open files of all bands, to be kept while they are read.

        Raises:
            ReadError: a file is gone, or was changed since.
        """
        opened: dict[int, Descriptor] = {}
        for file in self.files:
            if file.serial not in opened:
                opened[file.serial] = file.file.open()
        return [opened[file.serial] for file in self.files]

    @property
    def nbytes(self) -> int:
        """Memory that it takes with the layouts of its files, about."""
        layouts = {file.serial: file.nbytes for file in self.files}
        table = self.offsets if self.addresses is None else self.addresses
        tables = 0 if table is None else table.nbytes
        return sum(layouts.values()) + tables + _BYTES_EACH

    def locate(
        self,
        block_rows: range,
        block_cols: range,
        last_row: int,
        cache: BlockCache | None = None,
    ) -> tuple[NDArray[np.int64], list[Block]]:
        """Addresses (C, block rows, block columns) of some blocks, decoded; 0 where never written.

        Args:
            block_rows, block_cols: Which blocks.
            last_row: The last row of pixels that matters, counted in the last row of blocks.
            cache: Where decoded blocks are kept; None means the process's own.

        Returns:
            The addresses, and the decoded blocks that they point into: keep these while using them.

        Raises:
            ReadError: a block is damaged, or a file is gone, changed or shortened.
        """
        addresses = np.zeros((len(self.files), len(block_rows), len(block_cols)), np.int64)
        blocks = []
        for band, (file, plane) in enumerate(zip(self.files, self.planes, strict=True)):
            for i, row in enumerate(block_rows):
                rows_needed = last_row + 1 if row == block_rows[-1] else file.image.rows_in(row)
                for j, col in enumerate(block_cols):
                    block = block_at(file, plane, row, col, rows_needed, cache)
                    if block is not None:
                        blocks.append(block)
                        addresses[band, i, j] = block.address
        return addresses, blocks


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """One band of one file."""

    header: Header
    band: int
    """From 1."""
    nodata: float | None = None
    """Replaces the file's nodata value; None keeps it."""

    @property
    def fill(self) -> Any:
        """What stands where there is no value, in the stored dtype."""
        return fill_values(self.header, (self.band,), self.nodata)[0]

    @property
    def dtype(self) -> np.dtype[Any]:
        """As stored."""
        return np.dtype(self.header.dtypes[self.band - 1])

    def unobserved(self, dtype: np.dtype[Any]) -> Any | None:
        """The stored value that means unobserved; None where there is none."""
        value = self.nodata
        if value is None and self.header.validity[self.band - 1] == "nodata":
            value = self.header.nodata[self.band - 1]
        return as_stored(value, dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Channels of one lattice: bands of one file, or one band each of several files.

    Plain data: nothing is opened before it is read, and nothing opened is pickled.

    Raises:
        BandError: there is no channel.
        GridError: the channels have different grids.
    """

    channels: tuple[Channel, ...]
    unrounded: bool = False
    """Whether stored integers are resampled as floats, so that a mean of 2 and 3 is 2.5."""
    serial: int = field(default_factory=lambda: next(_SERIALS), init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.channels:
            raise BandError("a stack has no channel; give at least one")
        first = self.channels[0].header
        for header in (channel.header for channel in self.channels[1:]):
            if header is not first and header.grid != first.grid:
                raise GridError(
                    f"{header.uri} and {first.uri} have different grids, so that they are no one stack; "
                    "read each on its own"
                )

    def __reduce__(self) -> tuple[Any, ...]:
        return Stack, (self.channels, self.unrounded)

    @property
    def grid(self) -> GeoBox:
        """The channels' lattice."""
        return self.channels[0].header.grid

    @property
    def dtype(self) -> np.dtype[Any]:
        """That holds all channels."""
        return np.result_type(*(channel.dtype for channel in self.channels))

    def ready(self) -> MappedStack | None:
        """The stack, ready to be read directly; None where it is left to GDAL.

        Remembered; a file that changes is noticed within a second.
        """
        known = _READY.get(self.serial)
        now = time.monotonic()
        if known is not None and now - known[0] < _RECHECK_S:
            if _ready_bytes > READY_BYTES // 2:  # else nothing will be dropped soon
                _used(self.serial)
            return known[1]
        same = known is not None and _unchanged(self.channels) and not _is_lost(known[1])
        ready = known[1] if known is not None and same else _prepare(self)
        _remember(self.serial, now, ready)
        return ready

    def forget(self) -> None:
        """Look at the files again when the stack is next asked for."""
        with _READY_LOCK:
            _drop(self.serial)


READY_BYTES = 64 << 20
"""Bound of the memory of what is kept ready, bytes."""

_BYTES_EACH = 4096
"""What a stack weighs besides its tables."""

_READY: OrderedDict[int, tuple[float, MappedStack | None, int]] = OrderedDict()
_READY_LOCK = threading.Lock()
_ready_bytes = 0


def _used(serial: int) -> None:
    try:
        _READY.move_to_end(serial)
    except KeyError:  # another thread has dropped it just now
        return


def _remember(serial: int, now: float, ready: MappedStack | None) -> None:
    """Keep it, and let go of the least recently used beyond the bound."""
    global _ready_bytes
    weight = _BYTES_EACH if ready is None else ready.nbytes
    with _READY_LOCK:
        _drop(serial)
        _READY[serial] = (now, ready, weight)
        _ready_bytes += weight
        while _ready_bytes > READY_BYTES and len(_READY) > 1:
            _ready_bytes -= _READY.popitem(last=False)[1][2]


def _drop(serial: int) -> None:
    global _ready_bytes
    known = _READY.pop(serial, None)
    if known is not None:
        _ready_bytes -= known[2]


def _renew_in_child() -> None:
    global _READY_LOCK
    _READY_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)


def _unchanged(channels: tuple[Channel, ...]) -> bool:
    headers = {id(channel.header): channel.header for channel in channels}
    return all(stamp_of(header.uri) == header.stamp for header in headers.values())


def _is_lost(ready: MappedStack | None) -> bool:
    """Whether what was mapped was gone for a moment: zeros lie there now."""
    return ready is not None and any(f.map is not None and f.map.lost for f in ready.files)


def _prepare(stack: Stack) -> MappedStack | None:
    usable = [_usable(channel) for channel in stack.channels]
    files = tuple(file for file in usable if file is not None)
    if len(files) != len(usable):
        return None
    image = files[0].image
    block = image.block_height, image.block_width, image.block_samples
    dtype = image.dtype.newbyteorder("=")
    for file in files[1:]:
        other = file.image
        if (other.block_height, other.block_width, other.block_samples) != block:
            return None
        if other.dtype.newbyteorder("=") != dtype:
            return None
    bands = [channel.band - 1 for channel in stack.channels]
    planes = tuple(b if f.image.separate else 0 for f, b in zip(files, bands, strict=True))
    nodata = [channel.unobserved(dtype) for channel in stack.channels]
    addresses = offsets = watch = None
    if all(file.map is not None for file in files):
        addresses = np.stack([_addresses(f)[p] for f, p in zip(files, planes, strict=True)])
        watch = Watch(files)
    elif all(file.plain for file in files) and _loops_read():
        offsets = np.stack([f.image.offsets[p] for f, p in zip(files, planes, strict=True)])
    return MappedStack(
        grid=stack.grid,
        ways={},
        files=files,
        planes=planes,
        samples=np.array([0 if f.image.separate else b for f, b in zip(files, bands, strict=True)]),
        like=np.empty(0, dtype),
        # Weights of float32 would cost floats some of their digits.
        limits=_limits(dtype),
        working=np.empty(0, np.float64 if dtype.kind == "f" else working_dtype(dtype)),
        block=block,
        addresses=addresses,
        watch=watch,
        offsets=offsets,
        nodata=np.array([0 if value is None else value for value in nodata], dtype),
        tagged=np.array([value is not None for value in nodata]),
        fill=np.array([channel.fill for channel in stack.channels], dtype),
        any_tagged=any(value is not None for value in nodata),
        unrounded=stack.unrounded and dtype.kind in "iu",
    )


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        return 0.0, 0.0
    info = np.iinfo(dtype)
    return float(info.min), float(info.max)


def _addresses(file: LocalTiff) -> NDArray[np.int64]:
    assert file.map is not None  # the caller has looked
    return np.where(file.image.offsets == 0, 0, file.image.offsets + file.map.address)


def _loops_read() -> bool:
    from ..loops.read_rows import READS

    return READS


def _usable(channel: Channel) -> LocalTiff | None:
    """The TIFF, where it is as the header says and GDAL would add nothing of its own."""
    header, band = channel.header, channel.band
    if not header.stamp or stamp_of(header.uri) != header.stamp:
        return None  # far away, or changed since
    if header.driver != "GTiff":
        leave(header.uri, f"its format is {header.driver}, not GeoTIFF")
        return None
    if header.validity[band - 1] not in ("all", "nodata"):
        leave(header.uri, f"a band of its own ({header.validity[band - 1]}) says what is valid")
        return None
    tiff = local_tiff(header.uri, header.stamp, header.level)
    if tiff is None:
        return None
    image = tiff.image
    shape = image.height, image.width
    alike = shape == tuple(header.grid.shape) and image.samples == header.count
    if (
        not alike
        or image.dtype.newbyteorder("=") != channel.dtype
        or channel.dtype.str[1:] not in _KINDS
    ):
        leave(
            header.uri,
            f"its directory has {image.samples} bands of {shape} values of {image.dtype.name}, which GDAL "
            f"shows as {header.count} of {tuple(header.grid.shape)} of {channel.dtype.name}",
        )
        return None
    return tiff
