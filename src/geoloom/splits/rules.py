"""Training, test and validation apart in space: chips of different splits share no ground.

Neighbouring pixels resemble each other, so a network tested on chips that overlap its training chips is
tested on what it has seen. Whole blocks of land therefore go to one split, with a gap between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ..core.errors import ChipError, ConfigError
from .blocks import BlockAreas, block_areas, cell_areas
from .label_counts import LabelCounts
from .leaks import overlaps, warn_of_overlaps, warn_of_shared_ground
from .names import SPLITS, TEST, VAL
from .overlap import Ground
from .regions import ScenePart
from .rois import RoiSplit
from .sample_ground import Codes, Grids, SampleGround, split_names
from .scenes import SceneSplit
from .shares import check_shares
from .stratify.classes import Columns, SampleClasses, warn_of_lacking

__all__ = [
    "BlockSplit",
    "CellSplit",
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
    gets about its share of every class; a class that lies in as many blocks as there are splits is in each,
    as far as single blocks can bring it there.

    Numbered samples that lie on Earth are divided likewise, by the block in which their middle lies. Where
    samples of two splits come nearer to each other than the buffer, those for training are left out.

    Raises:
        ConfigError: the shares are impossible, or a length is given in pixels and in metres.

    Example:
        >>> from odc.geo.geobox import GeoBox
        >>> grids = [GeoBox.from_bbox((x, 0, x + 640, 640), "EPSG:32633", shape=64)
        ...          for x in range(0, 64_000, 640)]
        >>> splits = BlockSplit(block_m=6400, buffer_m=0).split_of({}, grids)
        >>> [int((splits == name).sum()) for name in ("train", "test", "val")]
        [60, 20, 20]
    """

    by_place: ClassVar[bool] = True

    test: float = 0.2
    """Share of the ground, 0..1."""
    val: float = 0.2
    block_px: int | None = None
    """Side of a block; None: about two chips where that makes enough blocks, else one chip and the gap."""
    buffer_px: int | None = None
    """Least gap between chips of different splits; None: a quarter of a chip."""
    seed: int = 0
    block_m: float | None = None
    """Side of a block, metres on the ground, instead of pixels."""
    buffer_m: float | None = None
    """Least gap, metres on the ground, instead of pixels."""

    def __post_init__(self) -> None:
        check_shares(self.test, self.val)
        for name in ("block", "buffer"):
            given = getattr(self, f"{name}_px"), getattr(self, f"{name}_m")
            if None not in given:
                raise ConfigError(
                    f"{name}_px={given[0]} and {name}_m={given[1]} are both given; give one"
                )
            if any(length is not None and length < 0 for length in given):
                raise ConfigError(f"{name} is {given}; expected a length of at least 0")

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
            block_m=self.block_m,
            buffer_px=default_buffer(self.buffer_px, ground.size)
            if self.buffer_m is None
            else ground.gap_px(self.buffer_m),
            seed=self.seed,
        )

    def split_of(self, columns: Columns, grids: Grids = None) -> NDArray[Any]:
        """The name of the split of each numbered sample, (n,) objects; None where it is in none.

        Args:
            columns: What is known of each sample; of `class` or `label`, each split gets its share.
            grids: Where each lies. Pixels are those of the median sample.

        Raises:
            ConfigError: a sample has no place on Earth, or there are fewer blocks than splits.
        """
        ground = SampleGround.of(columns, grids, self)
        return split_names(
            ground.cells(
                shares=self.shares(),
                side_m=self.block_m if self.block_px is None else self.block_px * ground.pixel_m,
                buffer_m=ground.buffer_m(self.buffer_px, self.buffer_m),
                seed=self.seed,
            )
        )


@dataclass(frozen=True, slots=True)
class CellSplit:
    """Whole cells of a lattice to each split, dealt out as blocks are.

    The lattice does not depend on the data: its lines lie at multiples of the side, in the scenes' own CRS,
    or, for numbered samples, in rows and columns over the whole Earth. Samples belong to the cell in which
    their middle lies; chips of scenes lie in one as wholes.

    Raises:
        ConfigError: the shares are impossible, or the side is no length.

    Example:
        >>> tiles = CellSplit(10_000, test=0.2, val=0.1)
    """

    by_place: ClassVar[bool] = True

    cell_m: float
    """Side of a cell, metres."""
    test: float = 0.2
    """Share of the ground, or of the samples, 0..1."""
    val: float = 0.2
    buffer_m: float = 0.0
    """Least gap between chips of different splits, metres; 0: they share no ground."""
    seed: int = 0

    def __post_init__(self) -> None:
        check_shares(self.test, self.val)
        if not (self.cell_m > 0 and self.buffer_m >= 0):
            raise ConfigError(
                f"cells of {self.cell_m} m with a gap of {self.buffer_m} m; expected a side above 0 and a "
                "gap of at least 0"
            )

    def shares(self) -> tuple[float, float, float]:
        """Of train, test and val, summing to 1."""
        return 1 - self.test - self.val, self.test, self.val

    def areas(self, ground: Ground, counts: LabelCounts | None) -> BlockAreas:
        """The cells over some scenes."""
        return cell_areas(
            ground,
            counts,
            shares=self.shares(),
            cell_m=self.cell_m,
            buffer_px=ground.gap_px(self.buffer_m),
            seed=self.seed,
        )

    def split_of(self, columns: Columns, grids: Grids = None) -> NDArray[Any]:
        """The name of the split of each numbered sample; see `BlockSplit.split_of`."""
        ground = SampleGround.of(columns, grids, self)
        return split_names(
            ground.cells(
                shares=self.shares(),
                side_m=self.cell_m,
                buffer_m=self.buffer_m,
                seed=self.seed,
            )
        )


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

    def split_of(self, columns: Columns, grids: Grids = None) -> NDArray[Any]:
        """The name of the split of each numbered sample, (n,) objects.

        Raises:
            ConfigError: nothing is known of the samples, not even how many they are.
        """
        if not columns and grids is None:
            raise ConfigError("nothing is known of the samples: give a column, or where they lie")
        count = len(grids) if grids is not None else len(next(iter(columns.values())))
        codes: Codes = self.deal(count)
        wanted = [code for code, share in enumerate(self.shares()) if share > 0]
        warn_of_lacking(SampleClasses.of_columns(columns), codes, wanted)
        warn_of_shared_ground(codes, grids)
        return split_names(codes)


SplitRule = BlockSplit | CellSplit | RoiSplit | RandomSplit | SceneSplit


def default_buffer(buffer_px: int | None, size: tuple[int, int]) -> int:
    """The gap asked for, or a quarter of a chip."""
    return max(size) // 4 if buffer_px is None else buffer_px


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
