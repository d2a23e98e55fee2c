"""Coordinate maps: where each pixel of a grid lies in a source, cheaply and with a bound on the error.

pyproj is asked at 41 points of a cell. The 25 nodes of a Chebyshev-Lobatto lattice fix polynomials of
degree 4. The other 16 points lie where such an interpolant errs most: at the extremes of the product of the
distances to the nodes. The error is that product times fifth derivatives; as long as these vary by less than
a factor of two over the cell, twice the largest error found at those points bounds the error everywhere. A
cell whose bound exceeds the tolerance is quartered; small ones are answered by pyproj pixel by pixel, so that
seams, poles and steps between datum shifts come out right.

Between equal CRSs the map is affine and needs no point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.grid import pixel_map

from .locate import to_source

TOLERANCE_PX = 1e-6
"""Largest error of a map's bound, in source pixels."""

_SAFETY = 2.0
_ROUNDING_PX = 1e-9
_EXACT_PX = 16
"""Cells of at most this side are answered pixel by pixel rather than quartered."""

_NODES = np.cos(np.pi * np.arange(5) / 4)[::-1]
# Roots of the derivative of the product over the nodes, 5u^4 - 4.5u^2 + 0.5.
_CHECKS = np.sqrt((4.5 + np.array([-1.0, 1.0]) * np.sqrt(10.25)) / 10.0)
_CHECKS = np.concatenate([-_CHECKS[::-1], _CHECKS])
_POWERS = np.vander(_NODES, 5, increasing=True)
_FIT = np.linalg.inv(_POWERS)
_CHECK_POWERS = np.vander(_CHECKS, 5, increasing=True)
_AT_U = np.concatenate([np.tile(_NODES, 5), np.tile(_CHECKS, 4)])
_AT_V = np.concatenate([np.repeat(_NODES, 5), np.repeat(_CHECKS, 4)])

Cell = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last."""


@dataclass(frozen=True, slots=True, eq=False)
class CoordinateMap:
    """Places of a grid's pixels in a source, in source pixels (0.5 is the centre of the first)."""

    source: GeoBox
    grid: GeoBox
    cells: NDArray[np.int64]
    """(N, 5), tiling the grid: first row, row after the last, first column, column after the last, and
    1 where `exact` holds the cell's places."""
    coefs: NDArray[np.float64]
    """(N, 2, 5, 5), for columns and rows the factors of u**i * v**j, u and v from -1 to 1 over the cell."""
    exact: NDArray[np.float64]
    """(2, H, W), filled in exact cells only; (2, 0, 0) where there are none."""
    error_px: float
    """Bound on the error of any place, source pixels; 0 where all is affine or exact."""

    def extent(self) -> tuple[float, float, float, float] | None:
        """Least row, greatest row, least column, greatest column of all places, corners included.

        None where no pixel has a place. Bounds of polynomials, so a little wide.
        """
        lows, highs = [], []
        smooth = self.cells[:, 4] == 0
        if smooth.any():
            coefs = self.coefs[smooth]
            middle = coefs[:, :, 0, 0]
            swing = np.abs(coefs).sum(axis=(2, 3)) - np.abs(middle)
            lows.append((middle - swing).min(axis=0))
            highs.append((middle + swing).max(axis=0))
        for first, after, left, right, _ in self.cells[~smooth]:
            places = self.exact[:, first:after, left:right].reshape(2, -1)
            places = places[:, np.isfinite(places).all(axis=0)]
            if places.size:
                lows.append(places.min(axis=1) - 1)
                highs.append(places.max(axis=1) + 1)
        if not lows:
            return None
        (low_col, low_row), (high_col, high_row) = np.min(lows, axis=0), np.max(highs, axis=0)
        return float(low_row), float(high_row), float(low_col), float(high_col)


