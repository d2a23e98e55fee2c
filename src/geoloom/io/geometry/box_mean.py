"""The mean of what each pixel covers, by area, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.antimeridian import full_turn

from ..loops.rounding import as_dtype
from ..loops.thresholds import LEAST_SHARE
from .locate import Floats, to_source
from .piece import RasterPiece
from .shrinkage import Shrinkage


def boxes_are_pixels(source: GeoBox, grid: GeoBox, shrinkage: Shrinkage) -> bool:
    """Whether each pixel of the grid is a box along the source's rows and columns.

    Turned pixels are not, nor those across the pole or the seam of a raster that goes around the Earth.
    """
    turn = full_turn(source.crs)
    if turn is None or source.crs == grid.crs:
        return shrinkage.parallel
    bounds, pixel = source.boundingbox, abs(source.affine.a) + abs(source.affine.b)
    around = bounds.right - bounds.left + pixel >= turn
    polar = max(abs(bounds.bottom), abs(bounds.top)) + pixel >= turn / 4
    return shrinkage.parallel and not around and not polar


def area_mean(piece: RasterPiece, grid: GeoBox) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Means of the observed source pixels in each pixel's box, weighted by the shares that lie in it.

    Returns:
        Values (C, H, W) in the piece's dtype, rounded for integers, and where enough was observed (H, W).
    """
    height, width = grid.shape
    cols, rows = np.meshgrid(np.arange(width + 1.0), np.arange(height + 1.0))
    places = to_source(piece.grid, grid, cols, rows)
    count, source_height, source_width = piece.values.shape
    col_starts, col_shares, col_whole = _shares(_box(places[0]), source_width)
    row_starts, row_shares, row_whole = _shares(_box(places[1]), source_height)
    total = np.zeros((count, height, width), np.result_type(piece.values.dtype, np.float64))
    weight = np.zeros((height, width))
    values = np.where(piece.seen, piece.values, piece.values.dtype.type(0))
    for i, row_share in enumerate(row_shares):
        at_rows = np.minimum(row_starts + i, source_height - 1)
        for j, col_share in enumerate(col_shares):
            at_cols = np.minimum(col_starts + j, source_width - 1)
            share = row_share * col_share * piece.seen[at_rows, at_cols]
            weight += share
            total += share * values[:, at_rows, at_cols]
    seen = weight > LEAST_SHARE * row_whole * col_whole
    means = total / np.where(seen, weight, 1)
    return as_dtype(np.where(seen, means, 0), piece.values.dtype), seen


def _box(corners: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest coordinate of each pixel's box, from its corners' (H + 1, W + 1)."""
    sides = [
        ((corners[:-1, :-1] + corners[1:, :-1]) / 2, (corners[:-1, 1:] + corners[1:, 1:]) / 2),
        ((corners[:-1, :-1] + corners[:-1, 1:]) / 2, (corners[1:, :-1] + corners[1:, 1:]) / 2),
    ]
    with np.errstate(invalid="ignore"):
        along_row = abs(sides[0][1] - sides[0][0]) >= abs(sides[1][1] - sides[1][0])
        first = np.where(along_row, sides[0][0], sides[1][0])
        last = np.where(along_row, sides[0][1], sides[1][1])
        return np.minimum(first, last), np.maximum(first, last)


def _shares(
    box: tuple[Floats, Floats], size: int
) -> tuple[NDArray[np.int64], list[Floats], Floats]:
    """Along one axis: the first source pixel of each box, how much of each from there on, and its length.

    Boxes without a place, or outside, get no share.
    """
    placed = np.isfinite(box[0]) & np.isfinite(box[1])
    low = np.where(placed, box[0], -1.0).clip(0, size)
    high = np.where(placed, box[1], -1.0).clip(0, size)
    first = np.minimum(np.floor(low).astype(np.int64), size - 1)
    taps = int((np.ceil(high) - first).max(initial=0))
    shares = [
        np.clip(np.minimum(high, first + i + 1) - np.maximum(low, first + i), 0, None)
        for i in range(taps)
    ]
    return first, shares, np.where(placed, box[1] - box[0], 1.0)
