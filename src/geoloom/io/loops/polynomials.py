"""Compiled evaluation of coordinate maps: where each pixel of a grid lies in a source.

A map is a set of cells that tile the grid. Each holds polynomials of degree 4 in (u, v), which run from -1 to
1 over the cell, or else the exact places of its pixels.

Legend: places are in source pixels, 0.5 being the centre of the first column or row.
"""

from __future__ import annotations

import numpy as np

from .jit import compiled, fused

_NODES = np.cos(np.pi * np.arange(5) / 4)[::-1].copy()
# Extremes of the product over the nodes: roots of its derivative, 5u^4 - 4.5u^2 + 0.5.
_ROOTS = np.sqrt((4.5 + np.array([1.0, -1.0]) * np.sqrt(10.25)) / 10.0)
_CHECKS = np.array([-_ROOTS[0], -_ROOTS[1], _ROOTS[1], _ROOTS[0]])
_FIT = np.linalg.inv(np.vander(_NODES, 5, increasing=True))

POINTS = _NODES.size**2 + _CHECKS.size**2
"""How many points of a cell are asked for their place: 25 to fit the polynomials, 16 to check them."""

SNAP_PX = 1e-8
"""A place this close below a pixel's edge lies on it: float64 cannot decide on a fine, far lattice."""


@compiled
def cell_points(
    affine: tuple[float, float, float, float, float, float], cell: tuple[int, int, int, int]
) -> np.ndarray:
    """World x and y (2, POINTS) of the points of a cell: first row, row after, first column, column after."""
    half_width, half_height = (cell[3] - cell[2]) / 2, (cell[1] - cell[0]) / 2
    points = np.empty((2, POINTS))
    count = 0
    for lattice in (_NODES, _CHECKS):
        for v in lattice:
            row = cell[0] + (1.0 + v) * half_height
            for u in lattice:
                col = cell[2] + (1.0 + u) * half_width
                points[0, count] = affine[0] * col + affine[1] * row + affine[2]
                points[1, count] = affine[3] * col + affine[4] * row + affine[5]
                count += 1
    return points


