"""The engine that reads everything GDAL reads, with GDAL's own warper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.grid import lattice_window, window_grid
from geoloom.core.resampling import Resampling

from ..geometry.box_mean import area_mean, boxes_are_pixels
from ..geometry.coordinate_map import way
from ..geometry.locate import source_window
from ..geometry.piece import RasterPiece
from ..geometry.shrinkage import Shrinkage, cells, halves, reach_px
from ..geometry.subpixels import majority, mean, points_per_pixel, sample_grid
from ..headers.header import Header
from ..loops.rounding import given_dtype
from .gdal_warp import warp
from .gdal_window import empty, read_window

_STAGE_BYTES = 1 << 28
"""Largest piece of a source that is read at once; a grid that needs more is cut."""

_SMALLEST_CUT_PX = 16
"""A grid of this size is not cut further, however much it shrinks."""

_SAMPLED_PX = 128
"""Grids are cut to this size before each of their pixels is sampled at many points."""


class GdalEngine:
    """Window copies and exact warps through rasterio."""

    name = "gdal"

    def can_read(
        self, header: Header, grid: GeoBox, bands: tuple[int, ...], resampling: Resampling
    ) -> bool:
        """Always: what has a header, GDAL reads."""
        return True

    def read(
        self,
        header: Header,
        grid: GeoBox,
        bands: tuple[int, ...],
        resampling: Resampling,
        nodata: float | None,
        *,
        unrounded: bool = False,
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values (C, H, W) and where all bands are observed (H, W); see `Engine.read`."""
        turned = way(header.grid, grid.crs).turned(grid) if grid.crs.geographic else []
        if turned:
            values, _ = _empty(header, bands, nodata, grid.shape, unrounded=unrounded)
            valid = np.zeros(grid.shape, np.bool_)
            for rows, cols, piece in turned:
                # A piece that is turned lies beside the source, or nowhere: it is not turned again.
                read = _read_as_placed(
                    header, piece, bands, resampling, nodata, unrounded=unrounded
                )
                values[:, rows, cols], valid[rows, cols] = read
            return values, valid
        return _read_as_placed(header, grid, bands, resampling, nodata, unrounded=unrounded)


def _read_as_placed(
    header: Header,
    grid: GeoBox,
    bands: tuple[int, ...],
    resampling: Resampling,
    nodata: float | None,
    *,
    unrounded: bool,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    window = lattice_window(header.grid, grid)
    if window is not None:
        values, seen = read_window(header, window, bands, nodata)
        values = values.astype(given_dtype(values.dtype, unrounded=unrounded), copy=False)
    else:
        values, seen = _empty(header, bands, nodata, grid.shape, unrounded=unrounded)
        order = _Order(header, bands, nodata, resampling)
        for rows, cols, shrinkage in cells(header.grid, grid):
            part = np.s_[:, rows, cols]
            order.fulfil(grid[rows, cols], shrinkage, values[part], seen[part])
    valid: NDArray[np.bool_] = np.logical_and.reduce(seen, axis=0)
    return values, valid


def _empty(
    header: Header,
    bands: tuple[int, ...],
    nodata: float | None,
    shape: tuple[int, int],
    *,
    unrounded: bool,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """`empty`, in the dtype that values are given in."""
    values, seen = empty(header, bands, nodata, shape)
    return values.astype(given_dtype(values.dtype, unrounded=unrounded), copy=False), seen


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be warped, apart from the grid."""

    header: Header
    bands: tuple[int, ...]
    nodata: float | None
    resampling: Resampling

    def fulfil(
        self, grid: GeoBox, shrinkage: Shrinkage, values: NDArray[Any], seen: NDArray[np.bool_]
    ) -> None:
        """Warp onto the grid, writing into `values` and `seen` where something was observed."""
        source = self.header.grid
        sampled = self.resampling == "mode" or (
            self.resampling == "average" and not boxes_are_pixels(source, grid, shrinkage)
        )
        window = source_window(source, grid, reach_px(self.resampling, shrinkage.span))
        if window is None:
            return
        height, width = grid.shape
        size = window.height * window.width * values.dtype.itemsize * len(self.bands)
        if (sampled and max(height, width) > _SAMPLED_PX) or (
            size > _STAGE_BYTES and max(height, width) > _SMALLEST_CUT_PX
        ):
            for part in halves(grid.shape):
                self.fulfil(grid[part], shrinkage, values[:, *part], seen[:, *part])
            return
        stored, stored_seen = read_window(self.header, window, self.bands, self.nodata)
        stored = stored.astype(values.dtype, copy=False)
        place = window_grid(source, window)
        # One mask for all bands is one warp. Bands that miss different pixels are warped each on its own, so
        # that a band's values never depend on which others are read with it.
        alike = bool((stored_seen == stored_seen[:1]).all())
        groups = [slice(0, None)] if alike else [slice(i, i + 1) for i in range(len(self.bands))]
        for group in groups:
            piece = RasterPiece(stored[group], stored_seen[group][0], place)
            warped, ok = self._resample(piece, grid, shrinkage, sampled)
            seen[group] = ok
            np.copyto(values[group], warped, where=ok)

    def _resample(
        self, piece: RasterPiece, grid: GeoBox, shrinkage: Shrinkage, sampled: bool
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        if sampled:
            points = points_per_pixel(shrinkage.span)
            values, seen = warp(piece, sample_grid(grid, points), "nearest", (1, 1))
            return (majority if self.resampling == "mode" else mean)(values, seen, points)
        if self.resampling == "average":
            return area_mean(piece, grid)
        return warp(piece, grid, self.resampling, shrinkage.span)