def coordinate_map(
    source: GeoBox, grid: GeoBox, *, tolerance_px: float = TOLERANCE_PX
) -> CoordinateMap:
    """The map from a grid to a source, with an error bound below the tolerance.

    Raises:
        ReadError: no transformation joins the two CRSs.
    """
    height, width = grid.shape
    if source.crs == grid.crs:
        return _affine_map(source, grid)
    todo: list[Cell] = [(0, height, 0, width)]
    cells: list[tuple[int, int, int, int, int]] = []
    coefs: list[NDArray[np.float64]] = []
    exact = np.empty((2, 0, 0))
    worst = 0.0
    while todo:
        cell = todo.pop()
        fitted, error = _fit(source, grid, cell)
        if error <= tolerance_px:
            cells.append((*cell, 0))
            coefs.append(fitted)
            worst = max(worst, error)
        elif max(cell[1] - cell[0], cell[3] - cell[2]) > _EXACT_PX:
            todo.extend(_quarters(cell))
        else:
            if not exact.size:
                exact = np.full((2, height, width), np.nan)
            _fill_exact(source, grid, cell, exact)
            cells.append((*cell, 1))
            coefs.append(np.zeros((2, 5, 5)))
    return CoordinateMap(source, grid, np.array(cells), np.array(coefs), exact, worst)


def exact_map(source: GeoBox, grid: GeoBox) -> CoordinateMap:
    """The map of which every place is pyproj's own."""
    height, width = grid.shape
    exact = np.empty((2, height, width))
    _fill_exact(source, grid, (0, height, 0, width), exact)
    cells = np.array([[0, height, 0, width, 1]])
    return CoordinateMap(source, grid, cells, np.zeros((1, 2, 5, 5)), exact, 0.0)


def exact_places(
    source: GeoBox, grid: GeoBox, pixels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns and rows, by pyproj, of the centres of pixels given by flat number."""
    width = grid.shape[1]
    return to_source(source, grid, pixels % width + 0.5, pixels // width + 0.5)


def _affine_map(source: GeoBox, grid: GeoBox) -> CoordinateMap:
    height, width = grid.shape
    a, b, c, d, e, f = pixel_map(source, grid)[:6]
    coefs = np.zeros((1, 2, 5, 5))
    for axis, (per_col, per_row, start) in enumerate(((a, b, c), (d, e, f))):
        coefs[0, axis, 0, 0] = per_col * width / 2 + per_row * height / 2 + start
        coefs[0, axis, 1, 0] = per_col * width / 2
        coefs[0, axis, 0, 1] = per_row * height / 2
    cells = np.array([[0, height, 0, width, 0]])
    return CoordinateMap(source, grid, cells, coefs, np.empty((2, 0, 0)), 0.0)


def _fit(source: GeoBox, grid: GeoBox, cell: Cell) -> tuple[NDArray[np.float64], float]:
    """Polynomials over a cell (2, 5, 5) and the bound on their error: infinite if a point has no place."""
    top, bottom, left, right = cell
    cols = (left + right) / 2 + (right - left) / 2 * _AT_U
    rows = (top + bottom) / 2 + (bottom - top) / 2 * _AT_V
    places = np.stack(to_source(source, grid, cols, rows))
    if not np.isfinite(places).all():
        return np.zeros((2, 5, 5)), np.inf
    # Rows of the lattice run along v: [axis, v node, u node] -> [axis, u power, v power].
    lattice = places[:, :25].reshape(2, 5, 5).transpose(0, 2, 1)
    coefs: NDArray[np.float64] = _FIT @ lattice @ _FIT.T
    expected = _CHECK_POWERS @ coefs @ _CHECK_POWERS.T
    found = places[:, 25:].reshape(2, 4, 4).transpose(0, 2, 1)
    return coefs, _SAFETY * float(np.abs(expected - found).max()) + _ROUNDING_PX


def _fill_exact(source: GeoBox, grid: GeoBox, cell: Cell, exact: NDArray[np.float64]) -> None:
    top, bottom, left, right = cell
    cols, rows = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
    places = to_source(source, grid, cols.ravel(), rows.ravel())
    exact[:, top:bottom, left:right] = np.stack(places).reshape(2, *cols.shape)


def _quarters(cell: Cell) -> list[Cell]:
    top, bottom, left, right = cell
    middle_row, middle_col = (top + bottom + 1) // 2, (left + right + 1) // 2
    return [
        (first, after, start, stop)
        for first, after in ((top, middle_row), (middle_row, bottom))
        for start, stop in ((left, middle_col), (middle_col, right))
        if first < after and start < stop
    ]
