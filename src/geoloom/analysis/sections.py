"""The report's sections, each a piece of HTML. Plain text from outside is escaped where it enters."""

from __future__ import annotations

import math
from html import escape

import numpy as np
from matplotlib.figure import Figure

from ..core.errors import ChipError
from ..figures.histograms import plot_histograms
from ..figures.style import figure_png, figure_svg
from ..io.raster import Raster
from ..metrics.accuracy import Accuracy
from .chips import plot_chips
from .curves import plot_precision_recall_curve, plot_roc_curve, plot_training
from .evidence import Evidence, describe_grid, versions
from .scores import Score
from .tables import (
    STACKED_FROM,
    accuracy_table,
    area_table,
    confusion_table,
    flattened,
    hectares,
    number,
    pairs_table,
    percent,
)

_DEGREE_M = 111_195.0
"""Metres in a degree of latitude, on the mean sphere."""
_PX_PER_INCH = 100.0
_COLUMN_PX = 980


def headline(evidence: Evidence) -> str:
    """The figures that people look for first."""
    tiles: list[tuple[str, str, str]] = []
    if evidence.leading is not None:
        a = evidence.leading.accuracy
        tiles = [
            ("Overall accuracy", percent(a.overall_accuracy), f"{a.pixels:,} pixels scored"),
            ("Mean F1", number(a.mean_f1), f"{len(a.classes)} classes, equal weight"),
            ("Mean IoU", number(a.mean_iou), "intersection over union"),
            ("Kappa", number(a.kappa), "agreement beyond chance"),
        ]
    area = evidence.areas.hectares
    tiles.append(("Mapped area", f"{hectares(area)}\u202fha", f"{area / 100:,.0f} km²"))
    return "".join(
        f'<div class="tile"><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>'
        for name, value, note in tiles
    )


def lead(evidence: Evidence) -> str:
    """The findings in sentences."""
    sentences = []
    if evidence.leading is not None:
        a = evidence.leading.accuracy
        sentences.append(
            f"Of {a.pixels:,} scored pixels, <strong>{percent(a.overall_accuracy)}</strong> carry their "
            "true class."
        )
        sentences += [_extremes(a), _worst_confusion(a)]
    elif evidence.scores:
        sentences.append(
            "How good this map is on ground that the network has not learned from is not known: the figures "
            "below were counted on ground that had a part in the training, or may have had."
        )
    rows = [row for row in evidence.areas.rows if row.pixels]
    if rows:
        largest = max(rows, key=lambda row: row.hectares)
        sentences.append(
            f"The map gives {percent(largest.share)} of the mapped area "
            f"({hectares(largest.hectares)}\u202fha) to {escape(largest.name)}."
        )
    return " ".join(s for s in sentences if s)


def accuracy_section(evidence: Evidence) -> str:
    """Tables and matrices of every score, and the curves of the first that has any."""
    if not evidence.scores:
        return _section(
            "accuracy", "Accuracy",
            "<p>No accuracy was given with this map. Evaluate the model on test chips, or give the report "
            "a truth layer, and it appears here.</p>",
        )  # fmt: skip
    parts = [_score_block(score, evidence, first=i == 0) for i, score in enumerate(evidence.scores)]
    return _section("accuracy", "Accuracy", "".join(parts))


def area_section(evidence: Evidence) -> str:
    """How much of each class there is."""
    unmapped = _unmapped(evidence.areas.unmapped_pixels)
    note = (
        f"Areas are counted from the map: of each pixel, its outline on the ellipsoid. {unmapped}"
    )
    if evidence.scores:
        note += " Areas carry the map’s errors: low precision overstates a class, low recall understates it."
    return _section("area", "Area", area_table(evidence.areas) + _note(note))


