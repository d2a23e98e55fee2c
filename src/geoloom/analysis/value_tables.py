"""HTML tables of measured values. Every text that comes from outside is escaped here."""

from __future__ import annotations

import math

from ..core.statistics import BandStatistics
from ..metrics.value_accuracy import ValueAccuracy
from .tables import breakable, number

_DIGITS = 4
_ERRORS = (
    ("rmse", "RMSE", "Root mean squared error, in the value’s unit"),
    ("mae", "MAE", "Mean absolute error, in the value’s unit"),
    ("bias", "Bias", "Mean of prediction − truth: above 0 where predictions are too high"),
)
_TRUTH = (
    ("truth_mean", "Mean", "Mean of the truth"),
    ("truth_std", "Std", "Standard deviation of the truth"),
)
_STATISTICS = (
    ("mean", "Mean"),
    ("std", "Std"),
    ("min", "Least"),
    ("median", "Median"),
    ("max", "Greatest"),
)


def measured(value: float, unit: str | None = None, *, signed: bool = False) -> str:
    r"""A measured value for reading: four digits that count, and its unit; a dash where there is none.

    Example:
        >>> measured(0.0123456), measured(1234567.0, "m"), measured(2.5, "m", signed=True)
        ('0.01235', '1,234,567\u202fm', '+2.500\u202fm')
    """
    if math.isnan(value):
        return "–"
    size = abs(value)
    sign = "+" if signed and value > 0 else ""
    if size and (size < 1e-4 or size >= 1e9):
        text = f"{value:.{_DIGITS - 1}e}"
    else:
        whole = math.floor(math.log10(size)) + 1 if size else 1
        text = f"{value:,.{max(0, _DIGITS - whole)}f}"
    return f"{sign}{text}" if unit is None else f"{sign}{text}\u202f{breakable(unit)}"


def value_table(accuracy: ValueAccuracy) -> str:
    """The errors of each value, in its unit, beside the spread of the truth."""
    heads = "".join(_head(title, hint) for _, title, hint in _ERRORS)
    heads += _head("R²", "1 is perfect, 0 no better than the mean of the truth, below 0 worse")
    heads += "".join(_head(title, hint) for _, title, hint in _TRUTH)
    body = []
    for row in accuracy.rows():
        errors = "".join(_cell(measured(row[key], signed=key == "bias")) for key, _, _ in _ERRORS)
        truth = "".join(_cell(measured(row[key])) for key, _, _ in _TRUTH)
        figures = errors + _cell(number(row["r2"])) + truth + _cell(f"{row['count']:,}")
        body.append(
            f'<tr><th scope="row">{breakable(row["value"])}</th><td>{breakable(row["unit"] or "–")}</td>'
            f"{figures}</tr>"
        )
    return _table("Accuracy by value", heads + _head("Pairs", "Of truth and prediction"), body)


def statistics_table(statistics: BandStatistics, units: tuple[str | None, ...]) -> str:
    """What a map holds of each value."""
    heads = "".join(_head(title, "") for _, title in _STATISTICS) + _head("Pixels", "")
    body = []
    for i, (name, unit) in enumerate(zip(statistics.bands, units, strict=True)):
        cells = "".join(_cell(measured(getattr(statistics, key)[i])) for key, _ in _STATISTICS)
        body.append(
            f'<tr><th scope="row">{breakable(name)}</th><td>{breakable(unit or "–")}</td>{cells}'
            f"{_cell(f'{statistics.count[i]:,}')}</tr>"
        )
    return _table("Values of the map", heads, body)


def _table(caption: str, heads: str, rows: list[str]) -> str:
    return (
        f'<div class="scroll"><table class="data"><caption class="sr">{caption}</caption><thead><tr>'
        f'<th scope="col">Value</th><th scope="col">Unit</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _head(title: str, hint: str) -> str:
    shown = f'<abbr title="{hint}">{title}</abbr>' if hint else title
    return f'<th scope="col" class="num">{shown}</th>'


def _cell(text: str) -> str:
    return f'<td class="num">{text}</td>'
