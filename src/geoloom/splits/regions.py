"""Ground given to splits by hand: which windows lie in one region, and far enough from the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Any, Literal

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ..core.errors import ChipError
from ..core.grid import crs_name, transformer
from .blocks import BlockAreas
from .overlap import Ground


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
            mine = codes == split
            codes[mine] = blocks.of(windows[mine])
        return codes

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


def region_areas(
    ground: Ground,
    regions: Mapping[int, Any],
    *,
    units: Literal["fraction", "crs"],
    crs: str | None,
    buffer_px: int,
) -> RegionAreas:
    """Regions of each split, drawn onto every scene.

    Raises:
        ChipError: regions of two splits overlap.
    """
    drawn = []
    for grid in ground.grids:
        outlines = {code: _outline(region, grid, units, crs) for code, region in regions.items()}
        for code, one in outlines.items():
            for other, two in outlines.items():
                if code < other and shapely.intersection(one, two).area > 1e-3:
                    raise ChipError("regions of two splits overlap: their chips would share ground")
        drawn.append(outlines)
    return RegionAreas(ground, tuple(drawn), buffer_px / 2)


def _outline(region: Any, grid: GeoBox, units: str, crs: str | None) -> BaseGeometry:
    """A region in pixels (col, row) of a scene."""
    height, width = grid.shape
    if units == "fraction":
        left, top, right, bottom = region
        return shapely.box(left * width, top * height, right * width, bottom * height)
    shape = region if isinstance(region, BaseGeometry) else shapely.box(*region)
    if crs is not None and crs != crs_name(grid.crs):
        route = transformer(crs, crs_name(grid.crs))
        edge = shapely.length(shape) / 256
        shape = shapely.transform(
            shapely.segmentize(shape, edge), lambda xy: np.column_stack(route.transform(*xy.T))
        )
    a, b, c, d, e, f = (~grid.affine)[:6]
    return shapely.transform(
        shape,
        lambda xy: np.column_stack(
            [a * xy[:, 0] + b * xy[:, 1] + c, d * xy[:, 0] + e * xy[:, 1] + f]
        ),
    )
