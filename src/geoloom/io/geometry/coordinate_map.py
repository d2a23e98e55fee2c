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

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from geoloom.core.antimeridian import full_turn, turned_pieces
from geoloom.core.errors import ReadError
from geoloom.core.grid import SixFactors, crs_name

from .locate import moved, to_source
from .shrinkage import Linear, Shrinkage, uniform_shrinkage

TOLERANCE_PX = 1e-6
"""Largest error that polynomials may add to PROJ's own noise, in source pixels."""

_SAFETY = 2.0
_NOISE_M = 5e-6
"""PROJ's own: iterations stop where they stop, so that near points come out this much apart."""

_METRES_PER_DEGREE = 111_320.0
_EXACT_PX = 16
"""Cells of at most this side are answered pixel by pixel rather than quartered."""

Cell = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last."""

Extent = tuple[float, float, float, float]
_NOWHERE = np.empty((2, 0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class CrsToPixels:
    """From the world of one CRS to the pixels of one source."""

    source: GeoBox
    same: bool
    """Whether the CRS is the source's own."""
    names: tuple[str, str]
    """This CRS and the source's, by `crs_name`."""
    to_pixel: SixFactors
    """Source world (x, y) to source column and row."""
    turn: float
    """Once around the Earth in the source's units; 0 where its CRS does not go around."""
    middle: float
    """World x of the source's middle."""
    noise_px: float
    """What PROJ's own noise may amount to, source pixels."""
    shrinkages: dict[Linear, Shrinkage | None] = field(default_factory=dict, repr=False)
    """Of pixels by shape, as far as asked for."""

    def turned(self, grid: GeoBox) -> list[tuple[slice, slice, GeoBox]]:
        """Parts of a grid of the source's own CRS, moved to the source's side of the world; see there."""
        return turned_pieces(grid, self.middle, self.turn) if self.same and self.turn else []

    def shrinkage(self, linear: Linear) -> Shrinkage | None:
        """`plan.uniform_shrinkage`, remembered."""
        if linear not in self.shrinkages:
            self.shrinkages[linear] = uniform_shrinkage(self.source, self.names[0], linear)
        return self.shrinkages[linear]


