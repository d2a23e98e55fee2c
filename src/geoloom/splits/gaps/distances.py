"""The least distances on the ellipsoid between outlines in longitude and latitude, many at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from scipy.spatial import KDTree

from ...core.antimeridian import HALF_TURN, TURN, near

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
Outlines = NDArray[Any]

TOUCHING_M = 1e-3
"""Outlines this near to each other touch."""

_ELLIPSOID = Geod(ellps="WGS84")
_DEGREE_M = 110_500.0
"""No degree of latitude, nor of longitude times the cosine, is shorter."""
_BAND = np.log(1.1)
"""Of the logarithm of the cosine of the latitude: in a band, degrees of longitude are nearly equally long."""
_LEAST_COSINE = 1e-3
_SPHERE_M = 6_371_007.2
_SLACK = 1.01
_NEAR_M = 100_000.0
"""Gaps up to here are looked for among all pairs, others among the nearest in a plane."""


def nearest(one: Outlines, other: Outlines) -> tuple[float, int, int]:
    """The least distance between two sets of outlines, metres, and the number of an outline of each.

    To a thousandth or so up to 100 km, and to a few hundredths beyond. 0 where they touch.

    Args:
        one, other: (n,) and (m,) polygons in degrees, at least one each.
    """
    one, mine = shapely.get_parts(one, return_index=True)
    other, theirs = shapely.get_parts(other, return_index=True)
    # No gap is wider than that of the pair whose middles are nearest, less how large they are.
    some, least = _middles(one), _middles(other)
    far, partner = KDTree(least[0]).query(some[0])
    first = int((far - some[1] - least[1][partner]).argmin())
    bound = float(between_m(one[[first]], _beside(one[[first]], other[[partner[first]]]))[0])
    rows, others = _reachable(some, least, bound)
    gap_m, first, second = _nearest(one[rows], other[others])
    return gap_m, int(mine[rows[first]]), int(theirs[others[second]])


def _nearest(one: Outlines, other: Outlines) -> tuple[float, int, int]:
    others, numbers = _with_turns(one, other)
    best, first, second = np.inf, 0, 0
    for rows, factor in _bands(one):
        tree = shapely.STRtree(_squeezed(others, factor))
        found = tree.nearest(_squeezed(one[rows], factor))
        metres = between_m(one[rows], others[found])
        least = int(metres.argmin())
        if metres[least] < best:
            best, first, second = float(metres[least]), int(rows[least]), int(found[least])
    if TOUCHING_M <= best <= _NEAR_M:
        mine, theirs, metres = _pairs_within(one, other, best)
        if len(metres):
            least = int(metres.argmin())
            return float(metres[least]), int(mine[least]), int(theirs[least])
    return (0.0 if best < TOUCHING_M else best), first, int(numbers[second])


def pairs_within(one: Outlines, other: Outlines, metres: float) -> tuple[Numbers, Numbers, Floats]:
    """Pairs of outlines that are at most so many metres apart: numbers of both, and metres.

    Args:
        one, other: (n,) and (m,) polygons in degrees.
        metres: At most some 100 km.
    """
    empty = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    if not len(one) or not len(other):
        return empty
    one, mine = shapely.get_parts(one, return_index=True)
    other, theirs = shapely.get_parts(other, return_index=True)
    rows, others = _reachable(_middles(one), _middles(other), metres)
    if not len(rows):
        return empty
    first, second, far = _pairs_within(one[rows], other[others], metres)
    return mine[rows[first]], theirs[others[second]], far


def _pairs_within(one: Outlines, other: Outlines, metres: float) -> tuple[Numbers, Numbers, Floats]:
    mine, theirs, far = [], [], []
    if len(one) and len(other):
        others, numbers = _with_turns(one, other)
        low, high = shapely.bounds(others)[:, 1], shapely.bounds(others)[:, 3]
        for rows, factor in _bands(one):
            south, north = shapely.bounds(one[rows])[:, 1], shapely.bounds(one[rows])[:, 3]
            reach = metres / _DEGREE_M
            farthest = np.minimum(np.maximum(np.abs(south), np.abs(north)) + reach, 90.0)
            shortest = np.maximum(np.cos(np.radians(farthest)), _LEAST_COSINE)
            close = np.flatnonzero((low <= north.max() + reach) & (high >= south.min() - reach))
            tree = shapely.STRtree(_squeezed(others[close], factor))
            found = tree.query(
                _squeezed(one[rows], factor),
                "dwithin",
                distance=reach * np.maximum(1.0, factor / shortest),
            )
            at = rows[found[0]], close[found[1]]
            apart = between_m(one[at[0]], others[at[1]])
            kept = apart <= metres
            mine.append(at[0][kept])
            theirs.append(numbers[at[1][kept]])
            far.append(apart[kept])
    empty = np.empty(0, np.int64)
    return (
        np.concatenate([empty, *mine]),
        np.concatenate([empty, *theirs]),
        np.concatenate([np.empty(0), *far]),
    )


def _middles(outlines: Outlines) -> tuple[Floats, Floats]:
    """Middles of outlines' bounds, (n, 3) metres from the middle of a sphere, and how far each reaches."""
    west, south, east, north = np.radians(shapely.bounds(outlines)).T
    lon, lat = (west + east) / 2, (south + north) / 2
    middles = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    widest = np.cos(np.where(south * north <= 0, 0.0, np.minimum(np.abs(south), np.abs(north))))
    return _SPHERE_M * middles, _SPHERE_M * np.hypot((east - west) * widest, north - south) / 2


