"""How many labelled pixels of each code lie where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class LabelCounts:
    """Labelled pixels of each code, by cell of a coarse lattice over each scene."""

    cell_px: int
    """Side of a cell, pixels of the scene."""
    cells: tuple[np.ndarray, ...]
    """One a scene: (cell rows, cell columns, codes) int64."""

    def total(self) -> np.ndarray:
        """(codes,) labelled pixels of each code in all scenes."""
        return np.asarray(np.sum([cells.sum(axis=(0, 1)) for cells in self.cells], axis=0))