def training_section(evidence: Evidence) -> str:
    """The network and how its training went."""
    card = evidence.card
    facts = [
        ("Network", card.architecture),
        ("Options", ", ".join(f"{k} {v}" for k, v in card.options.items()) or "defaults"),
        ("Input bands", ", ".join(card.band_names)),
        ("Classes", ", ".join(card.classes.names)),
        ("Normalisation", str((card.normalization or {}).get("kind", "none"))),
    ]
    if card.chip_size_px:
        facts.append(("Training chips", f"{card.chip_size_px} × {card.chip_size_px} pixels"))
    if card.gsd:
        facts.append(("Trained on pixels of", pixel_in_words(card.gsd, card.gsd_unit)))
    body = pairs_table(facts)
    history = evidence.history
    if history is not None and history.panels():
        best = f", best at epoch {history.best_epoch}" if history.best_epoch else ""
        body = (
            _svg(
                plot_training(history), "training",
                f"Loss and scores by epoch, {len(history.epochs)} epochs{best}.",
            )
            + body
        )  # fmt: skip
    return _section("model", "Model and training", body)


def data_section(evidence: Evidence, seen: Raster | None) -> str:
    """What went in: chips over the scene as `seen`, and the bands' histograms."""
    parts = []
    if evidence.chips is not None and seen is not None:
        parts.append(_chips_figure(evidence, seen))
    if evidence.scene is not None:
        parts.append(
            _svg(
                plot_histograms(evidence.scene, max_px=900), "histograms",
                "Histogram of each band’s observed pixels, stored values, with a line of its density. "
                "The brightest 2 % lie outside the panels.",
            )
        )  # fmt: skip
    return _section("data", "Data", "".join(parts)) if parts else ""


def method_section(evidence: Evidence) -> str:
    """How it was made, so that it can be made again."""
    files = [("Map", evidence.map.name)]
    if evidence.scene is not None:
        files.append(("Scene", evidence.scene.name))
    if evidence.truth is not None:
        files.append(("Truth", evidence.truth.source.name))
    notes = (
        "<p>All figures of a table come from one confusion matrix, summed over every scored pixel: they "
        "do not depend on how the scene was cut into chips or tiles. Rows are the truth, columns the "
        "prediction. Pixels that were not observed, or that the truth does not label, take part in no "
        "figure. Means give each class of the truth equal weight; a class of the truth that is never "
        "mapped counts as 0.</p>"
    )
    records = "".join(
        _folded(f"{title} settings, as run", pairs_table(flattened(content)))
        for title, content in evidence.settings
    )
    software = _folded("Software", pairs_table(versions()))
    body = notes + pairs_table([*files, *describe_grid(evidence.grid)]) + records + software
    return _section("method", "Method and settings", body)


def _score_block(score: Score, evidence: Evidence, *, first: bool) -> str:
    a = score.accuracy
    title = f"<h3>{escape(score.title)}</h3>"
    summary = [
        ("Overall accuracy", percent(a.overall_accuracy, 2)),
        ("Mean class accuracy", percent(a.mean_accuracy, 2)),
        ("Kappa", number(a.kappa, 4)),
        ("Mean F1", number(a.mean_f1, 4)),
        ("Mean IoU", number(a.mean_iou, 4)),
    ]
    if not math.isnan(a.log_loss):
        summary.append(("Cross-entropy", number(a.log_loss, 4)))
    line = "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in summary)
    stacked = " stacked" if len(a.classes) > STACKED_FROM else ""
    matrices = (
        f'<div class="pair{stacked}">{confusion_table(a, normalize=False)}'
        f"{confusion_table(a, normalize=True)}</div>"
    )
    curves = ""
    if a.roc:
        known = evidence.classes
        curves = (
            f'<div class="pair">{_svg(plot_roc_curve(a, known), f"roc{int(first)}", _roc_caption(a))}'
            f"{_svg(plot_precision_recall_curve(a, known), f'pr{int(first)}', _pr_caption(a))}</div>"
        )
    return (
        f'{title}{_note(escape(score.note))}<dl class="line">{line}</dl>'
        f"{accuracy_table(a, evidence.classes)}{matrices}{curves}"
    )


