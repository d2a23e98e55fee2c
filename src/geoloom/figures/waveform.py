"""A sound as a strip: how far it swings, moment by moment."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from .style import MUTED, SERIES, TICK_PT, tidy

_STEPS = 1200


def draw_waveform(ax: Axes, audio: np.ndarray, rate_hz: float | None = None) -> None:
    """Draw the lowest and highest value of each moment.

    Args:
        ax: To draw on.
        audio: (S,) values; those that are not finite count as silence.
        rate_hz: Values a second; None numbers them instead.
    """
    values = np.nan_to_num(np.asarray(audio, np.float32))
    edges = np.unique(np.linspace(0, len(values), _STEPS + 1).astype(int)[:-1])
    low, high = np.minimum.reduceat(values, edges), np.maximum.reduceat(values, edges)
    at = edges / (rate_hz or 1)
    ax.fill_between(at, low, high, color=SERIES[0], linewidth=0.4, step="post")
    reach = float(np.abs(values).max()) or 1.0
    ax.set_ylim(-reach, reach)
    ax.set_xlim(0, len(values) / (rate_hz or 1))
    ax.set_yticks([])
    tidy(ax)
    ax.spines["left"].set_visible(False)
    ax.axhline(0, color=MUTED, linewidth=0.5)
    ax.set_xlabel("seconds" if rate_hz else "values", fontsize=TICK_PT, color=MUTED, loc="right")
    ax.set_title("Sound", loc="left", fontsize=TICK_PT + 1, color=MUTED)
