"""Small areas of a class map join their neighbours: a minimum mapping unit, for maps of any size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..core.area import pixel_areas_m2
from ..core.classes import Classes
from ..core.errors import WriteError
from ..core.grid import PixelWindow, row_windows, window_grid
from ..io.headers.header import Header
from ..io.raster import read

_MOST_PIECES = 5_000_000
"""Areas of one map, cut at the bands' edges; about 2 GB."""
HECTARE_M2 = 10_000.0

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_ORTHOGONAL = scipy.ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True, slots=True)
class Band:
    """Some rows of a class map."""

    window: PixelWindow
    codes: NDArray[np.generic]
    """(H, W) stored codes."""
    wanted: NDArray[np.bool_]
    """(H, W), True = observed and of a known class."""


def class_bands(header: Header, classes: Classes, rows: int) -> Iterator[Band]:
    """A class map from top to bottom, so many rows at a time."""
    height, width = map(int, header.grid.shape)
    for window in row_windows((height, width), rows):
        raster = read(header, window_grid(header.grid, window), bands=[1])
        codes = raster.values[0]
        yield Band(window, codes, raster.valid & np.isin(codes, classes.codes))


def without_small_areas(
    header: Header, classes: Classes, rows: int, least_m2: float
) -> Iterator[Band]:
    """The bands of `class_bands`, with areas that are smaller than `least_m2` given to their neighbours.

    An area is what is connected by the sides of its pixels, measured on the ellipsoid. A small one takes the
    class with which it shares the longest border, among those neighbours that are large enough; where it
    touches none of these, those neighbours count that have just joined one, and so on outwards. Small areas
    that no such way leads from (an island of the map within nodata) become one area of the class that has
    most of it, which is left out where it is still too small. So every area that is given out is large
    enough, and no hole opens between them. The result does not depend on `rows`.

    The map is read twice. Besides a band of rows, memory holds about 400 bytes for each area of the map.

    Raises:
        WriteError: the map has more than 5 million areas.
    """
    areas = _Areas(header, classes)
    for band in class_bands(header, classes, rows):
        areas.add(band)
    final = areas.decided(least_m2)
    start = 0
    for band in class_bands(header, classes, rows):
        labels, count = _labels(band, classes)
        code = np.concatenate([[-1], final[start : start + count]])[labels]
        start += count
        wanted = code >= 0
        yield Band(band.window, np.where(wanted, code, 0).astype(band.codes.dtype), wanted)


def _labels(band: Band, classes: Classes) -> tuple[NDArray[np.int32], int]:
    """Number of each pixel's piece, 1.. by class and row, 0 = not wanted; and how many there are."""
    labels, count = np.zeros(band.codes.shape, np.int32), 0
    for code in classes.codes:
        own = band.wanted & (band.codes == code)
        if own.any():
            found, more = scipy.ndimage.label(own, _ORTHOGONAL)
            labels[own] = found[own] + count
            count += more
    return labels, count


