"""Chips that cover everything."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import shapely

from ..core.errors import SamplerError
from ..datasets.base import GeoDataset
from ..io.vector.areas import RoiSource
from .rois import rois_of
from .sampling_regions import (
    SLIVER_PX,
    GridChoice,
    SamplingRegion,
    Size,
    Toi,
    Units,
    chip_boxes,
    chip_shape,
    refuse_too_large,
    refuse_uncovered,
    sampling_regions_of,
)
from .shard import TableSampler
from .table import ChipTable, joined_rows, rows_of

Edge = Literal["shift", "pad"]


class GridGeoSampler(TableSampler):
    """Queries in rows and columns over every scene: each pixel of its area is in some chip.

    In the ground of a split (see `geoloom.splits.divide`) chips lie wholly inside, and are never padded; what
    such chips cannot cover is left out.

    Scene by scene, row by row. The same every epoch.

    Args:
        dataset: Whose regions to cover.
        size: Height and width of a chip, or both.
        stride: Step between chips. Default: the size, so that they do not overlap.
        roi: Where, one area or several; see `RandomGeoSampler`. Chips that touch one are kept whole, once.
        toi: When: as `Interval.of` reads it.
        units: Of `size` and `stride`: `pixels`, or the `crs`'s units.
        edge: The last row and column are `shift`ed back into the scene, or stick out and are `pad`ded with
            pixels that are not valid.
        grid: As `RandomGeoSampler`.
        rank, world_size, drop_last: Whose share; see `TableSampler`.

    Raises:
        SamplerError: nothing is left of the dataset, a stride would leave gaps, or a chip exceeds a scene
            into which it should be shifted.

    Example:
        >>> tiles = GridGeoSampler(dataset, size=512, stride=448)  # doctest: +SKIP
    """

    def __init__(
        self,
        dataset: GeoDataset,
        size: Size,
        stride: Size | None = None,
        roi: RoiSource | None = None,
        toi: Toi | None = None,
        units: Units = "pixels",
        *,
        edge: Edge = "shift",
        grid: GridChoice = "native",
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(rank, world_size, drop_last)
        if edge not in ("shift", "pad"):
            raise SamplerError(f"edge is {edge!r}; expected 'shift' or 'pad'")
        regions = sampling_regions_of(
            dataset, size, units=units, grid=grid, rois=rois_of(roi), toi=toi
        )
        if edge == "shift" and not all(region.fits for region in regions):
            _refuse(regions, size)
        parts = []
        for number, region in enumerate(regions):
            step = region.shape if stride is None else _stride(stride, units, region)
            row, col = _lay_out(region, step, edge)
            parts.append(rows_of(number, row, col, region.shape))
        rows = joined_rows(parts)
        if not len(rows):
            raise refuse_uncovered(size)
        self._table = ChipTable(tuple(region.source for region in regions), rows)

    def table(self, epoch: int = 0) -> ChipTable:
        """The chips, in order; all epochs are alike."""
        return self._table

    def _units(self) -> int:
        return len(self._table)


def _refuse(regions: tuple[SamplingRegion, ...], size: Size) -> None:
    if not any(region.fits for region in regions):
        raise refuse_too_large(regions, size, "give a smaller size, or edge='pad'")
    region = next(region for region in regions if not region.fits)
    raise SamplerError(
        f"a chip of {region.shape[0]} x {region.shape[1]} pixels cannot be shifted into scene "
        f"{region.source.name!r} of {region.frame.shape[0]} x {region.frame.shape[1]}; give a smaller "
        "size, or edge='pad'"
    )


def _stride(stride: Size, units: Units, region: SamplingRegion) -> tuple[int, int]:
    step = chip_shape(stride, units, region.frame, what="stride")
    if step[0] > region.shape[0] or step[1] > region.shape[1]:
        raise SamplerError(
            f"a stride of {step[0]} x {step[1]} pixels leaves gaps between chips of {region.shape[0]} x "
            f"{region.shape[1]}; give a stride of at most the size"
        )
    return step


def _lay_out(
    region: SamplingRegion, step: tuple[int, int], edge: Edge
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the chips that touch the area."""
    over = region.area_px
    if region.limit_px is not None:
        over, edge = region.limit_px, "shift"  # nothing sticks out
    left, top, right, bottom = shapely.bounds(over)
    high, wide = region.frame.shape
    first_row, last_row = math.floor(top + SLIVER_PX), math.ceil(bottom - SLIVER_PX)
    first_col, last_col = math.floor(left + SLIVER_PX), math.ceil(right - SLIVER_PX)
    rows = _positions(first_row, last_row, region.shape[0], step[0], high, edge)
    cols = _positions(first_col, last_col, region.shape[1], step[1], wide, edge)
    col, row = (a.ravel() for a in np.meshgrid(cols, rows))
    shapely.prepare(region.area_px)
    kept = shapely.intersects(region.area_px, chip_boxes(row, col, region.shape))
    kept &= region.keeps(row, col)
    return row[kept], col[kept]


def _positions(first: int, last: int, size: int, step: int, limit: int, edge: Edge) -> np.ndarray:
    """Starts of chips that together hold [first, last), inside [0, limit) where they are shifted."""
    count = max(0, -(-(last - first - size) // step)) + 1
    starts = first + step * np.arange(count, dtype=np.int64)
    if edge == "shift":
        starts[-1] = max(min(starts[-1], last - size), 0)
        starts = np.minimum(starts, limit - size)
    return starts
