"""Truth against prediction, as a picture of counts."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ..core.errors import ModelError
from ..figures.style import INK, LABEL_PT, MUTED, RULE, TICK_PT, new_figure, tidy
from ..figures.values import titled
from ..metrics.value_accuracy import ValueAccuracy

_COUNTS = "cividis"
_MARGIN = 1
"""Empty bins left around those that hold something."""


def plot_scatter(
    accuracy: ValueAccuracy, value: int | str = 0, *, title: str | None = None
) -> Figure:
    """How often which truth met which prediction, with the line on which both are equal.

    Args:
        accuracy: With scatters, as `evaluate` gives it.
        value: Number (from 0) or name.
        title: Above the figure.

    Raises:
        ModelError: the accuracy holds no scatters, or no such value.

    Example:
        >>> from geoloom.core.outputs import ValueOutputs
        >>> from geoloom.metrics.value_tally import ValueTally
        >>> tally = ValueTally.of(np.array([[1.0, 3.0]]), np.array([[2.0, 3.0]]))
        >>> figure = plot_scatter(tally.report(ValueOutputs(("height",), ("m",))))
        >>> figure.axes[0].get_xlabel()
        'true height (m)'
    """
    at = _position(accuracy, value)
    scatter, name = accuracy.scatters[at], accuracy.names[at]
    figure = new_figure(5.4, 4.8, title=title)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)  # new figures have it
    engine.set(w_pad=0.15)  # a square picture takes the room of its labels otherwise
    ax = figure.subplots()
    first, last = _used(scatter.counts)
    edges = scatter.edges()[first : last + 2]
    counts = scatter.counts[first : last + 1, first : last + 1].astype(np.float64)
    counts[counts == 0] = np.nan  # no pair, no colour
    limits = (float(edges[0]), float(edges[-1]))
    image = ax.imshow(
        counts.T, origin="lower", extent=(*limits, *limits), interpolation="nearest", zorder=1,
        cmap=_COUNTS, norm=LogNorm(1, max(2.0, float(np.nanmax(counts, initial=1)))),
    )  # fmt: skip
    ax.plot(limits, limits, color=MUTED, lw=1.0, ls=(0, (4, 3)))
    shown = titled(name, accuracy.units[at])
    tidy(ax, x=f"true {shown}", y=f"predicted {shown}", grid="both")
    ax.set_xlim(limits)
    ax.set_ylim(limits)
    bar = figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03)
    bar.set_label("pairs", fontsize=LABEL_PT, color=INK)
    bar.ax.tick_params(labelsize=TICK_PT, labelcolor=INK, length=3)
    bar.outline.set_edgecolor(RULE)
    return figure


def _position(accuracy: ValueAccuracy, value: int | str) -> int:
    if not accuracy.scatters:
        raise ModelError(
            "this accuracy holds no scatters, as a summary; give what `evaluate` returned or wrote"
        )
    if value in accuracy.names:
        return accuracy.names.index(str(value))
    if isinstance(value, int) and 0 <= value < len(accuracy.names):
        return value
    raise ModelError(f"no value is {value!r}; choose one of {', '.join(accuracy.names)}")


def _used(counts: np.ndarray) -> tuple[int, int]:
    """First and last bin to show, the same for both axes."""
    used = np.flatnonzero(counts.any(axis=0) | counts.any(axis=1))
    if not used.size:
        return 0, len(counts) - 1
    return max(0, int(used[0]) - _MARGIN), min(len(counts) - 1, int(used[-1]) + _MARGIN)
