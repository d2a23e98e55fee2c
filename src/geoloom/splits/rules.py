"""Training, test and validation apart in space: chips of different splits share no ground.

Neighbouring pixels resemble each other, so a network tested on chips that overlap its training chips is
tested on what it has seen. Whole blocks of land therefore go to one split, with a gap between.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ..core.area import polygon_areas_m2
from ..core.errors import ChipError, ConfigError, suggest
from ..core.grid import WGS84
from ..core.roi import Roi
from ..io.vector.areas import RoiSource, roi_of, rois_of
from .blocks import BlockAreas, block_areas
from .label_counts import LabelCounts
from .names import SPLITS, TEST, TRAIN, VAL, Split
from .overlap import Ground
from .regions import RegionAreas, ScenePart, SplitRegion, region_areas, together

log = logging.getLogger(__name__)

__all__ = [
    "BlockSplit",
    "RandomSplit",
    "RoiSplit",
    "ScenePart",
    "SplitRule",
    "overlaps",
    "warn_of_overlaps",
]


class SplitAreas(Protocol):
    """Ground divided among splits."""

    def of(self, windows: np.ndarray) -> np.ndarray:
        """Split code of each window (n, 3) of scene, row, col; -1 where it is near more than one split."""
        ...

    def shapes(self, scene: int) -> list[tuple[int, BaseGeometry]]:
        """Split code and polygon in a scene's pixels (col, row): windows in it have that code."""
        ...

    def parts(self, scene: int) -> list[tuple[int, int, int, int]]:
        """Rectangles (top, left, bottom, right) of a scene in which windows of one split lie."""
        ...


@dataclass(frozen=True, slots=True)
class BlockSplit:
    """Whole blocks of land to each split.

    Blocks are laid over scenes that overlap as one, whatever their dates, and dealt out so that each split
    gets about its share of every class.
    """

    test: float = 0.2
    """Share of the ground, 0..1."""
    val: float = 0.2
    block_px: int | None = None
    """Side of a block; None: about two chips where that makes enough blocks, else one chip and the gap."""
    buffer_px: int | None = None
    """Least gap between chips of different splits; None: a quarter of a chip."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_shares(self.test, self.val)

    def shares(self) -> tuple[float, float, float]:
        """Of train, test and val, summing to 1."""
        return 1 - self.test - self.val, self.test, self.val

    def areas(self, ground: Ground, counts: LabelCounts | None) -> BlockAreas:
        """The blocks over some scenes."""
        return block_areas(
            ground,
            counts,
            shares=self.shares(),
            block_px=self.block_px,
            buffer_px=default_buffer(self.buffer_px, ground.size),
            seed=self.seed,
        )


@dataclass(frozen=True, slots=True)
class RoiSplit:
    """Ground given to each split by hand, such as the left half to train and the right half to test.

    Raises:
        ConfigError: there is no region, a split is unknown, or parts of scenes are mixed with areas.
        RoiError: an area of interest is none.

    Example:
        >>> halves = RoiSplit({"train": ScenePart(0, 0, 0.5, 1), "test": ScenePart(0.5, 0, 1, 1)})
        >>> sorted(halves.regions)
        ['test', 'train']
    """

    regions: Mapping[Split, RoiSource | Sequence[str | Path] | ScenePart | Sequence[ScenePart]] = (
        field(hash=False)
    )
    """Areas of interest, or parts of every scene; of a split one or several, together its ground."""
    buffer_px: int = 0
    """Least gap between chips of different splits."""
    val: float = 0.0
    """Share of the training region whose blocks go to `val` instead."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_shares(0.0, self.val)
        if not self.regions:
            raise ConfigError("a split by region needs at least one region")
        for name in self.regions:
            if name not in SPLITS:
                raise ConfigError(f"unknown split {name!r}{suggest(name, SPLITS)}")
        if self.val and "val" in self.regions:
            raise ConfigError("val is given both as a region and as a share; give one")
        self._check_kinds()
        areas = {name: _together(region) for name, region in self.regions.items()}
        object.__setattr__(self, "regions", areas)

    def _check_kinds(self) -> None:
        for name, region in self.regions.items():
            if isinstance(region, tuple) and all(
                isinstance(side, int | float) and 0 <= side <= 1 for side in region
            ):
                raise ConfigError(
                    f"the region of {name} is {region}; four numbers are west, south, east, north in "
                    "degrees: for fractions of each scene give ScenePart(left, top, right, bottom)"
                )
        parts = [name for name, region in self.regions.items() if _scene_parts(region)]
        if parts and len(parts) < len(self.regions):
            raise ConfigError(
                f"the regions of {', '.join(parts)} are parts of scenes and the others areas of interest; "
                "give all of one kind"
            )

    def shares(self) -> tuple[float, float, float]:
        """Of train, test and val, summing to 1: as the regions' areas are."""
        sizes = [0.0, 0.0, 0.0]
        for name, region in self.regions.items():
            sizes[SPLITS.index(name)] = _size(region)
        sizes[VAL] += sizes[TRAIN] * self.val
        sizes[TRAIN] *= 1 - self.val
        train, test, val = (size / sum(sizes) for size in sizes)
        return train, test, val

    def areas(self, ground: Ground, counts: LabelCounts | None) -> RegionAreas:
        """The regions over some scenes."""
        given = {SPLITS.index(name): region for name, region in self.regions.items()}
        areas = region_areas(ground, given, buffer_px=self.buffer_px)  # type: ignore[arg-type]
        if not self.val:
            return areas
        inner = block_areas(
            ground,
            counts,
            shares=(1 - self.val, 0.0, self.val),
            block_px=None,
            buffer_px=self.buffer_px,
            seed=self.seed,
            inside=areas.outlines(TRAIN),
        )
        return areas.refined(TRAIN, inner)


