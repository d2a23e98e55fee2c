"""Labelled polygons dealt out among splits as wholes: for few polygons on much ground without labels."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from ..core.classes import Classes
from ..core.errors import ChipError
from .names import SPLITS
from .overlap import Ground
from .patches import Group, LabelledPixels, patches
from .shares import check_shares

log = logging.getLogger(__name__)

MOST_PIXELS = 20_000_000
"""Labelled pixels, of which some hundred bytes each are in memory."""
_TRIALS = 200


@dataclass(frozen=True, slots=True)
class FeatureSplit:
    """Each labelled polygon, as a whole, to one split.

    A polygon is what hangs together on the scene's pixels: labelled pixels of one class that touch, corners
    included; and, where the labels are vector layers, all polygons of one feature. Chips may overlap and show
    polygons of several splits; a chip keeps the labels of its own split alone, the others count as
    unlabelled.

    Raises:
        ConfigError: the shares leave nothing for training.
    """

    test: float = 0.2
    """Share of the polygons, 0..1."""
    val: float = 0.2
    stratify: bool = False
    """Deal the polygons of each class by itself, so that each split has its share of every class."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_shares(self.test, self.val)

    def shares(self) -> tuple[float, float, float]:
        """Of train, test and val, summing to 1."""
        return 1 - self.test - self.val, self.test, self.val

    def features(
        self,
        ground: Ground,
        scenes: Sequence[LabelledPixels],
        classes: Classes,
        groups: Sequence[Group] = (),
    ) -> FeatureAreas:
        """The polygons of some scenes, dealt out; a warning names classes that a split lacks.

        Args:
            ground: Scenes and chip size.
            scenes: Labelled pixels of each.
            classes: Of the labels.
            groups: Pixels that belong together though they need not touch.

        Raises:
            ChipError: there are fewer polygons than splits, or too many labelled pixels.
        """
        total = sum(map(len, scenes))
        if total > MOST_PIXELS:
            raise ChipError(
                f"{total:,} labelled pixels are more than {MOST_PIXELS:,}: a split by polygons is for few "
                "labels; split by blocks (--split block)"
            )
        numbers = patches(ground, scenes, groups)
        all_numbers = np.concatenate(numbers)
        sizes = np.bincount(all_numbers)
        kinds = np.zeros(len(sizes), np.int64)
        kinds[all_numbers] = np.concatenate([scene.codes for scene in scenes])
        wanted = [code for code, share in enumerate(self.shares()) if share > 0]
        if len(sizes) < len(wanted):
            raise ChipError(
                f"polygons found: {len(sizes)} (those of one class that touch are one), fewer than the "
                f"{len(wanted)} splits; label more, leave a split out (--val 0), or split by blocks"
            )
        codes = self._deal(sizes, kinds, wanted)
        _warn_of_lacking(codes, kinds, classes, wanted)
        return FeatureAreas.of_pixels(ground, scenes, [codes[own] for own in numbers])

    def _deal(self, sizes: np.ndarray, kinds: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
        """Split code of each polygon, int8."""
        rng = np.random.default_rng(self.seed)
        shares = np.array(self.shares())[list(wanted)]
        codes = np.empty(len(sizes), np.int8)
        groups = np.unique(kinds) if self.stratify else [None]
        for kind in groups:
            own = np.arange(len(sizes)) if kind is None else np.flatnonzero(kinds == kind)
            codes[own] = np.array(wanted)[_dealt(sizes[own], shares, rng)]
        return codes


def _dealt(sizes: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Position of the split of each of some polygons: numbers by the shares, at least one each as far as they
    go; of many random deals that whose pixels come nearest to the shares."""
    counts = polygon_counts(len(sizes), shares)
    each = np.repeat(np.arange(len(shares)), counts)
    best, least = each, np.inf
    for _ in range(_TRIALS):
        trial = rng.permutation(each)
        part = np.bincount(trial, weights=sizes, minlength=len(shares)) / sizes.sum()
        miss = float(np.abs(part - shares).sum())
        if miss < least:
            best, least = trial, miss
    return best


def polygon_counts(count: int, shares: np.ndarray) -> np.ndarray:
    """Polygons for each split: its share, rounded, at least one; of too few, the first splits have one each.

    Example:
        >>> polygon_counts(10, np.array([0.6, 0.2, 0.2])).tolist()
        [6, 2, 2]
        >>> polygon_counts(2, np.array([0.6, 0.2, 0.2])).tolist()
        [1, 1, 0]
    """
    if count <= len(shares):
        return (np.arange(len(shares)) < count).astype(np.int64)
    counts = np.maximum(1, np.floor(count * shares + 0.5)).astype(np.int64)
    while counts.sum() != count:
        counts[counts.argmax()] += np.sign(count - counts.sum())
    return counts


def _warn_of_lacking(
    codes: np.ndarray, kinds: np.ndarray, classes: Classes, wanted: Sequence[int]
) -> None:
    """Name the classes of which a split has no polygon."""
    for name, code in zip(classes.names, classes.codes, strict=True):
        own = codes[kinds == code]
        lacking = [SPLITS[split] for split in wanted if not (own == split).any()]
        if len(own) and lacking:
            log.warning(
                "%s has %d polygon%s, and none for %s: %s",
                name,
                len(own),
                "" if len(own) == 1 else "s",
                " and ".join(lacking),
                "label more of it"
                if len(own) < len(wanted)
                else "stratify=True (--stratify) deals each class by itself",
            )


@dataclass(frozen=True, slots=True, eq=False)
class FeatureAreas:
    """Labelled pixels, each of one split."""

    ground: Ground
    pixels: tuple[LabelledPixels, ...]
    """One a scene."""
    splits: tuple[np.ndarray, ...]
    """One a scene: int8 (n,), split code of each pixel."""
    trees: tuple[KDTree | None, ...]
    """One a scene: the pixels' middles as (row, col), in chips; None where there are none."""

    @classmethod
    def of_pixels(
        cls, ground: Ground, pixels: Sequence[LabelledPixels], splits: Sequence[np.ndarray]
    ) -> FeatureAreas:
        """From pixels and their split codes, for each scene."""
        size = np.array(ground.size)
        middles = (np.stack([own.rows, own.cols], axis=1) + 0.5 for own in pixels)
        trees = tuple(KDTree(at / size) if len(at) else None for at in middles)
        return cls(ground, tuple(pixels), tuple(splits), trees)

    def of(self, windows: np.ndarray) -> np.ndarray:
        """Split code of each window (n, 3): that of the labelled pixel nearest to its middle; -1 where it
        shows none."""
        codes = np.full(len(windows), -1, dtype=np.int8)
        size = np.array(self.ground.size)
        for scene in np.unique(windows[:, 0]):
            tree, splits = self.trees[scene], self.splits[scene]
            if tree is None:
                continue
            chosen = windows[:, 0] == scene
            middles = windows[chosen, 1:] / size + 0.5
            # In chips: a window reaches half a chip from its middle, along rows and along columns.
            _, nearest = tree.query(middles, p=np.inf, distance_upper_bound=0.5)
            near = nearest < len(splits)
            codes[chosen] = np.where(near, splits[np.where(near, nearest, 0)], -1)
        return codes

    def parts(self, scene: int) -> list[tuple[int, int, int, int]]:
        """The whole scene: (top, left, bottom, right)."""
        height, width = self.ground.grids[scene].shape
        return [(0, 0, int(height), int(width))]

    def others(self, scene: int, row: int, col: int, split: int) -> np.ndarray:
        """Bool (H, W): the pixels of a window that are labelled for another split than its own."""
        hidden = np.zeros(self.ground.size, bool)
        inside = self.pixels[scene].within(row, col, self.ground.size)
        other = inside[self.splits[scene][inside] != split]
        hidden[self.pixels[scene].rows[other] - row, self.pixels[scene].cols[other] - col] = True
        return hidden
