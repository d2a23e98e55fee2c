"""Training, test and validation on ground that is given by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import shapely
from numpy.typing import NDArray

from ..core.area import polygon_areas_m2
from ..core.errors import ConfigError, suggest
from ..core.grid import WGS84
from ..core.roi import Roi
from ..io.vector.areas import RoiSource, roi_of, rois_of
from .blocks import block_areas
from .label_counts import LabelCounts
from .names import SPLITS, TRAIN, VAL, Split
from .overlap import Ground
from .regions import RegionAreas, ScenePart, SplitRegion, region_areas, together
from .sample_ground import Grids, SampleGround, keep_apart, split_names
from .shares import check_shares
from .stratify.classes import Columns, warn_of_lacking

_HAIR_DEG = 1e-7
"""A centimetre, by which samples may stick out of an area: outlines are moved from CRS to CRS."""


@dataclass(frozen=True, slots=True)
class RoiSplit:
    """Ground given to each split by hand, such as the left half to train and the right half to test.

    Numbered samples are in the split in whose area they lie as wholes; where samples of two splits come
    nearer to each other than the buffer, those for training are left out.

    Raises:
        ConfigError: there is no region, a split is unknown, or parts of scenes are mixed with areas.
        RoiError: an area of interest is none.

    Example:
        >>> halves = RoiSplit({"train": ScenePart(0, 0, 0.5, 1), "test": ScenePart(0.5, 0, 1, 1)})
        >>> sorted(halves.regions)
        ['test', 'train']
    """

    by_place: ClassVar[bool] = True

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

    def split_of(self, columns: Columns, grids: Grids = None) -> NDArray[Any]:
        """The name of the split of each numbered sample, (n,) objects; None where it lies in no area.

        Raises:
            ConfigError: a sample has no place on Earth, a split would have none, areas of two splits overlap,
                or they are parts of scenes, which samples do not have.
        """
        ground = SampleGround.of(columns, grids, self)
        codes = np.full(len(ground.places), -1, np.int8)
        for name, region in self.regions.items():
            if not isinstance(region, Roi):
                raise ConfigError(
                    "samples have no scenes of which to take parts (ScenePart); give areas of interest"
                )
            outline = shapely.buffer(region.footprint, _HAIR_DEG)
            shapely.prepare(outline)
            inside = shapely.covers(outline, ground.places.lonlat)
            if not inside.any():
                raise ConfigError(f"no sample lies in {region.described()}, the area of {name}")
            if (codes[inside] >= 0).any():
                other = SPLITS[int(codes[inside].max())]
                raise ConfigError(
                    f"the areas of {name} and {other} share samples; give areas apart"
                )
            codes[inside] = SPLITS.index(name)
        buffer_m = ground.buffer_m(self.buffer_px, None)
        if self.val:
            learned = np.flatnonzero(codes == TRAIN)
            inner = ground.take(learned).cells(
                shares=(1 - self.val, 0.0, self.val), side_m=None, buffer_m=buffer_m, seed=self.seed
            )
            codes[learned] = inner
        codes = keep_apart(ground.places, codes, buffer_m)
        wanted = [code for code, share in enumerate(self.shares()) if share > 0]
        warn_of_lacking(ground.classes, codes, wanted)
        return split_names(codes)


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
