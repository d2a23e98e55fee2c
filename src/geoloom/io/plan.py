"""What a warp needs to know before it touches a pixel: how far to shrink, and which window to read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from geoloom.core.errors import ReadError
from geoloom.core.grid import PixelWindow, crs_name, transformer

Kernel = Literal["nearest", "mode", "bilinear", "cubic", "average"]
"""How a resampled pixel comes from source pixels: `nearest` and `mode` keep classes, the rest average."""

KERNELS: tuple[Kernel, ...] = ("nearest", "mode", "bilinear", "cubic", "average")

Span = tuple[int, int]
"""Source columns and rows that one pixel spans, in whole numbers from 1 (enlarging or equal).

Whole, because a bilinear or cubic kernel that is widened by any other factor no longer gives straight lines
back (off by up to 0.09 px at 1.2); widened by n it does (Strang and Fix 1971).
"""

Floats = NDArray[np.float64]
Linear = tuple[float, float, float, float]
"""The part of an affine map without its shift: a, b, d, e."""

CELL_PX = 256
"""Side of the cells on which a span that varies over the source is held constant."""

_CELL_SHIFT_PX = 0.2371
"""Keeps cells' edges away from pixel centres on any lattice that someone would choose."""

_UNIFORM = 1.05
"""Spans that vary by less than this over a whole source are taken as one."""

_RADIUS_PX: dict[Kernel, int] = {
    "nearest": 1,
    "mode": 1,
    "average": 1,
    "bilinear": 1,
    "cubic": 2,
}


def reach_px(kernel: Kernel, span: Span) -> tuple[int, int]:
    """How far from its centre, in source columns and rows, a kernel takes values."""
    radius = _RADIUS_PX[kernel]
    return radius * span[0] + 2, radius * span[1] + 2


def cells(source: GeoBox, grid: GeoBox) -> Iterator[tuple[slice, slice, Span]]:
    """Parts of `grid` (rows, columns), each with the span that its kernel is scaled by.

    Guarantee: a pixel's span depends on the source, and on the pixel's place and lattice, but not on the
    grid that it is read in. Where the span hardly varies over the source it is one for all
    (the span at the source's centre). Else it is taken at the centres of cells anchored to the
    CRS's origin, whichever grid they are met in.
    """
    a, b, c, d, e, f = grid.affine[:6]
    name = crs_name(grid.crs)
    height, width = grid.shape
    uniform = uniform_span(source, name, (a, b, d, e))
    if uniform is not None:
        yield slice(0, height), slice(0, width), uniform
        return
    determinant = a * e - b * d
    first_col, first_row = (e * c - b * f) / determinant, (a * f - d * c) / determinant
    for rows, row in _cuts(first_row, height):
        for cols, col in _cuts(first_col, width):
            yield rows, cols, _cell_span(source, name, (a, b, d, e), col, row)


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
def _cell_span(source: GeoBox, crs: str, linear: Linear, col: int, row: int) -> Span:
    a, b, d, e = linear
    at_col = np.array([(col + 0.5) * CELL_PX - _CELL_SHIFT_PX])
    at_row = np.array([(row + 0.5) * CELL_PX - _CELL_SHIFT_PX])
    spans = _spans(source, crs, linear, a * at_col + b * at_row, d * at_col + e * at_row)
    return _usable(source, *(float(s[0]) for s in spans))


@lru_cache(maxsize=4096)
def uniform_span(source: GeoBox, crs: str, linear: Linear) -> Span | None:
    """The span of pixels of this shape all over the source; None where it varies too much for one."""
    height, width = source.shape
    cols, rows = np.meshgrid(np.linspace(0, width, 5), np.linspace(0, height, 5))
    a, b, c, d, e, f = source.affine[:6]
    x, y = (a * cols + b * rows + c).ravel(), (d * cols + e * rows + f).ravel()
    if crs != crs_name(source.crs):
        x, y = _transform(crs_name(source.crs), crs, x, y)
    else:
        x, y = x[12:13], y[12:13]
    along_col, along_row = _spans(source, crs, linear, x, y)
    for along in (along_col, along_row):
        at_least_one = np.maximum(along, 1.0)
        if not np.isfinite(along).all() or at_least_one.max() > _UNIFORM * at_least_one.min():
            return None
    middle = len(x) // 2
    return _usable(source, float(along_col[middle]), float(along_row[middle]))


def _usable(source: GeoBox, along_col: float, along_row: float) -> Span:
    def whole(span: float, size: int) -> int:
        return min(max(round(span), 1), size) if np.isfinite(span) else 1

    height, width = source.shape
    return whole(along_col, width), whole(along_row, height)


