"""The series of one pixel as lines over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from .style import MANY_LINES, legend, series_colors, tidy


def draw_profiles(
    ax: Axes, times: np.ndarray, values: np.ndarray, seen: np.ndarray, names: Sequence[str]
) -> None:
    """Draw a line for each band, with a mark at each date that observed it.

    Args:
        ax: To draw on.
        times: (T,), seconds since 1970 UTC; NaN where not known, which numbers the dates instead.
        values: (T, C).
        seen: bool (T,), True = observed.
        names: C, of the bands.
    """
    is_dated = bool(np.isfinite(times[seen]).all())
    at = times.astype("datetime64[s]") if is_dated else np.arange(1, len(times) + 1)
    for band, name, color in zip(values.T, names, series_colors(len(names)), strict=True):
        marks = "o" if len(names) <= MANY_LINES else ""
        ax.plot(at[seen], band[seen], marks + "-", ms=3, lw=1.2, color=color, label=name)
    title = names[0] if len(names) == 1 else None
    tidy(ax, title=title, x=None if is_dated else "date", grid="y")
    ax.margins(x=0.01)
    if len(names) > 1:
        legend(ax, loc="upper left", bbox_to_anchor=(1, 1))
    if is_dated:
        places = AutoDateLocator(maxticks=8)  # type: ignore[no-untyped-call]
        ax.xaxis.set_major_locator(places)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(places))  # type: ignore[no-untyped-call]
