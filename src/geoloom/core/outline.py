"""Polygons in other CRSs, and outlines of grids: along their edges, over the antimeridian, at the poles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import shapely
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from shapely import MultiPoint, Polygon, box, get_coordinates, is_valid, make_valid, polygons
from shapely.geometry.base import BaseGeometry

from .antimeridian import (
    HALF_TURN,
    around,
    degrees_per_unit,
    full_turn,
    near,
    turns_between,
    unwrapped,
)
from .errors import GridError
from .grid import WGS84, crs_name, densified_outline, transformer, unit_outline

TOLERANCE = 3e-7
"""How far an edge may lie from where it belongs, as a share of the ring's size: 5 cm in a Landsat scene."""
_TOLERANCE_AGAIN = 1e-6
"""Of outlines that were made within the other: asked for no more than they hold, they keep their points."""

_PIECES = 32
"""Into which a ring is cut at least before its edges are looked at."""
_ROUNDS = 12
"""In each, edges that lie off are halved."""
_MOST_POINTS = 1 << 18
_OUTLINED_AT_ONCE = 4096

Move: TypeAlias = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""x and y (N,) in another CRS; infinite where it has no such place."""


def surface(geometry: BaseGeometry) -> BaseGeometry:
    """The polygons of a geometry, made valid; its lines and points are left out."""
    if not geometry.is_valid:
        geometry = shapely.make_valid(geometry)
    if geometry.geom_type in ("Polygon", "MultiPolygon"):
        return geometry
    parts = [part for part in shapely.get_parts(geometry) if part.area > 0]
    return shapely.union_all(parts)


def to_lonlat(geometry: BaseGeometry, crs: CRS) -> BaseGeometry:
    """A geometry's polygons in longitude and latitude, cut at the antimeridian.

    Edges are straight in the geometry's own CRS. A ring around a pole holds the pole.
    """
    cut = [_polygon_in_degrees(part, crs) for part in shapely.get_parts(surface(geometry))]
    return surface(shapely.union_all(cut))


def from_lonlat(outline: BaseGeometry, crs: CRS, middle: float = 0.0) -> BaseGeometry:
    """A longitude-latitude outline in another CRS, parts cut at the antimeridian joined again.

    Points without a place there are left out.

    Args:
        outline: Polygons, as `to_lonlat` gives them.
        crs: To go to.
        middle: Of a geographic CRS: the longitude, in its own units, around which to count.
    """
    if full_turn(crs) is not None:
        outline = around(outline, middle * degrees_per_unit(crs))
        if crs == WGS84:
            return outline
    move = transformer("EPSG:4326", crs_name(crs)).transform
    moved = [_without_lost_points(part, move) for part in shapely.get_parts(outline)]
    whole = surface(shapely.union_all([part for part in moved if not part.is_empty]))
    west, _, east, _ = outline.bounds
    return _without_seam(whole) if max(-west, east) >= HALF_TURN else whole


def moved_to(geometry: BaseGeometry, crs: CRS, target: CRS, middle: float = 0.0) -> BaseGeometry:
    """A geometry's polygons in another CRS.

    Args:
        geometry: Its edges are straight in `crs`.
        crs: To come from.
        target: To go to.
        middle: Where x repeats itself after a full turn: around which x to count.
    """
    turn, cylinder = full_turn(target), _full_turn_of_cylinder(crs_name(target))
    moved = surface(geometry) if crs == target else _moved(geometry, crs, target, middle)
    if turn is not None:
        return around(moved, middle, turn)
    counted = moved if cylinder is None else around(moved, middle, cylinder)
    return moved if counted is moved else _without_seam(counted)


@lru_cache(maxsize=256)
def _full_turn_of_cylinder(crs: str) -> float | None:
    """Once around the Earth in a cylindrical projection that is cut at the antimeridian; None for others."""
    lon, lat = np.array([-HALF_TURN, HALF_TURN] * 2), np.array([0.0, 0.0, 60.0, 60.0])
    try:
        x, y = transformer("EPSG:4326", crs).transform(lon, lat)
    except GridError:  # no place on Earth
        return None
    if not np.isfinite([*x, *y]).all():
        return None
    turn = float(x[1] - x[0])
    straight = np.allclose([x[2], x[3]], [x[0], x[1]], rtol=1e-9, atol=0)
    level = np.allclose(y[::2], y[1::2], rtol=1e-9, atol=1e-6)
    # Where it is cut elsewhere, both sides of the antimeridian are one place.
    return turn if turn > 1e-6 * abs(x[0]) and straight and level else None


def _moved(geometry: BaseGeometry, crs: CRS, target: CRS, middle: float) -> BaseGeometry:
    if full_turn(target) is None:
        whole = _moved_whole(
            surface(geometry), transformer(crs_name(crs), crs_name(target)).transform
        )
        if whole is not None:
            return whole
    return from_lonlat(to_lonlat(geometry, crs), target, middle)


def _moved_whole(geometry: BaseGeometry, move: Move) -> BaseGeometry | None:
    """Polygons through a transformation; None where it tears a ring, or has no place for some of it."""
    parts = []
    for part in shapely.get_parts(geometry):
        rings = [_along(ring, move) for ring in (part.exterior, *part.interiors)]
        if not all(whole for _, whole in rings):
            return None
        parts.append(surface(shapely.Polygon(rings[0][0], [xy for xy, _ in rings[1:]])))
    return surface(shapely.union_all(parts))


def _along(
    ring: BaseGeometry, move: Move, *, degrees: bool = False, tolerance: float = TOLERANCE
) -> tuple[np.ndarray, bool]:
    """A ring in another CRS, with as many points as keep its edges in place.

    Args:
        ring: Closed, its edges straight where they come from.
        move: To the other CRS.
        degrees: Whether that counts degrees, of longitudes that run on across the antimeridian.
        tolerance: How far its edges may lie from where they belong, as a share of its size.

    Returns:
        Points float64 (N, 2), and whether all of them have a place and no edge is torn.
    """
    xy = shapely.get_coordinates(shapely.segmentize(ring, max(ring.length / _PIECES, 1e-300)))
    at = _through(xy, move, degrees=degrees)
    if not np.isfinite(at).any():
        return at, False
    off = np.ones(len(xy) - 1, bool)
    for _ in range(_ROUNDS):
        halfway = (xy[:-1] + xy[1:]) / 2
        middle = _through(halfway, move, degrees=False)
        off = _off_chord(at, middle, tolerance, degrees=degrees)
        if not off.any() or len(xy) > _MOST_POINTS:
            break
        places = np.flatnonzero(off) + 1
        xy = np.insert(xy, places, halfway[off], axis=0)
        at = np.insert(at, places, middle[off], axis=0)
        if degrees:
            _unwrap(at)
    return at, bool(np.isfinite(at).all() and not off.any())


def _through(xy: np.ndarray, move: Move, *, degrees: bool) -> np.ndarray:
    """Points through a transformation; as longitudes that run on, where these are asked for."""
    x, y = move(xy[:, 0], xy[:, 1])
    lost = ~(np.isfinite(x) & np.isfinite(y))
    at = np.column_stack([x, y])
    at[lost] = np.nan
    if degrees:
        _unwrap(at)
    return at


def _unwrap(at: np.ndarray) -> None:
    """Let longitudes run on across the antimeridian, in place."""
    placed = np.isfinite(at[:, 0])
    at[placed, 0] = unwrapped(at[placed, 0])


def _off_chord(
    at: np.ndarray, middle: np.ndarray, tolerance: float, *, degrees: bool
) -> np.ndarray:
    """Bool (N - 1,): edges whose middle lies further off the straight line than the tolerance."""
    chord = (at[:-1] + at[1:]) / 2
    apart = middle - chord
    if degrees:
        apart[:, 0] = near(apart[:, 0], 0.0) * np.cos(np.radians(chord[:, 1]))
    size = np.ptp(at[np.isfinite(at).all(axis=1)], axis=0).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        further: np.ndarray = np.hypot(apart[:, 0], apart[:, 1]) > tolerance * size
    return further


def _polygon_in_degrees(polygon: BaseGeometry, crs: CRS) -> BaseGeometry:
    shell, *holes = (_ring_in_degrees(r, crs) for r in (polygon.exterior, *polygon.interiors))
    if any(turns_between(ring[:, 0]) for ring in (shell, *holes)):
        cut = _around_pole(shell)
        for hole in holes:
            cut = cut - _around_pole(hole)
        return cut
    for hole in holes:
        hole[:, 0] += near(hole[:, 0].mean(), shell[:, 0].mean()) - hole[:, 0].mean()
    return around(surface(shapely.Polygon(shell, holes)), 0.0)


def _ring_in_degrees(ring: BaseGeometry, crs: CRS) -> np.ndarray:
    """Longitudes, which run on across the antimeridian, and latitudes (N, 2) of a ring."""
    if crs == WGS84:
        points: np.ndarray = shapely.get_coordinates(ring)
        return points
    move = transformer(crs_name(crs), "EPSG:4326").transform
    at, _ = _along(ring, move, degrees=True)
    placed: np.ndarray = at[np.isfinite(at).all(axis=1)]
    return placed


def _around_pole(ring: np.ndarray) -> BaseGeometry:
    """What a ring holds, with the pole that it runs around; as any ring, where it runs around none."""
    if not turns_between(ring[:, 0]):
        return around(surface(shapely.Polygon(ring)), 0.0)
    return polar_cap(ring[:, 0], ring[:, 1])


def polar_cap(lon: np.ndarray, lat: np.ndarray) -> BaseGeometry:
    """The region between a ring around a pole, in longitudes that run on, and that pole."""
    pole = 90.0 if lat.mean() > 0 else -90.0
    ring = np.column_stack([lon, lat])
    closed = np.vstack([ring, [ring[-1, 0], pole], [ring[0, 0], pole]])
    return around(surface(shapely.Polygon(closed)), 0.0)


def _without_lost_points(part: BaseGeometry, move: Move) -> BaseGeometry:
    """A polygon through a transformation, without the points that have no place there."""
    if part.geom_type != "Polygon":
        return shapely.Polygon()
    rings = [
        _along(ring, move, tolerance=_TOLERANCE_AGAIN)[0]
        for ring in (part.exterior, *part.interiors)
    ]
    shell, *holes = (ring[np.isfinite(ring).all(axis=1)] for ring in rings)
    if len(shell) < 3:
        return shapely.Polygon()
    return surface(shapely.Polygon(shell, [hole for hole in holes if len(hole) >= 3]))


def _without_seam(whole: BaseGeometry) -> BaseGeometry:
    """Grown and shrunk by a ten-millionth, which closes the cut along the antimeridian.

    Each part is grown by itself: GEOS loses one of two that nearly touch where it grows them together.
    """
    left, bottom, right, top = whole.bounds
    hair = 1e-7 * max(right - left, top - bottom)
    grown = shapely.union_all(
        [part.buffer(hair, join_style="mitre") for part in shapely.get_parts(whole)]
    )
    return surface(grown.buffer(-hair, join_style="mitre"))


def footprint(grid: GeoBox, points_per_side: int = 32) -> BaseGeometry:
    """The grid's outline in longitude and latitude, split at the antimeridian.

    A grid that holds a pole becomes the cap around it. Where the projection cannot place part of the edge
    (a geostationary image's corners show space), the outline runs around what it can.

    Raises:
        GridError: no part of the grid has a place on Earth.
    """
    lon, lat = _lon_lat(grid, densified_outline(grid, points_per_side))
    finite = np.isfinite(lon) & np.isfinite(lat)
    if not finite.all():
        lon, lat = _lon_lat(grid, _placed_outline(grid, points_per_side))
        finite = np.isfinite(lon) & np.isfinite(lat)
        lon, lat = lon[finite], lat[finite]
    lon = unwrapped(lon)
    if finite.all() and turns_between(lon):
        return _polar_cap(lon, lat)
    return _on_earth(make_valid(Polygon(np.column_stack([lon, lat]))))


def footprints(grids: Sequence[GeoBox], points_per_side: int = 32) -> list[BaseGeometry]:
    """`footprint` of each of many grids: the same vertices, at a tenth of the cost."""
    outlines: dict[int, BaseGeometry] = {}
    alike: dict[str, list[int]] = {}
    for number, grid in enumerate(grids):
        alike.setdefault(str(grid.crs), []).append(number)
    for numbers in alike.values():
        for start in range(0, len(numbers), _OUTLINED_AT_ONCE):
            some = numbers[start : start + _OUTLINED_AT_ONCE]
            outlines.update(_plain_footprints(grids, some, points_per_side))
    return [
        outlines[number] if number in outlines else footprint(grid, points_per_side)
        for number, grid in enumerate(grids)
    ]


def _plain_footprints(
    grids: Sequence[GeoBox], numbers: Sequence[int], points_per_side: int
) -> dict[int, BaseGeometry]:
    """Of the grids of one CRS that lie wholly on Earth, and neither on a pole nor the antimeridian."""
    chosen = [grids[number] for number in numbers]
    cols, rows = unit_outline(points_per_side)
    height, width = np.array([tuple(grid.shape) for grid in chosen], float).T[..., None]
    a, b, c, d, e, f = np.array([grid.affine[:6] for grid in chosen]).T[..., None]
    x, y = (k * (cols * width) + m * (rows * height) + n for k, m, n in ((a, b, c), (d, e, f)))
    at = _lon_lat(chosen[0], np.column_stack([x.ravel(), y.ravel()]))
    lon, lat = (values.reshape(x.shape) for values in at)
    with np.errstate(invalid="ignore"):
        plain = (np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= HALF_TURN)).all(axis=1)
        plain &= (np.abs(np.diff(lon)) < HALF_TURN).all(axis=1)
    outlines = polygons(np.stack([lon[plain], lat[plain]], axis=-1))
    good = is_valid(outlines)
    places = np.asarray(numbers)[plain][good]
    return dict(zip(places.tolist(), outlines[good].tolist(), strict=True))


def _lon_lat(grid: GeoBox, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World points (N, 2) of the grid's CRS as longitudes and latitudes, infinite off the Earth."""
    if grid.crs == WGS84:
        return points[:, 0], points[:, 1]
    try:
        change = transformer(crs_name(grid.crs), "EPSG:4326")
    except GridError as error:
        raise GridError(
            f"no place on Earth for a grid in '{grid.crs.proj.name}' ({error.__cause__}); check its CRS"
        ) from error
    lon, lat = change.transform(points[:, 0], points[:, 1])
    return lon, lat


def _placed_outline(grid: GeoBox, points_per_side: int) -> np.ndarray:
    """World coordinates around the pixels that have a place on Earth, taken as convex in the image."""
    height, width = grid.shape
    steps = 2 * points_per_side + 1
    nodes = np.stack(np.meshgrid(np.linspace(0, width, steps), np.linspace(0, height, steps)), -1)
    nodes = nodes.reshape(-1, 2)
    a, b, c, d, e, f = grid.affine[:6]
    to_world = np.array([[a, d], [b, e]])
    lon, lat = _lon_lat(grid, nodes @ to_world + (c, f))
    hull = MultiPoint(nodes[np.isfinite(lon) & np.isfinite(lat)]).convex_hull
    if hull.area == 0:
        raise GridError(
            f"no place on Earth for a grid in '{grid.crs.proj.name}' at {tuple(grid.boundingbox)}; "
            "check its CRS and transform"
        )
    outline = hull.exterior.segmentize(max(height, width) / points_per_side)
    around: np.ndarray = get_coordinates(outline) @ to_world + (c, f)
    return around


def _polar_cap(lon: np.ndarray, lat: np.ndarray) -> BaseGeometry:
    """The region between a ring around a pole and that pole."""
    pole = 90.0 if lat.mean() > 0 else -90.0
    ring = np.column_stack([lon, lat])
    closed = np.vstack([ring, [ring[-1, 0], pole], [ring[0, 0], pole]])
    return _on_earth(make_valid(Polygon(closed)))


def _on_earth(outline: BaseGeometry) -> BaseGeometry:
    """An outline between the poles, cut at the antimeridian."""
    west, south, east, north = outline.bounds
    if south < -90 or north > 90:
        outline = outline.intersection(box(west, -90, east, 90))
    return around(outline, 0.0)
