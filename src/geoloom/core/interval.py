"""Half-open intervals of time."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from itertools import pairwise
from typing import Literal, get_args

from .errors import IntervalError, suggest

_ISO_PREFIX = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$")

Instant = datetime | date | str
CalendarStep = Literal["day", "month", "year"]


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The instants from `start` up to, not including, `stop`.

    Half-open, so that years, months and days tile time without overlapping: the last second of 2019
    is in 2019 and midnight of 2020 is not. Naive datetimes are taken as UTC.

    Raises:
        IntervalError: `stop` is not after `start`, or one of them is not a datetime.

    Example:
        >>> Interval.of("2019").overlaps(Interval.of("2020"))
        False
    """

    start: datetime
    """First instant inside, UTC."""
    stop: datetime
    """First instant outside, UTC."""

    def __post_init__(self) -> None:
        for end in (self.start, self.stop):
            # pandas' NaT is a datetime, equal to nothing.
            if not isinstance(end, datetime) or end != end:
                raise IntervalError(
                    f"{end!r} is not a datetime; write Interval.of(({self.start!r}, {self.stop!r})), which "
                    "also takes dates and texts such as '2019-07-27'"
                )
        object.__setattr__(self, "start", _utc(self.start))
        object.__setattr__(self, "stop", _utc(self.stop))
        if self.stop <= self.start:
            raise IntervalError(
                f"interval stops at {self.stop.isoformat()}, not after its start "
                f"{self.start.isoformat()}; give a later stop (it is exclusive)"
            )

    @classmethod
    def always(cls) -> Interval:
        """All of time: what a layer without a date covers."""
        return ALWAYS

    @classmethod
    def of(cls, when: Interval | Instant | tuple[Instant, Instant] | None) -> Interval:
        """The interval meant by a year, month, day, instant, pair or None (always).

        `"2019"`, `"2019-07"` and `"2019-07-27"` cover the whole year, month and day; an instant with a
        time covers one second; a pair runs from the start of its first to the end of its second.

        Raises:
            IntervalError: the text is not ISO 8601, or it is nothing of all that.
        """
        if when is None:
            return ALWAYS
        if isinstance(when, Interval):
            return when
        if isinstance(when, tuple) and len(when) == 2:
            first, last = when
            return cls(cls.of(first).start, cls.of(last).stop)
        if isinstance(when, datetime) and when == when:  # NaT is not
            start = _utc(when)
            return cls(start, start + timedelta(seconds=1))
        if isinstance(when, date) and not isinstance(when, datetime):
            start = datetime(when.year, when.month, when.day, tzinfo=UTC)
            return cls(start, start + timedelta(days=1))
        if isinstance(when, str):
            return cls._parse(when)
        raise IntervalError(_no_time(when))

    @classmethod
    def _parse(cls, text: str) -> Interval:
        if "/" in text:
            first, last = text.split("/", 1)
            return cls.of((first, last))
        match = _ISO_PREFIX.match(text.strip())
        try:
            if match is None:
                return cls.of(datetime.fromisoformat(text.strip()))
            year, month, day = (int(part) if part else None for part in match.groups())
            assert year is not None  # the pattern always captures it
            first_day = date(year, month or 1, day or 1)
            if day:
                return cls.of(first_day)
            last_month = month or 12
            last_day = date(year, last_month, calendar.monthrange(year, last_month)[1])
            return cls.of((first_day, last_day))
        except ValueError as error:
            raise IntervalError(
                f"cannot read {text!r} as a time; expected ISO 8601 such as '2019', '2019-07', "
                "'2019-07-27' or '2019-07/2019-09'"
            ) from error

    @property
    def middle(self) -> datetime:
        """The instant halfway, UTC."""
        return self.start + (self.stop - self.start) / 2

    @property
    def year(self) -> Interval:
        """The calendar year that holds the middle."""
        return Interval.of(f"{self.middle.year:04d}")

    @classmethod
    def hull(cls, intervals: Iterable[Interval]) -> Interval:
        """The shortest interval that holds all of at least one."""
        return reduce(cls.__or__, intervals)

    def distance(self, other: Interval) -> timedelta:
        """By how much the shorter would have to be moved to lie inside the longer; zero where it does.

        Of days, composites and years alike that is what people count: from 1 to 10 August it is nine days,
        from one 16-day composite to the next 16, from any day to its own year none.
        """
        short, long = sorted((self, other), key=Interval._length)
        return max(long.start - short.start, short.stop - long.stop, timedelta(0))

    def _length(self) -> timedelta:
        return self.stop - self.start

    def nearest(self, others: Iterable[Interval], within: timedelta) -> tuple[Interval, ...]:
        """Of others, those at a distance of at most `within`, the nearest first.

        Of equally near ones that comes first whose ends are nearer, then the earlier.
        """
        ranked = sorted(
            (self.distance(o), abs(self.start - o.start) + abs(self.stop - o.stop), o)
            for o in others
        )
        return tuple(other for distance, _, other in ranked if distance <= within)

    def by(self, step: CalendarStep | timedelta) -> tuple[Interval, ...]:
        """The interval cut into successive steps, which tile it.

        Days, months and years are the calendar's (UTC), so that the first and the last may be parts of one;
        a length counts from the start, and the last step ends with the interval.

        Raises:
            IntervalError: the step is not a duration, or not longer than nothing.

        Example:
            >>> [str(month.start.date()) for month in Interval.of("2019-11/2020-01").by("month")]
            ['2019-11-01', '2019-12-01', '2020-01-01']
        """
        if isinstance(step, timedelta):
            if step <= timedelta(0):
                raise IntervalError(f"a step of {step} leads nowhere; give a positive length")
        elif step not in get_args(CalendarStep):
            raise IntervalError(
                f"no step is called {step!r}{suggest(step, get_args(CalendarStep))}; or give a timedelta"
            )
        steps, start = [], self.start
        while start < self.stop:
            stop = min(_after(start, step), self.stop)
            steps.append(Interval(start, stop))
            start = stop
        return tuple(steps)

    def split(self, count: int) -> tuple[Interval, ...]:
        """The interval cut into so many successive parts of equal length, to the microsecond.

        Raises:
            IntervalError: the count is not positive, or larger than the microseconds that there are.
        """
        length = self.stop - self.start
        if not 1 <= count <= length // timedelta(microseconds=1):
            raise IntervalError(f"{self} cannot be cut into {count} parts; give at least 1")
        edges = [self.start + length * i // count for i in range(count)] + [self.stop]
        return tuple(Interval(a, b) for a, b in pairwise(edges))

    def overlaps(self, other: Interval) -> bool:
        """Whether some instant is in both."""
        return self.start < other.stop and other.start < self.stop

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= _utc(instant) < self.stop

    def __and__(self, other: Interval) -> Interval:
        """The instants in both.

        Raises:
            IntervalError: there are none.
        """
        if not self.overlaps(other):
            raise IntervalError(f"{self} and {other} have no instant in common")
        return Interval(max(self.start, other.start), min(self.stop, other.stop))

    def __or__(self, other: Interval) -> Interval:
        """The shortest interval that holds both."""
        return Interval(min(self.start, other.start), max(self.stop, other.stop))

    def __str__(self) -> str:
        return f"[{self.start.isoformat()}, {self.stop.isoformat()})"


def _no_time(when: object) -> str:
    """The message about what is not a time; pandas' intervals and slices name their ends as attributes."""
    ends = next((e for e in (("left", "right"), ("start", "stop")) if hasattr(when, e[0])), None)
    pair = f"; give its ends as a pair: (it.{ends[0]}, it.{ends[1]})" if ends else ""
    return (
        f"{when!r} is not a time; expected text such as '2019', '2019-07' or '2019-07/2019-09', a date, a "
        f"datetime, a pair (first, last) of these, or an Interval{pair}"
    )


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise IntervalError(f"{instant} lies outside the years 1 to 9999 of UTC") from error


def _after(start: datetime, step: CalendarStep | timedelta) -> datetime:
    """Where the step that holds `start` ends; the end of time where the calendar does."""
    try:
        if isinstance(step, timedelta):
            return start + step
        if step == "year":
            return datetime(start.year + 1, 1, 1, tzinfo=UTC)
        if step == "month":
            return datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)
        return datetime(start.year, start.month, start.day, tzinfo=UTC) + timedelta(days=1)
    except (OverflowError, ValueError):
        return ALWAYS.stop


ALWAYS = Interval(
    datetime(1, 1, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(when: Interval) -> tuple[int, int]:
    """Start and stop in microseconds since 1970 UTC: exact for every instant that Python knows.

    Example:
        >>> microseconds(Interval.of("1970-01-01"))
        (0, 86400000000)
    """
    return (when.start - _EPOCH) // _MICROSECOND, (when.stop - _EPOCH) // _MICROSECOND


def interval_between(start: int, stop: int) -> Interval:
    """The interval whose `microseconds` these are.

    Example:
        >>> interval_between(*microseconds(Interval.always())) is Interval.always()
        True
    """
    interval = Interval(_EPOCH + start * _MICROSECOND, _EPOCH + stop * _MICROSECOND)
    return ALWAYS if interval == ALWAYS else interval
