"""Reduced images inside or beside a file, to read in its place where a grid is much coarser."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.grid import crs_name
from geoloom.core.resampling import AVERAGING, Resampling

from ..access.handles import Stamp, open_handle
from ..access.remote import is_remote, remotely
from ..headers.header import Header
from .shrinkage import uniform_shrinkage

_LEAST_PER_PIXEL = 2.0
"""Pixels of an overview that a pixel of the grid spans at least, so that it averages itself, too."""


def coarser(header: Header, grid: GeoBox, resampling: Resampling) -> Header:
    """The header of the overview to read onto a grid, or the file's own where none is coarse enough.

    Guarantee: which overview depends on the file and on the grid's pixels, not on the grid's extent, so that
    windows of a read agree. Classes (nearest, mode) are never taken from an overview.

    Args:
        header: Of the full resolution.
        grid: The pixels wanted.
        resampling: How they are resampled.
    """
    if resampling not in AVERAGING:
        return header
    a, b, _, d, e, _ = grid.affine[:6]
    shrinkage = uniform_shrinkage(header.grid, crs_name(grid.crs), (a, b, d, e))
    if shrinkage is None or min(shrinkage.span) < 2 * _LEAST_PER_PIXEL:
        return header
    if is_remote(header.uri):
        shapes = remotely(_shapes, header.uri, header.stamp)
    else:
        shapes = _shapes(header.uri, header.stamp)
    height, width = header.grid.shape
    for level in reversed(range(len(shapes))):
        rows, cols = shapes[level]
        per_row, per_col = height / rows, width / cols
        left = min(shrinkage.span[0] / per_col, shrinkage.span[1] / per_row)
        if left >= _LEAST_PER_PIXEL:
            return _at_level(header, header.stamp, level, shapes[level])
    return header


@lru_cache(maxsize=4096)
def _at_level(header: Header, stamp: Stamp, level: int, shape: tuple[int, int]) -> Header:
    """As `header`, which compares equal to that of a file of another stamp."""
    (height, width), (rows, cols) = header.grid.shape, shape
    affine = header.grid.affine @ Affine.scale(width / cols, height / rows)
    return replace(header, level=level, grid=GeoBox(shape, affine, header.grid.crs))


@lru_cache(maxsize=4096)
def _shapes(uri: str, stamp: Stamp) -> tuple[tuple[int, int], ...]:
    """Rows and columns of a file's overviews, the finest first."""
    with rasterio.Env():
        levels = range(len(open_handle(uri).overviews(1)))
        return tuple(open_handle(uri, level).shape for level in levels)
