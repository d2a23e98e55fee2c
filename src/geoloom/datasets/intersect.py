"""What lies in all of several datasets: layers upon layers."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, count
from typing import Self

from ..core.bands import Band
from ..core.classes import Classes
from ..core.interval import ALWAYS, Interval
from ..core.outputs import Outputs, ValueOutputs
from ..core.query import MomentQuery, Query, Sample
from ..io.explain import FileRead
from .base import GeoDataset
from .parts import Composition, distinct, flattened
from .reading.calibration import Calibration
from .reading.read_plan import Plan
from .reading.sample import joined, picked
from .region import Region
from .time.pairing import Pairing, Rule, meet, newest_pair


class IntersectionDataset(Composition):
    """Layers that share places and times: `imagery & labels`, or `imagery.paired(labels, "same_year")`.

    A sample holds the image and the labels of its parts on the query's grid; several images are concatenated
    along their channels, at each date where some are series, and several layers of values likewise. A pixel
    is valid where it is valid in all parts; of layers of values one is enough.
    Regions are those of the first part that has an image, cut to where the others have data that goes with
    it: labels come to the imagery's pixels, whichever is named first. Make one with `&` or `intersection`,
    which flatten what is paired alike and drop duplicates.

    Under `overlap`, each part is asked with the query's interval. Under the other rules a query is answered
    by what belongs together alone: of the leading part, what has the same partners as its newest acquisition
    under the query; of the others, those partners, though they may lie outside the query's interval.

    Args:
        parts: At least two datasets.
        pairing: How their times go together; a `Pairing` or a rule's name.

    Raises:
        DatasetError: the parts never meet; the message says whether in space or in time.
    """

    _sign = " & "
    _fixed: tuple[Query, ...] | None = None
    """What each part is asked with for a whole query, where this answers windows of one."""

    def __init__(self, *parts: GeoDataset, pairing: Pairing | Rule = "overlap") -> None:
        self.pairing = Pairing.of(pairing)
        self.parts = distinct(_together(parts, self.pairing))
        images = [n for n, part in enumerate(self.parts) if "image" in part.layers]
        self._lead = images[0] if images else 0
        self.regions  # noqa: B018 - found now, so that datasets that never meet are refused now

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the images, in channel order; of the first labels where there is no image.

        A name that several parts have is numbered from the second on: `red`, `red_2`.
        """
        imagery = [band for p in self.parts if "image" in p.layers for band in p.bands]
        return _named_apart(imagery) or self.parts[0].bands

    def _stored_classes(self) -> Classes | None:
        """Of the first part that has classes."""
        return next((p.classes for p in self.parts if p.classes is not None), None)

    @property
    def outputs(self) -> Outputs | None:
        """Of the first part that has classes; of all that have values; None where there are both."""
        if "value" not in self.layers:
            return super().outputs
        if "mask" in self.layers:
            return None
        known = [part.outputs for part in self.parts if "value" in part.layers]
        values = [own for own in known if isinstance(own, ValueOutputs)]
        if len(values) < len(known):
            return None
        names = distinct_names([name for own in values for name in own.names])
        return ValueOutputs(names, tuple(unit for own in values for unit in own.units))

    def _calibrations(self) -> tuple[Calibration, ...]:
        if self._transforms is not None:
            return super()._calibrations()
        return tuple(own for part in self.parts for own in part._calibrations())

    def framed(self, query: Query) -> Self:
        """The same for windows of a query, whose pairs hold; see `Contents.framed`."""
        (asked,) = self._asked([query])
        if asked is None:
            return self
        other = self._of([part.framed(own) for part, own in zip(self.parts, asked, strict=True)])
        other._fixed = asked
        return other

    def _identity(self) -> Hashable:
        return self.parts, self.pairing, self._fixed

    def _find_regions(self) -> tuple[Region, ...]:
        regions = self.parts[self._lead].regions
        for number, part in enumerate(self.parts):
            if number != self._lead:
                regions = meet(regions, part.regions, self.pairing)
        return regions

    def _moments(self, queries: Sequence[Query]) -> list[tuple[Interval, ...]]:
        """Those of the leading part that have partners in all others."""
        paired = []
        for moments in self._moments_of_parts(queries):
            leading, others = moments[self._lead], _without(moments, self._lead)
            paired.append(
                tuple(m for m in leading if all(self.pairing.partners(m, o) for o in others))
            )
        return paired

    def _moments_of_parts(self, queries: Sequence[Query]) -> list[tuple[tuple[Interval, ...], ...]]:
        """For each query, part by part; of those that do not lead, all that the rule might choose from."""
        anytime = queries
        if self.pairing.rule != "overlap" or any(isinstance(q, MomentQuery) for q in queries):
            spans = [q.when if self.pairing.rule == "overlap" else ALWAYS for q in queries]
            anytime = [Query(q.grid, span) for q, span in zip(queries, spans, strict=True)]
        by_part = [
            part._moments(queries if number == self._lead else anytime)
            for number, part in enumerate(self.parts)
        ]
        return list(zip(*by_part, strict=True))

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        asked = self._asked(queries)
        answerable = [by_part for by_part in asked if by_part is not None]
        plans_of_parts = [
            part.plan([by_part[number] for by_part in answerable])
            for number, part in enumerate(self.parts)
        ]
        plans = iter(zip(*plans_of_parts, strict=True))
        return [
            None if by_part is None else _all_or_none(next(plans), channels) for by_part in asked
        ]

    def _asked(self, queries: Sequence[Query]) -> list[tuple[Query, ...] | None]:
        """What each part is asked with; None where nothing goes together."""
        rule, count = self.pairing.rule, len(self.parts)
        if self._fixed is not None:
            fixed = self._fixed
            return [tuple(replace(own, grid=q.grid) for own in fixed) for q in queries]
        if rule == "overlap" and not any(isinstance(q, MomentQuery) for q in queries):
            return [(q,) * count for q in queries]
        if rule == "static":
            return [
                tuple(q if n == self._lead else Query(q.grid) for n in range(count))
                for q in queries
            ]
        return [
            self._belonging(query, moments)
            for query, moments in zip(queries, self._moments_of_parts(queries), strict=True)
        ]

    def _belonging(
        self, query: Query, moments: Sequence[tuple[Interval, ...]]
    ) -> tuple[Query, ...] | None:
        """Queries for the newest moments that go together, part by part."""
        chosen = newest_pair(self.pairing, moments[self._lead], _without(moments, self._lead))
        if chosen is None:
            return None
        leading, *others = (MomentQuery.at(query.grid, together) for together in chosen)
        return (*others[: self._lead], leading, *others[self._lead :])

    def __repr__(self) -> str:
        if self.pairing.rule == "overlap":
            return self._listed()
        return f"intersection({', '.join(map(repr, self.parts))}, pairing={self.pairing!r})"


