"""Sheets of small pictures, each with a line of text below it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .composites import composites_of
from .style import LABEL_PT, TICK_PT, new_figure
from .views import limits_of

_COLUMNS = 6
_PERCENTILES = (2.0, 98.0)


def plot_sheet(
    pictures: Sequence[np.ndarray], texts: Sequence[str], colors: Sequence[str]
) -> Figure:
    """Pictures in rows, framed.

    Args:
        pictures: uint8 (H, W, 4) each, of any size.
        texts: Below each.
        colors: Of each one's frame and text.
    """
    columns = min(_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = new_figure(1.75 * columns, 2.15 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, picture, text, color in zip(axes, pictures, texts, colors, strict=False):
        ax.imshow(picture, interpolation="nearest")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel(text, fontsize=min(LABEL_PT, TICK_PT), color=color)
        for spine in ax.spines.values():
            spine.set_color(color)
            spine.set_linewidth(1.8)
    for ax in axes[len(pictures) :]:
        ax.set_visible(False)
    return figure


def thumbnail(values: np.ndarray, valid: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """A picture for the eye, uint8 (H, W, 4): photographs as they are, other numbers stretched.

    Args:
        values: (C, H, W).
        valid: bool (H, W), True = observed.
        names: C, of the bands, by which three are chosen.

    Example:
        >>> thumbnail(np.full((1, 1, 1), 7, np.uint8), np.ones((1, 1), bool), ["grey"]).tolist()
        [[[7, 7, 7, 255]]]
    """
    chosen = composites_of(names)[-1].bands
    bands = values[[number - 1 for number in chosen]]
    if bands.dtype != np.uint8:
        bands = np.stack([_stretched(band, valid) for band in bands])
    if len(bands) == 1:
        bands = np.repeat(bands, 3, axis=0)
    alpha = np.where(valid, 255, 0).astype(np.uint8)
    return np.concatenate([bands.transpose(1, 2, 0), alpha[..., None]], axis=2)


def _stretched(band: np.ndarray, valid: np.ndarray) -> np.ndarray:
    low, high = limits_of(band[valid].astype(np.float64), _PERCENTILES)
    unit = np.clip((band.astype(np.float64) - low) / (high - low or 1.0), 0, 1)
    return np.rint(np.nan_to_num(unit) * 255).astype(np.uint8)
