"""Training, test and validation apart by scenes: each scene as a whole in one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .names import TEST, TRAIN, VAL
from .overlap import Ground
from .rules import check_shares


@dataclass(frozen=True, slots=True)
class SceneSplit:
    """Whole scenes to each split, dealt out at random; scenes that overlap, of all dates, stay together.

    Raises:
        ConfigError: the shares are impossible.
    """

    test: float = 0.2
    """Share of the ground, 0..1, as nearly as whole scenes allow."""
    val: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        check_shares(self.test, self.val)

    def shares(self) -> tuple[float, float, float]:
        """Of train, test and val, summing to 1."""
        return 1 - self.test - self.val, self.test, self.val

    def codes(self, ground: Ground, km2: Sequence[float] | np.ndarray) -> np.ndarray:
        """Split code (n,) of each scene.

        Args:
            ground: The scenes.
            km2: (n,) their areas.
        """
        areas = np.array([np.sum(np.asarray(km2)[list(members)]) for members in ground.groups])
        shares = np.array(self.shares())
        wanted = [code for code in (TRAIN, TEST, VAL) if shares[code] > 0]
        codes, given = np.zeros(len(areas), np.int8), np.zeros(3)
        order = np.random.default_rng(self.seed).permutation(len(areas))
        for place, group in enumerate(order.tolist()):
            # A scene for each split first, then to whichever lacks most.
            lacking = shares * areas.sum() - given
            code = wanted[place] if place < len(wanted) else int(lacking.argmax())
            codes[group] = code
            given[code] += areas[group]
        of_scenes: np.ndarray = codes[ground.group_of]
        return of_scenes
