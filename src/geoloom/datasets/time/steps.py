"""Which dates a series has, and which acquisitions give each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ...core.composite import COMPOSITE_RULES, CompositeRule
from ...core.errors import DatasetError, suggest
from ...core.interval import CalendarStep, Instant, Interval

Takes = Callable[[Interval], bool]


@dataclass(frozen=True, slots=True)
class Slot:
    """One date of a series, and what is read for it."""

    when: Interval | None
    """What the date stands for; None where the slot only fills up the number."""
    moments: tuple[Interval, ...] = ()
    """Acquisitions in the order of their priority; none means not observed."""

    @property
    def time(self) -> float:
        """The middle of `when`, seconds since 1970 UTC; NaN without it."""
        return math.nan if self.when is None else self.when.middle.timestamp()


class Steps(Protocol):
    """A rule that lays out the dates of a series."""

    @property
    def composite(self) -> CompositeRule | None:
        """How the acquisitions of one slot are put together; None means in the order of the slot."""

    def lay_out(self, moments: Sequence[Interval], takes: Takes) -> tuple[Slot, ...]:
        """The slots in the order of time.

        Args:
            moments: All acquisitions of a place, oldest first.
            takes: Whether a date is asked for, by what it stands for; others are not observed, or left out.
        """


@dataclass(frozen=True, slots=True)
class EveryDate:
    """Every acquisition that shares an instant with the query; how many differs from place to place.

    With a count, the newest so many; where there are fewer, slots that are not observed, without a time,
    fill up the number after the last date.

    Raises:
        DatasetError: the count is not positive.
    """

    count: int | None = None
    """Number of dates in each sample; None leaves it as it comes."""

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise DatasetError(
                f"a series of {self.count} dates is none; give a count of at least 1"
            )

    @property
    def composite(self) -> CompositeRule | None:
        """None: a slot is one acquisition."""
        return None

    def lay_out(self, moments: Sequence[Interval], takes: Takes) -> tuple[Slot, ...]:
        """One slot per acquisition asked for."""
        asked = [moment for moment in moments if takes(moment)]
        kept = asked if self.count is None else asked[-self.count :]
        slots = tuple(Slot(moment, (moment,)) for moment in kept)
        return slots + (Slot(None),) * ((self.count or 0) - len(slots))

    def __str__(self) -> str:
        return "every date" if self.count is None else f"the newest {self.count} dates"


@dataclass(frozen=True, slots=True)
class FixedSteps:
    """Composites of fixed steps, such as the months of a year; a step without data is not observed.

    An acquisition counts for the one step that holds its middle. A query's interval chooses whole steps:
    those that share an instant with it.

    Raises:
        DatasetError: there is no step, steps overlap or are out of order, or no composite is called so.

    Example:
        >>> len(FixedSteps.of("2019", "month").steps)
        12
    """

    steps: tuple[Interval, ...]
    """In the order of time; gaps between them are left out of the series."""
    composite: CompositeRule = "newest"

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.steps:
            raise DatasetError("a series needs at least one step, got none")
        for before, after in zip(self.steps, self.steps[1:], strict=False):
            if after.start < before.stop:
                raise DatasetError(
                    f"the step {after} does not come after {before}; give steps in the order of time that "
                    "do not overlap"
                )
        if self.composite not in COMPOSITE_RULES:
            raise DatasetError(
                f"no composite is called {self.composite!r}{suggest(self.composite, COMPOSITE_RULES)}"
            )

    @classmethod
    def of(
        cls,
        when: Interval | Instant | tuple[Instant, Instant],
        step: CalendarStep | timedelta | None = None,
        *,
        count: int | None = None,
        composite: CompositeRule = "newest",
    ) -> FixedSteps:
        """The steps of an interval.

        Args:
            when: As `Interval.of` reads it, such as `"2019"` or `("2018-09", "2019-08")`.
            step: `day`, `month`, `year` or a length, as `Interval.by`.
            count: Instead of a step, the number of steps of equal length.
            composite: Which acquisition of a step gives a pixel.

        Raises:
            DatasetError: not exactly one of step and count is given.
            IntervalError: the time, the step or the count is none.
        """
        if (step is None) == (count is None):
            raise DatasetError(
                f"step={step!r} and count={count!r}; give one of the two, such as step='month'"
            )
        whole = Interval.of(when)
        if count is not None:
            return cls(whole.split(count), composite)
        assert step is not None  # one of the two is given
        return cls(whole.by(step), composite)

    def lay_out(self, moments: Sequence[Interval], takes: Takes) -> tuple[Slot, ...]:
        """One slot a step; acquisitions newest first, or oldest first for `first`."""
        ordered = moments if self.composite == "first" else moments[::-1]
        return tuple(
            Slot(step, tuple(m for m in ordered if m.middle in step) if takes(step) else ())
            for step in self.steps
        )

    def __str__(self) -> str:
        return f"{len(self.steps)} steps in {Interval.hull(self.steps)}"


@dataclass(frozen=True, slots=True)
class NearestDates:
    """For each date asked for, the acquisition nearest in time; none within the tolerance is not observed.

    Nearness is `Interval.distance`; of equally near ones that whose ends are nearer is taken, then the
    earlier. One acquisition may stand for several dates. A query's interval chooses dates, not acquisitions.

    Raises:
        DatasetError: there is no date, dates are out of order, or the tolerance is negative.
        IntervalError: a date is none.

    Example:
        >>> dates = NearestDates(("2019-01-15", "2019-07-15"), within_days=10)
    """

    dates: tuple[Instant | Interval, ...]
    """In the order of time, as `Interval.of` reads them."""
    within_days: float
    """Longest time between a date and its acquisition, days."""
    fill: bool = False
    """Whether what the nearest did not observe comes from the next nearest within the tolerance."""

    def __post_init__(self) -> None:
        dates = tuple(Interval.of(date) for date in self.dates)
        object.__setattr__(self, "dates", dates)
        if not dates or list(dates) != sorted(set(dates)):
            raise DatasetError(
                f"the dates {[str(date) for date in dates]} are not a series; give different ones, at least "
                "one, in the order of time"
            )
        if not self.within_days >= 0:
            raise DatasetError(f"within_days={self.within_days}; give 0 or more")

    @property
    def composite(self) -> CompositeRule | None:
        """None: the nearest gives a pixel, then the next nearest."""
        return None

    def lay_out(self, moments: Sequence[Interval], takes: Takes) -> tuple[Slot, ...]:
        """One slot a date; acquisitions nearest first."""
        within = timedelta(days=self.within_days)
        slots = []
        for date in self.dates:
            assert isinstance(date, Interval)  # made so when the rule was made
            near = date.nearest(moments, within) if takes(date) else ()
            slots.append(Slot(date, near if self.fill else near[:1]))
        return tuple(slots)

    def __str__(self) -> str:
        return f"{len(self.dates)} dates, each within {self.within_days:g} days"
