"""Training, test and validation apart by scenes: each scene as a whole in one split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ..core.area import grid_area_m2
from .label_counts import LabelCounts
from .names import TEST, TRAIN, VAL
from .overlap import Ground
from .sample_ground import Grids, SampleGround, split_names
from .shares import check_shares
from .stratify.classes import Columns


@dataclass(frozen=True, slots=True)
class SceneSplit:
    """Whole scenes to each split, dealt out at random; scenes that overlap, of all dates, stay together.

    Of numbered samples, those that share ground, directly or through others, stay together, and each split
    gets about its share of every class.

    Raises:
        ConfigError: the shares are impossible.
    """

    by_place: ClassVar[bool] = True

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

    def areas(self, ground: Ground, counts: LabelCounts | None) -> SceneAreas:
        """The scenes, each of one split."""
        km2 = np.array([grid_area_m2(grid) for grid in ground.grids]) / 1e6
        return SceneAreas(ground, self.codes(ground, np.where(np.isfinite(km2), km2, 0.0)))

    def split_of(self, columns: Columns, grids: Grids = None) -> NDArray[Any]:
        """The name of the split of each numbered sample, (n,) objects.

        Args:
            columns: What is known of each sample; of `class` or `label`, each split gets its share.
            grids: Where each lies.

        Raises:
            ConfigError: a sample has no place on Earth, or all hang together.
        """
        ground = SampleGround.of(columns, grids, self)
        return split_names(ground.meeting(shares=self.shares(), seed=self.seed))


@dataclass(frozen=True, slots=True, eq=False)
class SceneAreas:
    """Scenes as wholes, each of one split."""

    ground: Ground
    splits: np.ndarray
    """(scenes,) split codes."""

    def of(self, windows: np.ndarray) -> np.ndarray:
        """Split code of each window (n, 3) of scene, row, col."""
        codes: np.ndarray = self.splits[windows[:, 0]]
        return codes

    def shapes(self, scene: int) -> list[tuple[int, BaseGeometry]]:
        """The split of a scene, and its outline in pixels (col, row)."""
        height, width = self.ground.grids[scene].shape
        return [(int(self.splits[scene]), shapely.box(0, 0, width, height))]

    def parts(self, scene: int) -> list[tuple[int, int, int, int]]:
        """The whole scene: (top, left, bottom, right)."""
        height, width = self.ground.grids[scene].shape
        return [(0, 0, int(height), int(width))]