def _scene_parts(region: Any) -> tuple[ScenePart, ...]:
    """The parts of a scene that are meant; empty where something else is."""
    several = tuple(region) if isinstance(region, list | tuple) else (region,)
    return several if all(isinstance(part, ScenePart) for part in several) else ()


def _together(region: Any) -> SplitRegion:
    """What a split is given, one or several, as its ground."""
    parts = _scene_parts(region)
    if parts:
        return parts
    several = isinstance(region, list | tuple) and all(isinstance(r, str | Path) for r in region)
    return Roi.of([roi for file in region for roi in rois_of(file)]) if several else roi_of(region)


def _size(region: Any) -> float:
    """Of parts of a scene their share, of an area its extent on the ground."""
    if isinstance(region, tuple):
        return float(together(region).area)
    return float(polygon_areas_m2([region.footprint], WGS84)[0])


@dataclass(frozen=True, slots=True)
class RandomSplit:
    """Chips dealt out at random: right only for chips that do not overlap, and even then flattering.

    Chips that overlap leak from training into the test: a warning counts and names them.
    """

    test: float = 0.2
    val: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        check_shares(self.test, self.val)

    def shares(self) -> tuple[float, float, float]:
        """Of train, test and val, summing to 1."""
        return 1 - self.test - self.val, self.test, self.val

    def deal(self, count: int) -> np.ndarray:
        """Split codes of `count` chips, (count,) int8; each share is exact to the chip."""
        codes = np.zeros(count, dtype=np.int8)
        tests, vals = round(count * self.test), round(count * self.val)
        codes[:tests] = TEST
        codes[tests : tests + vals] = VAL
        return np.random.default_rng(self.seed).permutation(codes)


SplitRule = BlockSplit | RoiSplit | RandomSplit


def default_buffer(buffer_px: int | None, size: tuple[int, int]) -> int:
    """The gap asked for, or a quarter of a chip."""
    return max(size) // 4 if buffer_px is None else buffer_px


def overlaps(ground: Ground, windows: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Pairs (m, 2) of chips in different splits that share ground.

    Args:
        ground: Scenes and chip size.
        windows: (n, 3) of scene, row, col.
        splits: (n,) split codes; -1 belongs to none.
    """
    pairs = [np.empty((0, 2), dtype=np.int64)]
    groups = ground.group_of[windows[:, 0]]
    for group in np.unique(groups):
        chips = np.flatnonzero((groups == group) & (splits >= 0))
        low, high = ground.extents(windows[chips])
        boxes = shapely.box(low[:, 1], low[:, 0], high[:, 1], high[:, 0])
        tree = shapely.STRtree(boxes)
        left, right = tree.query(boxes, predicate="intersects")
        apart = splits[chips[left]] != splits[chips[right]]
        left, right = left[(left < right) & apart], right[(left < right) & apart]
        # Chips that only touch share no pixel; a thousandth of one is rounding.
        shared = shapely.area(shapely.intersection(boxes[left], boxes[right])) > 1e-3
        pairs.append(np.stack([chips[left[shared]], chips[right[shared]]], axis=1))
    return np.concatenate(pairs)


def warn_of_overlaps(ground: Ground, windows: np.ndarray, splits: np.ndarray) -> int:
    """Log a warning that counts and names the chips that leak between splits; returns how many do."""
    pairs = overlaps(ground, windows, splits)
    if not len(pairs):
        return 0
    chips = np.unique(pairs)
    shown = ", ".join(map(str, chips[:20])) + (", ..." if len(chips) > 20 else "")
    between = [
        f"{SPLITS[a]}/{SPLITS[b]} {n}"
        for a, b in ((TRAIN, TEST), (TRAIN, VAL), (TEST, VAL))
        if (n := int(_between(splits[pairs], a, b)))
    ]
    log.warning(
        "%d of %d chips overlap a chip of another split (pairs: %s): scores on them are flattering. "
        "Split by blocks instead. Chips: %s",
        len(chips),
        len(windows),
        ", ".join(between),
        shown,
    )
    return len(chips)


def _between(pairs: np.ndarray, a: int, b: int) -> int:
    return int(((pairs == (a, b)).all(axis=1) | (pairs == (b, a)).all(axis=1)).sum())


def check_shares(test: float, val: float) -> None:
    """Refuse shares that leave nothing for training.

    Raises:
        ConfigError: the shares are impossible.
    """
    if not (0 <= test < 1 and 0 <= val < 1 and test + val < 1):
        raise ConfigError(
            f"shares of the splits are test={test}, val={val}; each must be from 0 to below 1, and "
            "their sum below 1, as the rest is for training"
        )


def counts_by_split(splits: Sequence[int] | np.ndarray) -> dict[str, int]:
    """How many chips each split has."""
    codes = np.asarray(splits)
    return {name: int((codes == code).sum()) for code, name in enumerate(SPLITS)}


def check_splits(counts: Mapping[str, int], wanted: Sequence[str]) -> None:
    """Refuse a division that leaves a wanted split empty.

    Raises:
        ChipError: a split has no chip.
    """
    empty = [name for name in wanted if not counts.get(name)]
    if empty:
        raise ChipError(
            f"no chip for {', '.join(empty)} (found {dict(counts)}): the ground is too small for such chips "
            "apart in space; use smaller chips, a smaller buffer_px, more scenes, or regions by hand"
        )
