"""How much of the ground that training chips show is labelled, and in how many places.

Legend: H rows, W columns, n pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...chips.overlaps import ChipPlace, chip_places
from ...chips.store import ChipStore
from ...splits.patches import LabelledPixels, count_patches

_CELL = 8
"""Ground that is shown is counted in cells of so many pixels each way."""


@dataclass(frozen=True, slots=True)
class LabelledGround:
    """Labels of training chips, each pixel of the ground counted once however many chips show it."""

    places: int
    """Labelled pixels of one class that touch, corners included, are one place: as a rule, a polygon."""
    pixels: int
    """Labelled."""
    shown: int
    """Pixels that the chips show, labelled or not, to some pixels along the edges."""

    @property
    def share(self) -> float:
        """Labelled part of what is shown, 0..1."""
        return min(self.pixels / self.shown, 1.0)


def labelled_ground(
    store: ChipStore, chips: Sequence[int], most_pixels: int
) -> LabelledGround | None:
    """Look through the labels of some chips; None as soon as more pixels than `most_pixels` are labelled, and
    where a chip has no place on the ground.

    Args:
        store: Holds chips with a class for each pixel.
        chips: Their numbers, at least one.
        most_pixels: Memory is bounded by it, and by the number of chips.
    """
    if not all(store.crs(chip) for chip in chips):
        return None
    lattices: dict[object, list[ChipPlace]] = {}
    for place in chip_places(store, np.asarray(chips, np.int64)):
        lattices.setdefault(place.lattice, []).append(place)
    places = pixels = shown = 0
    for own in lattices.values():
        labelled = _labelled(store, own, most_pixels - pixels)
        if labelled is None:
            return None
        places += count_patches(labelled)
        pixels += len(labelled)
        shown += _shown(own, store.size)
    return LabelledGround(places, pixels, shown)


def _labelled(
    store: ChipStore, places: Sequence[ChipPlace], most_pixels: int
) -> LabelledPixels | None:
    """The labelled pixels of chips of one lattice, each once; None where they are too many."""
    first_row, first_col = (min(getattr(p, axis) for p in places) for axis in ("row", "col"))
    width = max(place.col for place in places) - first_col + store.size[1]
    at, codes = np.empty(0, np.int64), np.empty(0, np.uint8)
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    for number, place in enumerate(places, 1):
        labels = store.labels(place.chip)
        rows, cols = np.nonzero(labels["valid"])
        new = (rows + place.row - first_row) * width + cols + place.col - first_col
        waiting.append((new, labels["mask"][rows, cols].astype(np.uint8)))
        # Sorted in large parts: chips that overlap much would otherwise be sorted again and again.
        if number == len(places) or sum(len(part) for part, _ in waiting) > most_pixels:
            at, index = np.unique(
                np.concatenate([at, *(part for part, _ in waiting)]), return_index=True
            )
            codes = np.concatenate([codes, *(part for _, part in waiting)])[index]
            waiting.clear()
            if len(at) > most_pixels:
                return None
    return LabelledPixels(at // width, at % width, codes)


def _shown(places: Sequence[ChipPlace], size: tuple[int, int]) -> int:
    """Pixels of the ground under chips of one lattice, in whole cells; of one chip, exactly."""
    if len(places) == 1:
        return size[0] * size[1]
    corners = np.array([(place.row, place.col) for place in places], np.int64) // _CELL
    rows, cols = (np.arange(-(-side // _CELL)) for side in size)
    corners -= corners.min(axis=0)
    width = int(corners[:, 1].max()) + len(cols)
    cells = (corners[:, 0] * width + corners[:, 1])[:, None] + (
        rows[:, None] * width + cols
    ).ravel()
    return len(np.unique(cells)) * _CELL**2
