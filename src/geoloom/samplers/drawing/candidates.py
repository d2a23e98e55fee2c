"""Chips to choose from: more than are wanted, as some will hold too little that is valid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...core.classes import Classes
from ...splits.features import FeatureAreas
from ...splits.overlap import Ground
from ..table import ChipTable, rows_of
from .options import ChipOptions
from .sources import Source


@dataclass(frozen=True, slots=True)
class Kind:
    """Chips that are counted together."""

    split: int
    """Split code; -1 where undecided."""
    centre: str | None
    """Class that they are centred on; None for any."""
    quota: int
    """Chips wanted."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Windows in order of preference, more than are wanted, and how many of each kind are.

    Those with too little that is valid are passed over, and the next one of their kind takes the place.
    """

    sources: tuple[Source, ...]
    options: ChipOptions
    classes: Classes | None
    """None without labels."""
    windows: np.ndarray
    """(n, 3) int64: source, row, col of the upper-left pixel."""
    splits: np.ndarray
    """(n,) int8 split code; -1 where undecided."""
    kind_of: np.ndarray
    """(n,) int64 position in `kinds`."""
    kinds: tuple[Kind, ...]
    features: FeatureAreas | None = None
    """Where polygons are divided, and not ground: whose labels a chip shows."""
    unsplit: int = 0
    """Windows dropped because they lie too near the ground of another split."""
    keep_order: bool = False
    """Take them in this order, not in that in which windows lie in the scenes."""

    @classmethod
    def none(
        cls, sources: tuple[Source, ...], options: ChipOptions, classes: Classes | None
    ) -> Candidates:
        """Before any is drawn."""
        windows, splits = np.empty((0, 3), np.int64), np.empty(0, np.int8)
        return cls(sources, options, classes, windows, splits, np.empty(0, np.int64), ())

    @property
    def table(self) -> ChipTable:
        """All of them as queries."""
        regions = tuple(source.region for source in self.sources)
        source, row, col = self.windows.T
        return ChipTable(regions, rows_of(source, row, col, self.options.size))

    @property
    def ground(self) -> Ground:
        """Under the sources."""
        return Ground.of([source.frame for source in self.sources], self.options.size)

    def shuffled(self, seed: int) -> Candidates:
        """The same chips, in random order."""
        order = np.random.default_rng(seed).permutation(len(self.windows))
        return replace(
            self,
            windows=self.windows[order],
            splits=self.splits[order],
            kind_of=self.kind_of[order],
            keep_order=True,
        )
