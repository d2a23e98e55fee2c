"""Bands of one lattice, perhaps of several files, made ready to be read directly."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from geoloom.core.errors import BandError, GridError

from .blocks import FILES_MAPPED, BlockCache, MappedTiff, block_at, map_tiff
from .codecs import Block
from .handles import stamp_of
from .header import Header
from .maps import Way, way
from .rounding import working_dtype
from .validity import as_stored, fill_values

_RECHECK_S = 1.0
"""How long a file may be trusted not to have changed."""

_KINDS = frozenset(("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"))
_SERIALS = count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Where the pixels of a stack are, and which of them count as observed. C bands, in the stack's order."""

    grid: GeoBox
    """The bands' own lattice."""
    ways: dict[str, Way] = field(repr=False)
    """From other CRSs, as far as asked for."""
    files: tuple[MappedTiff, ...]
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
    """Rows, columns, values a pixel."""
    addresses: NDArray[np.int64] | None
    """(C, block rows, block columns) where every block can be used in place, else None."""
    nodata: NDArray[Any]
    """(C,), of the stored dtype."""
    tagged: NDArray[np.bool_]
    """(C,), whether `nodata` counts."""
    fill: NDArray[Any]
    """(C,), of the stored dtype, what stands where there is no value."""
    any_tagged: bool
    """Whether some band's `nodata` counts."""
    _casts: dict[tuple[str, np.dtype[Any]], NDArray[Any]] = field(
        default_factory=dict, repr=False, init=False
    )

    def nodata_as(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """`nodata` in another dtype, remembered."""
        return self._cast("nodata", self.nodata, dtype)

    def fill_as(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """`fill` in another dtype, remembered."""
        return self._cast("fill", self.fill, dtype)

    def _cast(self, name: str, values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
        found = self._casts.get((name, dtype))
        if found is None:
            found = self._casts[name, dtype] = values.astype(dtype)
        return found

    def way(self, crs: CRS) -> Way:
        """From a CRS to the stack's pixels."""
        name = str(crs)
        found = self.ways.get(name)
        if found is None:
            found = self.ways[name] = way(self.grid, crs)
        return found

    def locate(
        self,
        block_rows: range,
        block_cols: range,
        last_row: int,
        cache: BlockCache | None = None,
    ) -> tuple[NDArray[np.int64], list[Block]]:
        """Addresses (C, block rows, block columns) of some blocks, 0 where never written.

        Args:
            block_rows, block_cols: Which blocks.
            last_row: The last row of pixels that matters, counted in the last row of blocks.
            cache: Where decoded blocks are kept; None means the process's own.

        Returns:
            The addresses, and the decoded blocks that they point into: hold these while using them.

        Raises:
            ReadError: a block is damaged.
        """
        if self.addresses is not None:
            rows, cols = (
                slice(block_rows.start, block_rows.stop),
                slice(block_cols.start, block_cols.stop),
            )
            return np.ascontiguousarray(self.addresses[:, rows, cols]), []
        found = np.zeros((len(self.files), len(block_rows), len(block_cols)), np.int64)
        held = []
        for band, (file, plane) in enumerate(zip(self.files, self.planes, strict=True)):
            for i, row in enumerate(block_rows):
                rows_needed = last_row + 1 if row == block_rows[-1] else file.image.rows_in(row)
                for j, col in enumerate(block_cols):
                    block = block_at(file, plane, row, col, rows_needed, cache)
                    if block is not None:
                        held.append(block)
                        found[band, i, j] = block.address
        return found, held


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
        return Stack, (self.channels,)

    @property
    def grid(self) -> GeoBox:
        """The channels' lattice."""
        return self.channels[0].header.grid

    @property
    def dtype(self) -> np.dtype[Any]:
        """That holds all channels."""
        return np.result_type(*(channel.dtype for channel in self.channels))

    def ready(self) -> Ready | None:
        """The stack, ready to be read directly; None where it is left to GDAL.

        Remembered; a file that changes is noticed within a second.
        """
        known = _READY.get(self.serial)
        now = time.monotonic()
        if known is not None and now - known[0] < _RECHECK_S:
            return known[1]
        same = known is not None and _unchanged(self.channels)
        ready = known[1] if known is not None and same else _prepare(self)
        with _READY_LOCK:
            if known is None:
                _forget(len(self.channels))
            _READY[self.serial] = (now, ready, len(self.channels))
        return ready


_READY: OrderedDict[int, tuple[float, Ready | None, int]] = OrderedDict()
_READY_LOCK = threading.Lock()


def _forget(wanted: int) -> None:
    """Drop the oldest stacks, so that not more files stay mapped than the bound says."""
    held = sum(entry[2] for entry in _READY.values()) if len(_READY) * wanted > FILES_MAPPED else 0
    while _READY and held + wanted > FILES_MAPPED:
        held -= _READY.popitem(last=False)[1][2]


def _renew_in_child() -> None:
    global _READY_LOCK
    _READY_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)


def _unchanged(channels: tuple[Channel, ...]) -> bool:
    headers = {id(channel.header): channel.header for channel in channels}
    return all(stamp_of(header.uri) == header.stamp for header in headers.values())


def _prepare(stack: Stack) -> Ready | None:
    mapped = [_usable(channel) for channel in stack.channels]
    files = tuple(file for file in mapped if file is not None)
    if len(files) != len(mapped):
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
    addresses = None
    if all(file.plain for file in files):
        addresses = np.stack([f.addresses[p] for f, p in zip(files, planes, strict=True)])
    return Ready(
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
        nodata=np.array([0 if value is None else value for value in nodata], dtype),
        tagged=np.array([value is not None for value in nodata]),
        fill=np.array([channel.fill for channel in stack.channels], dtype),
        any_tagged=any(value is not None for value in nodata),
    )


def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        return 0.0, 0.0
    info = np.iinfo(dtype)
    return float(info.min), float(info.max)


def _usable(channel: Channel) -> MappedTiff | None:
    """The mapped file, where it is as the header says and GDAL would add nothing of its own."""
    header, band = channel.header, channel.band
    if header.driver != "GTiff" or not header.stamp or stamp_of(header.uri) != header.stamp:
        return None
    if header.validity[band - 1] not in ("all", "nodata"):
        return None
    mapped = map_tiff(header.uri, header.stamp, header.level)
    if mapped is None:
        return None
    image = mapped.image
    alike = (image.height, image.width) == tuple(
        header.grid.shape
    ) and image.samples == header.count
    if not alike or image.dtype.newbyteorder("=") != channel.dtype:
        return None
    return mapped if channel.dtype.str[1:] in _KINDS else None
