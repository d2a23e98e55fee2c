"""Labelled pixels that hang together: a patch of one class is one polygon, or several that touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .overlap import Ground

_NEIGHBOURS = ((0, 1), (1, -1), (1, 0), (1, 1))
"""Rows and columns from a pixel to half of its eight neighbours."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPixels:
    """The labelled pixels of a scene, row by row."""

    rows: np.ndarray
    """int64 (n,)."""
    cols: np.ndarray
    codes: np.ndarray
    """uint8 (n,), the class of each."""

    @classmethod
    def of(cls, parts: Sequence[tuple[int, int, np.ndarray, np.ndarray]]) -> LabelledPixels:
        """Of blocks: their first row and column, class codes (h, w), labelled (h, w) bool."""
        found = [np.empty((3, 0), np.int64)]
        for row, col, codes, labelled in parts:
            rows, cols = np.nonzero(labelled)
            found.append(np.stack([rows + row, cols + col, codes[labelled].astype(np.int64)]))
        rows, cols, codes = np.concatenate(found, axis=1)
        order = np.lexsort((cols, rows))
        return cls(rows[order], cols[order], codes[order].astype(np.uint8))

    def __len__(self) -> int:
        return len(self.rows)

    def within(self, row: int, col: int, size: tuple[int, int]) -> np.ndarray:
        """Numbers (m,) of the pixels in a window."""
        first, last = np.searchsorted(self.rows, (row, row + size[0]))
        cols = self.cols[first:last]
        inside: np.ndarray = np.flatnonzero((cols >= col) & (cols < col + size[1])) + first
        return inside


Group: TypeAlias = Sequence[tuple[int, np.ndarray]]
"""Pixels of one feature: scenes, and numbers (n,) of pixels in each."""


def patches(
    ground: Ground, scenes: Sequence[LabelledPixels], groups: Sequence[Group] = ()
) -> tuple[np.ndarray, ...]:
    """Number of the patch of each labelled pixel, int64 (n,) for each scene.

    Pixels of one class that touch, corners included, are one patch. So are pixels of several scenes that lie
    on the same ground, whatever their classes, and those of a group, wherever they lie.
    """
    starts = np.cumsum([0, *map(len, scenes)])
    pairs = [np.empty((2, 0), np.int64)]
    for group in groups:
        own = np.concatenate([numbers + starts[scene] for scene, numbers in group])
        pairs.append(np.stack([own[:-1], own[1:]]))
    for scene, start in zip(scenes, starts[:-1], strict=True):
        pairs += [pair + start for pair in _touching(scene)]
    for members in ground.groups:
        if len(members) > 1:
            pairs.append(_on_one_ground(ground, members, scenes, starts))
    _, numbers = _components(np.concatenate(pairs, axis=1), int(starts[-1]))
    return tuple(np.split(numbers, starts[1:-1]))


def count_patches(pixels: LabelledPixels) -> int:
    """How many patches the labelled pixels of one scene make, each of which is given once.

    Example:
        >>> rows, cols, codes = np.array([[0, 0, 1, 5], [0, 1, 2, 5], [1, 1, 1, 1]])
        >>> count_patches(LabelledPixels(rows, cols, codes))
        2
    """
    pairs = np.concatenate([np.empty((2, 0), np.int64), *_touching(pixels)], axis=1)
    return _components(pairs, len(pixels))[0]


def _components(pairs: np.ndarray, total: int) -> tuple[int, np.ndarray]:
    """How many there are, and the number of each of `total` pixels, int64."""
    links = coo_array((np.ones(pairs.shape[1], bool), tuple(pairs)), shape=(total, total))
    count, numbers = connected_components(links, directed=False)
    return int(count), numbers.astype(np.int64)


def _touching(scene: LabelledPixels) -> list[np.ndarray]:
    """Pairs (2, m) of neighbours of one class."""
    if not len(scene):
        return []
    width = int(scene.cols.max()) + 3  # an empty column on each side keeps a row's ends apart
    at = scene.rows * width + scene.cols + 1
    found = []
    for down, right in _NEIGHBOURS:
        wanted = at + down * width + right
        place = np.minimum(np.searchsorted(at, wanted), len(at) - 1)
        same = (at[place] == wanted) & (scene.codes[place] == scene.codes)
        found.append(np.stack([np.flatnonzero(same), place[same]]))
    return found


def _on_one_ground(
    ground: Ground, members: Sequence[int], scenes: Sequence[LabelledPixels], starts: np.ndarray
) -> np.ndarray:
    """Pairs (2, m) of pixels of several scenes whose centres lie in one pixel of the first scene."""
    cells, numbers = [], []
    for scene in members:
        own = scenes[scene]
        centres = np.stack([own.rows, own.cols], axis=1) + 0.5
        if ground.anchor(scene) != scene:
            centres = ground.to_anchor(scene, centres)
        cells.append(np.floor(centres).astype(np.int64))
        numbers.append(np.arange(len(own)) + starts[scene])
    number = np.concatenate(numbers)
    _, cell = np.unique(np.concatenate(cells), axis=0, return_inverse=True)
    order = np.argsort(cell.ravel(), kind="stable")
    same = np.diff(cell.ravel()[order]) == 0
    return np.stack([number[order[:-1][same]], number[order[1:][same]]])
