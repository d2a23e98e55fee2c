"""HTML tables of the report. Every text that comes from outside is escaped here."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from ..core.classes import Classes
from ..figures.matrices import COLORS, row_shares
from ..figures.style import readable_on
from ..metrics.accuracy import Accuracy
from .areas import AreaTable

_METRICS = (
    (
        "precision",
        "Precision",
        "User’s accuracy: of what is mapped as this class, the share truly so",
    ),
    ("recall", "Recall", "Producer’s accuracy: of what truly is this class, the share found"),
    ("f1", "F1", "Harmonic mean of precision and recall"),
    ("iou", "IoU", "Intersection over union"),
    ("auc", "AUC", "Area under the ROC curve"),
    ("average_precision", "AP", "Average precision: area under the precision–recall curve"),
)


STACKED_FROM = 4
"""More classes than this, and two matrices do not fit side by side."""
DENSE_FROM = 8
"""More classes than this, and the cells of a matrix are small."""


def number(value: float | None, digits: int = 3) -> str:
    """A figure for reading; a dash where there is none."""
    missing = value is None or math.isnan(value)
    return "–" if missing else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    r"""A share (0 to 1) as per cent, with a narrow space that does not break.

    Example:
        >>> percent(0.98765), percent(float("nan"))
        ('98.8\u202f%', '–')
    """
    missing = value is None or math.isnan(value)
    return "–" if value is None or missing else f"{100 * value:.{digits}f}\u202f%"


def hectares(value: float) -> str:
    """An area in hectares, with decimals only where it is small."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def breakable(name: str) -> str:
    """A name from outside as HTML that may be broken where its words end."""
    return re.sub(r"([_/.])", r"\1<wbr>", escape(name))


def swatch(color: str) -> str:
    """A small square of a class's colour."""
    return f'<span class="swatch" style="background:{escape(color)}"></span>'


def accuracy_table(accuracy: Accuracy, classes: Classes, *, counted: str = "pixels") -> str:
    """Per-class figures, a bar behind each, and the means."""
    shown = [m for m in _METRICS if getattr(accuracy, m[0])]
    head = "".join(
        f'<th scope="col" class="num"><abbr title="{escape(hint)}">{title}</abbr></th>'
        for _, title, hint in shown
    )
    colors = dict(zip(classes.names, classes.colors, strict=True))
    body = []
    for row in accuracy.rows():
        cells = "".join(_bar_cell(row[key]) for key, _, _ in shown)
        body.append(
            f'<tr><th scope="row">{swatch(colors.get(row["class"], "#888888"))}{breakable(row["class"])}</th>'
            f'{cells}<td class="num">{row["pixels"]:,}</td></tr>'
        )
    means = {
        "precision": accuracy.mean_precision,
        "recall": accuracy.mean_accuracy,
        "f1": accuracy.mean_f1,
        "iou": accuracy.mean_iou,
        "auc": _mean(accuracy.auc),
        "average_precision": _mean(accuracy.average_precision),
    }
    foot = "".join(f'<td class="num">{number(means[key])}</td>' for key, _, _ in shown)
    return (
        '<div class="scroll"><table class="data"><caption class="sr">Accuracy by class</caption>'
        f'<thead><tr><th scope="col">Class</th>{head}<th scope="col" class="num">{counted.capitalize()}</th>'
        f"</tr></thead><tbody>{''.join(body)}</tbody>"
        f'<tfoot><tr><th scope="row">Mean</th>{foot}<td class="num">{accuracy.pixels:,}</td></tr></tfoot>'
        "</table></div>"
    )


def confusion_table(accuracy: Accuracy, *, normalize: bool, counted: str = "pixels") -> str:
    """The confusion matrix as a table whose cells are coloured by the share of their row.

    With many classes the names across stand upright, shares are whole per cents, and cells without a pixel
    are left empty: such a matrix still fits the page.
    """
    counts = accuracy.confusion
    shares = row_shares(counts)
    names = [breakable(name) for name in accuracy.classes]
    dense = len(names) > DENSE_FROM
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = "".join(
            _heat_cell(shares[i, j], _matrix_text(counts[i, j], shares[i, j], normalize, dense))
            for j in range(len(names))
        )
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    title = "Share of the true class" if normalize else counted.capitalize()
    title += ", per cent" if normalize and dense else ""
    kind = "matrix dense" if dense else "matrix"
    return (
        f'<div class="scroll"><table class="{kind}"><caption>{title}</caption>'
        f'<thead><tr><td class="axis">truth ↓ &nbsp; prediction →</td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def area_table(areas: AreaTable) -> str:
    """Pixels, hectares and share of each class."""
    rows = "".join(
        f'<tr><th scope="row">{swatch(row.color)}{breakable(row.name)}</th>'
        f'<td class="num">{row.pixels:,}</td><td class="num">{hectares(row.hectares)}</td>'
        f"{_bar_cell(row.share, percent(row.share), row.color)}</tr>"
        for row in areas.rows
    )
    pixels = sum(row.pixels for row in areas.rows)
    return (
        '<div class="scroll"><table class="data"><caption class="sr">Area by class</caption><thead><tr>'
        '<th scope="col">Class</th><th scope="col" class="num">Pixels</th>'
        '<th scope="col" class="num">Hectares</th><th scope="col" class="num">Share</th></tr></thead>'
        f"<tbody>{rows}</tbody>"
        f'<tfoot><tr><th scope="row">Mapped</th><td class="num">{pixels:,}</td>'
        f'<td class="num">{hectares(areas.hectares)}</td><td class="num">'
        f"{percent(1.0 if pixels else math.nan, 0)}</td></tr></tfoot></table></div>"
    )


def pairs_table(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and values, both plain text."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in pairs
    )
    return f'<div class="scroll"><table class="pairs"><tbody>{rows}</tbody></table></div>'


def flattened(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as names with dots and plain text.

    Example:
        >>> flattened({"a": {"b": 1}, "c": [1, 2], "d": None})
        [('a.b', '1'), ('c', '1, 2'), ('d', 'none')]
    """
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            pairs += flattened(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", _text(value)))
    return pairs


def _text(value: Any) -> str:
    if value is None or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value) or "none"
    return str(value)


def _bar_cell(value: float, text: str | None = None, color: str = "var(--bar)") -> str:
    width = 0.0 if math.isnan(value) else 100 * min(max(value, 0.0), 1.0)
    shown = number(value) if text is None else text
    return (
        '<td class="num bar"><span class="track">'
        f'<span style="width:{width:.1f}%;background:{escape(color)}"></span></span>{shown}</td>'
    )


def _matrix_text(count: int, share: float, normalize: bool, dense: bool) -> str:
    if dense and not count:
        return ""
    if not normalize:
        return f"{count:,}"
    return f"{100 * share:.0f}" if dense else percent(share)


def _heat_cell(share: float, text: str) -> str:
    red, green, blue, _ = mpl.colormaps[COLORS](0.92 * float(np.nan_to_num(share)))
    ink = readable_on((red, green, blue))
    return f'<td style="background:{to_hex((red, green, blue))};color:{ink}">{text}</td>'


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if not math.isnan(v)]
    return sum(known) / len(known) if known else math.nan
