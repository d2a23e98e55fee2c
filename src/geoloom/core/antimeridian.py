"""The one place that knows the antimeridian and a full turn of longitude.

Places a turn apart are one place. Files count longitudes from -180 to 180, from 0 to 360, or on beyond 180
where they cross it; footprints are cut there. What two of them share is found by moving one by whole turns to
the side of the world that the other is on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

HALF_TURN = 180.0
TURN = 360.0
"""Of longitudes in degrees."""


def full_turn(crs: CRS) -> float | None:
    """Once around the body in the units of a geographic CRS; None for any other."""
    if not crs.geographic:
        return None
    unit: float = crs.proj.axis_info[0].unit_conversion_factor  # radians
    return round(2 * np.pi / unit, 9) if unit else TURN


def near(longitude: Any, centre: Any, turn: float = TURN) -> Any:
    """Longitudes moved by whole turns to lie within half a turn of a centre; what is not finite stays.

    Example:
        >>> float(near(-92.0, 180.0))
        268.0
    """
    with np.errstate(invalid="ignore"):
        turns = np.round((longitude - centre) / turn)
    return longitude - turn * np.where(np.isfinite(turns), turns, 0.0)


def around(geometry: BaseGeometry, centre: float, turn: float = TURN) -> BaseGeometry:
    """A geometry in longitudes moved by whole turns to within half a turn of a centre, cut where it must be.

    Parts that meet there are joined. `around(geometry, 0)` is it as footprints have it, cut at 180 degrees.
    """
    left, right = centre - turn / 2, centre + turn / 2
    west, south, east, north = geometry.bounds
    if geometry.is_empty or (west >= left and east <= right):
        return geometry
    first, last = (int(np.floor((side - left) / turn)) for side in (west, east))
    world = shapely.box(left, south - 1, right, north + 1)
    parts = [
        shapely.intersection(moved(geometry, -number * turn), world)
        for number in range(first, last + 1)
    ]
    return shapely.union_all([part for part in parts if not part.is_empty])


def moved(geometry: BaseGeometry, by: float) -> BaseGeometry:
    """A geometry moved along its first axis."""
    return shapely.transform(geometry, lambda xy: xy + np.array([by, 0.0])) if by else geometry


def turned_pieces(grid: GeoBox, middle: float, turn: float) -> list[tuple[slice, slice, GeoBox]]:
    """The parts of a grid in longitudes, each moved to within half a turn of a source's middle.

    Args:
        grid: In longitudes and latitudes.
        middle: Longitude of the source's middle.
        turn: A full turn in the grid's units.

    Returns:
        Rows, columns, and the part's grid where the source has it; nothing where the grid lies there already.
    """
    height, width = grid.shape
    whole = slice(0, height), slice(0, width)
    lowest, highest = _turns(grid, whole, middle, turn)
    if lowest == highest == 0:
        return []
    return [
        (rows, cols, _turned(grid[rows, cols], number * turn))
        for rows, cols, number in _split(grid, whole, middle, turn)
    ]


_Part = tuple[slice, slice]


def _turns(grid: GeoBox, part: _Part, middle: float, turn: float) -> tuple[int, int]:
    """The least and the greatest number of turns by which pixel centres lie beyond a source's side."""
    a, b, c, _, _, _ = grid.affine[:6]
    rows, cols = part
    across = a * (cols.start + 0.5), a * (cols.stop - 0.5)
    down = b * (rows.start + 0.5), b * (rows.stop - 0.5)
    start = c - (middle - turn / 2)
    low, high = min(across) + min(down) + start, max(across) + max(down) + start
    return int(low // turn), int(high // turn)


def _split(
    grid: GeoBox, part: _Part, middle: float, turn: float
) -> Iterator[tuple[slice, slice, int]]:
    """Parts of which all pixels are moved alike: halves of halves, along the seam."""
    lowest, highest = _turns(grid, part, middle, turn)
    if lowest == highest:
        yield *part, lowest
        return
    rows, cols = part
    straight = grid.affine.b == 0
    if straight or cols.stop - cols.start >= rows.stop - rows.start:
        cut = (cols.start + cols.stop) // 2
        if straight:  # at the one column where the next turn begins
            a, _, c, _, _, _ = grid.affine[:6]
            edge = (middle - turn / 2 + (highest if a > 0 else lowest + 1) * turn - c) / a
            cut = min(max(round(edge), cols.start + 1), cols.stop - 1)
        halves = [(rows, slice(cols.start, cut)), (rows, slice(cut, cols.stop))]
    else:
        cut = (rows.start + rows.stop) // 2
        halves = [(slice(rows.start, cut), cols), (slice(cut, rows.stop), cols)]
    for half in halves:
        yield from _split(grid, half, middle, turn)


def _turned(grid: GeoBox, by: float) -> GeoBox:
    return GeoBox(grid.shape, Affine.translation(-by, 0) * grid.affine, grid.crs) if by else grid
