"""How well classes were distinguished: tables, matrices and curves, of pixels or of images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import numpy as np

from ...core.classes import Classes
from ...figures.style import MANY_LINES
from ...metrics.accuracy import Accuracy
from ..content import Section
from ..curves import plot_precision_recall_curve, plot_roc_curve
from ..evidence.scores import Score
from ..tables import STACKED_FROM, accuracy_table, confusion_table, number, percent
from .html import line, note, pair, svg


@dataclass(frozen=True, slots=True)
class Words:
    """What is counted, in words."""

    counted: str
    """In the plural."""
    whole: str
    """What the model made."""
    mapped: str
    """What was done to a class that was found."""
    taken: str
    """What was done to one that was not."""
    missing: str
    """What to do where no accuracy is known; HTML."""


PIXELS = Words(
    "pixels",
    "map",
    "mapped",
    "mapped as",
    "No accuracy was given with this map. Evaluate the model on test chips, or give the report a truth "
    "layer, and it appears here.",
)
IMAGES = Words(
    "images",
    "model",
    "recognised",
    "taken for",
    "No accuracy is known of this model. Evaluate it on test images, or give the report the answers to "
    "labelled images, and it appears here.",
)


def class_tiles(leading: Score[Accuracy] | None, words: Words) -> list[tuple[str, str, str]]:
    """The figures that people look for first; none where none are independent."""
    if leading is None:
        return []
    a = leading.accuracy
    return [
        ("Overall accuracy", percent(a.overall_accuracy), f"{a.pixels:,} {words.counted} scored"),
        ("Mean F1", number(a.mean_f1), f"{len(a.classes)} classes, equal weight"),
        ("Mean IoU", number(a.mean_iou), "intersection over union"),
        ("Kappa", number(a.kappa), "agreement beyond chance"),
    ]


def class_sentences(
    leading: Score[Accuracy] | None, scores: tuple[Score[Accuracy], ...], words: Words
) -> list[str]:
    """The accuracy in sentences."""
    if leading is not None:
        a = leading.accuracy
        share = f"<strong>{percent(a.overall_accuracy)}</strong>"
        first = f"Of {a.pixels:,} scored {words.counted}, {share} carry their true class."
        return [first, _extremes(a, words), _worst_confusion(a, words)]
    return [not_independent(words.whole)] if scores else []


def not_independent(whole: str) -> str:
    """What to say where figures are known, but none of them are independent."""
    where = "ground" if whole == "map" else "images"
    return (
        f"How good this {whole} is on {where} that the network has not learned from is not known: the "
        f"figures below were counted on {where} that had a part in the training, or may have had."
    )


def class_accuracy_section(
    scores: tuple[Score[Accuracy], ...], classes: Classes, words: Words, beside: str = ""
) -> Section:
    """Tables and matrices of every score, and its curves where it has any; then `beside`, HTML."""
    body = "".join(_block(score, classes, words, i) for i, score in enumerate(scores))
    return Section("accuracy", "Accuracy", "Accuracy", (body or f"<p>{words.missing}</p>") + beside)


def _block(score: Score[Accuracy], classes: Classes, words: Words, position: int) -> str:
    a = score.accuracy
    summary = [
        ("Overall accuracy", percent(a.overall_accuracy, 2)),
        ("Mean class accuracy", percent(a.mean_accuracy, 2)),
        ("Kappa", number(a.kappa, 4)),
        ("Mean F1", number(a.mean_f1, 4)),
        ("Mean IoU", number(a.mean_iou, 4)),
    ]
    if not math.isnan(a.log_loss):
        summary.append(("Cross-entropy", number(a.log_loss, 4)))
    matrices = pair(
        confusion_table(a, normalize=False, counted=words.counted),
        confusion_table(a, normalize=True, counted=words.counted),
        stacked=len(a.classes) > STACKED_FROM,
    )
    curves = ""
    if a.roc:
        curves = pair(
            svg(plot_roc_curve(a, classes), f"roc{position}", _roc_caption(a)),
            svg(plot_precision_recall_curve(a, classes), f"pr{position}", _pr_caption(a)),
        )
    return (
        f"<h3>{escape(score.title)}</h3>{note(escape(score.note))}{line(summary)}"
        f"{accuracy_table(a, classes, counted=words.counted)}{matrices}{curves}"
    )


def _roc_caption(a: Accuracy) -> str:
    what = "ROC curves, one class against the rest."
    if len(a.classes) > MANY_LINES:
        return f"{what} The area under each (AUC) stands in the table."
    areas = "; ".join(f"{name} {number(v)}" for name, v in zip(a.classes, a.auc, strict=True))
    return f"{what} Area under each: {areas}."


def _pr_caption(a: Accuracy) -> str:
    what, guess = "Precision against recall.", "Dotted: what guessing would give."
    if len(a.classes) > MANY_LINES:
        return f"{what} The average precision (AP) of each class stands in the table. {guess}"
    areas = "; ".join(
        f"{name} {number(v)}" for name, v in zip(a.classes, a.average_precision, strict=True)
    )
    return f"{what} Average precision: {areas}. {guess}"


def _extremes(a: Accuracy, words: Words) -> str:
    scored = [
        (f, n)
        for f, n, s in zip(a.f1, a.classes, a.support, strict=True)
        if s and not math.isnan(f)
    ]
    if len(scored) < 2:
        return ""
    (low, worst), (high, best) = min(scored), max(scored)
    return (
        f"{escape(best).capitalize()} is {words.mapped} best (F1 {number(high)}), "
        f"{escape(worst)} least well (F1 {number(low)})."
    )


def _worst_confusion(a: Accuracy, words: Words) -> str:
    """The most frequent error, in words."""
    counts = a.confusion.copy()
    np.fill_diagonal(counts, 0)
    if not counts.any():
        return ""
    true, mapped = np.unravel_index(int(counts.argmax()), counts.shape)
    share = counts[true, mapped] / a.support[true]
    return (
        f"The most frequent error: {counts[true, mapped]:,} {words.counted} of {escape(a.classes[true])} "
        f"({percent(share)} of that class) {words.taken} {escape(a.classes[mapped])}."
    )
