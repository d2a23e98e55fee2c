"""Outputs from JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..errors import GeoloomError, ModelError
from ..jsonfile import JsonValue
from .box_outputs import BoxOutputs
from .class_outputs import ClassOutputs
from .feature_outputs import FeatureOutputs
from .value_outputs import ValueOutputs

Outputs: TypeAlias = ClassOutputs | ValueOutputs | BoxOutputs | FeatureOutputs
"""What a network gives: frozen values, equal and hashed by content."""

_READERS: dict[str, Callable[[JsonValue], Outputs]] = {
    "classes": lambda value: ClassOutputs.from_json(value, multilabel=False),
    "multilabel": lambda value: ClassOutputs.from_json(value, multilabel=True),
    "values": ValueOutputs.from_json,
    "boxes": BoxOutputs.from_json,
    "features": FeatureOutputs.from_json,
}

AGAIN = "copy the file again, or make it again"
"""What to do about a damaged one, where its reader says nothing better."""


def read_outputs(value: JsonValue) -> Outputs:
    """The outputs that `to_dict` wrote.

    Raises:
        GeoloomError: as the value's own `error`: a key is missing, or a value is of another kind; file and
            key are named.
    """
    kind = value["kind"].one_of(tuple(_READERS))
    with value.checked():
        return _READERS[kind](value)


def outputs_from_dict(
    values: dict[str, Any],
    *,
    where: str,
    error: type[GeoloomError] = ModelError,
    fix: str = AGAIN,
) -> Outputs:
    """The outputs that `to_dict` wrote.

    Args:
        values: Plain values, as from JSON.
        where: The file that they come from, for messages.
        error: What refusals are raised as.
        fix: What to do about a damaged file, to end the message with.

    Raises:
        GeoloomError: as `error`: a key is missing, or a value is of another kind; file and key are named.

    Example:
        >>> outputs_from_dict({"kind": "features", "dim": 128}, where="model.json")
        FeatureOutputs(dim=128)
    """
    return read_outputs(JsonValue(values, where, error, fix))