def _roc_caption(a: Accuracy) -> str:
    areas = "; ".join(f"{name} {number(v)}" for name, v in zip(a.classes, a.auc, strict=True))
    return f"ROC curves, one class against the rest. Area under each: {areas}."


def _pr_caption(a: Accuracy) -> str:
    areas = "; ".join(
        f"{name} {number(v)}" for name, v in zip(a.classes, a.average_precision, strict=True)
    )
    return (
        f"Precision against recall. Average precision: {areas}. Dotted: what guessing would give."
    )


def _chips_figure(evidence: Evidence, seen: Raster) -> str:
    try:
        figure = plot_chips(evidence.chips, seen)
    except ChipError:
        return _note("The training chips come from another scene than the one shown.")
    splits = evidence.chips.table["split"].fillna("unsplit").value_counts()
    counts = ", ".join(f"{name} {n:,}" for name, n in splits.items())
    return _png(figure, f"Where the {int(splits.sum()):,} chips lie, by split: {counts}.")


def _extremes(a: Accuracy) -> str:
    scored = [
        (f, n)
        for f, n, s in zip(a.f1, a.classes, a.support, strict=True)
        if s and not math.isnan(f)
    ]
    if len(scored) < 2:
        return ""
    (low, worst), (high, best) = min(scored), max(scored)
    return (
        f"{escape(best).capitalize()} is mapped best (F1 {number(high)}), "
        f"{escape(worst)} least well (F1 {number(low)})."
    )


def _worst_confusion(a: Accuracy) -> str:
    """The most frequent error, in words."""
    counts = a.confusion.copy()
    np.fill_diagonal(counts, 0)
    if not counts.any():
        return ""
    true, mapped = np.unravel_index(int(counts.argmax()), counts.shape)
    share = counts[true, mapped] / a.support[true]
    return (
        f"The most frequent error: {counts[true, mapped]:,} pixels of {escape(a.classes[true])} "
        f"({percent(share)} of that class) mapped as {escape(a.classes[mapped])}."
    )


def _section(key: str, title: str, body: str) -> str:
    heading = f'<h2 id="{key}-title">{title}</h2>'
    return f'<section id="{key}" aria-labelledby="{key}-title">{heading}{body}</section>'


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def _note(text: str) -> str:
    return f'<p class="note">{text}</p>'


def _unmapped(pixels: int) -> str:
    if not pixels:
        return "Every pixel carries a class."
    return f"{pixels:,} {'pixel carries' if pixels == 1 else 'pixels carry'} no class."


def pixel_in_words(size: float, unit: str) -> str:
    """A pixel's side as people speak of it; degrees with what they measure along a meridian.

    Example:
        >>> pixel_in_words(30.0, "metre"), pixel_in_words(8.14913e-05, "degrees_north")
        ('30 m', '0.0000815 degrees, about 9.06 m')
    """
    if unit.startswith("degree"):
        plain = np.format_float_positional(size, precision=3, fractional=False, trim="-")
        return f"{plain} degrees, about {size * _DEGREE_M:.3g} m"
    if unit.startswith("metre"):
        return f"{size:.4g} m"
    return f"{size:.6g} {unit}"


def _svg(figure: Figure, key: str, caption: str) -> str:
    label = escape(caption)
    # A narrow figure stays narrow: blown up to the column, its letters would be a finger high.
    width = min(figure.get_size_inches()[0] * _PX_PER_INCH, _COLUMN_PX)
    return (
        f'<figure><div class="plot" style="max-width:{width:.0f}px" role="img" aria-label="{label}">'
        f"{figure_svg(figure, key)}</div>"
        f"<figcaption>{label}</figcaption></figure>"
    )


def _png(figure: Figure, caption: str) -> str:
    import base64

    data = base64.b64encode(figure_png(figure, dpi=130)).decode("ascii")
    label = escape(caption)
    return (
        f'<figure><img class="paper" alt="{label}" src="data:image/png;base64,{data}">'
        f"<figcaption>{label}</figcaption></figure>"
    )
