"""Intervals: half-open algebra, and what people write for a time."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.errors import IntervalError
from geoloom.core.interval import ALWAYS, Interval
from geoloom.testing.strategies import intervals

SECOND = timedelta(seconds=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@given(intervals())
def test_holds_its_start_and_not_its_stop(a):
    assert a.start in a
    assert a.stop not in a
    assert a.stop - timedelta(microseconds=1) in a
    assert a.start <= a.middle < a.stop


@given(intervals(), intervals())
def test_overlap_is_mutual_and_means_a_common_instant(a, b):
    assert a.overlaps(b) == b.overlaps(a)
    common = max(a.start, b.start)
    assert a.overlaps(b) == (common in a and common in b)
    if a.overlaps(b):
        both = a & b
        assert both == b & a
        assert both.start in a
        assert both.start in b
        assert both | a == a
    else:
        with pytest.raises(IntervalError, match="no instant in common"):
            a & b


@given(intervals(), intervals(), intervals())
def test_union_is_the_shortest_cover(a, b, c):
    assert a | b == b | a
    assert (a | b) | c == a | (b | c)
    assert a | a == a & a == a
    for part in (a, b):
        assert part & (a | b) == part
    assert {(a | b).start, (a | b).stop} <= {a.start, a.stop, b.start, b.stop}


@given(st.integers(1900, 2100))
def test_years_months_and_days_tile_time(year):
    months = [Interval.of(f"{year}-{month:02}") for month in range(1, 13)]
    for before, after in pairwise(months):
        assert before.stop == after.start
        assert not before.overlaps(after)
    whole = Interval.of(str(year))
    assert (months[0].start, months[-1].stop) == (whole.start, whole.stop)
    assert whole.stop == Interval.of(str(year + 1)).start


@pytest.mark.parametrize(
    ("written", "start", "stop"),
    [
        ("2020", utc(2020, 1, 1), utc(2021, 1, 1)),
        ("2020-02", utc(2020, 2, 1), utc(2020, 3, 1)),
        ("2019-12", utc(2019, 12, 1), utc(2020, 1, 1)),
        ("2020-02-29", utc(2020, 2, 29), utc(2020, 3, 1)),
        (" 2020-02-29 ", utc(2020, 2, 29), utc(2020, 3, 1)),
        ("2020-02-29T10:30:00", utc(2020, 2, 29, 10, 30), utc(2020, 2, 29, 10, 30, 1)),
        ("2020-02-29T10:30:00Z", utc(2020, 2, 29, 10, 30), utc(2020, 2, 29, 10, 30, 1)),
        ("2019-07/2019-09", utc(2019, 7, 1), utc(2019, 10, 1)),
        (("2019", "2020-06-30"), utc(2019, 1, 1), utc(2020, 7, 1)),
        (date(2020, 2, 29), utc(2020, 2, 29), utc(2020, 3, 1)),
        (datetime(2020, 2, 29, 12), utc(2020, 2, 29, 12), utc(2020, 2, 29, 12, 0, 1)),
    ],
)
def test_reads_what_people_write(written, start, stop):
    assert Interval.of(written) == Interval(start, stop)


def test_other_zones_are_turned_to_utc():
    manaus = timezone(timedelta(hours=-4))
    assert Interval(datetime(2020, 1, 1, 20, tzinfo=manaus), utc(2020, 1, 3)).start == utc(
        2020, 1, 2
    )
    assert datetime(2020, 1, 1, 20, tzinfo=manaus) in Interval.of("2020-01-02")


def test_none_and_always_are_all_of_time():
    assert Interval.of(None) is Interval.always() is ALWAYS
    assert utc(1, 1, 1) in ALWAYS
    assert Interval.of("2020") & ALWAYS == Interval.of("2020")


@pytest.mark.parametrize("text", ["yesterday", "2020-13", "2020-02-30", "20", "", "2020/x"])
def test_refuses_what_is_no_time(text):
    with pytest.raises(IntervalError, match=r"cannot read .* as a time; expected ISO 8601"):
        Interval.of(text)


@given(intervals())
def test_refuses_to_be_empty_or_reversed(a):
    for stop in (a.start, a.start - SECOND):
        with pytest.raises(IntervalError, match="not after its start"):
            Interval(a.start, stop)


@given(intervals())
def test_is_a_value(a):
    assert pickle.loads(pickle.dumps(a)) == a
    assert hash(a) == hash(Interval(a.start, a.stop))
    assert Interval.of(a) is a
    assert str(a) == f"[{a.start.isoformat()}, {a.stop.isoformat()})"
