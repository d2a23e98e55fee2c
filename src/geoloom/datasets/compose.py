"""Datasets made of datasets: what lies in both, and what lies in either."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ..core.bands import Band, match_bands
from ..core.classes import Classes
from ..core.errors import DatasetError
from ..core.interval import ALWAYS, Interval
from ..core.query import MomentQuery, Query, Sample
from .base import GeoDataset
from .parts import Composition, label
from .reading.calibration import Calibration, require_one_calibration
from .reading.read_plan import Plan
from .reading.sample import cast, first_of, joined, picked
from .region import Region
from .series import SeriesDataset
from .time.pairing import Pairing, Rule, meet, newest_pair


class IntersectionDataset(Composition):
    """Layers that share places and times: `imagery & labels`, or `imagery.paired(labels, "same_year")`.

    A sample holds the image and the mask of its parts on the query's grid; several images are concatenated
    along their channels, at each date where some are series. A pixel is valid where it is valid in all parts.
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

    def __init__(self, *parts: GeoDataset, pairing: Pairing | Rule = "overlap") -> None:
        self.pairing = Pairing.of(pairing)
        self.parts = _distinct(_together(parts, self.pairing))
        images = [n for n, part in enumerate(self.parts) if "image" in part.layers]
        self._lead = images[0] if images else 0
        self.regions  # noqa: B018 - found now, so that datasets that never meet are refused now

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the images, in channel order; of the first mask where there is no image.

        A name that several parts have is numbered from the second on: `red`, `red_2`.
        """
        imagery = [band for p in self.parts if "image" in p.layers for band in p.bands]
        return _named_apart(imagery) or self.parts[0].bands

    @property
    def classes(self) -> Classes | None:
        """Of the first part that has classes."""
        return next((p.classes for p in self.parts if p.classes is not None), None)

    def _calibrations(self) -> tuple[Calibration, ...]:
        if self._transforms is not None:
            return super()._calibrations()
        return tuple(own for part in self.parts for own in part._calibrations())

    def _identity(self) -> Hashable:
        return self.parts, self.pairing

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


class UnionDataset(Composition):
    """Datasets of one kind side by side: `landsat7 | landsat8`.

    Where several hold a pixel, the one with the newest data under the query gives it, then the next ones
    fill what it did not observe. Sensors with different bands are matched by what the bands measure; the log
    names those that are dropped. Values of different scale or offset never share a channel: make the parts
    with `scaled=True`. Every sample has one dtype, which holds those of all parts. Make one with `|`, which
    flattens, drops duplicates, and gives back a dataset that stands alone.

    Args:
        parts: Different datasets with the same layers.

    Raises:
        DatasetError: one part has images and another has masks, or a band differs in scale or offset.
        BandError: the bands cannot be matched.
    """

    _sign = " | "

    def __init__(self, *parts: GeoDataset) -> None:
        self.parts = _distinct(_flattened(parts, UnionDataset))
        if any(p.layers != self.parts[0].layers for p in self.parts):
            kinds = "; ".join(
                f"{type(p).__name__} gives {', '.join(sorted(p.layers))}" for p in self.parts
            )
            raise DatasetError(
                f"a union needs datasets of one kind, found {kinds}; to stack imagery and labels use &"
            )
        self._bands = self.parts[0].bands
        self._channels: tuple[tuple[int, ...] | None, ...] = (None,) * len(self.parts)
        if "image" in self.layers:
            match = match_bands([(label(p), p.bands) for p in self.parts])
            self._bands, self._channels = match.bands, match.channels
            require_one_calibration(
                self._bands,
                [(label(p), own) for p, own in zip(self.parts, self._by_part(), strict=True)],
            )
            match.report([(label(p), p.bands) for p in _distinct(parts)])

    @property
    def bands(self) -> tuple[Band, ...]:
        """Those that all parts share, as the first one describes them."""
        return self._bands

    @property
    def classes(self) -> Classes | None:
        """Of the parts; they must agree.

        Raises:
            DatasetError: codes mean different classes in different parts.
        """
        known = list(dict.fromkeys(p.classes for p in self.parts if p.classes is not None))
        if len(known) > 1:
            meanings = " and ".join(
                str(dict(zip(k.codes, k.names, strict=True))) for k in known[:2]
            )
            raise DatasetError(
                f"the union's parts give codes different meanings: {meanings}; give all the same classes"
            )
        return known[0] if known else None

    def _calibrations(self) -> tuple[Calibration, ...]:
        if self._transforms is not None or "image" not in self.layers:
            return super()._calibrations()
        by_channel = zip(*self._by_part(), strict=True)
        return tuple(
            None if None in every else frozenset().union(*(own for own in every if own))
            for every in by_channel
        )

    def _by_part(self) -> list[tuple[Calibration, ...]]:
        """Of the shared bands, as each part gives them."""
        return [
            own if channels is None else tuple(own[i] for i in channels)
            for own, channels in zip(
                (part._calibrations() for part in self.parts), self._channels, strict=True
            )
        ]

    def _identity(self) -> Hashable:
        return self.parts

    def _find_regions(self) -> tuple[Region, ...]:
        return tuple(dict.fromkeys(region for part in self.parts for region in part.regions))

    def _moments(self, queries: Sequence[Query]) -> list[tuple[Interval, ...]]:
        by_part = [part._moments(queries) for part in self.parts]
        return [tuple(sorted(set().union(*moments))) for moments in zip(*by_part, strict=True)]

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        """Only the first part that has something is read with the batch; seldom is another needed."""
        ranked = self._ranked(queries)
        dtypes: dict[str, Any] = {layer: self._joint_dtype(layer) for layer in self.layers}
        plans: list[Plan | None] = [None] * len(queries)
        waiting = list(range(len(queries)))
        for rank in range(len(self.parts)):
            for number, part in enumerate(self.parts):
                members = [i for i in waiting if ranked[i][rank] == number]
                own = _through(self._channels[number], channels)
                drawn = part.plan([queries[i] for i in members], own) if members else []
                for i, plan in zip(members, drawn, strict=True):
                    if plan is not None:
                        rest = ranked[i][rank + 1 :]
                        finish = partial(self._completed, plan, rest, queries[i], channels, dtypes)
                        plans[i] = Plan(plan.orders, finish)
            waiting = [i for i in waiting if plans[i] is None]
        return plans

    def _ranked(self, queries: Sequence[Query]) -> list[list[int]]:
        """For each query the numbers of the parts, the one with the newest data under it first."""
        by_part = [part._moments(queries) for part in self.parts]
        ranked = []
        for moments_of_parts in zip(*by_part, strict=True):
            newest = [
                max((m.start for m in moments), default=ALWAYS.start)
                for moments in moments_of_parts
            ]
            ranked.append(sorted(range(len(newest)), key=newest.__getitem__, reverse=True))
        return ranked

    def _completed(
        self,
        plan: Plan,
        rest: Sequence[int],
        query: Query,
        channels: tuple[int, ...] | None,
        dtypes: Mapping[str, np.dtype[Any] | None],
    ) -> Sample | None:
        """The planned sample, its gaps filled from the rest of the parts, in the union's dtypes."""
        others = (
            self.parts[number].answer(query, _through(self._channels[number], channels))
            for number in rest
        )
        answers = itertools.chain([plan.finish()], others)
        return first_of(cast(sample, dtypes) for sample in answers if sample is not None)

    def __repr__(self) -> str:
        return self._listed()