def intersection(*datasets: GeoDataset, pairing: Pairing | Rule = "overlap") -> GeoDataset:
    """What lies in all datasets; one that stands alone (`a & a`) is given back itself.

    Args:
        datasets: At least one.
        pairing: How their times go together; a `Pairing` or a rule's name.

    Raises:
        DatasetError: they never meet; the message says whether in space or in time.
    """
    rule = Pairing.of(pairing)
    parts = distinct(_together(datasets, rule))
    return parts[0] if len(parts) == 1 else IntersectionDataset(*parts, pairing=rule)


def _all_or_none(plans: Sequence[Plan | None], channels: tuple[int, ...] | None) -> Plan | None:
    """One plan of those of all layers; None where a layer has nothing."""
    known = [plan for plan in plans if plan is not None]
    if len(known) < len(plans):
        return None
    orders = [order for plan in known for order in plan.orders]
    return Plan(orders, partial(_joined, known, channels), describe=partial(_reads, known))


def _reads(plans: Sequence[Plan]) -> Iterator[FileRead]:
    for plan in plans:
        yield from plan.reads()


def _joined(plans: Sequence[Plan], channels: tuple[int, ...] | None) -> Sample | None:
    samples = []
    for plan in plans:
        sample = plan.finish()
        if sample is None:
            return None
        samples.append(sample)
    return picked(joined(samples), channels)


def _together(parts: tuple[GeoDataset, ...], pairing: Pairing) -> tuple[GeoDataset, ...]:
    """Parts of the intersections that are paired alike."""
    flat: list[GeoDataset] = []
    for part in parts:
        alike = isinstance(part, IntersectionDataset) and part.pairing == pairing
        flat.extend(flattened((part,), IntersectionDataset) if alike else (part,))
    return tuple(flat)


def _without(items: Sequence[tuple[Interval, ...]], number: int) -> list[tuple[Interval, ...]]:
    return [item for i, item in enumerate(items) if i != number]


def _named_apart(bands: Sequence[Band]) -> tuple[Band, ...]:
    """The bands, those after the first of a name with a number behind it."""
    names = distinct_names([band.name for band in bands])
    return tuple(
        band if name == band.name else replace(band, name=name)
        for band, name in zip(bands, names, strict=True)
    )


def distinct_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, those after the first of their kind with a number behind them: `red`, `red_2`."""
    apart: dict[str, None] = {}
    for name in names:
        numbered = (f"{name}_{number}" for number in count(2))
        apart[next(free for free in chain([name], numbered) if free not in apart)] = None
    return tuple(apart)
