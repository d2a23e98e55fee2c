"""Curves: ROC, precision against recall, and the course of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core.classes import Classes
from ..core.errors import ModelError
from ..figures.style import (
    INK,
    MANY_LINES,
    MUTED,
    TICK_PT,
    legend,
    new_figure,
    series_colors,
    tidy,
)
from ..metrics.accuracy import Accuracy
from ..metrics.curves import Curve
from .history import History

_GRID = np.linspace(0, 1, 201)


def plot_roc_curve(
    accuracy: Accuracy, classes: Classes | None = None, *, title: str | None = None
) -> Figure:
    """ROC curves, one class against the rest, with the area under each, and their mean.

    Args:
        accuracy: With curves, that is, of a prediction that came with probabilities.
        classes: Gives the lines the map's colours; None takes neutral ones.
        title: Above the figure.

    Raises:
        ModelError: the accuracy holds no curves.
    """
    _need(accuracy.roc, "ROC")
    figure = new_figure(5.0, 4.6, title=title)
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls=(0, (4, 3)), label="chance")
    for name, curve, area, color in zip(
        accuracy.classes, accuracy.roc, accuracy.auc, _colors(accuracy, classes), strict=True
    ):
        _draw_class(ax, curve, color, f"{name} (AUC {_figure(area)})", of=len(accuracy.classes))
    mean = mean_curve(accuracy.roc)
    if mean is not None and len(accuracy.classes) > 2:
        area = float(np.nanmean(accuracy.auc))
        ax.plot(
            mean.x, mean.y, color=INK, lw=1.6, ls=(0, (1, 1.5)), label=f"mean (AUC {_figure(area)})"
        )
    tidy(ax, x="false positive rate", y="true positive rate", grid="both")
    ax.set_xlim(-0.01, 1.01)
    ax.set_ylim(-0.01, 1.02)
    legend(ax, loc="lower right")
    return figure


def plot_precision_recall_curve(
    accuracy: Accuracy, classes: Classes | None = None, *, title: str | None = None
) -> Figure:
    """Precision against recall of each class, with its average precision (AP).

    Arguments and errors as `plot_roc_curve`. The dotted line of a class is its share of the pixels: the
    precision of guessing.
    """
    _need(accuracy.precision_recall, "precision-recall")
    figure = new_figure(5.0, 4.6, title=title)
    ax = figure.subplots()
    for name, curve, area, support, color in zip(
        accuracy.classes,
        accuracy.precision_recall,
        accuracy.average_precision,
        accuracy.support,
        _colors(accuracy, classes),
        strict=True,
    ):
        _draw_class(ax, curve, color, f"{name} (AP {_figure(area)})", of=len(accuracy.classes))
        share = support / accuracy.pixels
        ax.plot([0, 1], [share, share], color=color, lw=0.8, ls=(0, (1, 2)), label="_guessing")
    tidy(ax, x="recall", y="precision", grid="both")
    ax.set_xlim(-0.01, 1.01)
    ax.set_ylim(-0.01, 1.02)
    if len(accuracy.classes) <= MANY_LINES:
        legend(ax, loc="lower left")
    return figure


def _draw_class(ax: Axes, curve: Curve, color: str, label: str, *, of: int) -> None:
    """One class's curve: named in the legend where there are few, else thin and without a name."""
    if of > MANY_LINES:
        ax.plot(curve.x, curve.y, color=color, lw=0.9, alpha=0.7, label="_class")
    else:
        ax.plot(curve.x, curve.y, color=color, lw=1.8, label=label)


def plot_training(
    history: History | Mapping[str, Sequence[float]],
    *,
    measures: Sequence[str] = (),
    title: str | None = None,
) -> Figure:
    """Loss and scores by epoch, training beside validation, with the best epoch marked.

    Args:
        history: As `read_history` gives it, or columns of numbers by name, such as `train_loss`.
        measures: What is drawn, such as `loss` and `rmse`, a panel each; empty means all.
        title: Above the figure.
    """
    known = history if isinstance(history, History) else History.of(history)
    panels = known.panels(measures)
    figure = new_figure(3.5 * len(panels), 2.9, title=title)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (name, lines) in zip(axes, panels, strict=True):
        for line, color in zip(lines, series_colors(len(lines)), strict=True):
            good = np.isfinite(line.values)
            ax.plot(known.epochs[good], line.values[good], color=color, lw=1.8, label=line.name)
            if len(known.epochs) < 16:
                ax.plot(known.epochs[good], line.values[good], "o", color=color, ms=3)
        if known.best_epoch is not None:
            ax.axvline(known.best_epoch, color=MUTED, lw=0.9, ls=(0, (4, 3)))
            late = known.best_epoch > known.epochs.mean()
            ax.annotate(
                "best", (known.best_epoch, 1), xycoords=("data", "axes fraction"), va="top",
                xytext=(-3 if late else 3, 0), textcoords="offset points",
                ha="right" if late else "left", fontsize=TICK_PT, color=MUTED,
            )  # fmt: skip
        tidy(ax, title=name, x="epoch", grid="y")
        ax.locator_params(axis="x", integer=True)
        legend(ax, loc="best")
    return figure


def mean_curve(curves: Sequence[Curve]) -> Curve | None:
    """The mean height of curves at each x, each class with equal weight; None where none has points.

    Example:
        >>> mean_curve([Curve((0.0, 1.0), (0.0, 1.0)), Curve((0.0, 1.0), (1.0, 1.0))]).y[101]
        0.75
    """
    heights = []
    for curve in curves:
        x, y = np.asarray(curve.x), np.asarray(curve.y)
        if len(x) and np.isfinite(x).all() and np.isfinite(y).all():
            # At a vertical step interp takes the last height, which is the curve's there.
            heights.append(np.interp(_GRID, x, y))
    if not heights:
        return None
    mean = np.mean(heights, axis=0)
    return Curve((0.0, *_GRID.tolist()), (0.0, *mean.tolist()))


def _need(curves: Sequence[Any], kind: str) -> None:
    if not curves:
        raise ModelError(
            f"this accuracy holds no {kind} curves, since it was made from classes alone; evaluate a "
            "model on chips, or a map with its probabilities"
        )


def _colors(accuracy: Accuracy, classes: Classes | None) -> tuple[str, ...]:
    known = dict(zip(classes.names, classes.colors, strict=True)) if classes else {}
    own = [known.get(name, "") for name in accuracy.classes]
    return series_colors(len(own), own if all(own) else None)


def _figure(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"
