"""Stored pixels onto a grid of another lattice, in one step.

A window of the source is laid out, the coordinate map says where in it each centre lies, and one compiled
loop gathers the values.
"""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ...core.grid import PixelWindow, window_grid, window_inside
from ...core.resampling import Resampling
from ..blocks.copy import lay_out
from ..blocks.stack import MappedStack
from ..geometry.box_mean import area_mean, boxes_are_pixels
from ..geometry.coordinate_map import CoordinateMap, coordinate_map, exact_map, exact_places
from ..geometry.piece import RasterPiece
from ..geometry.shrinkage import Shrinkage, Span, halves, reach_px
from ..geometry.subpixels import majority, mean, points_per_pixel, sample_grid
from ..loops.rounding import given_dtype

_SCRATCH_BYTES = 1 << 26
"""Largest piece of a source that is laid out at once; a grid that needs more is cut."""

_SMALLEST_CUT_PX = 16
_SAMPLED_PX = 128
_DOUBTFUL = 4096

Valid = NDArray[np.uint8]


def warp(
    ready: MappedStack,
    grid: GeoBox,
    resampling: Resampling,
    shrinkage: Shrinkage,
    out: NDArray[Any],
    seen: Valid,
    places: CoordinateMap | None = None,
) -> None:
    """Resample onto a grid over which the shrinkage is one.

    Args:
        ready: What to read.
        grid: The pixels wanted.
        resampling: How.
        shrinkage: Source pixels per pixel of the grid.
        out: (C, H, W), C-contiguous; wholly overwritten, values cast.
        seen: (H, W), C-contiguous; 1 where all bands are observed.
        places: The coordinate map, where it is known already.

    Raises:
        ReadError: a block is damaged, or no transformation joins the CRSs.
    """
    sampled = resampling == "mode" or (
        resampling == "average" and not boxes_are_pixels(ready.grid, grid, shrinkage)
    )
    height, width = grid.shape
    if sampled:
        if max(height, width) > _SAMPLED_PX:
            _warp_halves(ready, grid, resampling, shrinkage, out, seen)
        else:
            _warp_sampled(ready, grid, resampling, shrinkage, out, seen)
        return
    if places is None:
        places = coordinate_map(ready.way(grid.crs), grid)
    window = _window(ready, places, reach_px(resampling, shrinkage.span))
    if window is None:
        out[:] = ready.fill.reshape(-1, 1, 1)
        seen.fill(0)
        return
    shape = window.height, window.width
    size = len(out) * shape[0] * shape[1] * ready.like.itemsize
    if size > _SCRATCH_BYTES and max(height, width) > _SMALLEST_CUT_PX:
        _warp_halves(ready, grid, resampling, shrinkage, out, seen)
        return
    source = _scratch((len(out), *shape), ready.like.dtype)
    lay_out(ready, (window.row, window.col), shape, (0, 0), source)
    place = window.row, window.col, *ready.grid.shape
    if ready.unrounded and resampling != "nearest":
        ready = ready.as_floats()
        source = source.astype(ready.like.dtype)
    _gather(ready, source, place, places, resampling, shrinkage.span, out, seen)


def _warp_sampled(
    ready: MappedStack,
    grid: GeoBox,
    resampling: Resampling,
    shrinkage: Shrinkage,
    out: NDArray[Any],
    seen: Valid,
) -> None:
    """The majority or mean of points spread over each pixel."""
    points = points_per_pixel(shrinkage.span)
    fine = sample_grid(grid, points)
    values = np.empty((1, *fine.shape), ready.like.dtype)
    points_seen = np.empty(fine.shape, np.bool_)
    dtype = given_dtype(values.dtype, unrounded=ready.unrounded)
    pick = majority if resampling == "mode" else mean
    seen.fill(1)
    for band, band_stack in enumerate(_bands(ready)):
        warp(band_stack, fine, "nearest", shrinkage, values, points_seen.view(np.uint8))
        picked, observed = pick(values.astype(dtype, copy=False), points_seen, points)
        out[band] = np.where(observed, picked[0], ready.fill[band])
        seen &= observed.view(np.uint8)


def _gather(
    ready: MappedStack,
    source: NDArray[Any],
    window: tuple[int, int, int, int],
    places: CoordinateMap,
    resampling: Resampling,
    span: Span,
    out: NDArray[Any],
    seen: Valid,
) -> None:
    nodata = ready.nodata_as(source.dtype)
    fill = ready.fill_as(out.dtype)
    if resampling == "nearest":
        _nearest(ready, source, window, places, nodata, fill, out, seen)
        return
    if resampling != "average":
        from ..loops.interpolate import warp_smooth

        warp_smooth(
            source, window, places.cells, places.coefs, places.exact, resampling == "cubic", span,
            nodata, ready.tagged, fill, ready.working, ready.limits, out, seen,
        )  # fmt: skip
    elif places.exact.size:
        _mean_of_exact(ready, source, window, places.grid, out, seen)
    else:
        from ..loops.box_mean import warp_boxmean

        warp_boxmean(
            source, window, places.cells, places.coefs, nodata, ready.tagged, fill, ready.limits, out, seen
        )  # fmt: skip


