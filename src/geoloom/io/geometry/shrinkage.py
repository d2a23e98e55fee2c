"""How far a warp shrinks: known before a pixel is touched, and the same however a grid is cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from odc.geo.geobox import GeoBox

from geoloom.core.antimeridian import full_turn, near
from geoloom.core.grid import crs_name
from geoloom.core.resampling import Resampling

from .locate import Floats, moved

Span = tuple[int, int]
"""Source columns and rows that one pixel spans, in whole numbers from 1 (enlarging or equal).

Whole, because a bilinear or cubic kernel that is widened by any other factor no longer gives straight lines
back (off by up to 0.09 px at 1.2); widened by n it does (Strang and Fix 1971).
"""

Linear = tuple[float, float, float, float]
"""The part of an affine map without its shift: a, b, d, e."""

CELL_PX = 256
"""Side of the cells on which a span that varies over the source is held constant."""

_CELL_SHIFT_PX = 0.2371
"""Keeps cells' edges away from pixel centres on any lattice that someone would choose."""

_UNIFORM = 1.05
"""Spans that vary by less than this over a whole source are taken as one."""

_PARALLEL = 0.1
"""Largest share of a pixel's side across the source's axis for it to count as along it (a slope)."""

_RADIUS_PX: dict[Resampling, int] = {
    "nearest": 1,
    "mode": 1,
    "average": 1,
    "bilinear": 1,
    "cubic": 2,
}


def reach_px(resampling: Resampling, span: Span) -> tuple[int, int]:
    """How far from its centre, in source columns and rows, a kernel takes values."""
    radius = _RADIUS_PX[resampling]
    return radius * span[0] + 2, radius * span[1] + 2


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """How a pixel covers source pixels: the same for a pixel in whichever grid it is read."""

    span: Span
    parallel: bool
    """Whether its sides run along the source's rows and columns, within six degrees."""


def cells(source: GeoBox, grid: GeoBox) -> Iterator[tuple[slice, slice, Shrinkage]]:
    """Parts of `grid` (rows, columns), each with the shrinkage that its kernel is made for.

    Guarantee: a pixel's shrinkage depends on the source, and on the pixel's place and lattice, but not on
    the grid that it is read in. Where it hardly varies over the source it is one for all (that at the
    source's centre). Else it is taken at the centres of cells anchored to the CRS's origin, whichever
    grid they are met in.
    """
    a, b, c, d, e, f = grid.affine[:6]
    name = crs_name(grid.crs)
    height, width = grid.shape
    uniform = uniform_shrinkage(source, name, (a, b, d, e))
    if uniform is not None:
        yield slice(0, height), slice(0, width), uniform
        return
    determinant = a * e - b * d
    first_col, first_row = (e * c - b * f) / determinant, (a * f - d * c) / determinant
    for rows, row in _cuts(first_row, height):
        for cols, col in _cuts(first_col, width):
            yield rows, cols, _cell_shrinkage(source, name, (a, b, d, e), col, row)


def halves(shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Rows and columns of the two halves of a grid, cut across its longer side."""
    height, width = shape
    if height >= width:
        return [np.s_[: height // 2, :], np.s_[height // 2 :, :]]
    return [np.s_[:, : width // 2], np.s_[:, width // 2 :]]


def _cuts(first: float, size: int) -> Iterator[tuple[slice, int]]:
    """The cells along one axis: pixels of the grid, and the cell's number on the whole lattice."""
    start = 0
    while start < size:
        cell = int(np.floor((first + start + 0.5 + _CELL_SHIFT_PX) / CELL_PX))
        end = (cell + 1) * CELL_PX - _CELL_SHIFT_PX - first - 0.5
        stop = min(size, max(start + 1, int(np.ceil(end))))
        yield slice(start, stop), cell
        start = stop


@lru_cache(maxsize=4096)
def _cell_shrinkage(source: GeoBox, crs: str, linear: Linear, col: int, row: int) -> Shrinkage:
    a, b, d, e = linear
    at_col = np.array([(col + 0.5) * CELL_PX - _CELL_SHIFT_PX])
    at_row = np.array([(row + 0.5) * CELL_PX - _CELL_SHIFT_PX])
    x, y = a * at_col + b * at_row, d * at_col + e * at_row
    return _shrinkage(source, _sides(source, crs, linear, x, y), 0)


@lru_cache(maxsize=4096)
def uniform_shrinkage(source: GeoBox, crs: str, linear: Linear) -> Shrinkage | None:
    """That of pixels of this shape all over the source; None where it varies too much for one."""
    height, width = source.shape
    cols, rows = np.meshgrid(np.linspace(0, width, 5), np.linspace(0, height, 5))
    a, b, c, d, e, f = source.affine[:6]
    x, y = (a * cols + b * rows + c).ravel(), (d * cols + e * rows + f).ravel()
    if crs != crs_name(source.crs):
        x, y = moved(crs_name(source.crs), crs, x, y)
    sides = _sides(source, crs, linear, x, y)
    middle = len(x) // 2
    if not np.isfinite(sides).all():
        return None
    for along in np.hypot(sides[:, 0], sides[:, 1]):
        at_least_one = np.maximum(along, 1.0)
        if at_least_one.max() > _UNIFORM * at_least_one.min():
            return None
    return _shrinkage(source, sides, middle)


def _shrinkage(source: GeoBox, sides: Floats, at: int) -> Shrinkage:
    """From the sides at one point. Along an axis, the root sum of squares of both sides is the width of
    the box that averages alike: exact for pixels parallel to the source's, and for squares.
    """
    height, width = source.shape

    def whole(span: float, size: int) -> int:
        return min(max(round(span), 1), size) if np.isfinite(span) else 1

    (col_x, col_y), (row_x, row_y) = sides[:, :, at]
    span = whole(float(np.hypot(col_x, col_y)), width), whole(float(np.hypot(row_x, row_y)), height)
    straight = max(abs(col_y), abs(row_x)) <= _PARALLEL * min(abs(col_x), abs(row_y))
    crossed = max(abs(col_x), abs(row_y)) <= _PARALLEL * min(abs(col_y), abs(row_x))
    return Shrinkage(span, bool(straight or crossed))


def _sides(source: GeoBox, crs: str, linear: Linear, x: Floats, y: Floats) -> Floats:
    """The two sides of a pixel of this shape at N world points, in source pixels.

    Returns:
        (2, 2, N): [source columns, source rows] by [side along the pixel's row, along its column].
    """
    a, b, d, e = linear
    ends_x = np.stack([x - a / 2, x + a / 2, x - b / 2, x + b / 2])
    ends_y = np.stack([y - d / 2, y + d / 2, y - e / 2, y + e / 2])
    if crs != crs_name(source.crs):
        shape = ends_x.shape
        ends = moved(crs, crs_name(source.crs), ends_x.ravel(), ends_y.ravel())
        ends_x, ends_y = ends[0].reshape(shape), ends[1].reshape(shape)
    with np.errstate(invalid="ignore"):
        side_x, side_y = ends_x[1::2] - ends_x[::2], ends_y[1::2] - ends_y[::2]
        turn = full_turn(source.crs)
        if turn is not None:
            side_x = near(side_x, 0.0, turn)
        a, b, _, d, e, _ = (~source.affine)[:6]
        return np.stack([a * side_x + b * side_y, d * side_x + e * side_y])
