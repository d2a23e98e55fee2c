"""Extents: grids around rasters and features, in whole pixels of a given lattice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from ..core.errors import GridError, VectorError
from ..core.grid import (
    PixelWindow,
    crs_name,
    densified_outline,
    window_around,
    window_grid,
    window_inside,
)
from ..io.geometry.overlap import extent, header_extent, points_on
from ..io.headers.header import Header
from ..io.vector.features import Features


def enclosing_grid(lattice: GeoBox, grids: Iterable[GeoBox]) -> GeoBox:
    """The smallest grid on a lattice that holds all grids, whatever their CRSs."""
    pixels = [points_on(lattice, densified_outline(grid), crs_name(grid.crs)) for grid in grids]
    window = _window_around(np.concatenate(pixels))
    assert window is not None  # grids have pixels
    return window_grid(lattice, window)


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
        window = _window_around(at)
        inside = None if window is None else window_inside(window, grid.shape)
        if inside is not None:
            return window_grid(grid, inside)
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


def _window_around(rows_cols: np.ndarray) -> PixelWindow | None:
    """The fewest whole pixels that hold all points (N, 2); None where they lie along one edge of pixels."""
    (top, left), (bottom, right) = rows_cols.min(axis=0).tolist(), rows_cols.max(axis=0).tolist()
    return window_around(left, top, right, bottom)
