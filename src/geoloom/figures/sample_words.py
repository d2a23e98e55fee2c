"""What a sample, or an answer, says of an image as a whole, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .meanings import Meanings
from .style import ERROR, INK

SEPARATOR = " · "
"""Between truth and prediction."""

_MOST_NAMED = 8
_MOST_VALUES = 6


@dataclass(frozen=True, slots=True)
class Words:
    """Lines to stand above a picture or below a small one."""

    lines: tuple[str, ...] = ()
    is_wrong: bool = False
    """Whether the answer is another class than the truth."""

    @property
    def color(self) -> str:
        """Wrong answers stand out."""
        return ERROR if self.is_wrong else INK


def words_of(sample: Mapping[str, Any], meanings: Meanings) -> Words:
    """Truth and prediction of the class, the classes or the values of a whole image, of a sample of arrays.

    Example:
        >>> from geoloom.core.classes import Classes
        >>> two = Meanings(Classes.of(["Forest", "River"]))
        >>> words_of({"label": np.array(0), "prediction": np.array(1)}, two)
        Words(lines=('truth: Forest · predicted: River',), is_wrong=True)
    """
    given = sample.get("prediction")
    answer = given if given is not None and given.ndim < 2 else None
    truth = next(
        (sample[key] for key, axes in _WHOLE if key in sample and sample[key].ndim == axes), None
    )
    if truth is None and answer is None:
        return Words()
    kind = _kind(sample, answer, meanings)
    if kind == "value":
        return Words(tuple(_values(truth, answer, meanings)))
    named = _labels if kind == "label" else _several
    said = [None if one is None else named(one, meanings) for one in (truth, answer)]
    if said[1] is None:
        return Words((str(said[0]),))
    if said[0] is None:
        return Words((f"predicted: {said[1]}",))
    wrong = truth is not None and not np.array_equal(truth, np.asarray(answer).astype(truth.dtype))
    return Words(
        (f"truth: {said[0]}{SEPARATOR}predicted: {said[1]}",), wrong and said[0] != "unknown"
    )


_WHOLE = (("label", 0), ("multilabel", 1), ("value", 1))
"""Keys of the whole image, and how many axes they have then."""


def _kind(sample: Mapping[str, Any], answer: Any, meanings: Meanings) -> str:
    for key, axes in _WHOLE:
        if key in sample and sample[key].ndim == axes:
            return key
    if answer.ndim == 0 and answer.dtype.kind in "iu":
        return "label"
    return "multilabel" if answer.dtype == bool else "value"


def _labels(position: Any, meanings: Meanings) -> str:
    return meanings.name("label", int(position))


def _several(flags: Any, meanings: Meanings) -> str:
    names = [meanings.name("multilabel", int(i)) for i in np.flatnonzero(flags)]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more or "none of the classes"


def _values(truth: Any, answer: Any, meanings: Meanings) -> list[str]:
    both = [None if v is None else np.atleast_1d(v) for v in (truth, answer)]
    count = max(len(v) for v in both if v is not None)
    lines = []
    for k in range(min(count, _MOST_VALUES)):
        unit = meanings.value_unit("value", k)
        known, guess = (None if v is None else _number(v[k], unit) for v in both)
        name = meanings.value_name("value", k)
        if guess is None:
            lines.append(f"{name}: {known}")
        elif known is None:
            lines.append(f"{name}: predicted {guess}")
        else:
            lines.append(f"{name}: truth {known}{SEPARATOR}predicted {guess}")
    return lines + ([f"and {count - _MOST_VALUES} more values"] if count > _MOST_VALUES else [])


def _number(value: float, unit: str | None) -> str:
    if not np.isfinite(value):
        return "unknown"
    return f"{float(value):.4g}" + (f" {unit}" if unit else "")
