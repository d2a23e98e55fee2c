"""Which chips show the same pixels of the ground, and scores averaged over them.

Legend: K classes or values, H rows, W columns, ... nothing or K.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np
from affine import Affine

from .store import ChipStore

logger = logging.getLogger(__name__)

_PHASES = 64
"""Lattices that differ by less than this part of a pixel are the same one."""


@dataclass(frozen=True, slots=True)
class ChipPlace:
    """Where a chip lies: chips of one lattice share the pixels of equal row and column."""

    chip: int
    """Position in the store."""
    lattice: Hashable
    row: int
    """Of its upper-left pixel on the lattice."""
    col: int


def chip_places(store: ChipStore, chips: np.ndarray) -> list[ChipPlace]:
    """Where chips lie, neighbours in succession. A chip without a place is a lattice of its own.

    Chips share a lattice if they come from one source and time, and their pixels coincide.
    """
    sources = store.table["source"].to_numpy()
    origins: dict[Hashable, tuple[float, float]] = {}
    places, unplaced = [], 0
    for chip in chips.tolist():
        if not store.crs(chip):
            unplaced += 1
            places.append(ChipPlace(chip, ("chip", chip), 0, 0))
            continue
        a, b, c, d, e, f = store.transform(chip).tolist()
        kind = (sources[chip], store.when(chip), store.crs(chip), a, b, d, e)
        col, row = ~Affine(a, b, 0, d, e, 0) * (c, f)
        first_row, first_col = origins.setdefault(kind, (row, col))
        (row_px, row_phase), (col_px, col_phase) = _split(row - first_row), _split(col - first_col)
        places.append(ChipPlace(chip, (kind, row_phase, col_phase), row_px, col_px))
    if unplaced:
        logger.warning(
            "%d of %d chips of %s have no place on the ground: they are counted chip by chip, and what they "
            "may share more than once",
            unplaced,
            len(chips),
            store.path,
        )
    order = {place.lattice: i for i, place in reversed(list(enumerate(places)))}
    return sorted(places, key=lambda place: (order[place.lattice], place.row, place.col))


def _split(offset: float) -> tuple[int, int]:
    """Whole pixels, and the rest in parts of a pixel."""
    parts = round(offset * _PHASES)
    return parts // _PHASES, parts % _PHASES


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A part of the ground, as large as a chip, that no further chip covers."""

    truth: np.ndarray
    """(..., H, W), labels as the chips hold them."""
    scores: np.ndarray
    """float32 (K, H, W), the mean of those of the chips that cover a pixel."""
    counted: np.ndarray
    """Bool (H, W): some chip counts the pixel."""


class ChipMosaic:
    """Lays chips onto the ground block by block, and gives each block when it is finished.

    Memory is that of the blocks that chips still to come cover: in the order of `chip_places`, of a row of
    chips.

    Args:
        places: Of all chips, in the order in which they are added.
        size: Rows and columns of a chip, and of a block.
        finishing: Positions in `places`: only blocks that one of these chips finishes are laid and given.
            None for all.
    """

    def __init__(
        self, places: list[ChipPlace], size: tuple[int, int], finishing: range | None = None
    ) -> None:
        self._size = size
        own = range(len(places)) if finishing is None else finishing
        last = {key: at for at, place in enumerate(places) for key in self._blocks(place)}
        self._awaited = Counter(
            key for place in places for key in self._blocks(place) if last[key] in own
        )
        self._open: dict[Hashable, _OpenBlock] = {}
        self.needed = [
            at
            for at, place in enumerate(places)
            if any(key in self._awaited for key in self._blocks(place))
        ]
        """Positions in `places` of the chips that must be added; others may be left out."""

    def add(
        self, place: ChipPlace, truth: np.ndarray, scores: np.ndarray, counted: np.ndarray
    ) -> Iterator[Block]:
        """Add a chip: labels (..., H, W), scores (K, H, W) and counted bool (H, W)."""
        height, width = self._size
        for key in self._blocks(place):
            if key not in self._awaited:
                continue
            _, block_row, block_col = key
            top, left = place.row - block_row * height, place.col - block_col * width
            block = self._open.get(key) or self._open.setdefault(
                key, _OpenBlock(truth, len(scores), self._size)
            )
            inside = np.s_[max(top, 0) : height + min(top, 0), max(left, 0) : width + min(left, 0)]
            chip = np.s_[max(-top, 0) : height - max(top, 0), max(-left, 0) : width - max(left, 0)]
            block.add(inside, truth[..., *chip], scores[..., *chip], counted[chip])
            self._awaited[key] -= 1
            if not self._awaited[key]:
                yield self._open.pop(key).finished()

    def _blocks(self, place: ChipPlace) -> list[tuple[Hashable, int, int]]:
        height, width = self._size
        rows = range(place.row // height, (place.row + height - 1) // height + 1)
        cols = range(place.col // width, (place.col + width - 1) // width + 1)
        return [(place.lattice, row, col) for row in rows for col in cols]


class _OpenBlock:
    """A block that chips are still added to."""

    def __init__(self, like: np.ndarray, k: int, size: tuple[int, int]) -> None:
        self._truth = np.zeros((*like.shape[:-2], *size), like.dtype)
        self._total = np.zeros((k, *size), np.float32)
        self._covers = np.zeros(size, np.int32)

    def add(
        self,
        inside: tuple[slice, slice],
        truth: np.ndarray,
        scores: np.ndarray,
        counted: np.ndarray,
    ) -> None:
        first = counted & (self._covers[inside] == 0)
        known = self._truth[..., *inside]
        known[..., first] = truth[..., first]
        self._total[..., *inside] += np.where(counted, scores, 0)
        self._covers[inside] += counted

    def finished(self) -> Block:
        mean = self._total / np.maximum(self._covers, 1)
        return Block(self._truth, mean, self._covers > 0)