class _Areas:
    """Pieces of areas, band by band: their size, what they touch, and which of them are one."""

    def __init__(self, header: Header, classes: Classes) -> None:
        self._grid, self._classes = header.grid, classes
        a, b, _, d, e, _ = header.grid.affine[:6]
        self._sides = float(np.hypot(b, e)), float(np.hypot(a, d))
        """Of a pixel, in units of the CRS: the one between columns, and the one between rows."""
        self._count = 0
        self._m2: list[Floats] = []
        self._codes: list[NDArray[np.int16]] = []
        self._joins: list[Ints] = []
        self._borders: list[tuple[Ints, Floats]] = []
        self._above: Ints | None = None
        self._above_codes = np.empty(0, np.int64)

    def add(self, band: Band) -> None:
        """Count the next rows."""
        labels, count = _labels(band, self._classes)
        if self._count + count > _MOST_PIECES:
            raise WriteError(
                f"the map has more than {_MOST_PIECES:,} areas, too many to join the small ones: smooth "
                "the map (--smooth majority), or leave min_area (--min-area) out"
            )
        cells = np.broadcast_to(pixel_areas_m2(window_grid(self._grid, band.window)), labels.shape)
        self._m2.append(_sums(labels.ravel(), cells.ravel(), count + 1)[1:])
        code = np.zeros(count + 1, np.int16)
        code[labels] = band.codes
        self._codes.append(code[1:])
        numbers = np.where(labels > 0, labels.astype(np.int64) + self._count - 1, -1)
        self._count += count
        code_of = np.where(band.wanted, band.codes.astype(np.int64), -1)
        upper = self._above
        self._touch(numbers[:, :-1], numbers[:, 1:], self._sides[0])
        self._touch(numbers[:-1], numbers[1:], self._sides[1])
        if upper is not None:
            same = (self._above_codes == code_of[0]) & (upper >= 0)
            self._joins.append(np.unique(np.stack([upper[same], numbers[0][same]], axis=1), axis=0))
            self._touch(upper[~same], numbers[0][~same], self._sides[1])
        self._above, self._above_codes = numbers[-1].copy(), code_of[-1].copy()

    def _touch(self, one: Ints, other: Ints, side: float) -> None:
        touching = (one != other) & (one >= 0) & (other >= 0)
        pairs = np.sort(np.stack([one[touching], other[touching]], axis=1), axis=1)
        pairs, counts = np.unique(pairs, axis=0, return_counts=True)
        length: Floats = counts.astype(np.float64) * side
        self._borders.append((pairs.astype(np.int64, copy=False), length))

    def decided(self, least_m2: float) -> NDArray[np.int16]:
        """The code that each piece gets, in order; -1 = left out."""
        n = self._count
        if n == 0:
            return np.empty(0, np.int16)
        joins = np.concatenate([np.empty((0, 2), np.int64), *self._joins])
        count, area_of = _components(joins, n)
        m2 = _sums(area_of, np.concatenate(self._m2), count)
        codes = np.empty(count, np.int16)
        codes[area_of] = np.concatenate(self._codes)
        pairs = area_of[np.concatenate([pair for pair, _ in self._borders])]
        length = np.concatenate([length for _, length in self._borders])
        both = np.concatenate([pairs, pairs[:, ::-1]]).astype(np.int64), np.tile(length, 2)
        taken = _spread(np.where(m2 >= least_m2, codes, -1).astype(np.int16), *both)
        return _islands(taken, pairs, m2, codes, least_m2)[area_of]


def _sums(numbers: NDArray[np.integer], values: Floats, count: int) -> Floats:
    return np.bincount(numbers, values, minlength=count).astype(np.float64, copy=False)


def _largest(keys: Ints, totals: NDArray[Any]) -> Ints:
    """Of the ascending keys of each group (key // 256), that of the largest total.

    Of totals that differ by less than their own error, a hundred-thousandth, the lowest key wins.
    """
    groups, group = np.unique(keys // 256, return_inverse=True)
    most = np.zeros(len(groups))
    np.maximum.at(most, group, totals)
    best = totals >= most[group] * (1 - 1e-5)
    return keys[best][np.unique(group[best], return_index=True)[1]]


def _components(pairs: Ints, count: int) -> tuple[int, Ints]:
    graph = coo_array((np.ones(len(pairs), np.int8), tuple(pairs.T)), shape=(count, count))
    found, numbers = connected_components(graph, directed=False)
    return int(found), numbers


def _spread(taken: NDArray[np.int16], pairs: Ints, length: Floats) -> NDArray[np.int16]:
    """Give each undecided area (-1) the class of its longest border with decided ones, step by step."""
    while True:
        asked = (taken[pairs[:, 0]] < 0) & (taken[pairs[:, 1]] >= 0)
        if not asked.any():
            return taken
        # Of borders of equal length the class of the lowest code wins.
        key, inverse = np.unique(
            pairs[asked, 0] * 256 + taken[pairs[asked, 1]], return_inverse=True
        )
        best = _largest(key, np.bincount(inverse, length[asked]))
        taken[best // 256] = best % 256


def _islands(
    taken: NDArray[np.int16], pairs: Ints, m2: Floats, codes: NDArray[np.int16], least_m2: float
) -> NDArray[np.int16]:
    """Decide on what no large area borders on: one class for all that hangs together."""
    rest = np.flatnonzero(taken < 0)
    if not len(rest):
        return taken
    place = np.full(len(taken), -1, np.int64)
    place[rest] = np.arange(len(rest))
    inside = place[pairs]
    count, island = _components(inside[(inside >= 0).all(axis=1)], len(rest))
    size = _sums(island, m2[rest], count)
    key, inverse = np.unique(island * 256 + codes[rest], return_inverse=True)
    most = (_largest(key, np.bincount(inverse, m2[rest])) % 256).astype(np.int16)
    taken[rest] = np.where(size >= least_m2, most, -1)[island]
    return taken