def intersection(*datasets: GeoDataset, pairing: Pairing | Rule = "overlap") -> GeoDataset:
    """What lies in all datasets; one that stands alone (`a & a`) is given back itself.

    Args:
        datasets: At least one.
        pairing: How their times go together; a `Pairing` or a rule's name.

    Raises:
        DatasetError: they never meet; the message says whether in space or in time.
    """
    rule = Pairing.of(pairing)
    parts = _distinct(_together(datasets, rule))
    return parts[0] if len(parts) == 1 else IntersectionDataset(*parts, pairing=rule)


def union(*datasets: GeoDataset) -> GeoDataset:
    """What lies in either dataset; one that stands alone (`a | a`) is given back itself.

    Series unite to the series of what they are made of, so that all acquisitions stand in one order.

    Raises:
        DatasetError: one has images and another has masks, a band differs in scale or offset, or series
            differ in their steps.
        BandError: the bands cannot be matched.
    """
    parts = _distinct(_flattened(datasets, UnionDataset))
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, SeriesDataset) for part in parts):
        return _united_series(parts)
    return UnionDataset(*datasets)


def _united_series(parts: Sequence[GeoDataset]) -> GeoDataset:
    series = [p for p in parts if isinstance(p, SeriesDataset) and p.transforms is None]
    alike = {(p.steps, p.min_dates) for p in series}
    if len(series) < len(parts) or len(alike) > 1:
        raise DatasetError(
            f"a union needs series of equal steps without transforms, found {'; '.join(map(repr, parts))}; "
            "unite first, then make the series: (a | b).series(steps).with_transforms(...)"
        )
    ((steps, min_dates),) = alike
    return SeriesDataset(union(*(p.dataset for p in series)), steps, min_dates=min_dates)


