"""Settlement in the fishbone pattern: a highway, side roads, lots cleared from the road inwards.

Source:
    The colonisation scheme of Rondônia: side roads 4 km apart, lots of 500 m by 2,000 m along them,
    cleared from the road towards the back (Fearnside 1989; Ballester et al. 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely
from shapely import LineString, Polygon, STRtree, box
from shapely.geometry.base import BaseGeometry

from .noise import smooth_walk

Cover = Literal["pasture", "dry_pasture", "bare", "burned", "regrowth", "crop", "urban"]

ROAD_SPACING_PX = 134.0
"""4 km between side roads."""
LOT_PX = (16.7, 65.0)
"""Width along the road and depth of a lot."""
HIGHWAY_STRIP_PX = 44.0
"""Depth of the lots on the highway itself; side roads' lots begin behind them."""
LAST_YEAR = 2019


@dataclass(frozen=True, slots=True)
class Field:
    """A clearing with one land cover."""

    shape: Polygon
    cover: Cover
    year: int
    """When the forest was cut."""


@dataclass(frozen=True, slots=True)
class Road:
    """A road's centre line and width, pixels."""

    line: LineString
    width_px: float


@dataclass(frozen=True, slots=True)
class Settlement:
    """Roads and clearings, in pixel coordinates."""

    roads: tuple[Road, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Axes along (u) and across (v) the highway."""

    centre: np.ndarray
    angle: float

    def place(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.asarray(self.centre + np.column_stack([u * cos - v * sin, u * sin + v * cos]))


def draw_settlement(size_px: int, water: BaseGeometry, rng: np.random.Generator) -> Settlement:
    """Roads and clearings around a highway through the square; none lies on `water`."""
    frame = _Frame(
        np.array([rng.uniform(0.44, 0.56), rng.uniform(0.46, 0.56)]) * size_px,
        np.deg2rad(rng.uniform(-27, -16)),
    )
    reach = 0.8 * size_px + 100
    highway = _highway(frame, reach, rng)
    sides, lots = _side_roads(frame, highway, reach, water, rng)
    lots += _highway_lots(frame, highway, reach, rng)
    ranches, tracks = _ranches(frame, size_px, water, rng)
    taken = STRtree([ranch for ranch, _ in ranches])
    lots = [f for f in lots if not len(taken.query(f.shape.buffer(-2), predicate="intersects"))]
    paddocks = [field for _, fields in ranches for field in fields]
    town = _town(frame, highway, rng)
    lots = [f for f in lots if not f.shape.intersects(town.shape)]
    roads = [Road(_line(frame, highway), 1.1), *sides, *tracks]
    frontier = _frontier(sides, size_px, rng)
    fields = _on_land([*lots, *paddocks, town, *frontier], size_px, water)
    return Settlement(tuple(roads), fields)


def _highway(frame: _Frame, reach: float, rng: np.random.Generator) -> np.ndarray:
    u = np.arange(-reach, reach, 6.0)
    return np.column_stack([u, 7.0 * smooth_walk(len(u), rng, wavelength=70)])


def _line(frame: _Frame, uv: np.ndarray) -> LineString:
    return LineString(frame.place(uv[:, 0], uv[:, 1]))


def _side_roads(
    frame: _Frame,
    highway: np.ndarray,
    reach: float,
    water: BaseGeometry,
    rng: np.random.Generator,
) -> tuple[list[Road], list[Field]]:
    roads: list[Road] = []
    lots: list[Field] = []
    shapely.prepare(water)
    first = -reach + rng.uniform(0, ROAD_SPACING_PX)
    for u0 in np.arange(first, reach, ROAD_SPACING_PX):
        at = float(u0 + rng.uniform(-5, 5))
        for side in (-1, 1):
            if rng.random() < 0.1:
                continue
            length = float(np.clip(rng.lognormal(np.log(470), 0.5), 110, 950))
            v = np.arange(0.0, length, 6.0)
            sway = 1.6 * smooth_walk(len(v), rng, wavelength=30) * np.minimum(1, v / 60)
            start = float(np.interp(at, highway[:, 0], highway[:, 1]))
            path = np.column_stack([at + sway, start + side * v])
            path = _until_water(frame, path, water)
            if len(path) < 8:
                continue
            roads.append(Road(_line(frame, path), 0.6))
            lots += _lots(frame, path, side, rng)
    return roads, lots


def _until_water(frame: _Frame, path: np.ndarray, water: BaseGeometry) -> np.ndarray:
    """Side roads have no bridges."""
    wet = shapely.intersects(water, shapely.points(frame.place(path[:, 0], path[:, 1])))
    return path[: int(np.argmax(wet))] if wet.any() else path


def _lots(frame: _Frame, road: np.ndarray, side: int, rng: np.random.Generator) -> list[Field]:
    """Lots on both hands of a side road, fewer and shallower towards its end."""
    width, full_depth = LOT_PX
    along = np.abs(road[:, 1] - road[0, 1])
    end, origin = along[-1], road[0, 1]
    lots: list[Field] = []
    for hand in (-1, 1):
        at = HIGHWAY_STRIP_PX + rng.uniform(0, 6)
        while at < end - 5:
            span = min(width * float(rng.choice([1, 1, 1, 2, 3])), end - at)
            age = 1.0 - at / (end + 60.0)
            if rng.random() < 0.45 + 0.52 * age:
                depth = full_depth * float(np.clip(rng.beta(1.4 + 2.4 * age, 1.5), 0.07, 0.98))
                u = np.interp([at, at + span], along, road[:, 0])
                v = origin + side * np.array([at, at + span])
                lots += _strip(frame, u, v, hand, depth, age, rng)
            at += span
    return lots


def _strip(
    frame: _Frame,
    u: np.ndarray,
    v: np.ndarray,
    hand: int,
    depth: float,
    age: float,
    rng: np.random.Generator,
) -> list[Field]:
    """One lot's clearing, in one to three fields from the road inwards, the newest at the back."""
    pieces = int(np.clip(rng.poisson(depth / 26) + 1, 1, 3))
    cuts = np.sort(rng.uniform(0.25, 0.85, pieces - 1)) * depth
    edges = np.concatenate([[0.0], cuts, [depth]])
    fields = []
    near = u
    for k in range(pieces):
        last = k == pieces - 1
        wobble = rng.normal(0, 1.6 if last else 0.3, 2)
        far = u + hand * edges[k + 1] + wobble
        back_v = np.linspace(v[1], v[0], 2 + (int(abs(v[1] - v[0]) / 7) if last else 0))
        back_u = np.interp(back_v, np.sort(v), far if v[0] < v[1] else far[::-1])
        back_u[1:-1] += rng.normal(0, 1.3, len(back_u) - 2)
        ring_u = np.concatenate([near, back_u])
        ring_v = np.concatenate([v, back_v])
        shape = Polygon(frame.place(ring_u, ring_v)).buffer(0)
        year = _year(age - 0.25 * k, rng)
        if shape.area > 8 and isinstance(shape, Polygon):
            fields.append(Field(shape, _cover(year, rng), year))
        near = far
    return fields


def _highway_lots(
    frame: _Frame, highway: np.ndarray, reach: float, rng: np.random.Generator
) -> list[Field]:
    lots: list[Field] = []
    for side in (-1, 1):
        at = -reach + 10
        while at < reach - 40:
            span = float(rng.choice([17, 22, 33, 50]))
            if rng.random() < 0.86:
                v = np.interp([at, at + span], highway[:, 0], highway[:, 1])
                depth = HIGHWAY_STRIP_PX * float(rng.beta(4, 1.3))
                us = np.array([at, at + span])
                ring_u = np.concatenate([us, us[::-1]])
                tail = v[::-1] + side * depth + rng.normal(0, 1, 2)
                shape = Polygon(frame.place(ring_u, np.concatenate([v, tail])))
                year = _year(1.0, rng)
                lots.append(Field(shape.buffer(0), _cover(year, rng), year))
            at += span
    return lots


def _ranches(
    frame: _Frame, size_px: int, water: BaseGeometry, rng: np.random.Generator
) -> tuple[list[tuple[Polygon, list[Field]]], list[Road]]:
    """Large holdings, cut into paddocks, each reached by its own track."""
    ranches: list[tuple[Polygon, list[Field]]] = []
    tracks: list[Road] = []
    for _ in range(max(1, round(13 * (size_px / 1536) ** 2))):
        half = rng.uniform(36, 95, 2)
        u, v = rng.uniform(-0.62, 0.62) * size_px, rng.choice([-1, 1]) * rng.uniform(110, 600)
        outline = box(u - half[0], v - half[1], u + half[0], v + half[1])
        place = Polygon(frame.place(*np.array(outline.exterior.coords).T))
        if any(place.distance(other) < 8 for other, _ in ranches) or place.intersects(water):
            continue
        fields = []
        founded = int(rng.integers(1992, 2012))
        for left, low, right, high in _paddocks(outline.bounds, rng):
            if rng.random() < 0.13:
                continue
            ring = np.array(box(left, low, right, high).exterior.coords)[:-1]
            ring += rng.normal(0, 0.15, ring.shape)
            year = min(LAST_YEAR, founded + int(rng.integers(0, 9)))
            shape = Polygon(frame.place(ring[:, 0], ring[:, 1])).buffer(0)
            fields.append(Field(shape, _cover(year, rng), year))
        ranches.append((place, fields))
        tracks.append(Road(LineString(frame.place(np.array([u, u]), np.array([v, 0.0]))), 0.45))
    return ranches, tracks


def _paddocks(
    bounds: tuple[float, float, float, float], rng: np.random.Generator
) -> list[tuple[float, float, float, float]]:
    """A rectangle halved at random until its parts are of paddock size."""
    left, low, right, high = bounds
    width, height = right - left, high - low
    if max(width, height) < rng.uniform(22, 60):
        return [bounds]
    cut = rng.uniform(0.35, 0.65)
    if width > height:
        x = left + cut * width
        return _paddocks((left, low, x, high), rng) + _paddocks((x, low, right, high), rng)
    y = low + cut * height
    return _paddocks((left, low, right, y), rng) + _paddocks((left, y, right, high), rng)


def _town(frame: _Frame, highway: np.ndarray, rng: np.random.Generator) -> Field:
    u = rng.uniform(-60, 60)
    v = float(np.interp(u, highway[:, 0], highway[:, 1]))
    turn = np.linspace(0, 2 * np.pi, 23)[:-1]
    radius = rng.uniform(0.55, 1.25, len(turn))
    ring = frame.place(u + 30 * radius * np.cos(turn), v + 15 * radius * np.sin(turn))
    return Field(Polygon(ring).buffer(0), "urban", 1982)


def _frontier(roads: list[Road], size_px: int, rng: np.random.Generator) -> list[Field]:
    """New irregular clearings beyond the ends of the side roads."""
    fields = []
    ends = [np.array(road.line.coords[-1]) for road in roads]
    for _ in range(max(2, round(55 * (size_px / 1536) ** 2))):
        centre = rng.uniform(0, size_px, 2)
        if ends and rng.random() < 0.7:
            centre = ends[int(rng.integers(len(ends)))] + rng.normal(0, 45, 2)
        corners = int(rng.integers(5, 10))
        turn = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radius = rng.lognormal(np.log(8.5), 0.4) * rng.uniform(0.7, 1.25, corners)
        shape = Polygon(centre + radius[:, None] * np.column_stack([np.cos(turn), np.sin(turn)]))
        year = int(rng.integers(LAST_YEAR - 6, LAST_YEAR + 1))
        shape = shape.buffer(0)
        if shape.area > 30 and isinstance(shape, Polygon):
            fields.append(Field(shape, _cover(year, rng), year))
    return fields


def _year(age: float, rng: np.random.Generator) -> int:
    """Older where `age` is near 1 (beside the highway), recent where it is near 0."""
    return int(np.clip(LAST_YEAR - 31 * age + rng.normal(0, 4), 1985, LAST_YEAR))


def _cover(year: int, rng: np.random.Generator) -> Cover:
    """What grows on a clearing now: burns are recent, regrowth needs time."""
    if year >= LAST_YEAR - 1:
        return _choose(rng, {"burned": 0.5, "bare": 0.3, "pasture": 0.2})
    if year >= LAST_YEAR - 5:
        return _choose(rng, {"pasture": 0.6, "dry_pasture": 0.25, "bare": 0.12, "burned": 0.03})
    return _choose(
        rng,
        {"pasture": 0.42, "dry_pasture": 0.33, "regrowth": 0.13, "bare": 0.06, "crop": 0.06},
    )


def _choose(rng: np.random.Generator, weights: dict[Cover, float]) -> Cover:
    """One key, with the odds that its value gives."""
    names = list(weights)
    return names[int(rng.choice(len(names), p=np.array(list(weights.values()))))]


def _on_land(fields: list[Field], size_px: int, water: BaseGeometry) -> tuple[Field, ...]:
    """The parts of fields inside the square and at least a pixel and a half away from water."""
    bank = water.buffer(1.5)
    shapely.prepare(bank)
    square = box(0, 0, size_px, size_px)
    kept = []
    for field in fields:
        shape = field.shape.intersection(square)
        if shape.intersects(bank):
            shape = shape.difference(bank)
        parts = [p for p in shapely.get_parts(shape) if isinstance(p, Polygon) and p.area > 6]
        kept += [Field(part, field.cover, field.year) for part in parts]
    return tuple(kept)
