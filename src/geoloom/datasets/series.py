"""Many dates of one place as one sample."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from copy import copy
from functools import partial
from typing import Any, Self

import numpy as np

from ..core.bands import Band
from ..core.classes import Classes
from ..core.composite import CompositeRule, composite
from ..core.errors import DatasetError
from ..core.interval import ALWAYS, Interval
from ..core.query import MomentQuery, Query, Sample
from ..io.explain import FileRead
from .base import GeoDataset, Layer
from .reading.calibration import Calibration
from .reading.collate import stacked
from .reading.read_plan import Plan, answered
from .reading.sample import first_of, to_tensor
from .region import Region, describe_regions
from .time.sites import sites_of
from .time.steps import EveryDate, Slot, Steps, Takes


class SeriesDataset(GeoDataset):
    """The dates of a dataset as one sample: `dataset.series()`.

    A sample holds `image` (T, C, H, W) from the oldest date to the newest, `valid_series` (T, H, W), True
    where a date observed a pixel, `times` (T,), seconds since 1970 UTC, and `valid` (H, W), True where enough
    dates did. What no acquisition observed is never filled from another date, unless the steps say so; a
    date without any acquisition is all zeros. A series of labels holds `mask` (T, H, W).

    Regions are places, not acquisitions: those of about one place are one region, on the lattice of most of
    them, so that a sampler draws a place. A query's interval chooses among the dates. Series of equal steps
    form unions: `a.series() | b.series()` is `(a | b).series()`.

    Args:
        dataset: Whose acquisitions; each has a date.
        steps: Which dates: `EveryDate` (the default), `FixedSteps` or `NearestDates`.
        min_dates: Dates at which a valid pixel is observed. Default: all, which is safe for whatever does not
            look at `valid_series`; with 1, what was not observed at the other dates stands in the image.

    Raises:
        DatasetError: the data has no dates or none that the steps take, it is a series already, or classes
            would be averaged.

    Example:
        >>> monthly = FixedSteps.of("2019", "month", composite="mean")  # doctest: +SKIP
        >>> dataset = Sentinel2("scenes").series(monthly) & labels      # doctest: +SKIP
    """

    _fixed: tuple[Interval, ...] | None = None
    """The acquisitions near a whole query, where this answers windows of one."""

    def __init__(
        self, dataset: GeoDataset, steps: Steps | None = None, *, min_dates: int | None = None
    ) -> None:
        self.dataset = dataset
        self.steps: Steps = EveryDate() if steps is None else steps
        self.min_dates = min_dates
        if not hasattr(self.steps, "lay_out"):
            raise DatasetError(
                f"steps is {steps!r}; give EveryDate(), FixedSteps.of('2019', 'month') or "
                "NearestDates(dates, within_days=...)"
            )
        if isinstance(dataset, SeriesDataset):
            raise DatasetError(
                f"{dataset!r} is a series already; give it its steps when it is made"
            )
        if min_dates is not None and min_dates < 1:
            raise DatasetError(f"min_dates={min_dates}; give at least 1, or None for all")
        if "value" in dataset.layers:
            raise DatasetError(
                f"{dataset!r} holds values to learn from, and a sample has those of one time; make a series "
                "of the images alone, and join the values to it: images.series(steps) & values"
            )
        if self.steps.composite == "mean" and "mask" in dataset.layers:
            raise DatasetError(
                "the mean of class codes means nothing; use composite='newest' or 'first', or join the "
                "labels to the series: images.series(steps) & labels"
            )
        self.regions  # noqa: B018 - found now, so that data without dates is refused now

    @property
    def bands(self) -> tuple[Band, ...]:
        """At each date, in channel order."""
        return self.dataset.bands

    @property
    def files(self) -> tuple[str, ...]:
        """Those of the acquisitions, each once."""
        return self.dataset.files

    @property
    def layers(self) -> frozenset[Layer]:
        """Those of each date."""
        return self.dataset.layers

    def _stored_classes(self) -> Classes | None:
        """What the codes of a series of labels mean."""
        return self.dataset.classes

    def warm_up(self) -> None:
        """Load the compiled loops of what it is made of."""
        self.dataset.warm_up()

    def as_stored(self) -> GeoDataset:
        """The same series of what it is made of, as it is stored; see `GeoDataset.as_stored`."""
        if self.transforms is not None:
            return self
        other = copy(self)
        other.dataset = self.dataset.as_stored()
        return other

    def _as_scaled(self) -> GeoDataset:
        if self._transforms is not None:
            return super()._as_scaled()
        other = copy(self)
        other.dataset = self.dataset._as_scaled()
        return other

    def sample_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type in which samples hold a layer; see `GeoDataset.sample_dtype`."""
        if self._transforms is not None:
            return None
        is_mean = layer == "image" and self.steps.composite == "mean"
        return np.dtype(np.float32) if is_mean else self.dataset.sample_dtype(layer)

    def _calibrations(self) -> tuple[Calibration, ...]:
        return super()._calibrations() if self._transforms else self.dataset._calibrations()

    def framed(self, query: Query) -> Self:
        """The same for windows of a query, each with all its dates; see `Contents.framed`."""
        other = copy(self)
        (other._fixed,) = self._acquired([query])
        return other

    def _identity(self) -> Hashable:
        return self.dataset, self.steps, self.min_dates, self._fixed

    def _find_regions(self) -> tuple[Region, ...]:
        regions = self.dataset.regions
        undated = [r for r in regions if ALWAYS in r.times]
        if undated:
            raise DatasetError(
                f"{len(undated)} of {len(regions)} regions, such as {undated[0].name!r}, have no date, and "
                "make no series; give filename_regex a group (?P<date>...), and its date_format"
            )
        sites = [(site, self._kept(site.times, ALWAYS.overlaps)) for site in sites_of(regions)]
        at_sites = tuple(site.at(moments) for site, moments in sites if moments)
        if not at_sites:
            raise DatasetError(
                f"no acquisition gives any of {self.steps}; the dataset holds {describe_regions(regions)}"
            )
        return at_sites

    def _kept(self, moments: Sequence[Interval], takes: Takes) -> tuple[Interval, ...]:
        """The dates of the series that acquisitions give, by what they stand for."""
        slots = self.steps.lay_out(moments, takes)
        return tuple(slot.when for slot in slots if slot.when is not None and slot.moments)

    def _moments(self, queries: Sequence[Query]) -> list[tuple[Interval, ...]]:
        acquired = self._acquired(queries)
        return [self._kept(moments, q.takes) for q, moments in zip(queries, acquired, strict=True)]

    def _acquired(self, queries: Sequence[Query]) -> list[tuple[Interval, ...]]:
        """All acquisitions near each query, whatever its interval."""
        if self._fixed is not None:
            return [self._fixed] * len(queries)
        return self.dataset._moments([Query(query.grid) for query in queries])

    def _read(self, query: Query, channels: tuple[int, ...] | None) -> Sample | None:
        return answered(self._plan([query], channels)[0])

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        """The dates of all queries are asked for at once: those of a query are adjacent."""
        acquired = self._acquired(queries)
        laid = [
            self.steps.lay_out(moments, query.takes)
            for query, moments in zip(queries, acquired, strict=True)
        ]
        asked = [
            MomentQuery.at(query.grid, together)
            for query, slots in zip(queries, laid, strict=True)
            for slot in slots
            for together in self._readings(slot)
        ]
        plans = iter(self.dataset.plan(asked, channels))
        return [self._planned(slots, plans) for slots in laid]

    def _readings(self, slot: Slot) -> Iterable[tuple[Interval, ...]]:
        """Moments that are asked for together; the answers are composed in this order."""
        at_once = self.steps.composite == "newest" and self.dataset._puts_newest_first
        if at_once and slot.moments:
            return (slot.moments,)
        return ((moment,) for moment in slot.moments)

    def _planned(self, slots: Sequence[Slot], plans: Iterator[Plan | None]) -> Plan | None:
        """The plan of one query, from the successive plans of its readings."""
        by_slot = []
        for slot in slots:
            readings = [next(plans) for _ in self._readings(slot)]
            by_slot.append([plan for plan in readings if plan is not None])
        orders = [order for readings in by_slot for plan in readings for order in plan.orders]
        finish = partial(self._finished, [slot.time for slot in slots], by_slot)
        if not any(by_slot):
            return None
        return Plan(orders, finish, describe=partial(_reads, by_slot))

    def _finished(self, times: Sequence[float], by_slot: Sequence[Sequence[Plan]]) -> Sample | None:
        dates = [
            _composed(
                [s for plan in plans if (s := plan.finish()) is not None], self.steps.composite
            )
            for plans in by_slot
        ]
        return in_series(dates, np.array(times), self.min_dates)

    def __repr__(self) -> str:
        least = "" if self.min_dates is None else f", min_dates={self.min_dates}"
        return f"({self.dataset!r}).series({self.steps}{least})"


