"""The engine that reads TIFFs without GDAL: blocks by address, coordinates by polynomials, one gather.

Its answers are GDAL's (see `gdal`), whose definitions of spans, boxes and majorities it shares.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.grid import LATTICE_TOLERANCE_PX

from .area import area_mean, boxes_are_pixels
from .header import Header
from .plan import Kernel, Shrinkage, Span, cells, reach_px
from .samples import majority, mean, points_per_pixel, sample_grid
from .stack import Channel, Ready, Stack
from .stage import Stage
from .warp import CoordinateMap, coordinate_map, exact_map, exact_places, six

_SCRATCH_BYTES = 1 << 26
"""Largest piece of a source that is laid out at once; a grid that needs more is cut."""

_SMALLEST_CUT_PX = 16
_SAMPLED_PX = 128
_DOUBTFUL = 4096
_STACKS = 1024

Valid = NDArray[np.uint8]


class DirectEngine:
    """Window copies and exact warps of plain GeoTIFFs."""

    name = "direct"

    def can_read(
        self, header: Header, grid: GeoBox, bands: tuple[int, ...], kernel: Kernel
    ) -> bool:
        """Local GeoTIFFs of plain numbers, uncompressed or DEFLATE, LZW or ZSTD, without mask bands."""
        return header.driver == "GTiff" and _stack(header, bands, None).ready() is not None

    def read(
        self,
        header: Header,
        grid: GeoBox,
        bands: tuple[int, ...],
        kernel: Kernel,
        nodata: float | None,
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values (C, H, W) and where all bands are observed (H, W); see `Engine.read`."""
        ready = _stack(header, bands, nodata).ready()
        assert ready is not None  # the caller has asked `can_read`
        height, width = grid.shape
        values = np.empty((len(bands), height, width), ready.like.dtype)
        valid = np.empty((height, width), np.bool_)
        read_ready(ready, grid, kernel, values, valid)
        return values, valid


_KNOWN: OrderedDict[tuple[int, tuple[int, ...], float | None], Stack] = OrderedDict()
_KNOWN_LOCK = threading.Lock()


def _stack(header: Header, bands: tuple[int, ...], nodata: float | None) -> Stack:
    """One stack for each order, so that files are mapped once."""
    # By identity, which stays the header's own as long as the stack holds it.
    key = id(header), bands, nodata
    stack = _KNOWN.get(key)
    if stack is None:
        stack = Stack(tuple(Channel(header, band, nodata) for band in bands))
        with _KNOWN_LOCK:
            _KNOWN[key] = stack
            while len(_KNOWN) > _STACKS:
                _KNOWN.popitem(last=False)
    return stack


def _renew_in_child() -> None:
    global _KNOWN_LOCK
    _KNOWN_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)


def read_ready(
    ready: Ready, grid: GeoBox, kernel: Kernel, out: NDArray[Any], valid: NDArray[np.bool_]
) -> None:
    """Read a stack onto a grid, into arrays that are wholly overwritten.

    Args:
        ready: What to read.
        grid: The pixels wanted.
        kernel: Used where the lattices differ.
        out: (C, H, W), C-contiguous, of any dtype; values are cast to it.
        valid: (H, W), C-contiguous, True where all bands are observed.

    Raises:
        ReadError: a block is damaged, or no transformation joins the CRSs.
    """
    seen = valid.view(np.uint8)
    origin = _same_lattice(ready, grid)
    if origin is not None:
        _copy(ready, origin, out, seen)
    elif kernel == "nearest":
        _warp(ready, grid, kernel, Shrinkage((1, 1), True), out, seen)
    else:
        a, b, _, d, e, _ = six(grid.affine)
        uniform = ready.way(grid.crs).shrinkage((a, b, d, e))
        if uniform is not None:
            _warp(ready, grid, kernel, uniform, out, seen)
            return
        for rows, cols, shrinkage in cells(ready.grid, grid):
            _warp_part(ready, grid, kernel, shrinkage, (rows, cols), out, seen)


def _same_lattice(ready: Ready, grid: GeoBox) -> tuple[int, int] | None:
    """Row and column in the source where the grid begins, or None; as `core.grid.lattice_window`, faster."""
    way = ready.way(grid.crs)
    if not way.same:
        return None
    a, b, c, d, e, f = way.to_pixel
    ga, gb, gc, gd, ge, gf = six(grid.affine)
    height, width = grid.shape
    at_col, at_row = a * gc + b * gf + c, d * gc + e * gf + f
    col, row = round(at_col), round(at_row)
    per_col = a * ga + b * gd - 1, d * ga + e * gd
    per_row = a * gb + b * ge, d * gb + e * ge - 1
    for x, y in ((0, 0), (width, 0), (0, height), (width, height)):
        off_col = at_col - col + per_col[0] * x + per_row[0] * y
        off_row = at_row - row + per_col[1] * x + per_row[1] * y
        if abs(off_col) > LATTICE_TOLERANCE_PX or abs(off_row) > LATTICE_TOLERANCE_PX:
            return None
    return row, col


