"""The lattices that chips are cut on, and the dataset that answers on each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ...core.errors import ChipError
from ...core.grid import PixelWindow, window_grid
from ...core.outline import surface
from ...core.query import Query
from ...datasets.base import GeoDataset
from ...datasets.region import Region, pixel_geometry
from ...datasets.scenes.index import grid_key
from ..overlay import united
from ..sampling_regions import RegionPart, chip_boxes, region_parts_of, within_limit

log = logging.getLogger(__name__)

_WHOLE = 1 - 1e-6
"""Share of a frame from which on an area counts as all of it: outlines of other CRSs are rounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One scene of a dataset, on its own pixels."""

    dataset: GeoDataset
    """Answers queries on the frame."""
    region: Region
    """Its frame and its time; what lies in several of a dataset's regions of one frame is one."""
    name: str
    """Distinguishes the scene from others in one store."""
    area_px: BaseGeometry | None = None
    """Where the dataset has data, (col, row) of the frame; None: everywhere in it."""
    limit_px: BaseGeometry | None = None
    """In which chips must lie wholly, likewise; None: in the frame."""

    @property
    def frame(self) -> GeoBox:
        """The lattice that chips are cut on."""
        assert self.region.frame is not None  # `region_parts_of` left none without
        return self.region.frame

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the frame."""
        rows, cols = self.frame.shape
        return int(rows), int(cols)

    def query(self, row: int, col: int, height: int, width: int) -> Query:
        """What to ask the dataset for a window of the frame."""
        return Query(
            window_grid(self.frame, PixelWindow(row, col, height, width)), self.region.when
        )

    def holds_centres(self, corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Whether (n,) windows at (row, col), (n, 2), have their centres where there is data, and keep to the
        limit."""
        rows, cols = corners.T
        kept = within_limit(self.limit_px, rows, cols, size)
        if self.area_px is not None:
            kept &= shapely.contains_xy(self.area_px, cols + size[1] / 2, rows + size[0] / 2)
        return kept

    def touches(self, corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Whether (n,) windows at (row, col), (n, 2), share ground with the data, and keep to the limit."""
        rows, cols = corners.T
        kept = within_limit(self.limit_px, rows, cols, size)
        if self.area_px is not None:
            kept &= shapely.intersects(self.area_px, chip_boxes(rows, cols, size))
        return kept


def sources_of(
    datasets: Sequence[GeoDataset], size: tuple[int, int], names: Sequence[str | None] | None = None
) -> tuple[Source, ...]:
    """The scenes of some datasets, each read from its own dataset alone.

    Args:
        datasets: Of images, with or without labels.
        size: Rows and columns of a chip; scenes that hold none are left out.
        names: Of the datasets that are one scene; None takes the regions' names.

    Raises:
        ChipError: no scene of a dataset holds a chip.
        SamplerError: a dataset has no pixels of its own.
    """
    sources = []
    for number, dataset in enumerate(datasets):
        own = _merged(dataset)
        name = None if names is None else names[number]
        if name is not None and len(own) == 1:
            own = [replace(own[0], name=name)]
        fitting = [s for s in own if s.shape[0] >= size[0] and s.shape[1] >= size[1]]
        if not fitting:
            largest = max(own, key=lambda s: s.shape[0] * s.shape[1])
            raise _too_small(largest.shape, size)
        if len(fitting) < len(own):
            log.warning(
                "%d of %d scenes are smaller than a chip of %d x %d pixels and left out",
                len(own) - len(fitting), len(own), *size,
            )  # fmt: skip
        sources += fitting
    return _named_apart(sources)


def _too_small(shape: tuple[int, int], size: tuple[int, int]) -> ChipError:
    return ChipError(
        f"a scene of {shape[0]} x {shape[1]} pixels holds no chip of {size[0]} x {size[1]}; "
        "choose smaller chips"
    )


def _merged(dataset: GeoDataset) -> list[Source]:
    """One source a frame and time; its area is that of all regions there."""
    parts = region_parts_of(dataset, grid="native", rois=None, toi=None)
    by_frame: dict[object, list[RegionPart]] = {}
    for part in parts:
        assert part.region.frame is not None
        key = grid_key(part.region.frame), part.region.when, part.region.moments
        by_frame.setdefault(key, []).append(part)
    return [_source(dataset, [part.region for part in same]) for same in by_frame.values()]


def _source(dataset: GeoDataset, regions: Sequence[Region]) -> Source:
    first = regions[0]
    assert first.frame is not None
    area = first.area if len(regions) == 1 else surface(united([r.area for r in regions]))
    area_px = pixel_geometry(area, first.frame)
    rows, cols = first.frame.shape
    whole = area_px.intersection(shapely.box(0, 0, cols, rows)).area >= _WHOLE * rows * cols
    if not whole:
        shapely.prepare(area_px)
    limits = [region.limit for region in regions if region.limit is not None]
    limit_px = None
    if len(limits) == len(regions):
        limit_px = pixel_geometry(surface(united(limits)), first.frame)
    return Source(dataset, first, first.name, None if whole else area_px, limit_px)


def _named_apart(sources: Sequence[Source]) -> tuple[Source, ...]:
    """The sources, those after the first of a name with a number behind it."""
    apart: dict[str, Source] = {}
    for source in sources:
        name, number = source.name or "scene", 1
        while name in apart:
            number += 1
            name = f"{source.name or 'scene'} ({number})"
        apart[name] = replace(source, name=name)
    return tuple(apart.values())
