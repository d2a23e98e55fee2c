"""How well measured values were predicted: tables, and truth against prediction."""

from __future__ import annotations

import math
from html import escape

from ...metrics.value_accuracy import ValueAccuracy
from ..content import Section
from ..evidence.scores import Score
from ..scatters import plot_scatter
from ..tables import number
from ..value_tables import measured, value_table
from .html import line, note, pair, svg

Scores = tuple[Score[ValueAccuracy], ...]


def value_tiles(leading: Score[ValueAccuracy] | None, counted: str) -> list[tuple[str, str, str]]:
    """The figures that people look for first; none where none are independent.

    Of several values their R2 alone, since units differ.
    """
    if leading is None:
        return []
    a = leading.accuracy
    if len(a.names) > 1:
        mean = a.headline()["mean_r2"]
        first = ("Mean R²", number(mean), f"{len(a.names)} values, {a.counted:,} {counted} scored")
        best = sorted(zip(a.r2, a.names, strict=True), key=_known_first)[:3]
        return [first, *((f"R² of {escape(name)}", number(r2), "") for r2, name in best)]
    unit = a.units[0]
    return [
        ("RMSE", measured(a.rmse[0], unit), f"{a.counted:,} {counted} scored"),
        ("MAE", measured(a.mae[0], unit), "mean absolute error"),
        ("Bias", measured(a.bias[0], unit, signed=True), "mean of prediction − truth"),
        ("R²", number(a.r2[0]), "share of the truth’s variance that is explained"),
    ]


def value_sentences(
    leading: Score[ValueAccuracy] | None, scores: Scores, counted: str, unknown: str
) -> list[str]:
    """The accuracy in sentences.

    Args:
        leading: Independent figures, or None.
        scores: All figures.
        counted: What they count, in the plural.
        unknown: What to say where no figures are independent.
    """
    if leading is None:
        return [unknown] if scores else []
    a = leading.accuracy
    return [_in_words(a, k, counted) for k in range(len(a.names)) if not math.isnan(a.mae[k])][:3]


def value_accuracy_section(scores: Scores, missing: str) -> Section:
    """Figures of every score, and truth against prediction of each value.

    Args:
        scores: All figures.
        missing: What to say where there are none; HTML.
    """
    body = "".join(_block(score, i) for i, score in enumerate(scores))
    return Section("accuracy", "Accuracy", "Accuracy", body or f"<p>{missing}</p>")


def _block(score: Score[ValueAccuracy], position: int) -> str:
    a = score.accuracy
    scatters = [
        svg(plot_scatter(a, k), f"scatter{position}-{k}", _caption(a, k))
        for k in range(len(a.scatters))
    ]
    summary = [(f"{name} R²", number(r2, 4)) for name, r2 in zip(a.names, a.r2, strict=True)]
    if len(a.names) == 1:
        unit = a.units[0]
        summary = [
            ("RMSE", measured(a.rmse[0], unit)),
            ("MAE", measured(a.mae[0], unit)),
            ("Bias", measured(a.bias[0], unit, signed=True)),
            ("R²", number(a.r2[0], 4)),
        ]
    shown = line([(escape(name), value) for name, value in summary])
    return (
        f"<h3>{escape(score.title)}</h3>{note(escape(score.note))}{shown}{value_table(a)}"
        f"{pair(*scatters) if scatters else ''}"
    )


def _caption(a: ValueAccuracy, k: int) -> str:
    return (
        f"Truth against prediction of {a.names[k]}: {a.count[k]:,} pairs, counted in cells. On the dashed "
        f"line both are equal; below it, predictions are too low."
    )


def _in_words(a: ValueAccuracy, k: int, counted: str) -> str:
    unit, bias = a.units[k], a.bias[k]
    side = "above" if bias > 0 else "below"
    return (
        f"Over {a.count[k]:,} scored {counted}, {escape(a.names[k])} is off by "
        f"<strong>{measured(a.mae[k], unit)}</strong> on average, and lies {measured(abs(bias), unit)} "
        f"{side} the truth on the whole."
    )


def _known_first(item: tuple[float, str]) -> tuple[bool, float]:
    return math.isnan(item[0]), -item[0]
