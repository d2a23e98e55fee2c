"""Histograms of a scene's bands: bars, and lines of estimated density."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import gaussian_kde

from .composites import roles_of
from .style import legend, new_figure, series_colors, tidy
from .views import MAX_PX, Source, limits_of, look

_ROLE_COLORS = {
    "blue": "#2c6fbb",
    "green": "#3a9a4b",
    "red": "#d1495b",
    "nir": "#7a5195",
    "swir1": "#e69f00",
    "swir2": "#8c5a2b",
}
VIEW = (0.1, 98.0)
"""Percentiles shown: clouds are few and so bright that they would squeeze all else into a corner."""
_BANDWIDTH = 0.45
"""Of Scott's rule, which assumes one hump; a scene of several covers has several, each narrower."""
_KDE_SAMPLE = 4000
"""Values that a density is estimated from: enough for a line, whatever the scene's size."""


def plot_histograms(
    source: Source,
    *,
    bands: Sequence[int | str] | None = None,
    bins: int = 128,
    percentiles: tuple[float, float] = VIEW,
    title: str | None = None,
    max_px: int = MAX_PX,
) -> Figure:
    """A histogram of each band's valid pixels, with a line of its density, one panel per band.

    Args:
        source: File or raster; large files are sampled on a coarser grid, without averaging.
        bands: Numbers (from 1) or names; None means all.
        bins: Bars a panel.
        percentiles: Values below the first and above the second are counted but lie outside the panel.
        title: Above the figure.
        max_px: Longest side that is read, pixels.
    """
    seen = look(source, bands=bands, max_px=max_px, resampling="nearest")
    columns = min(3, len(seen.bands))
    rows = -(-len(seen.bands) // columns)
    figure = new_figure(3.3 * columns, 2.1 * rows + 0.3, title=title)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, name, band, color in zip(
        axes, seen.bands, seen.values, band_colors(seen.bands), strict=False
    ):
        values = band[seen.valid]
        limits = limits_of(values, percentiles)
        if limits[0] == limits[1]:
            limits = (limits[0] - 0.5, limits[1] + 0.5)
        heights, edges = np.histogram(values, bins=bins, range=limits)
        share = 100 * heights / max(1, values.size)
        ax.stairs(share, edges, fill=True, color=color, alpha=0.32, lw=0)
        x, density = density_line(values, limits)
        ax.plot(x, 100 * density * (edges[1] - edges[0]), color=color, lw=1.5)
        tidy(ax, title=name, y="% of pixels", grid="y")
        ax.set_xlim(limits)
        ax.locator_params(axis="x", nbins=4)
    for ax in axes[len(seen.bands) :]:
        ax.set_visible(False)
    return figure


def plot_histogram_lines(
    source: Source,
    *,
    bands: Sequence[int | str] | None = None,
    percentiles: tuple[float, float] = VIEW,
    title: str | None = None,
    max_px: int = MAX_PX,
) -> Figure:
    """Estimated density of all bands' valid values in one panel; arguments as `plot_histograms`."""
    seen = look(source, bands=bands, max_px=max_px, resampling="nearest")
    figure = new_figure(6.4, 3.4, title=title)
    ax = figure.subplots()
    for name, band, color in zip(seen.bands, seen.values, band_colors(seen.bands), strict=True):
        values = band[seen.valid]
        x, density = density_line(values, limits_of(values, percentiles))
        ax.plot(x, density, color=color, lw=1.7, label=name)
    tidy(ax, x="stored value", y="density", grid="y")
    ax.set_ylim(bottom=0)
    legend(ax, loc="upper right")
    return figure


def density_line(
    values: np.ndarray, limits: tuple[float, float], points: int = 240
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian kernel estimate of the density of values between two limits.

    Returns:
        x and density, float64 (points,) each; density 0 where the values do not vary.
    """
    x = np.linspace(*limits, points)
    finite = values[np.isfinite(values)].astype(np.float64)
    inside = finite[(finite >= limits[0]) & (finite <= limits[1])]
    if inside.size < 2 or np.ptp(inside) == 0:
        return x, np.zeros(points)
    every = max(1, inside.size // _KDE_SAMPLE)
    # Sorted first, so that taking every n-th value keeps the distribution whatever the image's order.
    sample = np.sort(inside)[::every]
    share = inside.size / finite.size
    estimate = gaussian_kde(sample, bw_method=_BANDWIDTH * sample.size**-0.2)
    return x, estimate(x) * share


def band_colors(names: Sequence[str]) -> tuple[str, ...]:
    """A colour a band: near its own where its role is known, else from the common series."""
    roles = {number: role for role, number in roles_of(names).items()}
    own = [_ROLE_COLORS.get(roles.get(i, ""), "") for i in range(1, len(names) + 1)]
    return series_colors(len(names), own if all(own) else None)
