"""Which items are wanted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from shapely.geometry.base import BaseGeometry

from ...core.antimeridian import around, lonlat_box
from ...core.errors import DatasetError
from ...core.grid import crs_name
from ...core.interval import Interval
from ...core.roi import Roi
from .functions import function_text
from .items import Item
from .json_values import fields, number

Where = Callable[[Mapping[str, Any]], bool] | Mapping[str, Any]
"""A function of an item's properties; or property name -> the value wanted, a set of such, or a tuple
(lowest, highest) of which either may be None. An item that lacks the property is not wanted."""


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """What an item must be to be taken."""

    roi: Roi | None = None
    """Area that an item's outline must touch."""
    when: Interval | None = None
    collections: frozenset[str] | None = None
    where: Where | None = None

    area: BaseGeometry | None = field(init=False, default=None)
    """The same in longitude and latitude, cut at the antimeridian."""

    def __post_init__(self) -> None:
        if self.roi is not None:
            object.__setattr__(self, "area", self.roi.footprint)

    def takes(self, item: Item, properties: Mapping[str, Any]) -> bool:
        """Whether an item with these properties is wanted."""
        if self.collections is not None and item.collection not in self.collections:
            return False
        if self.when is not None and not item.when.overlaps(self.when):
            return False
        area = self.area
        if area is not None and item.outline is not None and not area.intersects(item.outline):
            return False
        return self.agrees(properties, f"item {item.name!r}")

    def agrees(self, properties: Mapping[str, Any], whose: str = "an item") -> bool:
        """Whether properties are as wanted."""
        if self.where is None:
            return True
        if callable(self.where):
            return bool(self.where(properties))
        return all(
            _fits(name, properties.get(name), wanted, whose) for name, wanted in self.where.items()
        )

    def may_hold(self, extent: Any, whose: str) -> bool:
        """Whether a collection of this extent may hold wanted items.

        Raises:
            DatasetError: the extent is none; the message says whose.
        """
        bounds = fields(extent, "extent", whose)
        boxes = fields(bounds.get("spatial"), "the spatial extent", whose).get("bbox")
        if self.area is not None and boxes:
            whole = around(lonlat_box(*_whole_box(boxes, whose)), 0.0)
            if not whole.intersects(self.area):
                return False
        spans = fields(bounds.get("temporal"), "the temporal extent", whose).get("interval")
        if self.when is None or not spans:
            return True
        start, stop = _whole_span(spans, whose)
        early = start is not None and start.start >= self.when.stop
        late = stop is not None and stop.stop <= self.when.start
        return not early and not late

    @property
    def has_identity(self) -> bool:
        """Whether equal identities are surely equal filters."""
        return not callable(self.where) or function_text(self.where) is not None

    def identity(self) -> Hashable:
        """What distinguishes these filters from others, as text and numbers alone.

        Of a function without such a text, its kind alone: see `has_identity`.
        """
        where: Hashable = None
        if callable(self.where):
            where = "function", function_text(self.where)
        elif self.where is not None:
            where = tuple(sorted((name, _text(wanted)) for name, wanted in self.where.items()))
        collections = None if self.collections is None else tuple(sorted(self.collections))
        roi = None if self.roi is None else (self.roi.geometry.wkb_hex, crs_name(self.roi.crs))
        return roi, str(self.when), collections, where


def _text(wanted: Any) -> str:
    """Equal for equal wishes: a set has no order of its own."""
    return repr(sorted(wanted, key=repr) if isinstance(wanted, Set) else wanted)


def _whole_box(boxes: Any, whose: str) -> tuple[float, float, float, float]:
    """West, south, east, north of the first of some boxes of two or three dimensions."""
    box = boxes[0] if isinstance(boxes, list | tuple) else None
    if not isinstance(box, list | tuple) or len(box) not in (4, 6):
        raise DatasetError(
            f"the bbox of {whose} is none; expected a list of boxes of 4 or 6 numbers"
        )
    sides = [number(side, "a side of the bbox", whose) or 0.0 for side in box]
    half = len(sides) // 2
    return sides[0], sides[1], sides[half], sides[half + 1]


def _whole_span(spans: Any, whose: str) -> list[Interval | None]:
    """Start and end of the first of some spans; None where it is open."""
    span = spans[0] if isinstance(spans, list | tuple) else None
    if not isinstance(span, list | tuple) or len(span) != 2:
        raise DatasetError(f"the interval of {whose} is none; expected a list of pairs of instants")
    try:
        return [Interval.of(instant) if instant else None for instant in span]
    except (TypeError, ValueError) as error:
        raise DatasetError(f"the interval of {whose} is {span!r:.80}: {error}") from error


def _fits(name: str, value: Any, wanted: Any, whose: str) -> bool:
    try:
        if not isinstance(wanted, tuple):
            return value in wanted if isinstance(wanted, Set) else bool(value == wanted)
        low, high = wanted
        return (
            value is not None and (low is None or value >= low) and (high is None or value <= high)
        )
    except TypeError as error:
        raise DatasetError(
            f"{name} of {whose} is {value!r:.60}, which does not compare with {wanted!r:.60}; correct "
            "where, or the item"
        ) from error