def _all_or_none(plans: Sequence[Plan | None], channels: tuple[int, ...] | None) -> Plan | None:
    """One plan of those of all layers; None where a layer has nothing."""
    known = [plan for plan in plans if plan is not None]
    if len(known) < len(plans):
        return None
    orders = [order for plan in known for order in plan.orders]
    return Plan(orders, partial(_joined, known, channels))


def _joined(plans: Sequence[Plan], channels: tuple[int, ...] | None) -> Sample | None:
    samples = []
    for plan in plans:
        sample = plan.finish()
        if sample is None:
            return None
        samples.append(sample)
    return picked(joined(samples), channels)


def _flattened(parts: tuple[GeoDataset, ...], kind: type) -> tuple[GeoDataset, ...]:
    """Parts of parts of the same kind, unless transforms hold them together."""
    flat: list[GeoDataset] = []
    for part in parts:
        if type(part) is kind and part.transforms is None:
            flat.extend(part.parts)  # type: ignore[attr-defined]
        else:
            flat.append(part)
    return tuple(flat)


def _together(parts: tuple[GeoDataset, ...], pairing: Pairing) -> tuple[GeoDataset, ...]:
    """Parts of the intersections that are paired alike."""
    flat: list[GeoDataset] = []
    for part in parts:
        alike = isinstance(part, IntersectionDataset) and part.pairing == pairing
        flat.extend(_flattened((part,), IntersectionDataset) if alike else (part,))
    return tuple(flat)


def _without(items: Sequence[tuple[Interval, ...]], number: int) -> list[tuple[Interval, ...]]:
    return [item for i, item in enumerate(items) if i != number]


def _distinct(parts: tuple[GeoDataset, ...]) -> tuple[GeoDataset, ...]:
    return tuple(dict.fromkeys(parts))


def _named_apart(bands: Sequence[Band]) -> tuple[Band, ...]:
    """The bands, those after the first of a name with a number behind it."""
    apart: dict[str, Band] = {}
    for band in bands:
        name, number = band.name, 1
        while name in apart:
            number += 1
            name = f"{band.name}_{number}"
        apart[name] = band if name == band.name else replace(band, name=name)
    return tuple(apart.values())


def _through(
    own: tuple[int, ...] | None, channels: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    if own is None or channels is None:
        return own if channels is None else channels
    return tuple(own[i] for i in channels)
