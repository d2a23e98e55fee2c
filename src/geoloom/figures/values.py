"""Pictures of maps of measured values: in continuous colours, beside the truth, and as histograms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from odc.geo.geobox import GeoBox

from .images import map_figure, show_on
from .ramps import Ramp
from .style import INK, LABEL_PT, RULE, SERIES, TICK_PT, legend, new_figure, tidy
from .views import MAX_PX, Source, limits_of, look

_BINS = 96
_SHOWN = (0.5, 99.5)
"""Percentiles between which a histogram is drawn."""


def plot_values(
    source: Source,
    *,
    band: int | str = 1,
    unit: str | None = None,
    title: str | None = None,
    max_px: int = MAX_PX,
) -> Figure:
    """One band of measured values in continuous colours, with their scale; unobserved pixels are clear.

    Colours are spread between the 2nd and the 98th percentile of what is shown.

    Args:
        source: File or raster. Large files are read shrunk, by the mean.
        band: Number (from 1) or name.
        unit: Of the values, for the scale.
        title: Above the picture.
        max_px: Longest side that is read, pixels.
    """
    seen = look(source, bands=[band], max_px=max_px, resampling="average", scaled=True)
    values = np.where(seen.valid, seen.values[0], np.nan)
    ramp = Ramp.of(values)
    figure, (ax,) = map_figure(seen.grid, 1, title)
    show_on(ax, ramp.paint(values), seen.grid)
    color_bar(figure, [ax], ramp, titled(seen.bands[0], unit))
    return figure


def plot_value_panels(
    grid: GeoBox,
    name: str,
    prediction: np.ndarray,
    truth: np.ndarray | None = None,
    *,
    scene: np.ndarray | None = None,
) -> Figure:
    """Scene, truth, prediction and their difference side by side on one grid.

    Truth and prediction have the same colours for the same values.

    Args:
        grid: Where all lie.
        name: Of the value, with its unit.
        prediction, truth: float (H, W), NaN where not known; truth may be absent.
        scene: Its picture, uint8 (H, W, 4); may be absent.
    """
    known = [prediction] if truth is None else [truth, prediction]
    ramp = Ramp.of(*known)
    figure, axes = map_figure(grid, len(known) + (scene is not None) + (truth is not None), None)
    free = iter(axes)
    if scene is not None:
        show_on(next(free), scene, grid, "Scene")
    shared: list[Axes] = []
    titles = ("Prediction",) if truth is None else ("Truth", "Prediction")
    for title, values in zip(titles, known, strict=True):
        shared.append(next(free))
        show_on(shared[-1], ramp.paint(values), grid, title)
    color_bar(figure, shared, ramp, name)
    if truth is not None:
        differences = prediction - truth
        apart = Ramp.around_zero(differences)
        ax = next(free)
        show_on(ax, apart.paint(differences), grid, "Prediction − truth")
        color_bar(figure, [ax], apart, "difference")
    return figure


def plot_value_histograms(
    names: Sequence[str], prediction: np.ndarray, truth: np.ndarray | None = None
) -> Figure:
    """How often each value occurs, a panel each: the map filled, the truth as a line.

    Args:
        names: K, of the values, with their units.
        prediction, truth: float (K, H, W), NaN where not known; where there is truth, both are shown where
            both are known.
    """
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = new_figure(4.8 * columns, 2.5 * rows + 0.3)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for k, (ax, name) in enumerate(zip(axes, names, strict=False)):
        both = np.isfinite(prediction[k])
        if truth is not None:
            both &= np.isfinite(truth[k])
        drawn = [("map", prediction[k][both])]
        if truth is not None:
            drawn.append(("truth", truth[k][both]))
        _panel(ax, name, drawn)
    for ax in axes[len(names) :]:
        ax.set_visible(False)
    return figure


def color_bar(figure: Figure, axes: Sequence[Axes], ramp: Ramp, name: str) -> None:
    """A ramp's scale below some axes."""
    bar = figure.colorbar(
        ramp.mappable(), ax=list(axes), orientation="horizontal", extend=ramp.extend,
        fraction=0.05, pad=0.03, aspect=34,
    )  # fmt: skip
    _look(bar, name)


def color_bar_on(axes: Axes, ramp: Ramp, name: str) -> None:
    """A ramp's scale on axes of its own, thin and wide."""
    figure = axes.get_figure(root=True)
    assert isinstance(figure, Figure)  # on which they have been made
    bar = figure.colorbar(ramp.mappable(), cax=axes, orientation="horizontal", extend=ramp.extend)
    _look(bar, name)


def _look(bar: Colorbar, name: str) -> None:
    bar.set_label(name, fontsize=LABEL_PT, color=INK)
    bar.ax.tick_params(labelsize=TICK_PT, labelcolor=INK, length=3)
    bar.outline.set_edgecolor(RULE)


def titled(name: str, unit: str | None) -> str:
    """A value with its unit.

    Example:
        >>> titled("height", "m"), titled("ndvi", None)
        ('height (m)', 'ndvi')
    """
    return name if unit is None else f"{name} ({unit})"


def _panel(ax: Axes, name: str, drawn: Sequence[tuple[str, np.ndarray]]) -> None:
    everything = np.concatenate([values for _, values in drawn])
    limits = limits_of(everything, _SHOWN)
    if limits[0] == limits[1]:
        limits = (limits[0] - 0.5, limits[1] + 0.5)
    for i, (label, values) in enumerate(drawn):
        heights, edges = np.histogram(values, bins=_BINS, range=limits)
        share = 100 * heights / max(1, values.size)
        filled = i == 0
        ax.stairs(
            share, edges, fill=filled, color=SERIES[i], alpha=0.4 if filled else 1.0,
            lw=0 if filled else 1.6, label=label,
        )  # fmt: skip
    tidy(ax, x=name, y="% of pixels", grid="y")
    ax.set_xlim(limits)
    if len(drawn) > 1:
        legend(ax, loc="best")
