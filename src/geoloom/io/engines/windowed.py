"""Pixels that come window by window, put onto any grid with GDAL's warper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.grid import PixelWindow, lattice_window, window_grid
from geoloom.core.resampling import Resampling

from ..geometry.box_mean import area_mean, boxes_are_pixels
from ..geometry.coordinate_map import way
from ..geometry.locate import source_window
from ..geometry.piece import RasterPiece
from ..geometry.shrinkage import Shrinkage, cells, halves, reach_px
from ..geometry.subpixels import majority, mean, points_per_pixel, sample_grid
from .gdal_warp import warp

_STAGE_BYTES = 1 << 28
"""Largest piece of a source that is read at once; a grid that needs more is cut."""

_SMALLEST_CUT_PX = 16
"""A grid of this size is not cut further, however much it shrinks."""

_SAMPLED_PX = 128
"""Grids are cut to this size before each of their pixels is sampled at many points."""

Pixels: TypeAlias = tuple[NDArray[Any], NDArray[np.bool_]]
"""Values (C, H, W), and where each is observed, bool (C, H, W)."""


@dataclass(frozen=True, slots=True)
class WindowedRaster:
    """A raster of which only windows are known."""

    lattice: GeoBox
    """Its own pixels."""
    read: Callable[[PixelWindow], Pixels]
    """A window that may lie outside, as it is."""
    fill: NDArray[Any]
    """(C, 1, 1), what stands where nothing is, in the dtype of the values."""


def put_on_grid(source: WindowedRaster, grid: GeoBox, resampling: Resampling) -> Pixels:
    """A copy where the lattices agree, else one resampling of the values that `source.read` gives.

    Guarantee: as of `geoloom.read`. What is not observed takes no part in a value.

    Args:
        source: Where pixels come from.
        grid: The pixels wanted, in any CRS, anywhere.
        resampling: Used only where the lattices differ.
    """
    turned = way(source.lattice, grid.crs).turned(grid) if grid.crs.geographic else []
    if not turned:
        return _as_placed(source, grid, resampling)
    values, seen = _nothing(source, grid)
    for rows, cols, piece in turned:
        # A piece that is turned lies beside the source, or nowhere: it is not turned again.
        values[:, rows, cols], seen[:, rows, cols] = _as_placed(source, piece, resampling)
    return values, seen


def _as_placed(source: WindowedRaster, grid: GeoBox, resampling: Resampling) -> Pixels:
    window = lattice_window(source.lattice, grid)
    if window is not None:
        return source.read(window)
    values, seen = _nothing(source, grid)
    for rows, cols, shrinkage in cells(source.lattice, grid):
        part = np.s_[:, rows, cols]
        _fulfil(source, grid[rows, cols], resampling, shrinkage, values[part], seen[part])
    return values, seen


def _nothing(source: WindowedRaster, grid: GeoBox) -> Pixels:
    shape = len(source.fill), *grid.shape
    return np.broadcast_to(source.fill, shape).copy(), np.zeros(shape, np.bool_)


def _fulfil(
    source: WindowedRaster,
    grid: GeoBox,
    resampling: Resampling,
    shrinkage: Shrinkage,
    values: NDArray[Any],
    seen: NDArray[np.bool_],
) -> None:
    """Warp onto the grid, writing into `values` and `seen` where something was observed."""
    lattice = source.lattice
    sampled = resampling == "mode" or (
        resampling == "average" and not boxes_are_pixels(lattice, grid, shrinkage)
    )
    window = source_window(lattice, grid, reach_px(resampling, shrinkage.span))
    if window is None:
        return
    height, width = grid.shape
    size = window.height * window.width * values.dtype.itemsize * len(values)
    if (sampled and max(height, width) > _SAMPLED_PX) or (
        size > _STAGE_BYTES and max(height, width) > _SMALLEST_CUT_PX
    ):
        for part in halves(grid.shape):
            _fulfil(source, grid[part], resampling, shrinkage, values[:, *part], seen[:, *part])
        return
    stored, stored_seen = source.read(window)
    place = window_grid(lattice, window)
    # One mask for all bands is one warp. Bands that miss different pixels are warped each on its own, so
    # that a band's values never depend on which others are read with it.
    alike = bool((stored_seen == stored_seen[:1]).all())
    groups = [slice(0, None)] if alike else [slice(i, i + 1) for i in range(len(values))]
    for group in groups:
        piece = RasterPiece(stored[group], stored_seen[group][0], place)
        warped, ok = _resample(piece, grid, resampling, shrinkage, sampled=sampled)
        seen[group] = ok
        np.copyto(values[group], warped, where=ok)


def _resample(
    piece: RasterPiece, grid: GeoBox, resampling: Resampling, shrinkage: Shrinkage, *, sampled: bool
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if sampled:
        points = points_per_pixel(shrinkage.span)
        values, seen = warp(piece, sample_grid(grid, points), "nearest", (1, 1))
        return (majority if resampling == "mode" else mean)(values, seen, points)
    if resampling == "average":
        return area_mean(piece, grid)
    return warp(piece, grid, resampling, shrinkage.span)
