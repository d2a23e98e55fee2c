"""Accuracies from files: of classes or of values, as `evaluate` writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ...core.errors import ModelError
from ...core.jsonfile import JsonValue
from ...metrics.accuracy import Accuracy
from ...metrics.value_accuracy import ValueAccuracy

AnyAccuracy = Accuracy | ValueAccuracy
AccuracySource = AnyAccuracy | Mapping[str, Any] | str | Path
A = TypeVar("A", Accuracy, ValueAccuracy)

_DEEPEST = 20

_READERS: tuple[tuple[frozenset[str], Callable[..., AnyAccuracy]], ...] = (
    (frozenset({"matrix", "classes", "overall_accuracy"}), Accuracy.from_dict),
    (frozenset({"values", "rmse", "scatters"}), ValueAccuracy.from_dict),
)
"""By the keys that a dictionary of the kind has."""

_SPOKEN: dict[type[AnyAccuracy], str] = {Accuracy: "classes", ValueAccuracy: "values"}


def load_accuracy(source: AccuracySource) -> AnyAccuracy:
    """An accuracy as it is, from its dictionary, or from a JSON file that holds one.

    Raises:
        ModelError: the file or dictionary holds none, or a value in it is none that an evaluation writes.
    """
    if isinstance(source, Accuracy | ValueAccuracy):
        return source
    where = where_of(source)
    values: Any = _json_of(Path(source)) if isinstance(source, str | Path) else source
    accuracy = find_accuracy(values, where)
    if accuracy is None:
        raise ModelError(f"{where} holds no accuracy; give what `evaluate` returned or wrote")
    return accuracy


def of_kind(accuracy: AnyAccuracy, wanted: type[A], where: str) -> A:
    """The accuracy, where it is of the kind that a model has.

    Raises:
        ModelError: it is of the other kind.
    """
    if not isinstance(accuracy, wanted):
        raise ModelError(
            f"{where} holds figures of {_SPOKEN[type(accuracy)]}, where the model gives "
            f"{_SPOKEN[wanted]}; give those that `evaluate` wrote of this model or its map"
        )
    return accuracy


def where_of(source: AccuracySource) -> str:
    """Where it comes from, for messages."""
    return str(source) if isinstance(source, str | Path) else "the dictionary given as accuracy"


def find_accuracy(values: Any, where: str, depth: int = 0) -> AnyAccuracy | None:
    """The first accuracy in nested dictionaries; raises as `load_accuracy`."""
    if not isinstance(values, Mapping) or depth > _DEEPEST:
        return None
    for keys, read in _READERS:
        if keys <= set(values):
            return read(values, where=where)
    inner_ones = (find_accuracy(inner, where, depth + 1) for inner in values.values())
    return next((accuracy for accuracy in inner_ones if accuracy is not None), None)


def _json_of(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        ModelError: it cannot be read, is not JSON, or is too large or too deep to be an accuracy.
    """
    fix = "give what `evaluate` wrote"
    try:
        return JsonValue.read(path, ModelError, fix).value
    except FileNotFoundError as error:
        raise ModelError(f"{path} not found; {fix}") from error