def _nearest(
    ready: MappedStack,
    source: NDArray[Any],
    window: tuple[int, int, int, int],
    places: CoordinateMap,
    nodata: NDArray[Any],
    fill: NDArray[Any],
    out: NDArray[Any],
    seen: Valid,
) -> None:
    from ..loops.nearest import pick_pixels, warp_nearest

    doubtful = np.empty(_DOUBTFUL, np.int64)
    doubtful_count = warp_nearest(
        source, window, places.cells, places.coefs, places.exact, places.error_px,
        nodata, ready.tagged, fill, out, seen, doubtful,
    )  # fmt: skip
    if doubtful_count > _DOUBTFUL:
        places = exact_map(places.way, places.grid)
        warp_nearest(
            source, window, places.cells, places.coefs, places.exact, 0.0,
            nodata, ready.tagged, fill, out, seen, doubtful,
        )  # fmt: skip
    elif doubtful_count:
        pixels = doubtful[:doubtful_count]
        cols, rows = exact_places(ready.grid, places.grid, pixels)
        pick_pixels(source, window, pixels, cols, rows, nodata, ready.tagged, fill, out, seen)


def _mean_of_exact(
    ready: MappedStack,
    source: NDArray[Any],
    window: tuple[int, int, int, int],
    grid: GeoBox,
    out: NDArray[Any],
    seen: Valid,
) -> None:
    """The mean where the map is not a polynomial: slowly, as the other engine has it."""
    place = window_grid(ready.grid, PixelWindow(*window[:2], *source.shape[1:]))
    seen.fill(1)
    for band in range(len(out)):
        stored = source[band : band + 1].astype(ready.like.dtype)
        observed = stored[0] == stored[0]
        if ready.tagged[band]:
            observed &= stored[0] != ready.nodata[band]
        values, ok = area_mean(RasterPiece(stored, observed, place), grid)
        out[band] = np.where(ok, values[0], ready.fill[band])
        seen &= ok.view(np.uint8)


def _window(
    ready: MappedStack, places: CoordinateMap, reach: tuple[int, int]
) -> PixelWindow | None:
    """The part of the raster that a kernel can touch; None where it touches none."""
    extent = places.extent()
    if extent is None:
        return None
    low_row, high_row, low_col, high_col = extent
    top, left = int(max(low_row, -1e9)) - 1 - reach[1], int(max(low_col, -1e9)) - 1 - reach[0]
    bottom, right = int(min(high_row, 1e9)) + 1 + reach[1], int(min(high_col, 1e9)) + 1 + reach[0]
    touched = PixelWindow(top, left, bottom - top, right - left)
    return window_inside(touched, ready.grid.shape)


def _bands(ready: MappedStack) -> list[MappedStack]:
    """One stack a band."""
    return [
        replace(
            ready,
            files=ready.files[i : i + 1],
            planes=ready.planes[i : i + 1],
            samples=ready.samples[i : i + 1],
            addresses=None if ready.addresses is None else ready.addresses[i : i + 1],
            offsets=None if ready.offsets is None else ready.offsets[i : i + 1],
            nodata=ready.nodata[i : i + 1],
            tagged=ready.tagged[i : i + 1],
            fill=ready.fill[i : i + 1],
            any_tagged=bool(ready.tagged[i]),
        )
        for i in range(len(ready.files))
    ]


def _warp_halves(
    ready: MappedStack,
    grid: GeoBox,
    resampling: Resampling,
    shrinkage: Shrinkage,
    out: NDArray[Any],
    seen: Valid,
) -> None:
    for part in halves(grid.shape):
        warp_part(ready, grid, resampling, shrinkage, part, out, seen)


def warp_part(
    ready: MappedStack,
    grid: GeoBox,
    resampling: Resampling,
    shrinkage: Shrinkage,
    part: tuple[slice, slice],
    out: NDArray[Any],
    seen: Valid,
) -> None:
    """Warp onto a part of the grid: the compiled loops want whole arrays."""
    piece = grid[part]
    values = np.empty((len(out), *piece.shape), out.dtype)
    piece_seen = np.empty(piece.shape, np.uint8)
    warp(ready, piece, resampling, shrinkage, values, piece_seen)
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
