"""Confusion matrices as figures."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core.errors import ModelError
from .style import INK, LABEL_PT, TICK_PT, new_figure, readable_on, tidy

COLORS = "Blues"


def plot_confusion_matrix(
    matrix: np.ndarray | Sequence[Sequence[int]],
    class_names: Sequence[str],
    *,
    normalize: bool = False,
    title: str | None = None,
) -> Figure:
    """A confusion matrix: truth down, prediction across.

    Args:
        matrix: Counts (K, K), rows = truth.
        class_names: K names.
        normalize: Show each row as shares of its sum (recall on the diagonal), not counts.
        title: Above the figure.

    Raises:
        ModelError: the matrix is not K by K.
    """
    counts = _checked(matrix, class_names)
    side = 2.2 + 0.75 * len(class_names)
    figure = new_figure(side + 0.6, side, title=title)
    _draw(figure.subplots(), counts, class_names, normalize=normalize)
    return figure


def plot_confusion_matrices(
    matrix: np.ndarray | Sequence[Sequence[int]],
    class_names: Sequence[str],
    *,
    title: str | None = None,
) -> Figure:
    """Counts and row shares of one confusion matrix side by side; arguments as `plot_confusion_matrix`."""
    counts = _checked(matrix, class_names)
    side = 2.2 + 0.7 * len(class_names)
    figure = new_figure(2 * side + 1.0, side, title=title)
    left, right = figure.subplots(1, 2)
    _draw(left, counts, class_names, normalize=False)
    _draw(right, counts, class_names, normalize=True)
    return figure


def row_shares(counts: np.ndarray) -> np.ndarray:
    """Each row divided by its sum, float64; NaN in rows without pixels.

    Example:
        >>> row_shares(np.array([[3, 1], [0, 0]])).tolist()
        [[0.75, 0.25], [nan, nan]]
    """
    sums = counts.sum(axis=1, keepdims=True).astype(np.float64)
    return np.asarray(np.divide(counts, sums, out=np.full(counts.shape, np.nan), where=sums > 0))


def _checked(matrix: np.ndarray | Sequence[Sequence[int]], names: Sequence[str]) -> np.ndarray:
    counts = np.asarray(matrix)
    if counts.shape != (len(names), len(names)):
        raise ModelError(
            f"confusion matrix of shape {counts.shape} for {len(names)} classes ({', '.join(names)}); "
            f"give one of shape {(len(names), len(names))}, rows = truth"
        )
    return counts


def _draw(ax: Axes, counts: np.ndarray, names: Sequence[str], *, normalize: bool) -> None:
    shares = row_shares(counts)
    # Both kinds are coloured by share, or a rare class would look empty beside a frequent one.
    colors = mpl.colormaps[COLORS](np.nan_to_num(shares) * 0.92)
    shown = shares if normalize else counts
    image = ax.imshow(shown, cmap=COLORS, alpha=0.0)
    image.set_gid("values")
    ax.pcolormesh(
        np.arange(len(names) + 1) - 0.5,
        np.arange(len(names) + 1) - 0.5,
        colors,
        edgecolors="white",
        linewidth=2,
    )
    for row, col in np.ndindex(counts.shape):
        text = _cell(float(shown[row, col]), normalize)
        ax.text(
            col, row, text, ha="center", va="center", fontsize=LABEL_PT,
            color=readable_on(tuple(colors[row, col, :3])),
        )  # fmt: skip
    kind = "share of the true class" if normalize else "pixels"
    tidy(ax, title=kind.capitalize(), x="prediction", y="truth")
    ax.set_xticks(range(len(names)), names, rotation=30 if len(names) > 4 else 0, fontsize=TICK_PT)
    ax.set_yticks(range(len(names)), names, fontsize=TICK_PT)
    ax.tick_params(length=0, labelcolor=INK)
    ax.set_aspect("equal")
    for spine in ax.spines.values():
        spine.set_visible(False)


def _cell(value: float, normalize: bool) -> str:
    if not normalize:
        return f"{int(value):,}"
    return "–" if np.isnan(value) else f"{100 * value:.1f} %"
