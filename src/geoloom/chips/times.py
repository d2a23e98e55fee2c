"""Intervals as two whole numbers: microseconds since 1970, exact for every instant that Python knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..core.interval import ALWAYS, Interval

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def microseconds(when: Interval) -> tuple[int, int]:
    """Start and stop.

    Example:
        >>> microseconds(Interval.of("1970-01-01"))
        (0, 86400000000)
    """
    return (when.start - _EPOCH) // _TICK, (when.stop - _EPOCH) // _TICK


def interval_between(start: int, stop: int) -> Interval:
    """The interval that `microseconds` described.

    Example:
        >>> interval_between(*microseconds(Interval.always())) is Interval.always()
        True
    """
    found = Interval(_EPOCH + start * _TICK, _EPOCH + stop * _TICK)
    return ALWAYS if found == ALWAYS else found
