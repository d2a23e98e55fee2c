"""Many reads at once, by threads, into arrays that the caller keeps."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import DTypeLike, NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.errors import ReadError
from geoloom.core.grid import PixelWindow, crs_name, window_grid
from geoloom.core.resampling import Resampling

from .access.gdal_fallback import LeftToGdalError
from .blocks.stack import MappedStack, Stack
from .engines import read_with
from .engines.direct import maps_ahead, read_stack
from .geometry.coordinate_map import CoordinateMap
from .geometry.locate import moved
from .threads import reading_threads, usable_cpus

_RUNS_PER_THREAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class ReadOrder:
    """One grid to be filled from one or several stacks."""

    grid: GeoBox
    stacks: tuple[Stack, ...]
    """In order of priority, each with C channels: a pixel comes from the first that observed it."""
    resampling: Resampling
    out: NDArray[Any]
    """(C, H, W), C-contiguous, of any dtype; wholly overwritten, values cast."""
    valid: NDArray[np.bool_]
    """(H, W), C-contiguous; wholly overwritten, True where all channels are observed."""
    failed: list[ReadError] | None = None
    """Gets the error where a file cannot be read, and the arrays hold anything; None raises it."""


Used = dict[int, tuple[Stack, MappedStack]]
"""What was read directly, by identity."""

Placed = tuple[ReadOrder, CoordinateMap | None]
"""An order, and where its grid lies in its first stack, where that is known ahead."""


def read_batch(orders: Sequence[ReadOrder], *, threads: int | None = None) -> None:
    """Fill the arrays of all orders, as `read` would, one order per thread at a time.

    Orders that share a first stack are read one after the other by one thread, so that a block is decoded
    once for all; where they are many, by several threads, a run of them each.

    Args:
        orders: What to read, where to put it.
        threads: How many to use; None means one a usable processor, 1 none besides the caller's.

    Raises:
        ReadError: a file is damaged, or no transformation joins the CRSs.
    """
    count = usable_cpus() if threads is None else threads
    placed = _placed(orders)
    groups = _groups(placed, count)
    used: Used = {}
    if count <= 1 or len(groups) <= 1:
        for order, places in placed:
            fill(order, used, places)
    else:
        share = _Share(groups, used)
        futures = [
            reading_threads(count - 1).submit(share.work)
            for _ in range(min(count, len(groups)) - 1)
        ]
        share.work()
        for future in futures:
            future.result()
    _settle(orders, used)


def _settle(orders: Sequence[ReadOrder], used: Used) -> None:
    """Make sure that files are what they were; orders from replaced ones are read again."""
    replaced = set()
    for stack, ready in used.values():
        try:
            ready.check()
        except LeftToGdalError:
            stack.forget()
            replaced.add(stack.serial)
    for order in orders if replaced else ():
        if any(stack.serial in replaced for stack in order.stacks):
            fill(order, {})


def _placed(orders: Sequence[ReadOrder]) -> list[Placed]:
    if len(orders) < 2:
        return [(order, None) for order in orders]
    asked = [(order.stacks[0].ready(), order.grid, order.resampling) for order in orders]
    return list(zip(orders, maps_ahead(asked), strict=True))


def fill(order: ReadOrder, used: Used, places: CoordinateMap | None = None) -> None:
    """Fill one order's arrays.

    Args:
        order: What to read.
        used: Gets what is read directly, whose files are to be checked afterwards.
        places: Those of its first stack, where they are known already.
    """
    try:
        _fill(order, used, places)
    except ReadError as error:
        if order.failed is None:
            raise
        order.failed.append(error)


def _fill(order: ReadOrder, used: Used, places: CoordinateMap | None) -> None:
    first, *others = order.stacks
    _read(first, order, order.grid, order.out, order.valid, used, places)
    if not others:
        return
    from .loops.fill_gaps import fill_gap, gap_of

    valid = order.valid.view(np.uint8)
    for stack in others:
        top, bottom, left, right = gap_of(valid)
        if top == bottom:
            return
        whole = (bottom - top, right - left) == valid.shape
        gap = PixelWindow(top, left, bottom - top, right - left)
        grid = order.grid if whole else window_grid(order.grid, gap)
        values = np.empty((len(order.out), *grid.shape), order.out.dtype)
        seen = np.empty(grid.shape, np.bool_)
        _read(stack, order, grid, values, seen, used)
        fill_gap(values, seen.view(np.uint8), (top, left), order.out, valid)


def warm_up(stack: Stack, resampling: Resampling, dtype: DTypeLike) -> None:
    """Load the compiled loops that reading a stack will need, which takes a good half second a process.

    Reads a few pixels at its corner and beyond: as they are, turned, and from another CRS. Does nothing where
    the stack is left to GDAL.

    Args:
        stack: What will be read.
        resampling: How.
        dtype: Of the arrays that orders will bring.

    Raises:
        ReadError: the file is damaged there.
    """
    if stack.ready() is None:
        return
    corner = window_grid(stack.grid, PixelWindow(-1, -1, 3, 3))
    grids = [
        corner,
        GeoBox((3, 3), corner.affine * Affine.rotation(1), stack.grid.crs),
        *_from_elsewhere(stack.grid),
    ]
    shape = len(stack.channels), 3, 3
    orders = [
        ReadOrder(
            grid, (stack, stack), resampling, np.empty(shape, dtype), np.empty(shape[1:], np.bool_)
        )
        for grid in grids
    ]
    read_batch(orders, threads=1)
    fill(orders[-1], {})  # alone, it is placed by itself


def _from_elsewhere(grid: GeoBox) -> list[GeoBox]:
    """A grid in another CRS at the corner of this one; none where the corner has no place there."""
    # A degree is some 1e5 metres.
    crs, size = ("EPSG:3857", 1e5) if grid.crs.geographic else ("EPSG:4326", 1e-5)
    x, y = moved(crs_name(grid.crs), crs, grid.affine.c, grid.affine.f)
    if not (np.isfinite(x) and np.isfinite(y)):
        return []
    pixel = abs(grid.affine.determinant) ** 0.5 * size
    return [GeoBox((3, 3), Affine(pixel, 0, x, 0, -pixel, y), crs)]


def _read(
    stack: Stack,
    order: ReadOrder,
    grid: GeoBox,
    out: NDArray[Any],
    valid: NDArray[np.bool_],
    used: Used,
    places: CoordinateMap | None = None,
) -> None:
    resampling, ready = order.resampling, stack.ready()
    if ready is not None:
        used[id(ready)] = stack, ready
        try:
            read_stack(ready, grid, resampling, out, valid, places)
        except LeftToGdalError:  # each band on its own then finds out whether it is concerned
            stack.forget()
        else:
            return
    valid.fill(True)
    for i, channel in enumerate(stack.channels):
        values, seen = read_with(
            "auto",
            channel.header,
            grid,
            (channel.band,),
            resampling,
            channel.nodata,
            unrounded=stack.unrounded,
        )
        out[i] = values[0]
        np.logical_and(valid, seen, out=valid)


def _groups(orders: Sequence[Placed], threads: int) -> list[list[Placed]]:
    """Orders by their first stack, in runs short enough to keep all threads busy to the end."""
    grouped: dict[int, list[Placed]] = {}
    for order, places in orders:
        grouped.setdefault(order.stacks[0].serial, []).append((order, places))
    if threads <= 1:
        return list(grouped.values())
    run = -(-len(orders) // (_RUNS_PER_THREAD * threads))
    return [g[i : i + run] for g in grouped.values() for i in range(0, len(g), run)]


class _Share:
    """Groups of orders that several threads take one after the other."""

    def __init__(self, groups: list[list[Placed]], used: Used) -> None:
        self._groups, self._used = iter(groups), used
        self._lock = threading.Lock()
        self._failed = False

    def work(self) -> None:
        while not self._failed:
            with self._lock:
                group = next(self._groups, None)
            if group is None:
                return
            try:
                for order, places in group:
                    fill(order, self._used, places)
            except BaseException:
                self._failed = True
                raise
