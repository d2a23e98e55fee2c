"""A label layer looked at on a lattice of points over regions, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from ..core.errors import SamplerError
from ..core.query import Query
from ..datasets.base import GeoDataset
from ..datasets.reading.read_plan import fulfil
from ..io.vector.features import Features
from .sampling_regions import SamplingRegion

TILE_POINTS = 512
"""Side of what is read at once, in points."""
_BATCH = 8
"""Tiles that threads read at the same time."""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """Some of the points over a region."""

    region: int
    """Number of the region."""
    number: int
    """Of the tile in its region."""
    row: int
    """Of the first point, in pixels of the region's frame."""
    col: int
    query: Query
    """One pixel per point, its centre that of a pixel of the frame."""
    inside: np.ndarray | None
    """(H, W) bool, True = in the region's area; None where all are."""


def tiles_of(regions: Sequence[SamplingRegion], every_px: int) -> Iterator[Tile]:
    """The lattice of points over each region's area, region by region, row by row."""
    step = TILE_POINTS * every_px
    for number, region in enumerate(regions):
        left, top, right, bottom = shapely.bounds(region.area_px)
        high, wide = region.frame.shape
        rows = range(max(int(top), 0) + every_px // 2, min(int(np.ceil(bottom)), high), every_px)
        cols = range(max(int(left), 0) + every_px // 2, min(int(np.ceil(right)), wide), every_px)
        shapely.prepare(region.area_px)
        starts = ((r, c) for r in rows[::TILE_POINTS] for c in cols[::TILE_POINTS])
        for count, (row, col) in enumerate(starts):
            shape = (
                len(range(row, min(rows.stop, row + step), every_px)),
                len(range(col, min(cols.stop, col + step), every_px)),
            )
            reach = every_px * shape[1], every_px * shape[0]
            box = shapely.box(col, row, col + reach[0], row + reach[1])
            if not region.area_px.intersects(box):
                continue
            query = Query(_points(region.frame, row, col, shape, every_px), region.source.when)
            inside = None if region.area_px.covers(box) else _inside(region, query.grid)
            yield Tile(number, count, row, col, query, inside)


def read_masks(
    labels: GeoDataset, queries: Iterable[Query]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Codes (H, W) int64 and validity (H, W) bool for each query, read in batches by threads.

    Nothing is valid where the labels have no answer.

    Raises:
        SamplerError: the labels have no mask, or several in one.
    """
    waiting = iter(queries)
    while batch := list(islice(waiting, _BATCH)):
        plans = labels.plan(batch)
        fulfil(plans, threads=None)
        for query, plan in zip(batch, plans, strict=True):
            sample = None if plan is None else plan.finish()
            if sample is None:
                nothing = np.zeros(query.grid.shape, np.int64)
                yield nothing, nothing.astype(bool)
                continue
            mask = sample["mask"].numpy() if "mask" in sample else None
            if mask is None or mask.ndim != 2:
                given = "none" if mask is None else f"one of shape {mask.shape}"
                raise SamplerError(
                    f"statistics need one mask of classes per sample, {labels!r} gives {given}; name the "
                    "label layer with labels=..."
                )
            yield mask, sample["valid"].numpy()


def _points(frame: GeoBox, row: int, col: int, shape: tuple[int, int], every_px: int) -> GeoBox:
    """A grid of wider pixels, whose centres are those of every so many pixels of the frame."""
    a, b, c, d, e, f = frame.affine[:6]
    shift = (1 - every_px) / 2
    left, top = col + shift, row + shift
    corner = a * left + b * top + c, d * left + e * top + f
    wider = [every_px * v for v in (a, b, d, e)]
    return GeoBox(shape, Affine(*wider[:2], corner[0], *wider[2:], corner[1]), frame.crs)


def _inside(region: SamplingRegion, grid: GeoBox) -> np.ndarray:
    area = Features(np.array([region.source.area]), np.array([1]), {1: "area"}, region.source.crs)
    return area.burn(grid) > 0
