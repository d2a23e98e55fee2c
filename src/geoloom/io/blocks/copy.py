"""Windows of stored pixels, copied out of the blocks that hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloom.core.grid import PixelWindow, window_inside

from ..access.mapped_file import stand_guard
from .stack import MappedStack


def copy_from(
    ready: MappedStack, window: PixelWindow, out: NDArray[Any], seen: NDArray[np.uint8]
) -> None:
    """Copy a window of the stack's own lattice; the pixels are right if `ready.check` then says so.

    Args:
        ready: What to read.
        window: Which pixels; any part of it may lie outside the raster.
        out: (C, H, W); the fill values where there is nothing.
        seen: (H, W), 1 where all bands are observed.

    Raises:
        ReadError: a block is damaged.
    """
    from ..loops.nearest import mark_observed

    stored = window_inside(window, ready.grid.shape)
    whole = stored is window
    seen.fill(whole)
    if stored is None:
        out[:] = ready.fill.reshape(-1, 1, 1)
        return
    at, shape = (stored.row - window.row, stored.col - window.col), (stored.height, stored.width)
    inside = np.s_[at[0] : at[0] + shape[0], at[1] : at[1] + shape[1]]
    if not whole:
        seen[inside] = 1
        for rows_beyond in (np.s_[: at[0]], np.s_[at[0] + shape[0] :]):
            out[:, rows_beyond] = ready.fill.reshape(-1, 1, 1)
        for cols_beyond in (np.s_[: at[1]], np.s_[at[1] + shape[1] :]):
            out[:, inside[0], cols_beyond] = ready.fill.reshape(-1, 1, 1)
    unsure = ready.any_tagged or ready.like.dtype.kind == "f"
    target = out
    if unsure and not np.can_cast(ready.like.dtype, out.dtype, "safe"):
        target = np.empty(out.shape, ready.like.dtype)
    lay_out(ready, (stored.row, stored.col), shape, at, target)
    if unsure:
        mark_observed(target, ready.nodata_as(target.dtype), ready.tagged, at, shape, seen)
    if target is not out:
        out[:, *inside] = target[:, *inside]


def lay_out(
    ready: MappedStack,
    first: tuple[int, int],
    shape: tuple[int, int],
    at: tuple[int, int],
    out: NDArray[Any],
) -> None:
    """Copy the window at `first` (row, column), wholly inside the raster, to `at` in `out`.

    What was copied is right if `ready.check` says so afterwards.

    Raises:
        ReadError: a block is damaged, or a file is gone, changed or shortened.
    """
    block_height, block_width, _ = ready.block
    block_row, block_col = first[0] // block_height, first[1] // block_width
    last_row, last_col = first[0] + shape[0] - 1, first[1] + shape[1] - 1
    rows = range(block_row, last_row // block_height + 1)
    cols = range(block_col, last_col // block_width + 1)
    inside = first[0] - block_row * block_height, first[1] - block_col * block_width
    window = inside, shape, at, ready.fill
    if ready.offsets is not None:
        _read_plain(ready, rows, cols, window, out)
        return
    from ..loops.nearest import copy_window

    how = ready.samples, ready.like, ready.block, *window, out
    if ready.addresses is not None:
        stand_guard()
        copy_window(_part(ready.addresses, rows, cols), *how)
        return
    addresses, blocks = ready.locate(rows, cols, last_row % block_height)
    copy_window(addresses, *how)
    del blocks  # the addresses point into these blocks up to here


def _part(table: NDArray[np.int64], rows: range, cols: range) -> NDArray[np.int64]:
    return np.ascontiguousarray(table[:, rows.start : rows.stop, cols.start : cols.stop])


_Window = tuple[tuple[int, int], tuple[int, int], tuple[int, int], NDArray[Any]]
"""First pixel in the first block, shape, place in the output, fill."""


def _read_plain(
    ready: MappedStack, rows: range, cols: range, window: _Window, out: NDArray[Any]
) -> None:
    """Read a window of values that stand in the files as they are."""
    from ..loops.read_rows import read_window, scratch_for

    assert ready.offsets is not None  # the caller has looked
    where = np.ascontiguousarray(ready.offsets[:, rows.start : rows.stop, cols.start : cols.stop])
    opened = ready.opened()  # kept open until all is read
    numbers = np.array([descriptor.number for descriptor in opened], np.int64)
    scratch = scratch_for(window[1][1] * ready.block[2] * ready.like.itemsize)
    failed = read_window(
        numbers, where, ready.samples, ready.like, ready.block, *window, scratch, out
    )
    if failed >= 0:
        raise ready.files[failed].file.failed(opened[failed])
