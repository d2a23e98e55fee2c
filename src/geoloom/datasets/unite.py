"""What lies in either of several datasets of one kind, side by side."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Self

import numpy as np

from ..core.bands import Band, match_bands
from ..core.classes import Classes
from ..core.errors import DatasetError
from ..core.interval import ALWAYS, Interval
from ..core.outputs import Outputs
from ..core.query import Query, Sample
from ..io.explain import FileRead
from .base import GeoDataset
from .parts import Composition, distinct, flattened, label
from .reading.calibration import Calibration, require_one_calibration
from .reading.read_plan import Plan
from .reading.sample import cast, first_of
from .region import Region
from .series import SeriesDataset


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
        DatasetError: one part has images and another has masks, a band differs in scale or offset, or values
            differ in name or unit.
        BandError: the bands cannot be matched.
    """

    _sign = " | "
    _order: tuple[int, ...] | None = None
    """Numbers of the parts in the order of a whole query, where this answers windows of one."""

    def __init__(self, *parts: GeoDataset) -> None:
        self.parts = distinct(flattened(parts, UnionDataset))
        if any(p.layers != self.parts[0].layers for p in self.parts):
            kinds = "; ".join(
                f"{type(p).__name__} gives {', '.join(sorted(p.layers))}" for p in self.parts
            )
            raise DatasetError(
                f"a union needs datasets of one kind, found {kinds}; to stack imagery and labels use &"
            )
        self._bands = self.parts[0].bands
        self._channels: tuple[tuple[int, ...] | None, ...] = (None,) * len(self.parts)
        if "value" in self.layers:
            self._require_same_values()
        if "image" in self.layers:
            match = match_bands([(label(p), p.bands) for p in self.parts])
            self._bands, self._channels = match.bands, match.channels
            require_one_calibration(
                self._bands,
                [(label(p), own) for p, own in zip(self.parts, self._by_part(), strict=True)],
            )
            match.report([(label(p), p.bands) for p in distinct(parts)])

    def _require_same_values(self) -> None:
        first, *others = self.parts
        for other in others:
            if other.outputs != first.outputs:
                given = [p.outputs.short if p.outputs else "unnamed values" for p in (first, other)]
                raise DatasetError(
                    f"a union needs the same values in the same order, found {given[0]} in {label(first)} "
                    f"and {given[1]} in {label(other)}; name the bands alike, with all_bands=[...]"
                )

    @property
    def outputs(self) -> Outputs | None:
        """Of the parts; see `GeoDataset.outputs`."""
        return self.parts[0].outputs if "value" in self.layers else super().outputs

    @property
    def bands(self) -> tuple[Band, ...]:
        """Those that all parts share, as the first one describes them."""
        return self._bands

    def _stored_classes(self) -> Classes | None:
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

    def framed(self, query: Query) -> Self:
        """The same for windows of a query, whose order of the parts holds; see `Contents.framed`."""
        (order,) = self._ranked([query])
        other = self._of([part.framed(query) for part in self.parts])
        other._order = tuple(order)
        return other

    def _identity(self) -> Hashable:
        return self.parts, self._order

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
                        describe = partial(self._reads, plan, rest, queries[i], channels)
                        plans[i] = Plan(plan.orders, finish, describe=describe)
            waiting = [i for i in waiting if plans[i] is None]
        return plans

    def _ranked(self, queries: Sequence[Query]) -> list[list[int]]:
        """For each query the numbers of the parts, the one with the newest data under it first."""
        if self._order is not None:
            return [list(self._order)] * len(queries)
        by_part = [part._moments(queries) for part in self.parts]
        ranked = []
        for moments_of_parts in zip(*by_part, strict=True):
            newest = [
                max((m.start for m in moments), default=ALWAYS.start)
                for moments in moments_of_parts
            ]
            ranked.append(sorted(range(len(newest)), key=newest.__getitem__, reverse=True))
        return ranked

    def _reads(
        self,
        plan: Plan,
        rest: Sequence[int],
        query: Query,
        channels: tuple[int, ...] | None,
    ) -> Iterator[FileRead]:
        """What the plan reads; and of the other parts what fills the gaps that it leaves."""
        yield from plan.reads()
        for number in rest:
            own = _through(self._channels[number], channels)
            (other,) = self.parts[number].plan([query], own)
            for read in () if other is None else other.reads():
                yield replace(read, fills_gaps=True)

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


def union(*datasets: GeoDataset) -> GeoDataset:
    """What lies in either dataset; one that stands alone (`a | a`) is given back itself.

    Series unite to the series of what they are made of, so that all acquisitions stand in one order.

    Raises:
        DatasetError: one has images and another has masks, a band differs in scale or offset, or series
            differ in their steps.
        BandError: the bands cannot be matched.
    """
    parts = distinct(flattened(datasets, UnionDataset))
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


def _through(
    own: tuple[int, ...] | None, channels: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    if own is None or channels is None:
        return own if channels is None else channels
    return tuple(own[i] for i in channels)
