"""Features from tables of geopandas, as if they had been read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time
from hashlib import blake2b
from typing import Any

import numpy as np
import shapely
from odc.geo.crs import CRS

from ...core.errors import IntervalError, VectorError, suggest
from ...core.interval import ALWAYS, Interval
from ...core.roi import Table
from .features import Features
from .layers import ClassChoice, coded, grouped, known_crs, usable

SOURCE = "the table"
"""What messages call it."""


def read_table(
    table: Table,
    *,
    class_field: str | None = None,
    classes: ClassChoice | None = None,
    date_field: str | None = None,
    crs: str | CRS | None = None,
) -> tuple[tuple[Interval, Features], ...]:
    """Features of a GeoDataFrame or GeoSeries, those of one time together, the oldest first.

    All have one table of codes, and the guarantees of `read_features` hold: the same rows in a file give the
    same features. The table may be altered afterwards.

    Args:
        table: With a CRS.
        class_field: Column that gives the class; without it all features are one class.
        classes: As `read_features`.
        date_field: Column that says when a feature holds: dates, times, years, or texts that `Interval.of`
            reads; where it says nothing, always. A column of times that are all midnight is one of days.
        crs: Overrides the table's CRS.

    Raises:
        VectorError: a column, class or CRS is missing, or a date is none; the message names the nearest.
    """
    if crs is None and table.crs is None:
        raise VectorError(
            f"{SOURCE} has no CRS; say which with table.set_crs('EPSG:...'), or assume_crs="
        )
    known = known_crs(crs, None if table.crs is None else table.crs.to_wkt(), SOURCE)
    values = None if class_field is None else _column(table, class_field)
    shapes = np.array(shapely.force_2d(table.geometry.to_numpy()), dtype=object)
    if not len(shapes):
        raise VectorError(f"{SOURCE} has no rows; give at least one feature")
    shapes, labels, kept = usable(shapes, values, "feature", SOURCE)
    groups = grouped(classes, class_field is not None, [labels], SOURCE)
    features = coded(shapes, labels, groups, known, SOURCE)
    if date_field is None:
        return ((ALWAYS, features),)
    times = _times(_column(table, date_field)[kept], date_field)
    return tuple(
        (when, _rows(features, np.array([own == when for own in times])))
        for when in sorted(set(times))
    )


def _column(table: Any, name: str) -> np.ndarray:
    columns = [str(column) for column in getattr(table, "columns", ())]
    if name not in columns or name == getattr(table.geometry, "name", None):
        raise VectorError(f"{SOURCE} has no column {name!r}{suggest(name, columns)}")
    values: np.ndarray = table[name].to_numpy(dtype=object)
    return values


def _rows(features: Features, rows: np.ndarray) -> Features:
    return replace(features, geometries=features.geometries[rows], codes=features.codes[rows])


def _times(values: np.ndarray, name: str) -> list[Interval]:
    """When each row holds."""
    clock = [value for value in values if isinstance(value, datetime) and value == value]
    are_days = all(value.time() == time.min for value in clock)
    return [_time(value, name, are_days=are_days) for value in values]


def _time(value: Any, name: str, *, are_days: bool) -> Interval:
    if value is None or value != value:  # NaN and NaT differ from themselves
        return ALWAYS
    if isinstance(value, int | np.integer | float) and value == int(value):
        value = f"{int(value):04d}"  # years, which are floats in a column where some are missing
    if isinstance(value, datetime) and are_days:
        value = date(value.year, value.month, value.day)
    elif isinstance(value, datetime):
        value = datetime.fromisoformat(value.isoformat()[:26])  # pandas counts nanoseconds as well
    try:
        return Interval.of(value)
    except IntervalError as error:
        raise VectorError(f"{SOURCE}'s column {name!r}: {error}") from error


def digest(features: Sequence[tuple[Interval, Features]]) -> str:
    """A text that differs where times, geometries, codes, class names or the CRS do."""
    sums = blake2b(digest_size=16)
    for when, some in features:
        about = repr((when, dict(some.class_names), some.crs.to_wkt(), len(some)))
        sums.update(about.encode())
        sums.update(np.ascontiguousarray(some.codes).tobytes())
        for shape in shapely.to_wkb(some.geometries).tolist():
            sums.update(shape)
    return sums.hexdigest()