def _reads(by_slot: Sequence[Sequence[Plan]]) -> Iterator[FileRead]:
    for plans in by_slot:
        for plan in plans:
            yield from plan.reads()


def in_series(
    dates: Sequence[Sample | None], times: np.ndarray, min_dates: int | None = None
) -> Sample | None:
    """Answers of one grid at several dates as one sample.

    Args:
        dates: In the order of time; None for a date that is not observed.
        times: (T,) float64, seconds since 1970 UTC; NaN for what is not a date, but fills up the number.
        min_dates: Dates at which a valid pixel is observed; None means all that there are.

    Returns:
        The sample; keys beside layers and validity are the first date's. None where no date has an answer.
    """
    first = next((date for date in dates if date is not None), None)
    if first is None:
        return None
    whole: dict[str, Any] = dict(first)
    for name in ("image", "mask"):
        if name in first:
            whole[name] = stacked([_layer(date, first, name) for date in dates])
    whole["valid_series"] = stacked([_layer(date, first, "valid") for date in dates])
    real = np.isfinite(times)
    least = int(real.sum()) if min_dates is None else min_dates
    whole["valid"] = _often(whole["valid_series"], real, least)
    if "observed" in first:
        seen = stacked([_layer(date, first, "observed") for date in dates])
        whole["observed"] = _often(seen, real, least)
    whole["times"] = to_tensor(times)
    return whole  # type: ignore[return-value]


