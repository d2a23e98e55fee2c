"""Points and lines made as wide as they are on the ground."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ...core.antimeridian import near
from ...core.area import grid_area_m2
from ...core.errors import VectorError
from ...core.grid import WGS84, crs_name, transformer
from .features import Features

_CELL_DEG = 0.5
"""Side of the cells that share a plane. At 40 km from its centre, lengths in it are 7e-6 too long."""
_QUARTER_SEGMENTS = 16
"""Of a circle: the polygon lies within 0.12 % of the radius."""
_POLYGONAL = (3, 6)
_MARGIN = 4
"""Radii by which ground is widened before features are chosen: pixels may be much longer than wide."""


def widened(features: Features, radius_m: float, grid: GeoBox) -> Features:
    """Points as discs and lines as bands of a radius on the ground, around a grid; polygons as they are.

    A point or line keeps the pixels right under it, however small the radius is.

    Args:
        features: In any CRS.
        radius_m: Metres on the ellipsoid, around a point or to both sides of a line.
        grid: Only features that come near it are widened; the others are left out.

    Returns:
        Features in the same CRS and order. At most 0.15 % of the radius too small.

    Raises:
        VectorError: the radius is not above 0, or all features are polygons.
    """
    if not (math.isfinite(radius_m) and radius_m > 0):
        raise VectorError(f"radius is {radius_m}; give metres on the ground, above 0")
    thin = ~np.isin(shapely.get_type_id(features.geometries), _POLYGONAL)
    if not thin.any():
        raise VectorError(
            f"{features.source} holds polygons alone, which have their own extent: a radius (--radius) is of "
            "points and lines; leave it out"
        )
    height, width = grid.shape
    pixel_m = math.sqrt(grid_area_m2(grid) / (height * width))
    reach = math.ceil(_MARGIN * radius_m / pixel_m) if pixel_m > 0 else 0
    chosen = features.near(grid.pad(reach))
    if not len(chosen):
        return features  # that none lies on the grid is for the caller to say
    shapes = features.geometries[chosen]
    shapes[thin[chosen]] = _widened(shapes[thin[chosen]], radius_m, features.crs)
    return replace(features, geometries=shapes, codes=features.codes[chosen])


def _widened(shapes: NDArray[np.object_], radius_m: float, crs: CRS) -> NDArray[np.object_]:
    """Each shape with what lies within the radius around it, in the same CRS."""
    middles = shapely.get_coordinates(shapely.centroid(shapes))
    to_lonlat = transformer(crs_name(crs), crs_name(WGS84))
    lon, lat = to_lonlat.transform(middles[:, 0], middles[:, 1])
    cells = np.round(np.column_stack([lon, lat]) / _CELL_DEG) * _CELL_DEG
    out = shapes.copy()
    placed = np.isfinite(cells).all(axis=1)
    for centre in np.unique(cells[placed], axis=0):
        inside = np.flatnonzero((cells == centre).all(axis=1))
        plane = _plane(float(centre[0]), float(centre[1]))
        there, back = transformer(crs_name(crs), plane), transformer(plane, crs_name(crs))
        flat = shapely.transform(
            shapes[inside], lambda xy, there=there: np.column_stack(there.transform(*xy.T))
        )
        discs = shapely.buffer(flat, radius_m, quad_segs=_QUARTER_SEGMENTS)
        xy, owner = shapely.get_coordinates(discs, return_index=True)
        x, y = back.transform(*xy.T)
        if crs.geographic:
            x = near(x, middles[inside, 0][owner])
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise VectorError(
                f"a radius of {radius_m:g} m reaches to where {crs_name(crs)[:40]} has no coordinates; give "
                "a smaller one"
            )
        discs = shapely.set_coordinates(discs, np.column_stack([x, y]))
        out[inside] = shapely.geometrycollections(np.column_stack([discs, shapes[inside]]))
    return out


@lru_cache(maxsize=1024)
def _plane(lon: float, lat: float) -> str:
    """The CRS of a plane in which distances from a centre are those on the ellipsoid."""
    return f"+proj=aeqd +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m +type=crs"
