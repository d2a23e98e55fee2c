"""Intervals: half-open algebra, and what people write for a time."""

from __future__ import annotations

import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pandas as pd
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


@given(intervals(), st.data())
def test_steps_tile_an_interval(a, data):
    step = data.draw(st.sampled_from(["month", "year", timedelta(days=16), timedelta(days=400)]))
    parts = a.by(step) if data.draw(st.booleans()) else a.split(data.draw(st.integers(1, 50)))
    assert (parts[0].start, parts[-1].stop) == (a.start, a.stop)
    for before, after in pairwise(parts):
        assert before.stop == after.start
    instant = a.start + (a.stop - a.start) * data.draw(st.floats(0, 0.999))
    assert sum(instant in part for part in parts) == 1
    assert Interval.hull(parts) == a


def test_calendar_steps_end_with_days_months_and_years():
    spring = Interval.of(("2020-01-31", "2020-03-01"))
    days = [1, 29, 1]  # of January, of February in a leap year, of March
    assert [(part.stop - part.start).days for part in spring.by("month")] == days
    assert len(Interval.of("2020").by("day")) == 366
    assert Interval.of(("2019-07", "2021-06")).by("year") == tuple(
        Interval.of(when) for when in ("2019-07/2019-12", "2020", "2021-01/2021-06")
    )
    end_of_time = Interval(utc(9999, 10, 1), ALWAYS.stop)
    assert len(end_of_time.by("month")) == 3


def test_equal_parts_have_equal_lengths():
    assert Interval.of("2019").split(73) == Interval.of("2019").by(timedelta(days=5))


@given(intervals(), intervals())
def test_moved_by_its_distance_the_shorter_lies_inside_the_longer(a, b):
    distance = a.distance(b)
    assert distance == b.distance(a)
    short, long = sorted([a, b], key=lambda i: i.stop - i.start)
    moved = [Interval(short.start + by, short.stop + by) for by in (distance, -distance)]
    assert any((one & long) == one for one in moved if one.overlaps(long))
    if distance:
        less = distance - timedelta(microseconds=1)
        for by in (less, -less):
            one = Interval(short.start + by, short.stop + by)
            assert not one.overlaps(long) or (one & long) != one


@pytest.mark.parametrize(
    ("one", "other", "days"),
    [
        ("2019-08-01", "2019-08-10", 9),
        ("2019-08-01", "2019-08-02", 1),
        ("2019-01-01/2019-01-16", "2019-01-17/2019-02-01", 16),
        ("2019-07-27", "2019", 0),
        ("2019-01-03", "2018", 3),
        ("2019-07-27", None, 0),
    ],
)
def test_distances_are_counted_as_people_do(one, other, days):
    assert Interval.of(one).distance(Interval.of(other)) == timedelta(days=days)


@given(intervals(), st.lists(intervals(), max_size=6), st.integers(0, 4000))
def test_the_nearest_come_first(a, others, days):
    found = a.nearest(others, timedelta(days=days))
    assert sorted(found) == sorted(o for o in others if a.distance(o) <= timedelta(days=days))
    for near, far in pairwise(found):
        assert a.distance(near) <= a.distance(far)
    centred = Interval(a.start - timedelta(days=7), a.stop + timedelta(days=7))
    assert a.nearest([centred, a, *others], timedelta(days=days))[0] == a


@given(intervals())
def test_the_year_is_that_of_the_middle(a):
    assert a.middle in a.year
    assert a.year == Interval.of(str(a.middle.year))
    assert a.year.year == a.year


@pytest.mark.parametrize(
    ("step", "message"),
    [("week", "no step is called 'week'"), (timedelta(0), "a step of 0:00:00 leads nowhere")],
)
def test_refuses_what_is_no_step(step, message):
    with pytest.raises(IntervalError, match=message):
        Interval.of("2019").by(step)


@pytest.mark.parametrize("count", [0, -1])
def test_refuses_to_be_cut_into_no_parts(count):
    with pytest.raises(IntervalError, match="give at least 1"):
        Interval.of("2019").split(count)


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


@pytest.mark.parametrize(
    "ends",
    [("2019-01-01", "2019-12-31"), (date(2019, 1, 1), date(2020, 1, 1)), (utc(2019, 1, 1), pd.NaT)],
)
def test_ends_that_are_no_instants_are_refused_with_the_way(ends):
    with pytest.raises(IntervalError, match=r"is not a datetime; write Interval\.of\(\("):
        Interval(*ends)


@pytest.mark.parametrize(
    ("value", "instead"),
    [
        (2019, "'2019'"),
        (1.5, "a datetime"),
        (["2019", "2020"], "a pair"),
        (("2019", "2020", "2021"), "a pair"),
        (pd.NaT, "a datetime"),
        (slice("2019", "2020"), r"\(it\.start, it\.stop\)"),
        (pd.Interval(pd.Timestamp("2019"), pd.Timestamp("2020")), r"\(it\.left, it\.right\)"),
    ],
)
def test_what_is_no_time_is_refused_with_what_is(value, instead):
    with pytest.raises(IntervalError, match=f"is not a time; .*{instead}"):
        Interval.of(value)


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
