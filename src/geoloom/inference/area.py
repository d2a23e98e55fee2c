"""Areas on the ellipsoid of polygons in any CRS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj.exceptions import ProjError

from ..core.grid import crs_name, footprint, transformer

_LONGEST_EDGE_PX = 64
"""Longer edges are cut before they are projected, for straight lines bend between CRSs."""


def area_measure(grid: GeoBox) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
    """A function from polygons in a grid's CRS to their areas on the ellipsoid, square metres.

    They are projected to equal area: by a cylinder where the CRS is in degrees, which keeps the pixels'
    edges straight, else by Lambert's azimuthal projection around the grid. Where the CRS has no place on
    Earth, areas are in its own units squared.
    """
    try:
        middle = footprint(grid).centroid
        where = f"+lat_0={middle.y} +lon_0={middle.x}"
        kind = f"+proj=cea +lon_0={middle.x}" if grid.crs.geographic else f"+proj=laea {where}"
        to_equal = transformer(crs_name(grid.crs), f"{kind} +datum=WGS84 +units=m +type=crs")
    except (ProjError, ValueError):
        return lambda polygons: np.asarray(shapely.area(polygons))
    longest = _LONGEST_EDGE_PX * float(np.sqrt(abs(grid.affine.determinant)))

    def measure(polygons: NDArray[Any]) -> NDArray[np.float64]:
        _, xy, (rings, parts) = shapely.to_ragged_array(polygons)
        fine, starts = _cut(xy, rings[:-1], longest)
        x, y = to_equal.transform(fine[:, 0], fine[:, 1])
        areas = np.abs(_ring_areas(x, y, starts))
        # A polygon's first ring is its outline, the others are holes.
        signed = -areas
        signed[parts[:-1]] *= -1
        return np.add.reduceat(signed, parts[:-1])

    return measure


def _cut(
    xy: NDArray[np.float64], starts: NDArray[np.int64], longest: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Closed rings (N, 2) that begin at `starts`, with no edge above `longest`; and where they begin now."""
    edges = np.diff(xy, axis=0, append=xy[-1:])
    edges[starts[1:] - 1] = 0  # from a ring's last point, which repeats its first, no edge leads on
    pieces = np.maximum(1, np.ceil(np.hypot(edges[:, 0], edges[:, 1]) / longest)).astype(np.int64)
    before = np.concatenate([[0], np.cumsum(pieces)])
    step = np.arange(before[-1]) - np.repeat(before[:-1], pieces)
    along = (step / np.repeat(pieces, pieces))[:, None]
    return np.repeat(xy, pieces, axis=0) + along * np.repeat(edges, pieces, axis=0), before[starts]


def _ring_areas(
    x: NDArray[np.float64], y: NDArray[np.float64], starts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Signed areas of closed rings by the shoelace formula, about each ring's first point."""
    lengths = np.diff(starts, append=len(x))
    x = x - np.repeat(x[starts], lengths)  # small numbers keep the products exact
    y = y - np.repeat(y[starts], lengths)
    # At a ring's end the next ring's first point is (0, 0) as well, and adds nothing.
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    areas: NDArray[np.float64] = np.add.reduceat(cross, starts) / 2
    return areas
