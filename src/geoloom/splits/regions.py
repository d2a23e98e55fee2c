"""Ground given to splits by hand: which windows lie in one region, and far enough from the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, cos, floor, pi

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ..core.errors import ChipError, ConfigError
from ..core.roi import Roi
from .blocks import BlockAreas
from .overlap import Ground

_SLIVER_PX = 0.1
"""Width up to which regions may overlap: edges that two share are moved to another CRS one by one."""

_ROUND = 16
"""Pieces of a quarter of a circle."""


@dataclass(frozen=True, slots=True)
class RegionAreas:
    """Regions drawn by hand, in each scene's pixels."""

    ground: Ground
    regions: tuple[dict[int, BaseGeometry], ...]
    """One mapping a scene: split code -> outline in (col, row)."""
    margin_px: float
    inner: tuple[int, BlockAreas] | None = None
    """A split that is divided further, and how."""

    def of(self, windows: np.ndarray) -> np.ndarray:
        """Split code of each window (n, 3); -1 outside all regions or too near another."""
        codes = np.full(len(windows), -1, dtype=np.int8)
        height, width = self.ground.size
        for scene in np.unique(windows[:, 0]):
            chosen = np.flatnonzero(windows[:, 0] == scene)
            rows, cols = windows[chosen, 1], windows[chosen, 2]
            boxes = shapely.box(cols, rows, cols + width, rows + height)
            for code, outline in self.regions[scene].items():
                shapely.prepare(outline)
                inside = shapely.covers(outline, boxes)
                for other, apart in self.regions[scene].items():
                    if other != code and self.margin_px:
                        inside &= shapely.distance(apart, boxes) >= self.margin_px - 1e-6
                codes[chosen[inside]] = code
        if self.inner is not None:
            split, blocks = self.inner
            of_split = codes == split
            codes[of_split] = blocks.of(windows[of_split])
        return codes

    def shapes(self, scene: int) -> list[tuple[int, BaseGeometry]]:
        """The ground of each split in a scene's pixels (col, row), less what is too near another's region."""
        found = []
        for code, outline in self.regions[scene].items():
            others = [o for other, o in self.regions[scene].items() if other != code]
            ground = outline
            if self.margin_px and others:
                # Round corners are drawn as polygons inside them.
                reach = self.margin_px / cos(pi / 4 / _ROUND)
                near = shapely.buffer(shapely.union_all(others), reach, quad_segs=_ROUND)
                ground = outline.difference(near)
            if self.inner is None or self.inner[0] != code:
                found.append((code, ground))
                continue
            found += [
                (part, ground.intersection(block)) for part, block in self.inner[1].shapes(scene)
            ]
        return [(code, ground) for code, ground in found if not ground.is_empty]

    def parts(self, scene: int) -> list[tuple[int, int, int, int]]:
        """Rectangles (top, left, bottom, right) of a scene's whole pixels around each region, or, of a split
        that is divided further, around each of its blocks. Windows inside may still be refused."""
        rectangles = [] if self.inner is None else self.inner[1].parts(scene)
        height, width = self.ground.grids[scene].shape
        for code, outline in self.regions[scene].items():
            if (self.inner is not None and code == self.inner[0]) or outline.is_empty:
                continue
            left, top, right, bottom = outline.bounds
            low = max(0, ceil(top - 1e-6)), max(0, ceil(left - 1e-6))
            high = min(height, floor(bottom + 1e-6)), min(width, floor(right + 1e-6))
            rectangles.append((*low, *high))
        return rectangles

    def outlines(self, code: int) -> dict[int, BaseGeometry]:
        """Outline of one split in each scene, in (col, row)."""
        return {scene: regions[code] for scene, regions in enumerate(self.regions)}

    def refined(self, code: int, blocks: BlockAreas) -> RegionAreas:
        """The same regions, one of them divided further."""
        return replace(self, inner=(code, blocks))


@dataclass(frozen=True, slots=True)
class ScenePart:
    """A part of every scene, as fractions of its columns and rows; (0, 0) is its first pixel's corner.

    Raises:
        ConfigError: the fractions are not from 0 to 1, left below right and top below bottom.

    Example:
        >>> left_half = ScenePart(0, 0, 0.5, 1)
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        across, down = (self.left, self.right), (self.top, self.bottom)
        if not all(0 <= first < last <= 1 for first, last in (across, down)):
            raise ConfigError(
                f"{self} is not a part of a scene; expected fractions from 0 to 1, left below right and top "
                "below bottom"
            )


def together(parts: Sequence[ScenePart]) -> BaseGeometry:
    """Parts of a scene as one shape, in fractions of its columns and rows."""
    return shapely.union_all([shapely.box(p.left, p.top, p.right, p.bottom) for p in parts])


SplitRegion = Roi | tuple[ScenePart, ...]
"""The ground of a split: polygons, or parts of every scene."""


def region_areas(
    ground: Ground, regions: Mapping[int, SplitRegion], *, buffer_px: int
) -> RegionAreas:
    """Regions of each split, drawn onto every scene.

    Raises:
        ChipError: regions of two splits overlap.
    """
    drawn = []
    for grid in ground.grids:
        outlines = {code: _outline(region, grid) for code, region in regions.items()}
        for code, first in outlines.items():
            for other, second in outlines.items():
                shared = shapely.intersection(first, second)
                if code < other and not shapely.buffer(shared, -_SLIVER_PX / 2).is_empty:
                    raise ChipError("regions of two splits overlap: their chips would share ground")
        drawn.append(outlines)
    return RegionAreas(ground, tuple(drawn), buffer_px / 2)


def _outline(region: SplitRegion, grid: GeoBox) -> BaseGeometry:
    """A region in pixels (col, row) of a scene."""
    height, width = grid.shape
    if isinstance(region, tuple):
        return shapely.transform(together(region), lambda xy: xy * (width, height))
    a, b, c, d, e, f = (~grid.affine)[:6]
    return shapely.transform(
        region.on(grid),
        lambda xy: np.column_stack(
            [a * xy[:, 0] + b * xy[:, 1] + c, d * xy[:, 0] + e * xy[:, 1] + f]
        ),
    )
