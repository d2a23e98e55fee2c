"""An accuracy as JSON holds it, checked value by value: files come from anywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

from ..core.errors import ModelError
from ..core.outputs import Per
from .curves import Curve

_MOST_PIXELS = 2**53
"""Beyond it, JSON's numbers are not whole any more."""

_MEANS = (
    "overall_accuracy",
    "mean_accuracy",
    "kappa",
    "mean_precision",
    "mean_f1",
    "mean_iou",
    "log_loss",
)
_BY_CLASS = ("precision", "recall", "f1", "iou")
_OF_SCORES = ("auc", "average_precision")
_CURVES = ("roc", "precision_recall")


def checked_fields(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields of an `Accuracy`, of the right types and lengths.

    Raises:
        ModelError: a value is none that an evaluation writes; the message names `where` and the key.
    """
    classes = values.get("classes")
    if not isinstance(classes, list) or not classes or not all(isinstance(n, str) for n in classes):
        raise _refusal(where, "classes", classes, "names")
    count = len(classes)
    known: dict[str, Any] = {"classes": tuple(classes), "matrix": _matrix(values, count, where)}
    known["per"] = values.get("per", "pixel")
    if known["per"] not in get_args(Per):
        raise _refusal(where, "per", known["per"], " or ".join(get_args(Per)))
    known |= {name: _figure(values.get(name), name, where) for name in _MEANS}
    known |= {name: _figures(values, name, (count,), where) for name in _BY_CLASS}
    known |= {name: _figures(values, name, (count, 0), where) for name in _OF_SCORES}
    return known | {name: _curves(values, name, count, where) for name in _CURVES}


def _matrix(values: Mapping[str, Any], count: int, where: str) -> tuple[tuple[int, ...], ...]:
    rows = values.get("matrix")
    if not _table(rows, count):
        raise _refusal(where, "matrix", rows, f"{count} rows of {count} counts")
    assert isinstance(rows, list)
    for n in (n for row in rows for n in row):
        if not isinstance(n, int) or isinstance(n, bool) or not 0 <= n < _MOST_PIXELS:
            raise _refusal(where, "matrix", n, "whole numbers from 0")
    return tuple(tuple(row) for row in rows)


def _table(rows: Any, count: int) -> bool:
    return (
        isinstance(rows, list)
        and len(rows) == count
        and all(isinstance(row, list) and len(row) == count for row in rows)
    )


def _figures(
    values: Mapping[str, Any], name: str, lengths: tuple[int, ...], where: str
) -> tuple[float, ...]:
    given = values.get(name, [])
    if not isinstance(given, list) or len(given) not in lengths:
        raise _refusal(where, name, given, f"{lengths[0]} numbers, one for each class")
    return tuple(_figure(value, name, where) for value in given)


def _curves(values: Mapping[str, Any], name: str, count: int, where: str) -> tuple[Curve, ...]:
    given = values.get(name, [])
    if not isinstance(given, list) or len(given) not in (0, count):
        raise _refusal(where, name, given, f"{count} curves, one for each class")
    made = []
    for points in given:
        pair = isinstance(points, list) and len(points) == 2
        if not pair or not all(isinstance(axis, list) for axis in points):
            raise _refusal(where, name, points, "two lists, x and y")
        x, y = (tuple(_figure(value, name, where) for value in axis) for axis in points)
        if len(x) != len(y):
            raise _refusal(where, name, points, "as many x as y")
        made.append(Curve(x, y))
    return tuple(made)


def _figure(value: Any, name: str, where: str) -> float:
    """A number; NaN for null."""
    if value is None:
        return math.nan
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e300:
        raise _refusal(where, name, value, "a number or null")
    return float(value)


def _refusal(where: str, name: str, given: Any, expected: str) -> ModelError:
    shown = f"{given!r:.60}"
    return ModelError(f"{where}: {name} is {shown}; expected {expected}: evaluate again")
