"""Arrays in memory, warped by GDAL exactly.

Pixels are staged with one mask of what is observed, rather than warped from the file, because GDAL lets
pixels under a closed alpha band take part in bilinear and cubic values (3.10), takes one band's nodata for
all, and knows NaN only where it is tagged; a mask band it heeds fully.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.enums import Resampling as GdalResampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT

from geoloom.core.antimeridian import full_turn, turned
from geoloom.core.grid import crs_name
from geoloom.core.resampling import Resampling

from ..geometry.piece import RasterPiece
from ..geometry.shrinkage import Span
from ..loops.rounding import as_dtype, working_dtype

_TOLERANCE_PX = 1e-6
"""GDAL interpolates coordinates within this; 0 it does not accept."""


def warp(
    piece: RasterPiece, grid: GeoBox, resampling: Resampling, span: Span
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Values (C, H, W) on the grid, and where they rest on an observation (H, W).

    Coordinates are exact to 1e-6 source pixels; `span` fixes the kernel's width, so that nothing
    depends on the grid's extent. Where not observed, values mean nothing.
    """
    if resampling == "nearest":
        return _warp_nearest(piece, grid)
    piece = _at_least_two(piece)
    dtype = piece.values.dtype
    reals = replace(piece, values=piece.values.astype(working_dtype(dtype), copy=False))
    values, seen = _warp_turns(reals, grid, resampling, span)
    return as_dtype(values, dtype), seen


def _at_least_two(piece: RasterPiece) -> RasterPiece:
    """With an unobserved row or column beside a single one, between whose pixels GDAL does not interpolate.

    Where a source is one pixel wide or high, GDAL 3.10 takes the nearest pixel's value for every resampling.
    """
    _, height, width = piece.values.shape
    more = max(2 - height, 0), max(2 - width, 0)
    if more == (0, 0):
        return piece
    beside = (0, more[0]), (0, more[1])
    shape = height + more[0], width + more[1]
    return RasterPiece(
        np.pad(piece.values, ((0, 0), *beside)),
        np.pad(piece.seen, beside),
        GeoBox(shape, piece.grid.affine, piece.grid.crs),
    )


def _warp_nearest(piece: RasterPiece, grid: GeoBox) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """As `warp`, by warping the pixels' numbers: exact for every dtype, and once for all bands."""
    count, height, width = piece.values.shape
    numbers = np.arange(height * width, dtype=np.int32).reshape(1, height, width)
    positions, seen = _warp_turns(replace(piece, values=numbers), grid, "nearest", (1, 1))
    return piece.values.reshape(count, -1)[:, np.where(seen, positions[0], 0)], seen


def _warp_turns(
    piece: RasterPiece, grid: GeoBox, resampling: Resampling, span: Span
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    values: NDArray[Any] | None = None
    seen = np.zeros(tuple(grid.shape), dtype=np.bool_)
    turns = _turns(piece.grid, grid)
    for moved in turns:
        part, part_seen = _warp_once(
            replace(piece, grid=moved), grid, resampling, span, seam=len(turns) > 1
        )
        if values is None:
            values = part
        else:
            np.copyto(values, part, where=part_seen)
        seen |= part_seen
    assert values is not None  # there is always at least one turn
    return values, seen


def _turns(source: GeoBox, grid: GeoBox) -> list[GeoBox]:
    """The source, moved by whole turns to where PROJ will look for it: -180 to 180 degrees.

    A source that straddles the antimeridian comes twice. Between equal CRSs nothing is transformed, and
    nothing moved.
    """
    turn = full_turn(source.crs)
    if turn is None or source.crs == grid.crs:
        return [source]
    bounds = source.boundingbox
    half = turn / 2
    # A pixel's width of overlap, for values that come out a rounding error beyond the antimeridian.
    slack = abs(source.affine.a) + abs(source.affine.b)
    first = int(np.floor((bounds.left - slack + half) / turn))
    last = int(np.ceil((bounds.right + slack - half) / turn))
    moves = range(min(first, last), max(first, last) + 1)
    return [turned(source, n * turn) for n in moves]


def _warp_once(
    piece: RasterPiece, grid: GeoBox, resampling: Resampling, span: Span, *, seam: bool
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    count, height, width = piece.values.shape
    # GDAL looks for its part of the source at few points of the grid; where only a strip of the grid lies on
    # the source's side of the antimeridian these can miss it, and nothing is warped: let it look at all.
    looks = {"SAMPLE_GRID": "YES", "SAMPLE_STEPS": "ALL"} if seam else {}
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": count,
        "dtype": piece.values.dtype.name,
        "crs": CRS.from_user_input(crs_name(piece.grid.crs)),
        "transform": piece.grid.affine,
        "interleave": "band",
    }
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(np.where(piece.seen, piece.values, piece.values.dtype.type(0)))
            file.write_mask(piece.seen)
        with (
            memory.open() as file,
            WarpedVRT(
                file,
                crs=CRS.from_user_input(crs_name(grid.crs)),
                transform=grid.affine,
                width=grid.shape[1],
                height=grid.shape[0],
                resampling=GdalResampling[resampling],
                tolerance=_TOLERANCE_PX,
                add_alpha=True,
                XSCALE=1 / span[0],
                YSCALE=1 / span[1],
                # The piece holds all that the grid needs: GDAL's own guess of the part is not wanted.
                SOURCE_EXTRA=max(height, width),
                **looks,
            ) as warped,
        ):
            result = warped.read()
    return result[:-1], result[-1] > 0
