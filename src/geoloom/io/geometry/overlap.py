"""How rasters lie to each other: which share of one another covers, and where each is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ...core.antimeridian import full_turn, turned_pieces
from ...core.errors import GridError
from ...core.grid import crs_name, crs_title, densified_outline, lattice_window
from ..headers.header import Header
from .locate import moved, to_source

WHOLE = 1 - 1e-6
"""Share from which on a grid counts as covered: outlines of other CRSs are rounded."""


def covered(grid: GeoBox, others: Iterable[GeoBox]) -> float:
    """The share of a grid's area that lies in other grids, 0..1."""
    height, width = grid.shape
    frame = shapely.box(0, 0, height, width)
    union = shapely.union_all([_outline_on(grid, other) for other in others])
    return float(shapely.intersection(frame, union).area / frame.area)


def share_covered(header: Header, other: Header, fix: str) -> float:
    """The share of a raster's grid that lies in another's, above 0 to 1.

    Args:
        header: The raster.
        other: What is to lie on it.
        fix: How to end the message, where nothing of it does.

    Raises:
        GridError: they do not overlap; the message gives both extents.
        ReadError: no transformation joins their CRSs.
    """
    share = max(covered(header.grid, [other.grid]), _share_inside(header.grid, other.grid))
    if share <= 0:
        raise GridError(
            f"{other.uri} ({header_extent(other)}) does not overlap {header.uri} "
            f"({header_extent(header)}){fix}"
        )
    return share


def _share_inside(grid: GeoBox, other: GeoBox) -> float:
    """As `covered`, by the other's pixels: the outline of a map of the world has no place in UTM."""
    outline = _outline_on(other, grid)
    frame = shapely.box(0, 0, *other.shape)
    return float(shapely.intersection(frame, outline).area / outline.area) if outline.area else 0.0


def _outline_on(lattice: GeoBox, grid: GeoBox) -> BaseGeometry:
    """A grid in (row, col) of a lattice, whatever the turns of longitude between them."""
    turn = full_turn(lattice.crs) if lattice.crs == grid.crs else None
    if turn is not None:
        middle = (lattice.affine * (lattice.shape[1] / 2, lattice.shape[0] / 2))[0]
        pieces = turned_pieces(grid, middle, turn)
        if pieces:
            return shapely.union_all([_outline_on(lattice, piece) for *_, piece in pieces])
    window = lattice_window(lattice, grid)
    if window is not None:
        low, shape = np.array([window.row, window.col]), np.array([window.height, window.width])
        return shapely.box(*low, *(low + shape))
    edge = densified_outline(GeoBox(grid.shape, Affine.identity(), None))
    at = np.column_stack(to_source(lattice, grid, edge[:, 0], edge[:, 1])[::-1])
    at = at[np.isfinite(at).all(axis=1)]
    return shapely.make_valid(shapely.Polygon(at)) if len(at) > 2 else shapely.Polygon()


def extent(bounds: Iterable[float], crs: str) -> str:
    """Bounds (left, bottom, right, top) in a CRS, by `crs_name`, for people."""
    left, bottom, right, top = bounds
    return f"x {left:.10g} to {right:.10g}, y {bottom:.10g} to {top:.10g}, {crs_title(crs)}"


def header_extent(header: Header) -> str:
    """Where a raster lies, for people."""
    return extent(header.grid.boundingbox, crs_name(header.grid.crs))


def points_on(lattice: GeoBox, xy: np.ndarray, crs: str) -> np.ndarray:
    """World points (n, 2) as (row, col) of a lattice, without those that have no place there."""
    x, y = xy[:, 0], xy[:, 1]
    if crs != crs_name(lattice.crs):
        x, y = moved(crs, crs_name(lattice.crs), x, y)
    placed = np.isfinite(x) & np.isfinite(y)
    x, y = x[placed], y[placed]
    a, b, c, d, e, f = (~lattice.affine)[:6]
    return np.stack([d * x + e * y + f, a * x + b * y + c], axis=1)
