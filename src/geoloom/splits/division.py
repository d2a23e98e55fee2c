"""A dataset divided among training, test and validation, so that no chip of one shows ground of another."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import Any, overload

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from ..core.errors import ConfigError, DatasetError, suggest
from ..core.interval import ALWAYS, Interval
from ..core.outline import surface, to_lonlat
from ..datasets.base import GeoDataset
from ..datasets.part import PartDataset
from ..datasets.region import Region, ground_km2, pixel_geometry
from .gaps.separation import Separation
from .label_counts import LabelCounts
from .names import SPLITS, Split
from .overlap import Ground
from .report import SplitReport
from .rois import RoiSplit
from .rules import BlockSplit, CellSplit, RandomSplit
from .sample_division import D, SampleDivision
from .samples import ClassSplit, ColumnSplit, GroupSplit
from .scenes import SceneSplit
from .times import TimeSplit

log = logging.getLogger(__name__)

DatasetSplit = BlockSplit | CellSplit | RoiSplit | SceneSplit | TimeSplit
SampleSplit = DatasetSplit | RandomSplit | ClassSplit | GroupSplit | ColumnSplit

_CELLS = 32
"""Of the lattice on which ground is counted, along the longest side."""
_HAIR_PX2 = 1e-6


@dataclass(frozen=True, eq=False)
class Division(Mapping[str, GeoDataset]):
    """The parts of a dataset by the names of their splits; `division.train` and the like, too.

    Example:
        >>> train, val = division["train"], division.val     # doctest: +SKIP
        >>> division.separation("train", "test").gap_m       # doctest: +SKIP
        480.0
    """

    parts: Mapping[Split, PartDataset] = field(repr=False)

    @property
    def train(self) -> PartDataset:
        """What to learn from."""
        return self["train"]

    @property
    def test(self) -> PartDataset:
        """What is held out."""
        return self["test"]

    @property
    def val(self) -> PartDataset:
        """What chooses the weights."""
        return self["val"]

    def separation(self, one: Split, other: Split) -> Separation:
        """Ground that two splits share, and how far they are apart in place and time: measured."""
        return Separation.of(self[one].regions, self[other].regions)

    @cached_property
    def report(self) -> SplitReport:
        """Scenes of each split, ground that splits share, and gaps between them: measured."""
        return SplitReport.of_regions({name: part.regions for name, part in self.parts.items()})

    def ground_km2(self) -> dict[str, float]:
        """Area of each split's scenes, square kilometres; where scenes overlap, each counts."""
        return {name: float(ground_km2(part.regions).sum()) for name, part in self.parts.items()}

    def __getitem__(self, name: str) -> PartDataset:
        if name not in self.parts:
            raise DatasetError(f"the division has no part {name!r}{suggest(name, self.parts)}")
        return self.parts[name]  # type: ignore[index]  # it is one of the names

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {km2:.4g} km2" for name, km2 in self.ground_km2().items())
        return f"{type(self).__name__}({shares})"


@overload
def divide(
    dataset: GeoDataset,
    rule: DatasetSplit,
    *,
    size: int | tuple[int, int] | None = None,
    min_gap_m: float | None = None,
    min_gap_days: float | None = None,
) -> Division: ...


@overload
def divide(
    dataset: D,
    rule: SampleSplit,
    *,
    min_gap_m: float | None = None,
    min_gap_days: float | None = None,
) -> SampleDivision[D]: ...


def divide(
    dataset: Any,
    rule: Any,
    *,
    size: int | tuple[int, int] | None = None,
    min_gap_m: float | None = None,
    min_gap_days: float | None = None,
) -> Division | SampleDivision[Any]:
    """Divide a dataset, so that what is tested was not learned; each part is a dataset.

    Guarantee, of datasets that are asked by place: chips that samplers draw from a part lie wholly in its
    ground, and ground of different parts is apart: by the gap of `BlockSplit`, `CellSplit` and `RoiSplit`, by
    scenes, or by time. Whatever else a part is asked, it gives nothing from outside its ground and time.
    Numbered samples are in one part each, or in none.

    Args:
        dataset: One that is asked by place, best as it will be sampled, such as `imagery & labels`; or
            numbered samples, such as an `ImageFolder`.
        rule: `BlockSplit`, `CellSplit`, `RoiSplit`, `SceneSplit` or `TimeSplit`; of numbered samples also
            `ClassSplit`, `GroupSplit`, `ColumnSplit` or `RandomSplit`.
        size: Rows and columns of the chips that will be drawn, pixels, from which blocks and gaps follow.
            Needed by `BlockSplit` and `CellSplit` for datasets that are asked by place.
        min_gap_m: Least gap between the places of two parts, metres, below which the division is refused.
        min_gap_days: Least gap between their times, likewise.

    Raises:
        ConfigError: the rule divides chips and not ground, or needs the size; or a gap is too small.
        ChipError: the ground is too small to be divided.
        DatasetError: a part would be empty, a scene has no pixels of its own, or no date.

    Example:
        >>> parts = divide(images & labels, BlockSplit(test=0.2, val=0.2), size=256)  # doctest: +SKIP
        >>> sampler = RandomGeoSampler(parts.train, size=256, length=1000)            # doctest: +SKIP
        >>> tiles = GridGeoSampler(parts.val, size=256)                               # doctest: +SKIP
    """
    division: Division | SampleDivision[Any]
    if isinstance(dataset, GeoDataset):
        division = _by_place(dataset, rule, size)
    else:
        division = SampleDivision(dataset.with_splits(rule))
    log.info("%r divided by %r: %r", dataset, rule, division)
    if min_gap_m is not None or min_gap_days is not None:
        division.report.require(gap_m=min_gap_m, gap_days=min_gap_days)
    return division


