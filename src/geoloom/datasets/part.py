"""What of a dataset lies in some places and times, and nothing else."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
import shapely
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ..core.bands import Band
from ..core.classes import Classes
from ..core.interval import ALWAYS, Interval
from ..core.outputs import IGNORE_INDEX
from ..core.query import MomentQuery, Query, Sample
from ..io.vector.features import Features
from .base import GeoDataset
from .parts import Composition
from .reading.calibration import Calibration
from .reading.read_plan import Plan
from .region import Region
from .scenes.index import lonlat_boxes

_OUTSIDE = {"mask": IGNORE_INDEX, "mask_series": IGNORE_INDEX, "value": np.nan}
"""What stands outside the ground where the type can hold it; elsewhere 0."""
_MAPS = frozenset({"image", "valid", "observed", "valid_series", "multilabel", "aux", *_OUTSIDE})
"""Entries of a sample whose last two axes are rows and columns."""


class PartDataset(Composition):
    """The part of a dataset that lies in some of its regions: the ground of a split, as `divide` makes it.

    Guarantee: nothing from outside is given. Pixels beside the ground are not valid, not observed and 0 in
    the image; what does not touch it has no answer; and only what is dated in `when` is read.

    Args:
        dataset: The whole.
        regions: Of the part, each within one of the dataset's.
        when: Time of the part.
        name: For messages, such as `train`.
    """

    _sign = ""

    def __init__(
        self,
        dataset: GeoDataset,
        regions: Sequence[Region],
        *,
        when: Interval = ALWAYS,
        name: str = "part",
    ) -> None:
        self.parts = (dataset,)
        self.when, self.name = when, name
        self._given = tuple(regions)

    @property
    def whole(self) -> GeoDataset:
        """The dataset that it is a part of."""
        return self.parts[0]

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the whole."""
        return self.whole.bands

    def framed(self, query: Query) -> Self:
        """The same for windows of a query; see `Contents.framed`."""
        asked = self._narrowed(query)
        return self if asked is None else self._of([self.whole.framed(asked)])

    def _stored_classes(self) -> Classes | None:
        return self.whole.classes

    def _calibrations(self) -> tuple[Calibration, ...]:
        return super()._calibrations() if self._transforms else self.whole._calibrations()

    @property
    def _puts_newest_first(self) -> bool:
        return self.whole._puts_newest_first

    def _identity(self) -> Hashable:
        return self.parts, self._given, self.when, self.name

    def _find_regions(self) -> tuple[Region, ...]:
        return self._given

    def _moments(self, queries: Sequence[Query]) -> list[tuple[Interval, ...]]:
        asked = [self._narrowed(query) for query in queries]
        found = iter(self.whole._moments([query for query in asked if query is not None]))
        return [() if query is None else next(found) for query in asked]

    def _narrowed(self, query: Query) -> Query | None:
        """What of a query may be asked; None where it does not meet the part."""
        if not any(len(self._near.query(box, "intersects")) for box in lonlat_boxes(query.grid)):
            return None
        if self.when == ALWAYS:
            return query
        if isinstance(query, MomentQuery):
            moments = tuple(moment for moment in query.moments if moment.overlaps(self.when))
            return MomentQuery.at(query.grid, moments) if moments else None
        return Query(query.grid, query.when & self.when) if query.when.overlaps(self.when) else None

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        asked = [self._narrowed(query) for query in queries]
        inside = [None if query is None else self._inside(query.grid) for query in asked]
        met = [
            query is not None and (some is None or bool(some.any()))
            for query, some in zip(asked, inside, strict=True)
        ]
        wanted = [query for query, is_met in zip(asked, met, strict=True) if query and is_met]
        found = iter(self.whole.plan(wanted, channels))
        plans: list[Plan | None] = []
        for is_met, some in zip(met, inside, strict=True):
            plan = next(found) if is_met else None
            if plan is not None and some is not None:
                plan = replace(plan, finish=partial(_cleared, plan, some))
            plans.append(plan)
        return plans

    @cached_property
    def _near(self) -> shapely.STRtree:
        return shapely.STRtree([region.footprint for region in self._given])

    @cached_property
    def _ground(self) -> dict[CRS, Features]:
        """Where the part lies, with or without labels, by the CRS."""
        areas: dict[CRS, list[Any]] = {}
        for region in self._given:
            ground = region.limit
            if ground is None:  # the scene as a whole
                ground = region.area if region.frame is None else region.frame.extent.geom
            areas.setdefault(region.crs, []).append(ground)
        return {
            crs: Features(
                np.array(own, dtype=object),
                np.ones(len(own), np.int64),
                {1: "ground"},
                crs,
                self.name,
            )
            for crs, own in areas.items()
        }

    @cached_property
    def _areas(self) -> dict[CRS, shapely.STRtree]:
        return {crs: shapely.STRtree(own.geometries) for crs, own in self._ground.items()}

    def _inside(self, grid: GeoBox) -> np.ndarray | None:
        """Which pixels (H, W) have their centres in the ground; None where surely all have."""
        tree = self._areas.get(grid.crs)
        if tree is not None and len(tree.query(_inset(grid), "covered_by")):
            return None
        inside = np.zeros(tuple(grid.shape), bool)
        for ground in self._ground.values():
            inside |= ground.burn(grid) > 0
        return None if inside.all() else inside

    def __repr__(self) -> str:
        return f"{self.name} of {self.whole!r} ({len(self._given)} regions)"


def _inset(grid: GeoBox) -> shapely.Polygon:
    """The outline of a grid, a thousandth of a pixel inside: edges are rounded."""
    (height, width), hair = grid.shape, 1e-3
    rows, cols = (hair, height - hair), (hair, width - hair)
    corners = [(cols[0], rows[0]), (cols[1], rows[0]), (cols[1], rows[1]), (cols[0], rows[1])]
    return shapely.Polygon([grid.affine * corner for corner in corners])


def _cleared(plan: Plan, inside: np.ndarray) -> Sample | None:
    """The sample of a plan with nothing outside the ground."""
    import torch

    sample = plan.finish()
    if sample is None:
        return None
    cleared: dict[str, Any] = dict(sample)
    for key, value in sample.items():
        noun = key.partition(":")[0]
        if noun in _MAPS and isinstance(value, torch.Tensor) and value.ndim > 1:
            array = value.numpy().copy()
            kind = array.dtype.kind
            holds = kind == "f" or (kind == "i" and noun != "value")
            array[..., ~inside] = _OUTSIDE.get(noun, 0) if holds else 0
            cleared[key] = torch.from_numpy(array)
    return cleared  # type: ignore[return-value]
