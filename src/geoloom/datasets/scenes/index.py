"""Which scenes lie under a grid, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely import STRtree

from ...core.antimeridian import HALF_TURN, WORLD, cut_boxes, near
from ...core.grid import WGS84, crs_name, transformer
from ...core.interval import ALWAYS, Interval
from ...core.query import Scene
from .table import SavedScenes

_NODES = 5
_FEW_HITS = 200
"""Fewer are sorted out faster one by one than as arrays."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SceneIndex:
    """A tree over the footprints of scenes, with their times beside it.

    Guarantee: `find` gives every scene that shares a pixel's place with the grid and an instant with the
    interval; rarely also one that only comes near.

    Args:
        scenes: In the order of their priority where times are equal.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self.scenes = scenes if isinstance(scenes, SavedScenes) else tuple(scenes)
        if isinstance(scenes, SavedScenes):
            parts, owners = scenes.parts()
            self._starts, self._stops = scenes.times()
        else:
            parts, owners = shapely.get_parts([s.footprint for s in scenes], return_index=True)
            self._starts = np.array([_seconds(s.when.start) for s in scenes])
            self._stops = np.array([_seconds(s.when.stop) for s in scenes])
        self._tree, self._owners = STRtree(parts), owners
        # Python's own numbers: of a few scenes they are looked at faster one by one.
        self._spans = self._starts.tolist(), self._stops.tolist()

    def __reduce__(self) -> tuple[Any, ...]:
        return SceneIndex, (self.scenes,)

    def __len__(self) -> int:
        return len(self.scenes)

    def find(self, grid: GeoBox, when: Interval = ALWAYS) -> tuple[int, ...]:
        """Positions, ascending, of the scenes under a grid during an interval."""
        return self.find_many([(grid, when)])[0]

    def find_many(self, asked: Sequence[tuple[GeoBox, Interval]]) -> list[tuple[int, ...]]:
        """`find` for each of many grids and intervals, at a fraction of the cost."""
        if not asked:
            return []
        boxes = boxes_of([grid for grid, _ in asked])
        boxed, parts = self._tree.query([box for parts in boxes for box in parts])
        scenes = self._owners[parts]
        if len(asked) == 1 and len(scenes) <= _FEW_HITS:
            return [tuple(sorted(self._during(set(scenes.tolist()), asked[0][1])))]
        owners = np.repeat(np.arange(len(asked)), [len(parts) for parts in boxes])[boxed]
        spans = np.array([_span(when) for _, when in asked])
        meet = self._starts[scenes] < spans[owners, 1]
        meet &= spans[owners, 0] < self._stops[scenes]
        pairs = np.unique(owners[meet] * len(self) + scenes[meet])
        ends = np.searchsorted(pairs, len(self) * np.arange(1, len(asked) + 1)).tolist()
        positions = (pairs % len(self)).tolist()
        return [tuple(positions[a:b]) for a, b in zip([0, *ends], ends, strict=False)]

    def newest_first(self, positions: Sequence[int]) -> list[int]:
        """Positions by the start of the scenes' times; those of one time in their order."""
        return sorted(positions, key=self._spans[0].__getitem__, reverse=True)

    def _during(self, positions: set[int], when: Interval) -> Iterable[int]:
        if when is ALWAYS or not positions:
            return positions
        start, stop = _span(when)
        starts, stops = self._spans
        return (i for i in positions if starts[i] < stop and start < stops[i])


def _span(when: Interval) -> tuple[float, float]:
    return (-np.inf, np.inf) if when is ALWAYS else (_seconds(when.start), _seconds(when.stop))


def _seconds(instant: datetime) -> float:
    return (instant - _EPOCH).total_seconds()


def grid_key(grid: GeoBox) -> tuple[str, tuple[int, int], tuple[float, ...]]:
    """What identifies a grid, hashed in a microsecond; a GeoBox writes its CRS out for that."""
    height, width = grid.shape
    return str(grid.crs), (height, width), grid.affine[:6]


_Boxes = tuple[Any, ...]
_KNOWN: dict[tuple[Any, ...], _Boxes] = {}
_BOXES_KEPT = 1 << 13
_FEW = 4
_STRAIGHT = 0.05


def lonlat_boxes(grid: GeoBox) -> _Boxes:
    """Boxes in longitude and latitude that surely hold the grid, within [-180, 180]."""
    return boxes_of([grid])[0]


