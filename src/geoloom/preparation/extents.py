"""Extents: grids around rasters and features, in whole pixels of a given lattice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from ..core.errors import GridError, VectorError
from ..core.grid import LATTICE_TOLERANCE_PX, crs_name, densified_outline
from ..io.geometry.overlap import extent, header_extent, points_on
from ..io.headers.header import Header
from ..io.vector.features import Features


def enclosing_grid(lattice: GeoBox, grids: Iterable[GeoBox]) -> GeoBox:
    """The smallest grid on a lattice that holds all grids, whatever their CRSs."""
    pixels = [points_on(lattice, densified_outline(grid), crs_name(grid.crs)) for grid in grids]
    rows, cols = _span(np.concatenate(pixels))
    return _shifted(lattice, rows, cols)


def grid_around(header: Header, features: Features, source: str | Path) -> GeoBox:
    """The part of a raster's grid, in whole pixels, around the features that lie on it.

    Args:
        header: Of the raster.
        features: In any CRS.
        source: Where they come from, for the message.

    Raises:
        GridError: none lies on the raster; the message gives both extents.
    """
    grid = header.grid
    geometries, _ = features.on(grid)
    if len(geometries):
        at = points_on(grid, shapely.get_coordinates(geometries), crs_name(grid.crs))
        (top, bottom), (left, right) = _span(at)
        rows = max(top, 0), min(bottom, int(grid.shape[0]))
        cols = max(left, 0), min(right, int(grid.shape[1]))
        if rows[0] < rows[1] and cols[0] < cols[1]:
            return _shifted(grid, rows, cols)
    raise GridError(_apart(header, features, source))


def check_overlap(header: Header, features: Features, source: str | Path) -> None:
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
