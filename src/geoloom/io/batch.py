"""Many reads at once, by threads, into arrays that the caller keeps."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import DTypeLike, NDArray
from odc.geo.geobox import GeoBox

from .direct import read_ready
from .engines import choose_engine
from .plan import Kernel
from .stack import Stack

_RUNS_PER_THREAD = 2


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """One grid to be filled from one or several stacks."""

    grid: GeoBox
    stacks: tuple[Stack, ...]
    """In order of priority, each with C channels: a pixel comes from the first that observed it."""
    kernel: Kernel
    out: NDArray[Any]
    """(C, H, W), C-contiguous, of any dtype; wholly overwritten, values cast."""
    valid: NDArray[np.bool_]
    """(H, W), C-contiguous; wholly overwritten, True where all channels are observed."""


def read_batch(orders: Sequence[Order], *, threads: int | None = None) -> None:
    """Fill the arrays of all orders, as `read` would, one order a thread at a time.

    Orders that share a first stack are read one after the other by one thread, so that a block is decoded
    once for all; where they are many, by several threads, a run of them each.

    Args:
        orders: What to read, where to put it.
        threads: How many to use; None means one a usable processor, 1 none besides the caller's.

    Raises:
        ReadError: a file is damaged, or no transformation joins the CRSs.
    """
    count = usable_cpus() if threads is None else threads
    groups = _groups(orders, count)
    if count <= 1 or len(groups) <= 1:
        for order in orders:
            fill(order)
        return
    share = _Share(groups)
    futures = [_pool(count - 1).submit(share.work) for _ in range(min(count, len(groups)) - 1)]
    share.work()
    for future in futures:
        future.result()


def fill(order: Order) -> None:
    """Fill one order's arrays."""
    first, *others = order.stacks
    _read(first, order.grid, order.kernel, order.out, order.valid)
    if not others:
        return
    from .gaps import fill_gap, gap_of

    valid = order.valid.view(np.uint8)
    for stack in others:
        top, bottom, left, right = gap_of(valid)
        if top == bottom:
            return
        whole = (bottom - top, right - left) == valid.shape
        grid = order.grid if whole else order.grid[top:bottom, left:right]
        values = np.empty((len(order.out), *grid.shape), order.out.dtype)
        seen = np.empty(grid.shape, np.bool_)
        _read(stack, grid, order.kernel, values, seen)
        fill_gap(values, seen.view(np.uint8), (top, left), order.out, valid)


def warm_up(stack: Stack, kernel: Kernel, dtype: DTypeLike) -> None:
    """Load the compiled loops that reading a stack will need, which takes a good half second a process.

    Reads a few pixels from the middle twice: as they are, and resampled. Does nothing where the stack is
    left to GDAL.

    Args:
        stack: What will be read.
        kernel: How.
        dtype: Of the arrays that orders will bring.

    Raises:
        ReadError: the file is damaged there.
    """
    if stack.ready() is None:
        return
    height, width = stack.grid.shape
    affine = stack.grid.affine * Affine.translation(width // 2, height // 2)
    out = np.empty((len(stack.channels), 2, 2), dtype)
    for placed in (affine, affine * Affine.rotation(1)):
        grid = GeoBox((2, 2), placed, stack.grid.crs)
        fill(Order(grid, (stack,), kernel, out, np.empty((2, 2), np.bool_)))


def _read(
    stack: Stack, grid: GeoBox, kernel: Kernel, out: NDArray[Any], valid: NDArray[np.bool_]
) -> None:
    ready = stack.ready()
    if ready is not None:
        read_ready(ready, grid, kernel, out, valid)
        return
    valid.fill(True)
    for i, channel in enumerate(stack.channels):
        which = channel.header, grid, (channel.band,), kernel
        values, seen = choose_engine("auto", *which).read(*which, channel.nodata)
        out[i] = values[0]
        np.logical_and(valid, seen, out=valid)


def _groups(orders: Sequence[Order], threads: int) -> list[list[Order]]:
    """Orders by their first stack, in runs short enough to keep all threads busy to the end."""
    grouped: dict[int, list[Order]] = {}
    for order in orders:
        grouped.setdefault(order.stacks[0].serial, []).append(order)
    if threads <= 1:
        return list(grouped.values())
    run = -(-len(orders) // (_RUNS_PER_THREAD * threads))
    return [g[i : i + run] for g in grouped.values() for i in range(0, len(g), run)]


class _Share:
    """Groups of orders that several threads take one after the other."""

    def __init__(self, groups: list[list[Order]]) -> None:
        self._groups = iter(groups)
        self._lock = threading.Lock()
        self._failed = False

    def work(self) -> None:
        while not self._failed:
            with self._lock:
                group = next(self._groups, None)
            if group is None:
                return
            try:
                for order in group:
                    fill(order)
            except BaseException:
                self._failed = True
                raise


def usable_cpus() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


_POOLS: dict[int, ThreadPoolExecutor] = {}


def _pool(threads: int) -> ThreadPoolExecutor:
    """The process's pool of so many threads; a forked child makes its own."""
    pool = _POOLS.get(threads)
    if pool is None:
        pool = _POOLS.setdefault(threads, ThreadPoolExecutor(threads, "geoloom-read"))
    return pool


def _forget_in_child() -> None:
    _POOLS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
