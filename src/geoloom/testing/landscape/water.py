"""Rivers: a meandering trunk with sand bars and oxbow lakes, and the streams that feed it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from scipy.spatial import cKDTree
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from .noise import smooth_walk

MEANDER_PX = 165.0
"""Length of one meander along the channel: about 11 widths of a 270 m river, times its sinuosity."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A tributary: under the trees at its spring, open water at its mouth if it is long."""

    line: LineString
    water: BaseGeometry
    """The water surface, widening downstream."""
    mouth_px: float
    """Width where it ends."""


@dataclass(frozen=True, slots=True)
class Waters:
    """All water of a landscape, in pixel coordinates."""

    channel: BaseGeometry
    """The river's water surface, sand bars left out."""
    bars: BaseGeometry
    """Sand bars on the inner banks."""
    lakes: BaseGeometry
    """Oxbow lakes."""
    streams: tuple[Stream, ...]

    @property
    def surface(self) -> BaseGeometry:
        """Open water that a mapper would draw: channel, lakes and streams where 2 pixels wide."""
        streams = shapely.union_all([s.water for s in self.streams])
        wide = streams.buffer(-0.9).buffer(0.9)
        return shapely.union_all([self.channel, self.lakes, wide])


def draw_waters(size_px: int, rng: np.random.Generator) -> Waters:
    """A river through the whole square of `size_px` pixels, with the streams of its basin."""
    path, heading = _meander(size_px, rng)
    width = 13.0 * np.exp(0.22 * smooth_walk(len(path), rng, wavelength=120))
    channel = _swept(path, width)
    bend = np.gradient(np.unwrap(heading))
    bars = _sand_bars(path, heading, width, bend, rng)
    lakes = _oxbows(path, heading, bend, channel, rng)
    streams = _streams(path, size_px, rng)
    return Waters(channel.difference(bars), bars, lakes, streams)


def _meander(size_px: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Channel centre (n, 2) one pixel apart, and its heading (n,), by the sine-generated curve.

    Source:
        Langbein and Leopold 1966: direction changes as a sine of the distance along the channel.
    """
    length = int(4.5 * size_px) + 800
    swing = 1.15 + 0.35 * smooth_walk(length, rng, wavelength=260)
    pace = np.exp(0.27 * smooth_walk(length, rng, wavelength=220)) * 2 * np.pi / MEANDER_PX
    drift = 0.28 * smooth_walk(length, rng, wavelength=900)
    downstream = np.deg2rad(rng.uniform(48, 66))
    heading = downstream + drift + np.clip(swing, 0.45, 1.8) * np.sin(np.cumsum(pace))
    path = np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]), axis=0)
    through = np.array([rng.uniform(0.52, 0.68), rng.uniform(0.45, 0.55)]) * size_px
    return path - path[length // 2] + through, heading


def _swept(path: np.ndarray, width: np.ndarray, piece: int = 12) -> BaseGeometry:
    """The area of a channel whose width changes along its path."""
    parts = [
        LineString(path[i : i + piece + 2]).buffer(float(width[i]) / 2, quad_segs=4)
        for i in range(0, len(path) - piece, piece)
    ]
    return shapely.union_all(parts).simplify(0.4)


def _peaks(bend: np.ndarray, spacing: int = 40) -> list[int]:
    """Positions of the sharpest points of the bends."""
    sharp = np.abs(bend)
    return [
        i
        for i in range(spacing, len(bend) - spacing, 1)
        if sharp[i] > 0.02 and sharp[i] == sharp[i - spacing : i + spacing + 1].max()
    ]


def _sand_bars(
    path: np.ndarray,
    heading: np.ndarray,
    width: np.ndarray,
    bend: np.ndarray,
    rng: np.random.Generator,
) -> BaseGeometry:
    bars = []
    for i in _peaks(bend):
        if rng.random() < 0.25:
            continue
        reach = int(rng.integers(12, 24))
        at = np.arange(i - reach, i + reach)
        inward = np.column_stack([-np.sin(heading[at]), np.cos(heading[at])]) * np.sign(bend[i])
        taper = np.cos(np.linspace(-1.4, 1.4, len(at)))[:, None]
        inner = path[at] + inward * (0.52 * width[at])[:, None]
        outer = inner - inward * taper * (0.34 * width[at])[:, None]
        bars.append(Polygon(np.vstack([inner, outer[::-1]])).buffer(0))
    return shapely.union_all(bars)


def _oxbows(
    path: np.ndarray,
    heading: np.ndarray,
    bend: np.ndarray,
    channel: BaseGeometry,
    rng: np.random.Generator,
) -> BaseGeometry:
    """Old loops of the channel, silted up at both ends, close beside some bends."""
    shapely.prepare(channel)
    lakes: list[BaseGeometry] = []
    for i in _peaks(bend):
        if rng.random() < 0.55:
            continue
        outward = -np.array([-np.sin(heading[i]), np.cos(heading[i])]) * np.sign(bend[i])
        radius = rng.uniform(10, 20)
        centre = path[i] + outward * (radius + rng.uniform(9, 22))
        facing = np.arctan2(outward[1], outward[0]) + rng.normal(0, 0.5)
        turn = facing + np.linspace(-1, 1, 40) * np.pi * rng.uniform(0.35, 0.72)
        swell = 1 + 0.12 * smooth_walk(40, rng, wavelength=16)
        stretch = rng.uniform(0.8, 1.5)
        arc = radius * swell[:, None] * np.column_stack([np.cos(turn), stretch * np.sin(turn)])
        taper = np.cos(np.linspace(-1.35, 1.35, 40))
        lake = _swept(centre + arc, 2.0 + rng.uniform(3, 5) * taper, piece=2)
        if lake.distance(channel) > 3 and all(lake.distance(other) > 6 for other in lakes):
            lakes.append(lake)
    return shapely.union_all(lakes)


def _streams(path: np.ndarray, size_px: int, rng: np.random.Generator) -> tuple[Stream, ...]:
    """A dendritic network: each stream wanders towards the nearest water that is already there."""
    inside = np.all((path > -80) & (path < size_px + 80), axis=1)
    water = path[inside][::3]
    count = max(5, round(95 * (size_px / 1536) ** 2))
    streams: list[Stream] = []
    for _ in range(count):
        tree = cKDTree(water)
        candidates = rng.uniform(-40, size_px + 40, (6, 2))
        far, _ = tree.query(candidates)
        course = _wander(candidates[int(np.argmax(far))], tree, water, rng)
        if len(course) < 10:
            continue
        along = np.arange(len(course)) / 300
        width = 0.25 + np.minimum(3.2, 3.0 * along) * rng.uniform(0.5, 1.0)
        streams.append(Stream(LineString(course), _swept(course, width), float(width[-1])))
        water = np.vstack([water, course])
    return tuple(streams)


def _wander(
    start: np.ndarray, tree: cKDTree, water: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Points two pixels apart from a spring to the water it reaches."""
    wiggle = 0.55 * smooth_walk(1500, rng, wavelength=7)
    wiggle += 0.45 * smooth_walk(1500, rng, wavelength=35)
    at, course = start, [start]
    for k in range(1500):
        distance, nearest = tree.query(at)
        if distance < 2.5:
            course.append(water[nearest])
            break
        to = water[nearest] - at
        heading = np.arctan2(to[1], to[0]) + wiggle[k]
        at = at + 2.0 * np.array([np.cos(heading), np.sin(heading)])
        course.append(at)
    return np.array(course)
