"""Values of a document, checked against the kind that the standard has there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ...core.errors import DatasetError

MOST_ASSETS = 2000
"""Of one item. The largest known, of climate models, have some hundred."""

MOST_BANDS = 65_535
"""Of one asset: as many as a TIFF can have."""


def fields(value: Any, what: str, whose: str) -> Mapping[str, Any]:
    """An object's fields; none where it is missing or null.

    Raises:
        DatasetError: it is not an object.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise DatasetError(
            f"{what} of {whose} is {_shown(value)}; expected an object, as STAC has it"
        )
    return value


def records(value: Any, what: str, whose: str) -> list[Mapping[str, Any]]:
    """The objects of a list; none where it is missing or null.

    Raises:
        DatasetError: it is not a list of objects.
    """
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise DatasetError(
            f"{what} of {whose} is {_shown(value)}; expected a list of objects, as STAC has it"
        )
    return list(value)


def texts(value: Any, what: str, whose: str) -> list[str]:
    """The texts of a list; none where it is missing or null.

    Raises:
        DatasetError: it is not a list of texts.
    """
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise DatasetError(f"{what} of {whose} is {_shown(value)}; expected a list of texts")
    return list(value)


def text(value: Any, what: str, whose: str) -> str | None:
    """A text; None where it is missing or null. A number, which some write as an id, is its digits.

    Raises:
        DatasetError: it is not text.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise DatasetError(f"{what} of {whose} is {_shown(value)}; expected a text")


def number(value: Any, what: str, whose: str, *, finite: bool = True) -> float | None:
    """A number, also one that JSON writes as text (`nan`, `inf`); None where it is missing or null.

    Raises:
        DatasetError: it is not a number, or one that is not finite where it must be.
    """
    if value is None:
        return None
    result = None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            result = float(value)
    if result is None or (finite and not math.isfinite(result)):
        raise DatasetError(f"{what} of {whose} is {_shown(value)}; expected a number")
    return result


def _shown(value: Any) -> str:
    """A value as a message may hold it, whatever its size."""
    kind = type(value).__name__
    if isinstance(value, str | int | float | bool | None):
        return f"{str(value)[:60]!r}"
    return f"a {kind} of {len(value)}" if hasattr(value, "__len__") else f"a {kind}"
