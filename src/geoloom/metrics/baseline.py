"""What a simpler method reaches on the samples that a network is scored on, as the model folder keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import ModelError
from ..core.jsonfile import JsonValue
from .accuracy import Accuracy

BASELINE_FILE = "baseline.json"
_FIX = "train again with baseline=True (--baseline), or remove the file"


@dataclass(frozen=True, slots=True)
class BaselineScore:
    """Its figures on some samples."""

    samples: str
    """Name of the chip store."""
    split: str | None
    """Of the samples; None where they have no splits."""
    accuracy: Accuracy

    def same_pixels(self, other: Accuracy) -> bool:
        """Whether other figures count the same truth: as many true pixels of each class."""
        own = self.accuracy
        return (own.classes, own.support, own.per) == (other.classes, other.support, other.per)

    def sentence(self) -> str:
        """The figures in a line."""
        a = self.accuracy
        return f"accuracy {a.overall_accuracy:.3f}, mean F1 {a.mean_f1:.3f}"


@dataclass(frozen=True, slots=True)
class Baseline:
    """A forest's figures, and how it was made."""

    method: Mapping[str, Any] = field(hash=False)
    """Plain values."""
    scores: tuple[BaselineScore, ...]
    """On the samples that chose the network's weights first, then on the split `test`."""

    @classmethod
    def read(cls, model: str | Path) -> Baseline | None:
        """Of a model folder; None where it has none.

        Raises:
            ModelError: the file is damaged.
        """
        path = Path(model) / BASELINE_FILE
        try:
            values = JsonValue.read(path, ModelError, _FIX)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return cls.from_dict(values.value, where=str(path))

    @classmethod
    def from_dict(cls, values: Any, *, where: str) -> Baseline:
        """What `to_dict` wrote.

        Raises:
            ModelError: it is something else; the message names `where`.
        """
        known = values if isinstance(values, dict) else {}
        method, scores = known.get("method"), known.get("scores")
        if not isinstance(method, dict) or not isinstance(scores, list) or not scores:
            raise ModelError(f"{where} holds no figures of a baseline; {_FIX}")
        return cls(method, tuple(_score(entry, where) for entry in scores))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; each accuracy in the form of `validation.json`."""
        scores = [
            {"samples": s.samples, "split": s.split, "accuracy": s.accuracy.to_dict()}
            for s in self.scores
        ]
        return {"method": dict(self.method), "scores": scores}

    def beside(self, accuracy: Accuracy) -> BaselineScore | None:
        """The figures on the pixels that others were counted on; None where there are none."""
        return next((score for score in self.scores if score.same_pixels(accuracy)), None)


def _score(entry: Any, where: str) -> BaselineScore:
    known = entry if isinstance(entry, dict) else {}
    samples, split, accuracy = (known.get(key) for key in ("samples", "split", "accuracy"))
    if not (
        isinstance(samples, str) and isinstance(split, str | None) and isinstance(accuracy, dict)
    ):
        raise ModelError(f"{where} holds {entry!r:.60} among its scores; {_FIX}")
    return BaselineScore(samples, split, Accuracy.from_dict(accuracy, where=where))
