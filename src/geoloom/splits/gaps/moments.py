"""When many samples or scenes were seen, and how long lies between two sets of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ConfigError, IntervalError, suggest
from ...core.interval import ALWAYS, Interval, microseconds
from ...datasets.region import Region

Numbers = NDArray[np.int64]

_DAY = 86_400_000_000
_ANYTIME = microseconds(ALWAYS)
_COLUMNS = ("time", "date", "when", "year")
"""Under which times are looked for; before them `start` and `stop`."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Half-open intervals of n samples, in microseconds since 1970 UTC."""

    start: Numbers
    stop: Numbers
    owner: Numbers
    """(m,) number of the sample of each interval; a sample may have several."""

    @classmethod
    def of_regions(cls, regions: Sequence[Region]) -> Self:
        """All times of regions."""
        times = [(number, when) for number, region in enumerate(regions) for when in region.times]
        ends = np.array([microseconds(when) for _, when in times], np.int64).reshape(-1, 2)
        return cls(ends[:, 0], ends[:, 1], np.array([number for number, _ in times], np.int64))

    @classmethod
    def of_columns(cls, columns: Mapping[str, Any], column: str | None = None) -> Self | None:
        """The times that columns of samples tell; None where no column is called as times are.

        Args:
            columns: By name, (n,) values.
            column: Which of them; None: `start` and `stop`, or `time`, `date`, `when` or `year`.

        Raises:
            ConfigError: there is no such column, or a value is no time.
        """
        if column is not None and column not in columns:
            raise ConfigError(
                f"nothing called {column!r} is known of the samples{suggest(column, columns)}"
            )
        if column is None and "start" in columns and "stop" in columns:
            start, stop = (_instants(columns[name]) for name in ("start", "stop"))
            unknown = (start == _NAT) | (stop == _NAT)
            start, stop = (
                np.where(unknown, end, own)
                for end, own in zip(_ANYTIME, (start, stop), strict=True)
            )
            return cls(start, stop, np.arange(len(start)))
        name = column or next((name for name in _COLUMNS if name in columns), None)
        if name is None:
            return None
        texts = np.array([_text(value) for value in columns[name]], object).astype(str)
        values, number = np.unique(texts, return_inverse=True)
        ends = np.array([_ends(name, value) for value in values], np.int64).reshape(-1, 2)
        chosen = ends[number.ravel()]
        return cls(chosen[:, 0], chosen[:, 1], np.arange(len(chosen)))

    def take(self, samples: Numbers) -> Self:
        """Those of some samples, whose numbers are then their positions here."""
        position = np.full(int(max(self.owner.max(initial=-1), samples.max(initial=-1))) + 1, -1)
        position[samples] = np.arange(len(samples))
        own = position[self.owner] >= 0
        return type(self)(self.start[own], self.stop[own], position[self.owner[own]])

    @property
    def undated(self) -> NDArray[np.bool_]:
        """(m,) True where no time is known."""
        unknown: NDArray[np.bool_] = (self.start == _ANYTIME[0]) & (self.stop == _ANYTIME[1])
        return unknown

    def during(self, when: Interval) -> NDArray[np.bool_]:
        """(m,) True where some instant lies in an interval."""
        start, stop = microseconds(when)
        inside: NDArray[np.bool_] = (self.start < stop) & (self.stop > start)
        return inside

    def gap_days(self, other: Moments) -> tuple[float, int, int] | None:
        """Between the nearest times of two sets, and whose they are; None where one has no date."""
        if not len(self.start) or not len(other.start) or self.undated.any() or other.undated.any():
            return None
        by_start, by_stop = np.argsort(other.start), np.argsort(other.stop)
        starts, stops = other.start[by_start], other.stop[by_stop]
        best, first, second = np.iinfo(np.int64).max, 0, 0
        latest = np.maximum.accumulate(other.stop[by_start])
        # Among those that begin before one of these ends, does one end after it begins?
        before = np.searchsorted(starts, self.stop, "left")
        meets = (before > 0) & (latest[np.maximum(before, 1) - 1] > self.start)
        if meets.any():
            one = int(meets.argmax())
            two = int((other.stop[by_start][: before[one]] > self.start[one]).argmax())
            return 0.0, int(self.owner[one]), int(other.owner[by_start[two]])
        after = np.searchsorted(stops, self.start, "right")
        for there, at, gap in (
            (before < len(starts), by_start[np.minimum(before, len(starts) - 1)], +1),
            (after > 0, by_stop[np.maximum(after, 1) - 1], -1),
        ):
            if there.any():
                apart = other.start[at] - self.stop if gap > 0 else self.start - other.stop[at]
                apart = np.where(there, apart, np.iinfo(np.int64).max)
                one = int(apart.argmin())
                if apart[one] < best:
                    best, first, second = (
                        int(apart[one]),
                        int(self.owner[one]),
                        int(other.owner[at[one]]),
                    )
        return best / _DAY, first, second


_NAT = np.iinfo(np.int64).min


def _instants(values: Any) -> Numbers:
    """Microseconds since 1970 UTC of datetimes, the least number where there is none."""
    import pandas as pd

    utc = pd.to_datetime(pd.Series(values), utc=True).dt.tz_localize(None)
    instants: Numbers = utc.to_numpy("datetime64[us]").astype(np.int64)
    return instants


def _text(value: Any) -> str:
    """A time as text; empty where it is unknown."""
    if value is None or value != value:
        return ""
    text = str(value).strip()
    if text in ("NaT", "nan", "None"):
        return ""
    compact = len(text) == 8 and text.isdigit()
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if compact else text


def _ends(name: str, text: str) -> tuple[int, int]:
    try:
        return microseconds(Interval.of(text)) if text else _ANYTIME
    except IntervalError as error:
        raise ConfigError(f"column {name!r} of the samples is no time: {error}") from error