def way(source: GeoBox, crs: CRS) -> CrsToPixels:
    """From a CRS to the pixels of a source; keep it, it is expensive to make."""
    turn = full_turn(source.crs)
    middle = source.affine * (source.shape[1] / 2, source.shape[0] / 2)
    a, b, _, d, e, _ = to_pixel = (~source.affine)[:6]
    per_unit = 1 / _METRES_PER_DEGREE if turn is not None else 1.0
    return CrsToPixels(
        source=source,
        same=bool(source.crs == crs),
        names=(crs_name(crs), crs_name(source.crs)),
        to_pixel=to_pixel,
        turn=0.0 if turn is None else turn,
        middle=float(middle[0]),
        noise_px=_NOISE_M * per_unit * max(abs(a) + abs(b), abs(d) + abs(e)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class CoordinateMap:
    """Places of a grid's pixels in a source, in source pixels (0.5 is the centre of the first)."""

    way: CrsToPixels
    grid: GeoBox
    cells: NDArray[np.int64]
    """(N, 5), tiling the grid: first row, row after the last, first column, column after the last, and
    1 where `exact` holds the cell's places."""
    coefs: NDArray[np.float64]
    """(N, 2, 5, 5), for columns and rows the factors of u**i * v**j, u and v from -1 to 1 over the cell."""
    exact: NDArray[np.float64]
    """(2, H, W), filled in exact cells only; (2, 0, 0) where there are none."""
    error_px: float
    """Bound on the error of any place against pyproj's, source pixels; 0 where all is affine or exact."""
    known_extent: Extent | None = None
    """What `extent` gives, where it is known already."""

    def extent(self) -> Extent | None:
        """Least row, greatest row, least column, greatest column of all places, corners included.

        None where no pixel has a place. Bounds of polynomials, so a little wide.
        """
        from ..loops.polynomials import bound_cells

        if self.known_extent is not None:
            return self.known_extent
        low_row, high_row, low_col, high_col = bound_cells(self.cells, self.coefs)
        if self.exact.size:
            placed = self.exact[:, np.isfinite(self.exact).all(axis=0)]
            if placed.size:
                low_col, low_row = np.minimum((low_col, low_row), placed.min(axis=1) - 1)
                high_col, high_row = np.maximum((high_col, high_row), placed.max(axis=1) + 1)
        return (low_row, high_row, low_col, high_col) if low_row <= high_row else None


def coordinate_map(
    way: CrsToPixels, grid: GeoBox, *, tolerance_px: float = TOLERANCE_PX
) -> CoordinateMap:
    """The map from a grid to a source, whose polynomials err by no more than the tolerance.

    Args:
        way: From the grid's CRS.
        grid: Whose pixels to place.
        tolerance_px: In source pixels.

    Raises:
        ReadError: no transformation joins the two CRSs.
    """
    height, width = grid.shape
    if way.same:
        return _affine_map(way, grid)
    affine = grid.affine[:6]
    todo: list[Cell] = [(0, height, 0, width)]
    cells: list[tuple[int, int, int, int, int]] = []
    coefs: list[NDArray[np.float64]] = []
    exact = _NOWHERE
    worst = 0.0
    while todo:
        cell = todo.pop()
        fitted, error = _fit(way, affine, cell)
        if error <= tolerance_px:
            cells.append((*cell, 0))
            coefs.append(fitted)
            worst = max(worst, error + way.noise_px)
        elif max(cell[1] - cell[0], cell[3] - cell[2]) > _EXACT_PX:
            todo.extend(_quarters(cell))
        else:
            if not exact.size:
                exact = np.full((2, height, width), np.nan)
            _fill_exact(way.source, grid, cell, exact)
            cells.append((*cell, 1))
            coefs.append(fitted)
    return CoordinateMap(way, grid, np.array(cells), np.array(coefs), exact, worst)


def coordinate_maps(asked: Sequence[tuple[CrsToPixels, GeoBox]]) -> list[CoordinateMap | None]:
    """`coordinate_map` of many grids, about which PROJ is asked all at once.

    Returns:
        In the order asked; None where one cell does not suffice, or nothing joins the CRSs: ask alone then.
    """
    maps: list[CoordinateMap | None] = [None] * len(asked)
    joined: dict[tuple[str, str], list[int]] = {}
    for number, (way, grid) in enumerate(asked):
        if way.same:
            maps[number] = _affine_map(way, grid)
        else:
            joined.setdefault(way.names, []).append(number)
    for names, numbers in joined.items():
        with suppress(ReadError):
            for number, fitted in zip(
                numbers, _fit_all(names, [asked[n] for n in numbers]), strict=True
            ):
                maps[number] = fitted
    return maps


def _fit_all(
    names: tuple[str, str], asked: Sequence[tuple[CrsToPixels, GeoBox]]
) -> list[CoordinateMap | None]:
    from ..loops.polynomials import fit_grids, grid_points

    affines = np.array([grid.affine[:6] for _, grid in asked])
    shapes = np.array([tuple(grid.shape) for _, grid in asked])
    x, y = moved(*names, *grid_points(affines, shapes))
    to_pixels = np.array([(*way.to_pixel, way.turn, way.middle) for way, _ in asked])
    coefs, errors, extents = fit_grids(x, y, to_pixels)
    bounds, reaches = (_SAFETY * errors).tolist(), extents.tolist()
    return [
        CoordinateMap(
            way, grid, _one_cell(*grid.shape), coefs[i : i + 1], _NOWHERE, bounds[i] + way.noise_px,
            tuple(reaches[i]),
        )
        if bounds[i] <= TOLERANCE_PX
        else None
        for i, (way, grid) in enumerate(asked)
    ]  # fmt: skip


@lru_cache(maxsize=256)
def _one_cell(height: int, width: int) -> NDArray[np.int64]:
    # Writable, though never written: for read-only arrays all loops would be compiled once more.
    return np.array([[0, height, 0, width, 0]])


def exact_map(way: CrsToPixels, grid: GeoBox) -> CoordinateMap:
    """The map of which every place is pyproj's own."""
    height, width = grid.shape
    exact = np.empty((2, height, width))
    _fill_exact(way.source, grid, (0, height, 0, width), exact)
    cells = np.array([[0, height, 0, width, 1]])
    return CoordinateMap(way, grid, cells, np.zeros((1, 2, 5, 5)), exact, 0.0)


def exact_places(
    source: GeoBox, grid: GeoBox, pixels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns and rows, by pyproj, of the centres of pixels given by flat number."""
    width = grid.shape[1]
    return to_source(source, grid, pixels % width + 0.5, pixels // width + 0.5)


def _affine_map(way: CrsToPixels, grid: GeoBox) -> CoordinateMap:
    height, width = grid.shape
    a, b, c, d, e, f = (~way.source.affine * grid.affine)[:6]
    coefs = np.zeros((1, 2, 5, 5))
    for axis, (per_col, per_row, start) in enumerate(((a, b, c), (d, e, f))):
        coefs[0, axis, 0, 0] = per_col * width / 2 + per_row * height / 2 + start
        coefs[0, axis, 1, 0] = per_col * width / 2
        coefs[0, axis, 0, 1] = per_row * height / 2
    return CoordinateMap(way, grid, _one_cell(height, width), coefs, _NOWHERE, 0.0)


def _fit(way: CrsToPixels, affine: SixFactors, cell: Cell) -> tuple[NDArray[np.float64], float]:
    """Polynomials over a cell (2, 5, 5) and the bound on their error: infinite if a point has no place.

    PROJ's noise comes on top.
    """
    from ..loops.polynomials import cell_points, fit_cell

    x, y = moved(*way.names, *cell_points(affine, cell))
    coefs, error_px = fit_cell(x, y, way.to_pixel, way.turn, way.middle)
    return coefs, _SAFETY * error_px


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
