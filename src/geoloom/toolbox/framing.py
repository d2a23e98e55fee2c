"""Grids around other things, on a given lattice: nothing is resampled on its way into them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from ..core.errors import GridError, VectorError
from ..core.grid import (
    LATTICE_TOLERANCE_PX,
    crs_name,
    densified_outline,
    lattice_window,
    transformer,
)
from ..io.features import Features
from ..io.header import Header

WHOLE = 1 - 1e-6
"""Share from which on a grid counts as covered: outlines of other CRSs are rounded."""


def around(lattice: GeoBox, grids: Iterable[GeoBox]) -> GeoBox:
    """The smallest grid on a lattice that holds all grids."""
    pixels = [_pixels(lattice, densified_outline(grid), crs_name(grid.crs)) for grid in grids]
    rows, cols = _span(np.concatenate(pixels))
    return _shifted(lattice, rows, cols)


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
    """
    share = covered(header.grid, [other.grid])
    if share <= 0:
        raise GridError(
            f"{other.uri} ({header_extent(other)}) does not overlap {header.uri} "
            f"({header_extent(header)}){fix}"
        )
    return share


def _outline_on(lattice: GeoBox, grid: GeoBox) -> shapely.Polygon:
    """A grid in (row, col) of a lattice."""
    window = lattice_window(lattice, grid)
    if window is not None:
        low, shape = np.array([window.row, window.col]), np.array([window.height, window.width])
        return shapely.box(*low, *(low + shape))
    at = _pixels(lattice, densified_outline(grid), crs_name(grid.crs))
    return shapely.make_valid(shapely.Polygon(at)) if len(at) > 2 else shapely.Polygon()


def crop(header: Header, features: Features, source: str | Path) -> GeoBox:
    """The part of a raster's grid, in whole pixels, around the features that meet it.

    Raises:
        GridError: none does.
    """
    grid = header.grid
    geometries, _ = features.on(grid)
    if len(geometries):
        at = _pixels(grid, shapely.get_coordinates(geometries), crs_name(grid.crs))
        (top, bottom), (left, right) = _span(at)
        rows = max(top, 0), min(bottom, int(grid.shape[0]))
        cols = max(left, 0), min(right, int(grid.shape[1]))
        if rows[0] < rows[1] and cols[0] < cols[1]:
            return _shifted(grid, rows, cols)
    raise GridError(_apart(header, features, source))


def check_meeting(header: Header, features: Features, source: str | Path) -> None:
    """Refuse features of which none lies on a raster.

    Raises:
        VectorError: none does; the message gives both extents.
    """
    if not len(features.on(header.grid)[0]):
        raise VectorError(_apart(header, features, source))


def _apart(header: Header, features: Features, source: str | Path) -> str:
    theirs = extent(shapely.total_bounds(features.geometries), crs_name(features.crs))
    return (
        f"no feature of {source} ({theirs}) lies on {header.uri} ({header_extent(header)}); "
        "check the CRS of both, or take the scene that the layer belongs to"
    )


def extent(bounds: Iterable[float], crs: str) -> str:
    """Bounds (left, bottom, right, top), for people."""
    left, bottom, right, top = bounds
    return f"x {left:.10g} to {right:.10g}, y {bottom:.10g} to {top:.10g}, {crs}"


def header_extent(header: Header) -> str:
    """Where a raster lies, for people."""
    return extent(header.grid.boundingbox, crs_name(header.grid.crs))


def _pixels(lattice: GeoBox, xy: np.ndarray, crs: str) -> np.ndarray:
    """World points (n, 2) as (row, col) of a lattice, without those that have no place there."""
    x, y = xy[:, 0], xy[:, 1]
    if crs != crs_name(lattice.crs):
        x, y = transformer(crs, crs_name(lattice.crs)).transform(x, y)
    a, b, c, d, e, f = (~lattice.affine)[:6]
    at = np.stack([d * x + e * y + f, a * x + b * y + c], axis=1)
    return np.asarray(at[np.isfinite(at).all(axis=1)])


def _span(rows_cols: np.ndarray) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last-plus-one row and column of whole pixels that hold all points."""
    low = np.floor(rows_cols.min(axis=0) + LATTICE_TOLERANCE_PX).astype(int)
    high = np.ceil(rows_cols.max(axis=0) - LATTICE_TOLERANCE_PX).astype(int)
    return (int(low[0]), int(high[0])), (int(low[1]), int(high[1]))


def _shifted(lattice: GeoBox, rows: tuple[int, int], cols: tuple[int, int]) -> GeoBox:
    a, b, c, d, e, f = lattice.affine[:6]
    x, y = a * cols[0] + b * rows[0] + c, d * cols[0] + e * rows[0] + f
    shape = rows[1] - rows[0], cols[1] - cols[0]
    return GeoBox(shape, Affine(a, b, x, d, e, y), lattice.crs)