def _copy(ready: Ready, origin: tuple[int, int], out: NDArray[Any], seen: Valid) -> None:
    from .gather import mark_observed

    _, height, width = out.shape
    rows, cols = ready.grid.shape
    top, bottom = max(origin[0], 0), min(origin[0] + height, rows)
    left, right = max(origin[1], 0), min(origin[1] + width, cols)
    whole = bottom - top == height and right - left == width
    seen.fill(whole)
    if top >= bottom or left >= right:
        out[:] = ready.fill.reshape(-1, 1, 1)
        return
    at, shape = (top - origin[0], left - origin[1]), (bottom - top, right - left)
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
    _lay_out(ready, (top, left), shape, at, target)
    if unsure:
        mark_observed(target, ready.nodata_as(target.dtype), ready.tagged, at, shape, seen)
    if target is not out:
        out[:, *inside] = target[:, *inside]


def _lay_out(
    ready: Ready,
    first: tuple[int, int],
    shape: tuple[int, int],
    at: tuple[int, int],
    out: NDArray[Any],
) -> None:
    """Copy the window at `first` (row, column), wholly inside the raster, to `at` in `out`."""
    from .gather import copy_window

    block_height, block_width, _ = ready.block
    block_row, block_col = first[0] // block_height, first[1] // block_width
    last_row, last_col = first[0] + shape[0] - 1, first[1] + shape[1] - 1
    rows = range(block_row, last_row // block_height + 1)
    cols = range(block_col, last_col // block_width + 1)
    addresses, held = ready.locate(rows, cols, last_row % block_height)
    inside = first[0] - block_row * block_height, first[1] - block_col * block_width
    copy_window(
        addresses, ready.samples, ready.like, ready.block, inside, shape, at, ready.fill, out
    )
    del held  # the addresses point into these blocks up to here


def _warp(
    ready: Ready, grid: GeoBox, kernel: Kernel, shrinkage: Shrinkage, out: NDArray[Any], seen: Valid
) -> None:
    """Warp onto a grid over which the shrinkage is one."""
    sampled = kernel == "mode" or (
        kernel == "average" and not boxes_are_pixels(ready.grid, grid, shrinkage)
    )
    height, width = grid.shape
    if sampled and max(height, width) > _SAMPLED_PX:
        _warp_halves(ready, grid, kernel, shrinkage, out, seen)
        return
    if sampled:
        points = points_per_pixel(shrinkage.span)
        fine = sample_grid(grid, points)
        values = np.empty((len(out), *fine.shape), ready.like.dtype)
        points_seen = np.empty(fine.shape, np.bool_)
        for band, one in enumerate(_bands(ready)):
            _warp(
                one, fine, "nearest", shrinkage, values[band : band + 1], points_seen.view(np.uint8)
            )
            pick = majority if kernel == "mode" else mean
            picked, ok = pick(values[band : band + 1], points_seen, points)
            out[band] = np.where(ok, picked[0], ready.fill[band])
            seen[:] = ok & seen.view(np.bool_) if band else ok
        return
    places = coordinate_map(ready.way(grid.crs), grid)
    window = _window(ready, places, reach_px(kernel, shrinkage.span))
    if window is None:
        out[:] = ready.fill.reshape(-1, 1, 1)
        seen.fill(0)
        return
    dtype = ready.like.dtype
    (top, left), shape = window
    size = len(out) * shape[0] * shape[1] * dtype.itemsize
    if size > _SCRATCH_BYTES and max(height, width) > _SMALLEST_CUT_PX:
        _warp_halves(ready, grid, kernel, shrinkage, out, seen)
        return
    source = _scratch((len(out), *shape), dtype)
    _lay_out(ready, (top, left), shape, (0, 0), source)
    place = top, left, ready.grid.shape[0], ready.grid.shape[1]
    _gather(ready, source, place, places, kernel, shrinkage.span, out, seen)


def _gather(
    ready: Ready,
    source: NDArray[Any],
    window: tuple[int, int, int, int],
    places: CoordinateMap,
    kernel: Kernel,
    span: Span,
    out: NDArray[Any],
    seen: Valid,
) -> None:
    nodata = ready.nodata_as(source.dtype)
    fill = ready.fill_as(out.dtype)
    if kernel == "nearest":
        _nearest(ready, source, window, places, nodata, fill, out, seen)
        return
    limits = (0.0, 0.0)
    if ready.like.dtype.kind in "iu":
        info = np.iinfo(ready.like.dtype)
        limits = float(info.min), float(info.max)
    if kernel != "average":
        from .smooth import warp_smooth

        warp_smooth(
            source, window, places.cells, places.coefs, places.exact, kernel == "cubic", span,
            nodata, ready.tagged, fill, ready.working, limits, out, seen,
        )  # fmt: skip
    elif places.exact.size:
        _mean_of_exact(ready, source, window, places.grid, out, seen)
    else:
        from .boxmean import warp_boxmean

        warp_boxmean(
            source, window, places.cells, places.coefs, nodata, ready.tagged, fill, limits, out, seen
        )  # fmt: skip


def _nearest(
    ready: Ready,
    source: NDArray[Any],
    window: tuple[int, int, int, int],
    places: CoordinateMap,
    nodata: NDArray[Any],
    fill: NDArray[Any],
    out: NDArray[Any],
    seen: Valid,
) -> None:
    from .gather import pick_pixels, warp_nearest

    doubtful = np.empty(_DOUBTFUL, np.int64)
    found = warp_nearest(
        source, window, places.cells, places.coefs, places.exact, places.error_px,
        nodata, ready.tagged, fill, out, seen, doubtful,
    )  # fmt: skip
    if found > _DOUBTFUL:
        places = exact_map(places.way, places.grid)
        warp_nearest(
            source, window, places.cells, places.coefs, places.exact, 0.0,
            nodata, ready.tagged, fill, out, seen, doubtful,
        )  # fmt: skip
    elif found:
        pixels = doubtful[:found]
        cols, rows = exact_places(ready.grid, places.grid, pixels)
        pick_pixels(source, window, pixels, cols, rows, nodata, ready.tagged, fill, out, seen)


def _mean_of_exact(
    ready: Ready,
    source: NDArray[Any],
    window: tuple[int, int, int, int],
    grid: GeoBox,
    out: NDArray[Any],
    seen: Valid,
) -> None:
    """The mean where the map is no polynomial: slowly, as the other engine has it."""
    place = GeoBox(
        source.shape[1:],
        ready.grid.affine * Affine.translation(window[1], window[0]),
        ready.grid.crs,
    )
    seen.fill(1)
    for band in range(len(out)):
        stored = source[band : band + 1].astype(ready.like.dtype)
        observed = stored[0] == stored[0]
        if ready.tagged[band]:
            observed &= stored[0] != ready.nodata[band]
        values, ok = area_mean(Stage(stored, observed, place), grid)
        out[band] = np.where(ok, values[0], ready.fill[band])
        seen &= ok.view(np.uint8)


def _window(
    ready: Ready, places: CoordinateMap, reach: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """First row and column, and shape, of the part of the raster that a kernel can touch."""
    extent = places.extent()
    if extent is None:
        return None
    height, width = ready.grid.shape
    low_row, high_row, low_col, high_col = extent
    top, bottom = (
        max(int(max(low_row, -1e9)) - 1 - reach[1], 0),
        int(min(high_row, 1e9)) + 1 + reach[1],
    )
    left, right = (
        max(int(max(low_col, -1e9)) - 1 - reach[0], 0),
        int(min(high_col, 1e9)) + 1 + reach[0],
    )
    bottom, right = min(bottom, height), min(right, width)
    if top >= bottom or left >= right:
        return None
    return (top, left), (bottom - top, right - left)


def _bands(ready: Ready) -> list[Ready]:
    """One stack a band."""
    return [
        replace(
            ready,
            files=ready.files[i : i + 1],
            planes=ready.planes[i : i + 1],
            samples=ready.samples[i : i + 1],
            addresses=None if ready.addresses is None else ready.addresses[i : i + 1],
            nodata=ready.nodata[i : i + 1],
            tagged=ready.tagged[i : i + 1],
            fill=ready.fill[i : i + 1],
            any_tagged=bool(ready.tagged[i]),
        )
        for i in range(len(ready.files))
    ]


def _warp_halves(
    ready: Ready, grid: GeoBox, kernel: Kernel, shrinkage: Shrinkage, out: NDArray[Any], seen: Valid
) -> None:
    height, width = grid.shape
    if height >= width:
        halves = [np.s_[: height // 2, :], np.s_[height // 2 :, :]]
    else:
        halves = [np.s_[:, : width // 2], np.s_[:, width // 2 :]]
    for part in halves:
        _warp_part(ready, grid, kernel, shrinkage, part, out, seen)


def _warp_part(
    ready: Ready,
    grid: GeoBox,
    kernel: Kernel,
    shrinkage: Shrinkage,
    part: tuple[slice, slice],
    out: NDArray[Any],
    seen: Valid,
) -> None:
    """Warp onto a part of the grid: the compiled loops want whole arrays."""
    piece = grid[part]
    values = np.empty((len(out), *piece.shape), out.dtype)
    piece_seen = np.empty(piece.shape, np.uint8)
    _warp(ready, piece, kernel, shrinkage, values, piece_seen)
    out[:, *part] = values
    seen[part] = piece_seen


class _Scratch(threading.local):
    """Memory that a thread uses again: fresh memory costs more than what is written into it."""

    def __init__(self) -> None:
        self.memory = np.empty(0, np.uint8)


_SCRATCH = _Scratch()


def _scratch(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    size = math.prod(shape) * dtype.itemsize
    if size > _SCRATCH.memory.size:
        memory = np.empty(size + (size >> 2), np.uint8)
        if size > _SCRATCH_BYTES:
            return memory[:size].view(dtype).reshape(shape)
        _SCRATCH.memory = memory
    return _SCRATCH.memory[:size].view(dtype).reshape(shape)