def _layer(date: Sample | None, like: Sample, name: str) -> Any:
    """One layer of a date; zeros, which is False, where it has none."""
    import torch

    if date is None:
        return torch.zeros_like(like[name])  # type: ignore[literal-required]
    return date[name]  # type: ignore[literal-required]


def _often(seen: Any, real: np.ndarray, least: int) -> Any:
    """Where at least so many of the real dates observed, bool (H, W). In numpy, as torch starts threads."""
    import torch

    dates = seen.numpy() if real.all() else seen.numpy()[real]
    if least >= len(dates):
        often = (
            np.logical_and.reduce(dates) if least == len(dates) else np.zeros(dates.shape[1:], bool)
        )
    else:
        often = np.count_nonzero(dates, axis=0) >= least
    return torch.from_numpy(often)


def _composed(samples: Sequence[Sample], rule: CompositeRule | None) -> Sample | None:
    """One date's answers, in the order of their priority, as one."""
    if not samples or rule != "mean":
        return first_of(samples)
    import torch

    parts = ((s["image"].numpy(), s["valid"].numpy()) for s in samples)
    image, valid = (torch.from_numpy(array) for array in composite(parts, rule))
    merged: dict[str, Any] = {**samples[0], "image": image, "valid": valid}
    return merged  # type: ignore[return-value]