def _by_place(
    dataset: GeoDataset, rule: DatasetSplit, size: int | tuple[int, int] | None
) -> Division:
    when: Mapping[Split, Interval] = {}
    if isinstance(rule, TimeSplit):
        by_split = rule.regions(dataset.regions)
        when = {name: Interval.of(given) for name, given in rule.times.items()}
    elif isinstance(rule, SceneSplit):
        by_split = _by_scenes(dataset, rule)
    elif isinstance(rule, BlockSplit | CellSplit | RoiSplit):
        by_split = _by_ground(dataset, rule, size)
    else:
        instead = (
            "RandomSplit divides chips, and those of samplers overlap"
            if isinstance(rule, RandomSplit)
            else f"{rule!r} is no rule for datasets"
        )
        raise ConfigError(
            f"{instead}; give BlockSplit, CellSplit, RoiSplit, SceneSplit or TimeSplit"
        )
    empty = [name for name, regions in by_split.items() if not regions]
    if empty:
        raise DatasetError(
            f"nothing of {dataset!r} falls to {' and '.join(empty)} by {rule!r}; give larger shares, other "
            "regions or times, or more scenes"
        )
    return Division(
        {
            name: PartDataset(dataset, by_split[name], when=when.get(name, ALWAYS), name=name)
            for name in SPLITS
            if name in by_split
        }
    )


def _by_scenes(dataset: GeoDataset, rule: SceneSplit) -> dict[Split, list[Region]]:
    regions = dataset.regions
    codes = rule.codes(Ground.of(_frames(dataset), (1, 1)), ground_km2(regions))
    wanted = [(name, code) for code, name in enumerate(SPLITS) if rule.shares()[code] > 0]
    return {
        name: [region for region, own in zip(regions, codes, strict=True) if own == code]
        for name, code in wanted
    }


def _by_ground(
    dataset: GeoDataset,
    rule: BlockSplit | CellSplit | RoiSplit,
    size: int | tuple[int, int] | None,
) -> dict[Split, list[Region]]:
    if size is None and not isinstance(rule, RoiSplit):
        raise ConfigError(
            f"blocks and gaps of {type(rule).__name__} follow from the size of chips; say it: "
            "divide(..., size=256)"
        )
    shape = size if isinstance(size, tuple) else (size or 1, size or 1)
    ground = Ground.of(_frames(dataset), shape)
    areas = rule.areas(ground, _counted(dataset.regions))
    divided: dict[Split, list[Region]] = {
        name: [] for name, share in zip(SPLITS, rule.shares(), strict=True) if share > 0
    }
    for number, region in enumerate(dataset.regions):
        for code, outline in areas.shapes(number):
            part = _cut(region, outline)
            if part is not None:
                divided[SPLITS[code]].append(part)
    return divided


def _frames(dataset: GeoDataset) -> list[GeoBox]:
    frames = [region.frame for region in dataset.regions if region.frame is not None]
    if len(frames) < len(dataset.regions):
        raise DatasetError(
            f"{dataset!r} has no pixels of its own; divide it together with imagery (imagery & labels), or "
            "make it with res=..."
        )
    return frames


def _cut(region: Region, outline_px: Any) -> Region | None:
    """The part of a region in a polygon of its frame's pixels, in which chips have to lie wholly."""
    assert region.frame is not None  # `_frames` left none without
    height, width = region.frame.shape
    limit_px = surface(shapely.intersection(outline_px, shapely.box(0, 0, width, height)))
    shared = shapely.intersection(pixel_geometry(region.area, region.frame), limit_px)
    if shared.area < _HAIR_PX2:
        return None
    area, limit = (surface(_placed(shape, region.frame)) for shape in (shared, limit_px))
    footprint = to_lonlat(area, region.crs)
    if footprint.is_empty:
        return None
    return replace(region, area=area, footprint=footprint, limit=limit)


def _placed(shape: Any, frame: GeoBox) -> Any:
    """A geometry of a grid's pixels (col, row) in its CRS."""
    a, b, c, d, e, f = frame.affine[:6]
    return shapely.transform(
        shape,
        lambda xy: np.column_stack(
            [a * xy[:, 0] + b * xy[:, 1] + c, d * xy[:, 0] + e * xy[:, 1] + f]
        ),
    )


def _counted(regions: Sequence[Region]) -> LabelCounts:
    """How much ground lies where, as labels of one class: blocks are dealt out by it."""
    longest = max(max(region.frame.shape) for region in regions if region.frame is not None)
    cell_px = max(16, ceil(longest / _CELLS))
    cells = []
    for region in regions:
        assert region.frame is not None
        height, width = region.frame.shape
        rows, cols = (
            np.minimum(cell_px * (np.arange(ceil(side / cell_px)) + 0.5), side - 0.5)
            for side in (height, width)
        )
        at = np.meshgrid(cols, rows)
        area_px = pixel_geometry(region.area, region.frame)
        shapely.prepare(area_px)
        inside = shapely.intersects_xy(area_px, *at)
        cells.append(inside[..., None].astype(np.int64) * cell_px**2)
    return LabelCounts(cell_px, tuple(cells))