def boxes_of(grids: Sequence[GeoBox]) -> list[_Boxes]:
    """`lonlat_boxes` of many grids; remembered for a while, as the layers of a query all ask.

    A lattice of points is projected, and the box widened by the largest second difference: eight times
    what a smooth map can bulge between the points.
    """
    keys = [grid_key(grid) for grid in grids]
    known: dict[Any, _Boxes | None] = {key: _KNOWN.get(key) for key in keys}
    missing: dict[str, list[int]] = {}
    for number, key in enumerate(keys):
        if known[key] is None:
            missing.setdefault(key[0], []).append(number)
    if len(_KNOWN) > _BOXES_KEPT:
        _KNOWN.clear()
    for numbers in missing.values():
        scalar = len(numbers) <= _FEW
        plain = [_plain_box(grids[n]) for n in numbers] if scalar else []
        made = plain if plain and all(plain) else _boxes([grids[n] for n in numbers])
        for number, fresh in zip(numbers, made, strict=True):
            known[keys[number]] = _KNOWN[keys[number]] = fresh
    return [boxes for key in keys if (boxes := known[key]) is not None]


def _plain_box(grid: GeoBox) -> _Boxes:
    """Of one grid over which the map is all but straight, without arrays' overhead; else nothing."""
    height, width = grid.shape
    a, b, c, d, e, f = grid.affine[:6]
    nodes = [(u, v) for v in (0, height / 2, height) for u in (0, width / 2, width)]
    lon, lat = [a * u + b * v + c for u, v in nodes], [d * u + e * v + f for u, v in nodes]
    name = crs_name(grid.crs)
    if name != "EPSG:4326":
        lon, lat = transformer(name, "EPSG:4326").transform(lon, lat)
    west, east, lon_bulge = _plain_span(lon)
    south, north, lat_bulge = _plain_span(lat)
    straight = lon_bulge < _STRAIGHT * (east - west) and lat_bulge < _STRAIGHT * (north - south)
    if not straight or west < -HALF_TURN or east > HALF_TURN:
        return ()
    return (shapely.box(west, south, east, north),)


def _plain_span(nodes: Sequence[float]) -> tuple[float, float, float]:
    """Ends of 3 x 3 values, widened by the largest second difference; and that difference."""
    p, q, r, s, t, u, v, w, x = nodes
    rows = abs(p - 2 * q + r), abs(s - 2 * t + u), abs(v - 2 * w + x)
    bulge = max(*rows, abs(p - 2 * s + v), abs(q - 2 * t + w), abs(r - 2 * u + x))
    return min(nodes) - bulge - 1e-9, max(nodes) + bulge + 1e-9, bulge


def _boxes(grids: Sequence[GeoBox]) -> list[_Boxes]:
    """Of grids of one CRS."""
    a, b, c, d, e, f = np.array([grid.affine[:6] for grid in grids]).T[..., None, None]
    height, width = np.array([tuple(grid.shape) for grid in grids]).T[..., None, None]
    u, v = _LATTICE_U * width, _LATTICE_V * height
    lon, lat = a * u + b * v + c, d * u + e * v + f
    crs = grids[0].crs
    if crs != WGS84:
        lon, lat = transformer(crs_name(crs), "EPSG:4326").transform(lon, lat)
    seen = (np.isfinite(lon) & np.isfinite(lat)).all(axis=(1, 2))
    # The edge of a globe's view: what lies between a point and the void is unknown.
    lon, lat = (np.where(seen[:, None, None], values, 0.0) for values in (lon, lat))
    middle = lon[:, _NODES // 2, _NODES // 2, None, None]
    lon = near(lon, middle)
    west, east = _widened(lon)
    south, north = _widened(lat)
    cut = cut_boxes(west, south, east, north)
    return [boxes if placed else (WORLD,) for boxes, placed in zip(cut, seen, strict=True)]


def _widened(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    bulge = np.maximum(
        np.abs(np.diff(values, 2, axis=1)).max(axis=(1, 2)),
        np.abs(np.diff(values, 2, axis=2)).max(axis=(1, 2)),
    )
    return values.min(axis=(1, 2)) - bulge - 1e-9, values.max(axis=(1, 2)) + bulge + 1e-9


_LATTICE_U, _LATTICE_V = np.meshgrid(np.linspace(0, 1, _NODES), np.linspace(0, 1, _NODES))