@compiled
def fit_cell(
    x: np.ndarray,
    y: np.ndarray,
    to_pixel: tuple[float, float, float, float, float, float],
    turn: float,
    middle: float,
) -> tuple[np.ndarray, float]:
    """The polynomials of a cell, from the places of its points in the source's CRS.

    Args:
        x, y: Of the points, as `cell_points` orders them; what is not finite has no place.
        to_pixel: From there to source columns and rows.
        turn: Once around the Earth, 0 where the CRS does not go around; x is taken near `middle`.
        middle: See `turn`.

    Returns:
        The factors (2, 5, 5), see `fill_places`, and the greatest error at the checks, in source pixels:
        infinite where a point has no place.
    """
    coefs = np.zeros((2, 5, 5))
    places = np.empty((2, POINTS))
    for i in range(POINTS):
        if not (np.isfinite(x[i]) and np.isfinite(y[i])):
            return coefs, np.inf
        near = x[i] - turn * np.rint((x[i] - middle) / turn) if turn > 0.0 else x[i]
        places[0, i] = to_pixel[0] * near + to_pixel[1] * y[i] + to_pixel[2]
        places[1, i] = to_pixel[3] * near + to_pixel[4] * y[i] + to_pixel[5]
    worst = 0.0
    for axis in range(2):
        for node in range(25):
            for power in range(25):
                factor = _FIT[power // 5, node % 5] * _FIT[power % 5, node // 5]
                coefs[axis, power // 5, power % 5] += factor * places[axis, node]
        for i in range(16):
            u, v = _CHECKS[i % 4], _CHECKS[i // 4]
            value = 0.0
            for power in range(4, -1, -1):
                value = value * u + _at(coefs, axis, power, v)
            worst = max(worst, abs(value - places[axis, 25 + i]))
    return coefs, worst


@compiled
def grid_points(affines: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World x and y (N, POINTS) of the points of N grids, each one cell.

    Args:
        affines: (N, 6), pixel to world.
        shapes: int64 (N, 2), rows and columns.
    """
    x, y = np.empty((len(affines), POINTS)), np.empty((len(affines), POINTS))
    for i in range(len(affines)):
        six = affines[i]
        affine = six[0], six[1], six[2], six[3], six[4], six[5]
        points = cell_points(affine, (0, shapes[i, 0], 0, shapes[i, 1]))
        x[i], y[i] = points[0], points[1]
    return x, y


@compiled
def fit_grids(
    x: np.ndarray, y: np.ndarray, to_pixels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`fit_cell` of N grids, each one cell, and `bound_cells` of each.

    Args:
        x, y: (N, POINTS), see `fit_cell`.
        to_pixels: (N, 8): the six of `to_pixel`, `turn` and `middle`.

    Returns:
        Factors (N, 2, 5, 5), errors (N,) and bounds (N, 4).
    """
    count = len(x)
    coefs, errors, bounds = np.empty((count, 2, 5, 5)), np.empty(count), np.empty((count, 4))
    cells = np.zeros((1, 5), np.int64)
    for i in range(count):
        numbers = to_pixels[i]
        to_pixel = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]
        coefs[i], errors[i] = fit_cell(x[i], y[i], to_pixel, numbers[6], numbers[7])
        low_row, high_row, low_col, high_col = bound_cells(cells, coefs[i : i + 1])
        bounds[i] = np.array((low_row, high_row, low_col, high_col))
    return coefs, errors, bounds


@compiled
def bound_cells(cells: np.ndarray, coefs: np.ndarray) -> tuple[float, float, float, float]:
    """Least row, greatest row, least column, greatest column that the polynomials of the cells can reach."""
    low_col, low_row, high_col, high_row = np.inf, np.inf, -np.inf, -np.inf
    for number in range(cells.shape[0]):
        if cells[number, 4] == 1:
            continue
        middle_col, middle_row = coefs[number, 0, 0, 0], coefs[number, 1, 0, 0]
        swing_col, swing_row = -abs(middle_col), -abs(middle_row)
        for power in range(25):
            swing_col += abs(coefs[number, 0, power // 5, power % 5])
            swing_row += abs(coefs[number, 1, power // 5, power % 5])
        low_col, high_col = (
            min(low_col, middle_col - swing_col),
            max(high_col, middle_col + swing_col),
        )
        low_row, high_row = (
            min(low_row, middle_row - swing_row),
            max(high_row, middle_row + swing_row),
        )
    return low_row, high_row, low_col, high_col


@compiled
def fill_places(
    cell: np.ndarray,
    coefs: np.ndarray,
    exact: np.ndarray,
    row: int,
    cols: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Places of the pixel centres along one row of a cell.

    Args:
        cell: int64 (5,): first row, row after the last, first column, column after the last, and 1 if `exact`
            holds its places.
        coefs: float64 (2, 5, 5): for columns and for rows, the factor of u**i * v**j at [i, j].
        exact: float64 (2, H, W); (2, 0, 0) where no cell needs it.
        row: Row of the grid.
        cols, rows: float64, one per column of the cell.
    """
    if cell[4] == 1:
        for i in range(cols.size):
            cols[i] = exact[0, row, cell[2] + i]
            rows[i] = exact[1, row, cell[2] + i]
    else:
        _fill(cell, coefs, row + 0.5, 0.5, cols, rows)


@compiled
def fill_corners(
    cell: np.ndarray, coefs: np.ndarray, row: int, cols: np.ndarray, rows: np.ndarray
) -> None:
    """Places of the pixel corners along the upper edge of one row of a cell, which is not exact.

    Args:
        cell, coefs: See `fill_places`.
        row: Row of the grid, up to the one after the cell's last.
        cols, rows: float64, one more than the cell's columns.
    """
    _fill(cell, coefs, float(row), 0.0, cols, rows)


@fused
def _fill(
    cell: np.ndarray,
    coefs: np.ndarray,
    at_row: float,
    shift: float,
    cols: np.ndarray,
    rows: np.ndarray,
) -> None:
    v = (2.0 * at_row - (cell[0] + cell[1])) / (cell[1] - cell[0])
    c0, c1, c2 = _at(coefs, 0, 0, v), _at(coefs, 0, 1, v), _at(coefs, 0, 2, v)
    r0, r1, r2 = _at(coefs, 1, 0, v), _at(coefs, 1, 1, v), _at(coefs, 1, 2, v)
    c3, c4, r3, r4 = (
        _at(coefs, 0, 3, v),
        _at(coefs, 0, 4, v),
        _at(coefs, 1, 3, v),
        _at(coefs, 1, 4, v),
    )
    scale = 2.0 / (cell[3] - cell[2])
    for i in range(cols.size):
        u = (i + shift) * scale - 1.0
        cols[i] = c0 + u * (c1 + u * (c2 + u * (c3 + u * c4)))
        rows[i] = r0 + u * (r1 + u * (r2 + u * (r3 + u * r4)))


@fused
def _at(coefs: np.ndarray, axis: int, i: int, v: float) -> float:
    """The factor of u**i at one v."""
    low = coefs[axis, i, 0] + v * (coefs[axis, i, 1] + v * coefs[axis, i, 2])
    total: float = low + v * v * v * (coefs[axis, i, 3] + v * coefs[axis, i, 4])
    return total


@compiled
def index_pixels(
    cols: np.ndarray,
    rows: np.ndarray,
    window: tuple[int, int, int, int],
    width: int,
    doubt: float,
    index: np.ndarray,
) -> tuple[int, int]:
    """Which pixel lies under each place.

    Args:
        cols, rows: Places.
        window: First row and column of a window, and the raster's rows and columns.
        width: Columns of the window.
        doubt: How much places may err, in pixels.
        index: int64, flat numbers in the window; -1 outside the raster, or where there is no place.

    Returns:
        How many are outside, and how many are `in_doubt`.
    """
    lost, near = 0, 0
    for i in range(cols.size):
        at_col, at_row = np.floor(cols[i] + SNAP_PX), np.floor(rows[i] + SNAP_PX)
        # A place that is not finite fails the comparisons.
        inside = (at_col >= 0) & (at_col < window[3]) & (at_row >= 0) & (at_row < window[2])
        place = (at_row - window[0]) * width + (at_col - window[1])
        index[i] = np.int64(place if inside else -1.0)
        lost += not inside
        near += in_doubt(cols[i], rows[i], doubt)
    return lost, near


@compiled
def in_doubt(col: float, row: float, doubt: float) -> bool:
    """Whether a place comes closer to the edge of a pixel than `doubt`."""
    near: bool = (abs(col - np.rint(col)) < doubt) | (abs(row - np.rint(row)) < doubt)
    return near
