"""The course of a training, epoch by epoch, as the model folder keeps it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ModelError
from ..core.jsonfile import JsonValue

HISTORY_FILE = "history.json"

_PREFIXES = ("train", "val", "test")
_SPOKEN = {"train": "training", "val": "validation", "test": "test"}
_TITLES = {
    "loss": "Loss",
    "accuracy": "Overall accuracy",
    "overall_accuracy": "Overall accuracy",
    "f1": "Mean F1",
    "mean_f1": "Mean F1",
    "iou": "Mean IoU",
    "mean_iou": "Mean IoU",
    "kappa": "Kappa",
    "rmse": "RMSE",
    "mae": "MAE",
    "bias": "Bias",
    "r2": "R²",
    "mean_r2": "Mean R²",
}
_NO_CURVES = {"epoch", "step", "seconds", "time", "best", "learning_rate", "lr"}


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity of one part of the data."""

    name: str
    values: np.ndarray
    """float64, one per epoch; NaN where it was not measured."""


@dataclass(frozen=True, slots=True)
class History:
    """What was measured after each epoch."""

    epochs: np.ndarray
    """int64, from 1."""
    columns: Mapping[str, np.ndarray]
    """float64 by name, such as `train_loss`; NaN where not measured."""

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[float | None]]) -> History:
        """From equally long columns; `epoch` is taken as the epochs' numbers, else they count from 1.

        Raises:
            ModelError: there is no column, or their lengths differ.
        """
        arrays = {
            name: np.array([math.nan if v is None else float(v) for v in values])
            for name, values in columns.items()
        }
        lengths = {len(values) for values in arrays.values()}
        if len(lengths) != 1:
            raise ModelError(
                f"a history needs equally long columns, found lengths {sorted(lengths)} in "
                f"{', '.join(columns) or 'nothing'}"
            )
        numbers = arrays.pop("epoch", np.arange(1, lengths.pop() + 1))
        if not np.isfinite(numbers).all():
            raise ModelError("a history's epochs are whole numbers; found one that is none")
        first = 1 if len(numbers) and numbers[0] == 0 else 0
        return cls(numbers.astype(np.int64) + first, arrays)

    @property
    def best_epoch(self) -> int | None:
        """Epoch of the least validation loss; None without one."""
        for name in ("valid_loss", "val_loss"):
            values = self.columns.get(name)
            if values is not None and np.isfinite(values).any():
                return int(self.epochs[np.nanargmin(values)])
        return None

    def panels(self, measures: Sequence[str] = ()) -> list[tuple[str, list[Line]]]:
        """Lines grouped by what they measure, loss first.

        Args:
            measures: Which, such as `loss`; empty means all.
        """
        groups: dict[str, list[Line]] = {}
        for column, values in self.columns.items():
            prefix, _, measure = column.partition("_")
            if prefix not in _PREFIXES:
                prefix, measure = "", column
            if measure in _NO_CURVES or not np.isfinite(values).any():
                continue
            if measures and measure not in measures:
                continue
            title = _TITLES.get(measure, measure.replace("_", " ").capitalize())
            groups.setdefault(title, []).append(Line(_SPOKEN.get(prefix, measure), values))
        return sorted(groups.items(), key=lambda item: item[0] != "Loss")


def read_history(model_dir: str | Path) -> History | None:
    """The history in a model folder; None where it keeps none.

    Raises:
        ModelError: the file is there and cannot be understood.
    """
    path = Path(model_dir) / HISTORY_FILE
    if not path.exists():
        return None
    fix = "train again, or remove it"
    content = JsonValue.read(path, ModelError, fix).value
    try:
        return History.of(_columns(content))
    except (ModelError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(f"{path} is not a training history ({error}); {fix}") from error


def _columns(content: Any) -> dict[str, list[float | None]]:
    """Columns of a list of rows (one per epoch), of such a list under `epochs`, or columns themselves."""
    rows = content.get("epochs", content) if isinstance(content, dict) else content
    if isinstance(rows, dict):
        return {name: values for name, values in rows.items() if isinstance(values, list)}
    names = list(dict.fromkeys(name for row in rows for name in row))
    plain = [n for n in names if all(isinstance(r.get(n), int | float | None) for r in rows)]
    return {name: [row.get(name) for row in rows] for name in plain}
