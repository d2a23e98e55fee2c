"""How predicted values agree with the truth, as reported: every figure from one tally."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ModelError
from ..core.jsonfile import JsonValue
from .scatter import BINS, Scatter
from .subject import Subject

Figures = tuple[float, ...]

_FIGURES = ("rmse", "mae", "bias", "r2", "truth_mean", "truth_std")


@dataclass(frozen=True, slots=True, eq=False)
class ValueAccuracy:
    """Agreement over all observed pixels, or images, with a known truth.

    Figures are in the order of `names`, in the values' units. NaN: the question has no answer, such as R2 of
    a truth that is the same everywhere.
    """

    names: tuple[str, ...]
    units: tuple[str | None, ...]
    count: tuple[int, ...]
    """Pairs counted."""
    rmse: Figures
    """Root mean squared error."""
    mae: Figures
    """Mean absolute error."""
    bias: Figures
    """Mean of prediction - truth."""
    r2: Figures
    """Coefficient of determination: 1 - squared errors / squared deviations of the truth from its mean. 1 is
    perfect, 0 no better than that mean, below 0 worse."""
    truth_mean: Figures
    truth_std: Figures
    """Standard deviation of the truth (population)."""
    scatters: tuple[Scatter, ...] = ()
    """Truth against prediction of each value; empty where they were left out."""
    subject: Subject | None = None
    """What was scored; None where it was not noted."""

    @classmethod
    def of_sums(
        cls,
        names: Sequence[str],
        units: Sequence[str | None],
        count: NDArray[np.int64],
        errors: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
        truth: tuple[NDArray[np.float64], NDArray[np.float64]],
        scatters: tuple[Scatter, ...],
    ) -> ValueAccuracy:
        """The figures of a tally.

        Args:
            names, units: Of the values.
            count: (K,), pairs.
            errors: (K,) each: sums of the error, of its absolute value and of its square.
            truth: (K,) each: mean, and summed squared deviations from it.
            scatters: Of each value.
        """
        n = np.where(count > 0, count, np.nan)
        error, absolute, squared = errors
        mean, deviation = truth
        with np.errstate(invalid="ignore", divide="ignore"):
            r2 = np.where(deviation > 0, 1 - squared / deviation, np.nan)
        return cls(
            names=tuple(names),
            units=tuple(units),
            count=tuple(count.tolist()),
            rmse=_figures(np.sqrt(squared / n)),
            mae=_figures(absolute / n),
            bias=_figures(error / n),
            r2=_figures(np.where(count > 0, r2, np.nan)),
            truth_mean=_figures(np.where(count > 0, mean, np.nan)),
            truth_std=_figures(np.sqrt(deviation / n)),
            scatters=scatters,
        )

    @property
    def counted(self) -> int:
        """Pairs counted, of the value that has most."""
        return max(self.count, default=0)

    def headline(self) -> dict[str, float]:
        """RMSE, MAE, bias and R2; of several values their mean R2 alone, since units may differ."""
        if len(self.names) == 1:
            return {name: getattr(self, name)[0] for name in ("rmse", "mae", "bias", "r2")}
        known = [value for value in self.r2 if not math.isnan(value)]
        return {"mean_r2": sum(known) / len(known) if known else math.nan}

    def by_name(self) -> dict[str, float]:
        """RMSE and R2 of each value, such as `rmse/height`."""
        return {
            f"{figure}/{name}": value
            for figure, values in (("rmse", self.rmse), ("r2", self.r2))
            for name, value in zip(self.names, values, strict=True)
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row a value, for tables: value, unit, rmse, mae, bias, r2, truth_mean, truth_std, count."""
        columns = {
            "value": self.names,
            "unit": self.units,
            **{name: getattr(self, name) for name in _FIGURES},
            "count": self.count,
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def text(self) -> str:
        """A report for people, a line for each value."""
        width = max(12, *(len(_title(*pair)) for pair in zip(self.names, self.units, strict=True)))
        heads = ("RMSE", "MAE", "bias", "R2", "mean", "std", "count")
        lines = [f"{'value':<{width}}" + "".join(f"{head:>12}" for head in heads)]
        for row in self.rows():
            cells = "".join(f"{_plain(row[name]):>12}" for name in _FIGURES)
            lines.append(f"{_title(row['value'], row['unit']):<{width}}{cells}{row['count']:>12,}")
        return "\n".join(lines) + "\n"

    def to_dict(self, *, curves: bool = True) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None. The scatters may be left out, for a summary."""
        subject = {} if self.subject is None else {"subject": self.subject.to_dict()}
        figures = {name: [_json(value) for value in getattr(self, name)] for name in _FIGURES}
        scatters = [_scatter_to_json(scatter) for scatter in self.scatters] if curves else []
        return {
            **subject,
            "values": list(self.names),
            "units": list(self.units),
            "count": list(self.count),
            **figures,
            "scatters": scatters,
        }

    @classmethod
    def from_dict(
        cls, values: Any, *, where: str = "the dictionary given as accuracy"
    ) -> ValueAccuracy:
        """The accuracy that `to_dict` wrote.

        Raises:
            ModelError: a value is none that it writes; the message names `where` and the key.
        """
        read = JsonValue(values, where, ModelError, "evaluate again")
        names = read["values"].texts(most=65_535)
        known = {
            name: tuple(_number(entry) for entry in read[name].entries(len(names)))
            for name in _FIGURES
        }
        subject = values.get("subject")
        return cls(
            names,
            tuple(
                None if unit.value is None else unit.text()
                for unit in read["units"].entries(len(names))
            ),
            tuple(entry.whole() for entry in read["count"].entries(len(names))),
            scatters=tuple(_scatter(entry) for entry in read["scatters"].entries(most=len(names))),
            subject=None if subject is None else Subject.from_dict(subject, where=where),
            **known,
        )


def _figures(column: NDArray[np.float64]) -> Figures:
    return tuple(column.tolist())


def _title(name: str, unit: str | None) -> str:
    return name if unit is None else f"{name} ({unit})"


def _plain(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.5g}"


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _number(value: JsonValue) -> float:
    return math.nan if value.value is None else value.number()


def _scatter_to_json(scatter: Scatter) -> dict[str, Any]:
    """The cells that hold something: [row, column, count]."""
    rows, cols = np.nonzero(scatter.counts)
    cells = np.stack([rows, cols, scatter.counts[rows, cols]], axis=1)
    return {"exponent": scatter.exponent, "origin": scatter.origin, "cells": cells.tolist()}


def _scatter(value: JsonValue) -> Scatter:
    counts = np.zeros((BINS, BINS), np.int64)
    for cell in value["cells"].entries(most=BINS * BINS):
        row, col, count = cell.entries(3)
        counts[row.whole(0, BINS - 1), col.whole(0, BINS - 1)] = count.whole(1)
    return Scatter(
        value["exponent"].whole(-1200, 1200), value["origin"].whole(-(2**40), 2**40), counts
    )