def _reachable(
    one: tuple[Floats, Floats], other: tuple[Floats, Floats], metres: float
) -> tuple[Numbers, Numbers]:
    """Of two sets of `_middles`, those that may come so near to one of the other set."""
    found = []
    for (at, reach), (others, their_reach) in ((one, other), (other, one)):
        far = KDTree(others).query(at)[0]
        # A chord is at most 1 % shorter than an arc of 3000 km; the ellipsoid differs from a sphere by less.
        reached = far <= _SLACK * (metres + reach + their_reach.max()) + 1.0
        found.append(np.flatnonzero(reached))
    return found[0], found[1]


def _beside(one: Outlines, other: Outlines) -> Outlines:
    """One outline, moved by a turn to where another is nearer."""
    west = shapely.bounds(other)[:, 0]
    by = near(west, shapely.bounds(one)[0, 0]) - west
    moved: Outlines = shapely.transform(other, lambda xy: xy + np.column_stack([by, 0.0]))
    return moved


def between_m(one: Outlines, other: Outlines) -> Floats:
    """Geodesics between the nearest points of each pair, metres, found in planes that fit their latitudes."""
    bounds = shapely.bounds(one), shapely.bounds(other)
    latitude = (bounds[0][:, 1] + bounds[0][:, 3] + bounds[1][:, 1] + bounds[1][:, 3]) / 4
    ends = np.empty((len(one), 2, 2))
    for _ in range(2):  # large outlines come nearest elsewhere than in their middle
        factor = np.maximum(np.cos(np.radians(latitude)), _LEAST_COSINE)
        lines = shapely.shortest_line(_squeezed(one, factor), _squeezed(other, factor))
        ends = shapely.get_coordinates(lines).reshape(-1, 2, 2)
        ends[..., 0] /= factor[:, None]
        latitude = ends[..., 1].mean(axis=1)
    (x1, y1), (x2, y2) = ends.transpose(1, 2, 0)
    metres: Floats = np.asarray(_ELLIPSOID.inv(x1, y1, x2, y2)[2], np.float64)
    return metres


def _bands(outlines: Outlines) -> Iterator[tuple[Numbers, float]]:
    """Rows of outlines of about one latitude, and the cosine there."""
    bounds = shapely.bounds(outlines)
    cosine = np.cos(np.radians((bounds[:, 1] + bounds[:, 3]) / 2))
    band = np.floor(-np.log(np.maximum(cosine, _LEAST_COSINE)) / _BAND).astype(np.int64)
    for number in np.unique(band).tolist():
        yield np.flatnonzero(band == number), float(np.exp(-(number + 0.5) * _BAND))


def _with_turns(one: Outlines, other: Outlines) -> tuple[Outlines, Numbers]:
    """The others, and again a turn to the east and west where that may be nearer; and their numbers."""
    numbers = np.arange(len(other))
    west, _, east, _ = shapely.total_bounds(one)
    left, _, right, _ = shapely.total_bounds(other)
    if max(east - left, right - west) <= HALF_TURN:
        return other, numbers
    moved = [
        shapely.transform(other, lambda xy, by=by: xy + np.array([by, 0.0]))
        for by in (0.0, TURN, -TURN)
    ]
    return np.concatenate(moved), np.concatenate([numbers] * 3)


def _squeezed(outlines: Outlines, factor: float | Floats) -> Outlines:
    """Longitudes times a factor, one for all or one each."""
    xy, owner = shapely.get_coordinates(outlines, return_index=True)
    xy[:, 0] *= factor if isinstance(factor, float) else factor[owner]
    squeezed: Outlines = shapely.set_coordinates(np.array(outlines, dtype=object), xy)
    return squeezed
