"""Which items are wanted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from ...core.errors import DatasetError
from ...core.interval import Interval
from .items import Item

Where = Callable[[Mapping[str, Any]], bool] | Mapping[str, Any]
"""A function of an item's properties; or property name -> the value wanted, a set of such, or a tuple
(lowest, highest) of which either may be None. An item that lacks the property is not wanted."""


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """What an item must be to be taken.

    Raises:
        DatasetError: the box is none.
    """

    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north in degrees; west above east crosses the antimeridian."""
    when: Interval | None = None
    collections: frozenset[str] | None = None
    where: Where | None = None

    def __post_init__(self) -> None:
        if self.bbox is not None and (len(self.bbox) != 4 or self.bbox[1] > self.bbox[3]):
            raise DatasetError(
                f"bbox is {self.bbox}; expected west, south, east, north in degrees, such as (13, 45, 14, 46)"
            )

    @property
    def area(self) -> BaseGeometry | None:
        """The box as a geometry, in two parts where it crosses the antimeridian."""
        if self.bbox is None:
            return None
        west, south, east, north = self.bbox
        if west <= east:
            return shapely.box(west, south, east, north)
        parts = shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)
        return shapely.MultiPolygon(parts)

    def takes(self, item: Item, told: Mapping[str, Any]) -> bool:
        """Whether an item with these properties is wanted."""
        if self.collections is not None and item.collection not in self.collections:
            return False
        if self.when is not None and not item.when.overlaps(self.when):
            return False
        area = self.area
        if area is not None and item.outline is not None and not area.intersects(item.outline):
            return False
        return self.agrees(told)

    def agrees(self, told: Mapping[str, Any]) -> bool:
        """Whether properties are as wanted."""
        if self.where is None:
            return True
        if callable(self.where):
            return bool(self.where(told))
        return all(_fits(told.get(name), wanted) for name, wanted in self.where.items())

    def may_hold(self, extent: Mapping[str, Any]) -> bool:
        """Whether a collection of this extent may hold wanted items."""
        boxes: Sequence[Sequence[float]] = (extent.get("spatial") or {}).get("bbox") or ()
        if self.area is not None and boxes:
            west, south, east, north = _flat(boxes[0])
            whole = Filters(bbox=(west, south, east, north)).area
            if whole is not None and not whole.intersects(self.area):
                return False
        spans: Sequence[Sequence[str | None]] = (extent.get("temporal") or {}).get("interval") or ()
        if self.when is None or not spans:
            return True
        start, stop = ((Interval.of(instant) if instant else None) for instant in spans[0])
        early = start is not None and start.start >= self.when.stop
        late = stop is not None and stop.stop <= self.when.start
        return not early and not late

    def identity(self) -> Hashable:
        """What tells these filters from others, as text and numbers alone."""
        where: Hashable = None
        if callable(self.where):
            where = f"{self.where!r}"
        elif self.where is not None:
            where = tuple(sorted((name, _text(wanted)) for name, wanted in self.where.items()))
        collections = None if self.collections is None else tuple(sorted(self.collections))
        return self.bbox, str(self.when), collections, where


def _text(wanted: Any) -> str:
    """Equal for equal wishes: a set has no order of its own."""
    return repr(sorted(wanted, key=repr) if isinstance(wanted, Set) else wanted)


def _flat(box: Sequence[float]) -> tuple[float, float, float, float]:
    """West, south, east, north of a box of two or three dimensions."""
    half = len(box) // 2
    return box[0], box[1], box[half], box[half + 1]


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, tuple):
        low, high = wanted
        return (
            value is not None and (low is None or value >= low) and (high is None or value <= high)
        )
    return value in wanted if isinstance(wanted, Set) else value == wanted
