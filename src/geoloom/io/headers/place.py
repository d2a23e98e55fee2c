"""Where a raster lies: its grid, or why it has none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.errors import CRSError as RasterioCRSError

from geoloom.core.errors import GridError, ReadError
from geoloom.core.grid import as_crs, crs_name

_MOST_DEGREES = 36_000.0
"""A hundred turns: no raster in degrees lies further out."""
_FINEST_PX = 1e-3
"""Coordinates as floats must distinguish places that lie so much of a pixel's side from each other."""


def is_map(affine: Sequence[float], shape: Sequence[int]) -> bool:
    """Whether it places pixels that have an area and, at their coordinates, can be distinguished."""
    a, b, c, d, e, f = affine
    (height, width), area = shape, a * e - b * d
    if not all(math.isfinite(v) for v in (*affine, area)) or area == 0:
        return False
    corners = c, f, c + a * width + b * height, f + d * width + e * height
    side = min(math.hypot(a, d), math.hypot(b, e))
    return math.ulp(max(map(abs, corners))) <= _FINEST_PX * side


def is_on_earth(grid: GeoBox) -> bool:
    """Whether a grid of degrees lies within what can be turned back onto the Earth; any other grid does."""
    return not grid.crs.geographic or max(map(abs, grid.boundingbox.bbox)) <= _MOST_DEGREES


def without_place(shape: Sequence[int]) -> GeoBox:
    """The grid of a raster that has no place: its pixels, counted from its corner, without a CRS."""
    return GeoBox((shape[0], shape[1]), Affine.identity(), None)


def grid_of(handle: Any, uri: str, crs: str | None) -> GeoBox:
    """The grid of an open raster.

    Args:
        handle: Of GDAL.
        uri: For messages.
        crs: CRS to use instead of the file's missing or wrong one.

    Raises:
        ReadError: it has none; the message says how to place it.
    """
    affine = handle.transform
    if affine.is_identity:
        raise ReadError(f"{uri} {_how_unplaced(handle)}")
    if not is_map(affine[:6], handle.shape):
        raise ReadError(
            f"{uri} has the transform {tuple(affine[:6])}, which maps no area, or pixels that are too small "
            "to be distinguished at such coordinates; correct it"
        )
    named = crs if crs is not None else _stored_crs(handle, uri)
    if not named:
        raise ReadError(
            f"{uri} has a transform but no CRS; give the one it was made in by assume_crs='EPSG:4326' "
            "(--assume-crs EPSG:4326; in gl.read crs='EPSG:4326'), or write it into the file: gdal_edit.py "
            "-a_srs EPSG:4326"
        )
    try:
        # By its code where it has one, so that equal grids of different files compare at once.
        grid = GeoBox(handle.shape, Affine(*affine[:6]), CRS(crs_name(as_crs(named))))
    except GridError as error:
        raise ReadError(
            f"{uri}: cannot understand its CRS ({error}); to read it give assume_crs='EPSG:...' "
            "(--assume-crs EPSG:...; in gl.read crs='EPSG:...')"
        ) from error
    if not is_on_earth(grid):
        raise ReadError(
            f"{uri} lies at {tuple(grid.boundingbox.bbox)}, beyond all degrees; correct its transform or CRS"
        )
    return grid


def _stored_crs(handle: Any, uri: str) -> str | None:
    try:
        return handle.crs.to_wkt() if handle.crs else None
    except RasterioCRSError as error:
        raise ReadError(
            f"{uri}: cannot understand its CRS ({error}); to read it give assume_crs='EPSG:...' "
            "(--assume-crs EPSG:...; in gl.read crs='EPSG:...')"
        ) from error


def _how_unplaced(handle: Any) -> str:
    points, points_crs = handle.gcps
    if points:
        problem = f"is placed by {len(points)} ground control points, not by an affine map; "
        if points_crs or handle.crs:
            return f"{problem}warp it first: gdalwarp -t_srs EPSG:4326 in.tif out.tif"
        return (
            f"{problem}and they have no CRS; warp it first, naming theirs: "
            "gdalwarp -s_srs EPSG:n -t_srs EPSG:4326 in.tif out.tif"
        )
    if handle.rpcs is not None:
        return (
            "is placed by rational polynomial coefficients (RPC), not by an affine map; orthorectify it "
            "first, with a height model: gdalwarp -rpc -to RPC_DEM=dem.tif -t_srs EPSG:4326 in.tif out.tif"
        )
    return (
        "has no georeference (its transform is the identity): expected an affine map and a CRS; add "
        "them: gdal_translate -a_srs EPSG:n -a_ullr left top right bottom in out.tif"
    )
