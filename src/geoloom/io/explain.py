"""What a read will take from files, before a pixel is read: windows, overview levels, engines, and why.

The same functions decide it that decide the read: which overview (`geometry.overviews`), whether lattices
agree (`core.grid`), which engine (`engines`), and what a warp can touch (`geometry.locate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from odc.geo.geobox import GeoBox

from geoloom.core.grid import PixelWindow, crs_name, crs_title, lattice_window, window_inside
from geoloom.core.resampling import Resampling

from .batch import ReadOrder
from .engines import EngineName, choose_engine
from .geometry.coordinate_map import way
from .geometry.locate import source_window
from .geometry.overviews import coarser
from .geometry.shrinkage import cells, reach_px
from .headers.header import Header


@dataclass(frozen=True, slots=True)
class FileRead:
    """A window of one file that a read takes."""

    uri: str
    bands: tuple[int, ...]
    """Numbers in the file, from 1."""
    window: PixelWindow
    """Stored pixels, at the overview's level."""
    level: int | None
    """Number of the overview, from 0; None for the full resolution."""
    engine: str
    """Who reads it, such as `direct` or `gdal`."""
    how: str
    """`copy`, or the resampling."""
    why: str
    """Why it is copied or resampled."""
    bytes: int
    """Of the window's pixels as they are stored, decoded."""
    fills_gaps: bool = False
    """Whether it is read only where what comes before it observed nothing."""

    @property
    def kind(self) -> tuple[object, ...]:
        """All but where: reads of one kind are described together."""
        return self.uri, self.bands, self.level, self.engine, self.how, self.why, self.fills_gaps


def explain_read(
    header: Header,
    grid: GeoBox,
    bands: tuple[int, ...],
    resampling: Resampling,
    *,
    overviews: bool = False,
    engine: EngineName = "auto",
    fills_gaps: bool = False,
) -> FileRead | None:
    """What `read` of a file onto a grid takes from it.

    Args:
        header, grid, resampling, overviews, engine: As of `read`.
        bands: Numbers, from 1.
        fills_gaps: Whether it is read only where others observed nothing.

    Returns:
        None where the grid lies beside the file.
    """
    if overviews:
        header = coarser(header, grid, resampling)
    window = lattice_window(header.grid, grid)
    if window is not None:
        how, why = "copy", "the grid's pixels are the file's own"
        window = window_inside(window, (int(header.grid.shape[0]), int(header.grid.shape[1])))
    else:
        how, why = resampling, _why(header.grid, grid)
        window = _hull(list(_touched(header.grid, grid, resampling)))
    if window is None:
        return None
    chosen = choose_engine(engine, header, grid, bands, resampling).name
    pixel = sum(np.dtype(header.dtypes[band - 1]).itemsize for band in bands)
    size = window.height * window.width * pixel
    return FileRead(header.uri, bands, window, header.level, chosen, how, why, size, fills_gaps)


def explain_order(order: ReadOrder) -> Iterator[FileRead]:
    """What an order of `read_batch` takes, file by file."""
    for position, stack in enumerate(order.stacks):
        bands: dict[int, tuple[Header, list[int]]] = {}
        for channel in stack.channels:
            bands.setdefault(id(channel.header), (channel.header, []))[1].append(channel.band)
        for header, numbers in bands.values():
            read = explain_read(
                header, order.grid, tuple(numbers), order.resampling, fills_gaps=position > 0
            )
            if read is not None:
                yield read


def merged(reads: Iterable[FileRead]) -> tuple[FileRead, ...]:
    """Reads of one kind as one: the window around theirs, and the sum of their bytes."""
    kinds: dict[tuple[object, ...], FileRead] = {}
    for read in reads:
        before = kinds.get(read.kind)
        if before is not None:
            around = _hull([before.window, read.window])
            assert around is not None  # of two windows
            read = replace(read, window=around, bytes=before.bytes + read.bytes)
        kinds[read.kind] = read
    return tuple(kinds.values())


def _why(source: GeoBox, grid: GeoBox) -> str:
    if source.crs != grid.crs:
        own, asked = crs_title(crs_name(source.crs)), crs_title(crs_name(grid.crs))
        return f"from {own} to {asked}"
    return "the grid's pixels have another size or place"


def _touched(source: GeoBox, grid: GeoBox, resampling: Resampling) -> Iterator[PixelWindow]:
    """Windows that a warp can touch."""
    turned = way(source, grid.crs).turned(grid) if grid.crs.geographic else []
    for piece in [piece for *_, piece in turned] or [grid]:
        for rows, cols, shrinkage in cells(source, piece):
            window = source_window(source, piece[rows, cols], reach_px(resampling, shrinkage.span))
            if window is not None:
                yield window


def _hull(windows: list[PixelWindow]) -> PixelWindow | None:
    if not windows:
        return None
    top, left = min(w.row for w in windows), min(w.col for w in windows)
    bottom = max(w.row + w.height for w in windows)
    right = max(w.col + w.width for w in windows)
    return PixelWindow(top, left, bottom - top, right - left)
