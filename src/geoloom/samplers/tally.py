"""Counts of classes, and an even choice of the points at which each was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

POINT = np.dtype([("region", "i4"), ("row", "i4"), ("col", "i4")])
"""Region number, and a pixel of that region's frame."""

MOST_KEPT = 1 << 16
"""Points kept of a class; of more, every one has the same chance to be kept."""

_DENSE_CODES = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What a tally has added up."""

    codes: np.ndarray
    """(K,) int64, rising."""
    counts: np.ndarray
    """(regions, K) int64."""
    ground_m2: np.ndarray
    """(regions, K) float64, the ground that the points of each class stand for."""
    points: tuple[np.ndarray, ...]
    """K arrays of dtype `POINT`."""


class Tally:
    """Adds up tiles of points.

    Guarantee: which points are kept follows from the tiles and the seed, whatever the order of the tiles.
    """

    def __init__(self, regions: int, seed: int = 0, most_kept: int = MOST_KEPT) -> None:
        self._regions, self._seed, self._most = regions, seed, most_kept
        self._classes: dict[int, _Class] = {}

    def add(
        self,
        region: int,
        tile: int,
        codes: np.ndarray,
        rows: np.ndarray,
        cols: np.ndarray,
        areas_m2: np.ndarray | float = 1.0,
    ) -> None:
        """Count a tile's points and keep some.

        Args:
            region: Number of the region.
            tile: Number of the tile in it.
            codes: (N,) class codes.
            rows, cols: (N,) pixels of the region's frame.
            areas_m2: (N,) ground that each point stands for, or one number for all.
        """
        if not len(codes):
            return
        present, positions = numbered(codes)
        counts = np.bincount(positions)
        ground = np.bincount(positions, np.broadcast_to(areas_m2, positions.shape))
        for code, count, m2 in zip(present.tolist(), counts.tolist(), ground.tolist(), strict=True):
            if code not in self._classes:
                self._classes[code] = _Class(self._regions)
            self._classes[code].counts[region] += count
            self._classes[code].ground_m2[region] += m2
        classes = [self._classes[code] for code in present.tolist()]
        draws = np.random.default_rng([self._seed, region, tile]).random(len(codes), np.float32)
        kept = np.flatnonzero(draws < np.array([tallied.rate for tallied in classes])[positions])
        kept = kept[np.argsort(positions[kept], kind="stable")]
        ends = np.searchsorted(positions[kept], np.arange(1, len(present)))
        for tallied, chosen in zip(classes, np.split(kept, ends), strict=True):
            points = np.empty(len(chosen), POINT)
            points["region"], points["row"], points["col"] = region, rows[chosen], cols[chosen]
            tallied.keep(points, draws[chosen], self._most)

    def result(self) -> Counts:
        """What was added up so far."""
        codes = sorted(self._classes)
        classes = [self._classes[code] for code in codes]
        counts = np.zeros((self._regions, len(codes)), np.int64)
        ground_m2 = np.zeros((self._regions, len(codes)))
        for k, tallied in enumerate(classes):
            counts[:, k], ground_m2[:, k] = tallied.counts, tallied.ground_m2
        points = tuple(tallied.points for tallied in classes)
        return Counts(np.array(codes, np.int64), counts, ground_m2, points)


class _Class:
    """One class: its sums by region, and the points kept, each with the number that was drawn for it."""

    def __init__(self, regions: int) -> None:
        self.counts = np.zeros(regions, np.int64)
        self.ground_m2 = np.zeros(regions)
        self.rate = 1.0
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []
        self._size = 0

    @property
    def points(self) -> np.ndarray:
        return np.concatenate([points for points, _ in self._parts])

    def keep(self, points: np.ndarray, draws: np.ndarray, most: int) -> None:
        """Keep points; of too many, those with the lower half of the numbers drawn, again and again."""
        self._parts.append((points, draws))
        self._size += len(points)
        if self._size <= most:
            return
        points, draws = self.points, np.concatenate([drawn for _, drawn in self._parts])
        while len(points) > most:
            self.rate /= 2
            points, draws = points[draws < self.rate], draws[draws < self.rate]
        self._parts, self._size = [(points, draws)], len(points)


def numbered(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The codes that occur, rising, and the position (N,) of each point's code among them."""
    if codes.min() >= 0 and codes.max() < _DENSE_CODES:
        present = np.flatnonzero(np.bincount(codes))
        positions = np.zeros(int(codes.max()) + 1, np.int64)
        positions[present] = np.arange(len(present))
        return present, positions[codes]
    return np.unique(codes, return_inverse=True)
