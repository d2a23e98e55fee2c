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


def degrees_per_unit(crs: CRS) -> float:
    """Of longitudes in a geographic CRS; 1 for any other."""
    return TURN / (full_turn(crs) or TURN)


def unwrapped(longitudes: Any) -> Any:
    """Longitudes (N,) in degrees along a line, which run on where it crosses the antimeridian.

    Example:
        >>> unwrapped(np.array([179.0, -179.0, -178.0])).tolist()
        [179.0, 181.0, 182.0]
    """
    wraps = np.round(np.diff(longitudes) / TURN)
    return longitudes - TURN * np.concatenate([[0.0], np.cumsum(wraps)])


def turns_between(longitudes: Any) -> int:
    """Whole turns from the first to the last of longitudes that run on: not 0 for a ring around a pole."""
    return round(float(longitudes[-1] - longitudes[0]) / TURN)


def crosses(longitudes: Any) -> bool:
    """Whether an edge between longitudes in degrees, as from 179 to -179, is meant to cross the antimeridian.

    An edge of a whole turn (the lower side of Antarctica) is meant as drawn.
    """
    step = np.abs(np.diff(longitudes))
    return bool(((step > HALF_TURN) & (step < TURN - 1e-9)).any())


def lonlat_box(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """A box in degrees; one whose west lies east of its east crosses the antimeridian and runs on beyond 180.

    Example:
        >>> lonlat_box(170, -10, -170, 10).bounds
        (170.0, -10.0, 190.0, 10.0)
    """
    return shapely.box(west, south, east if west <= east else east + TURN, north)


def lonlat_bounds(outline: BaseGeometry) -> tuple[float, float, float, float]:
    """West, south, east, north of an outline cut at the antimeridian; west above east where it crosses it.

    Source:
        RFC 7946, section 5.2.

    Example:
        >>> lonlat_bounds(around(lonlat_box(170, -10, -170, 10), 0.0))
        (170.0, -10.0, -170.0, 10.0)
    """
    _, south, _, north = map(float, outline.bounds)
    spans = sorted((part.bounds[0], part.bounds[2]) for part in shapely.get_parts(outline))
    west, east = spans[0][0], max(span[1] for span in spans)
    widest, reached = west + TURN - east, spans[0][1]
    for start, stop in spans[1:]:
        if start - reached > widest and max(-spans[0][0], east) >= HALF_TURN:
            widest, west, east = start - reached, start, reached
        reached = max(reached, stop)
    return float(west), south, float(east), north


def cut_boxes(west: Any, south: Any, east: Any, north: Any) -> list[tuple[BaseGeometry, ...]]:
    """Boxes (N,) in degrees, whose longitudes may run on, in parts from -180 to 180: one or two each."""
    everywhere = east - west >= TURN
    turns = TURN * np.floor((west + HALF_TURN) / TURN)
    west = np.where(everywhere, -HALF_TURN, west - turns)
    east = np.where(everywhere, HALF_TURN, east - turns)
    first = shapely.box(west, south, np.minimum(east, HALF_TURN), north)
    return [
        (box,) if right <= HALF_TURN else (box, shapely.box(-HALF_TURN, bottom, right - TURN, top))
        for box, right, bottom, top in zip(first, east, south, north, strict=True)
    ]


WORLD = shapely.box(-HALF_TURN, -90, HALF_TURN, 90)
TURNS = (0.0, -TURN, TURN)
"""Where in a file that counts otherwise the same place may lie."""


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
        (rows, cols, turned(grid[rows, cols], number * turn))
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


def turned(grid: GeoBox, by: float) -> GeoBox:
    """A grid in longitudes, moved westwards, in its own units."""
    return GeoBox(grid.shape, Affine.translation(-by, 0) * grid.affine, grid.crs) if by else grid