def _spans(source: GeoBox, crs: str, linear: Linear, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Source columns and rows that a pixel of this shape spans at the world points x, y.

    A pixel's two sides are vectors in source pixels; their root sum of squares along an axis is the
    width of the box that averages alike, exact for pixels parallel to the source's and for squares.
    """
    a, b, d, e = linear
    ends_x = np.stack([x - a / 2, x + a / 2, x - b / 2, x + b / 2])
    ends_y = np.stack([y - d / 2, y + d / 2, y - e / 2, y + e / 2])
    if crs != crs_name(source.crs):
        shape = ends_x.shape
        x1, y1 = _transform(crs, crs_name(source.crs), ends_x.ravel(), ends_y.ravel())
        ends_x, ends_y = x1.reshape(shape), y1.reshape(shape)
    with np.errstate(invalid="ignore"):
        side_x, side_y = ends_x[1::2] - ends_x[::2], ends_y[1::2] - ends_y[::2]
    turn = full_turn(source.crs)
    if turn is not None:
        side_x = side_x - turn * np.round(side_x / turn)
    a, b, _, d, e, _ = (~source.affine)[:6]
    along_col, along_row = a * side_x + b * side_y, d * side_x + e * side_y
    return np.hypot(*along_col), np.hypot(*along_row)


def source_window(source: GeoBox, grid: GeoBox, reach: tuple[int, int]) -> PixelWindow | None:
    """The window of `source`, inside it, that a warp onto `grid` can touch; None where there is none.

    Places are computed on a lattice of nodes over the grid, its edges included. Between nodes a smooth
    map strays by less than its second differences, which are added to the margin; near a pole or a
    seam those are large, and the window with them.
    """
    height, width = grid.shape
    for nodes in (32, max(height, width)):
        nodes_x = np.linspace(0, width, min(width, nodes) + 1)
        nodes_y = np.linspace(0, height, min(height, nodes) + 1)
        places = to_source(source, grid, *np.meshgrid(nodes_x, nodes_y))
        placed = np.isfinite(places[0]) & np.isfinite(places[1])
        if placed.all() or placed.shape == (height + 1, width + 1):
            break
    if not placed.any():
        return None
    (left, right), (top, bottom) = (
        _extent(at, placed, margin, size)
        for at, margin, size in zip(places, reach, source.shape[::-1], strict=True)
    )
    if left >= right or top >= bottom:
        return None
    return PixelWindow(top, left, bottom - top, right - left)


def _extent(at: Floats, placed: NDArray[np.bool_], reach: float, size: int) -> tuple[int, int]:
    if placed.all():
        bends = [abs(np.diff(at, n=2, axis=axis)) for axis in (0, 1) if at.shape[axis] > 2]
        reach += max((float(bend.max()) for bend in bends), default=0.0)
    found = at[placed]
    low, high = np.floor(found.min() - reach), np.ceil(found.max() + reach)
    return int(np.clip(low, 0, size)), int(np.clip(high, 0, size))


def to_source(source: GeoBox, grid: GeoBox, cols: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Pixel coordinates of `grid` as pixel coordinates of `source`; not finite where no place is.

    Longitudes are counted towards the source's own, so that a source that runs from 170 to 190 degrees, or
    from 0 to 360, is met on both sides of the antimeridian.

    Raises:
        ReadError: no transformation joins the two CRSs.
    """
    a, b, c, d, e, f = grid.affine[:6]
    x, y = a * cols + b * rows + c, d * cols + e * rows + f
    if source.crs != grid.crs:
        x, y = _transform(crs_name(grid.crs), crs_name(source.crs), x, y)
        turn = full_turn(source.crs)
        if turn is not None:
            middle = source.affine * (source.shape[1] / 2, source.shape[0] / 2)
            with np.errstate(invalid="ignore"):
                x = x - turn * np.round((x - middle[0]) / turn)
    a, b, c, d, e, f = (~source.affine)[:6]
    return a * x + b * y + c, d * x + e * y + f


def full_turn(crs: CRS) -> float | None:
    """Once around the Earth in the units of a geographic CRS; None for any other."""
    if not crs.geographic:
        return None
    unit: float = crs.proj.axis_info[0].unit_conversion_factor  # radians
    return round(2 * np.pi / unit, 9) if unit else 360.0


def _transform(source: str, target: str, x: Any, y: Any) -> tuple[Floats, Floats]:
    try:
        moved: tuple[Floats, Floats] = transformer(source, target).transform(x, y)
    except Exception as error:
        raise ReadError(
            f"no transformation from {source} to {target} ({error}); read onto a grid in the file's own "
            "CRS, or give crs= if the file is mis-tagged"
        ) from error
    return moved
