"""One look for all figures: sizes, colours and how a figure becomes a file.

Figures are matplotlib `Figure` objects with their own Agg canvas. Nothing here touches `pyplot` or any
global setting, so figures can be made in threads and beside a user's own plots.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..core.errors import WriteError
from ..core.files import may_replace, replacing

INK = "#1f2328"
MUTED = "#667085"
RULE = "#d5dae1"
PAPER = "#ffffff"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c8c3c")
"""Okabe and Ito's colours, distinguishable by colour-blind readers, the strongest first."""
ERROR = "#d01c8b"
"""Marks disagreement: absent from natural palettes."""

TITLE_PT, LABEL_PT, TICK_PT = 11.0, 9.0, 8.0

_SVG_SETTINGS = threading.Lock()
_INLINE = ((INK, "var(--ink)"), (MUTED, "var(--muted)"), (RULE, "var(--rule)"))


def new_figure(width_in: float, height_in: float, *, title: str | None = None) -> Figure:
    """An empty figure on white, laid out so that nothing overlaps."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    if title:
        write_title(figure, title)
    return figure


def write_title(figure: Figure, title: str, color: str = INK) -> None:
    """Above all that a figure shows."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=TITLE_PT, color=color, fontweight="bold")


def tidy(
    ax: Axes,
    *,
    title: str | None = None,
    x: str | None = None,
    y: str | None = None,
    grid: Literal["both", "x", "y"] | None = None,
) -> None:
    """Give axes their names, light rules and small ticks."""
    ax.set_facecolor(PAPER)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(MUTED)
        spine.set_linewidth(0.8)
    ax.tick_params(labelsize=TICK_PT, colors=MUTED, labelcolor=INK, width=0.8, length=3)
    if title:
        ax.set_title(title, loc="left", fontsize=LABEL_PT + 1, color=INK, fontweight="bold", pad=8)
    if x:
        ax.set_xlabel(x, fontsize=LABEL_PT, color=INK)
    if y:
        ax.set_ylabel(y, fontsize=LABEL_PT, color=INK)
    if grid:
        ax.grid(axis=grid, color=RULE, linewidth=0.7)
        ax.set_axisbelow(True)


def legend(ax: Axes, **where: Any) -> None:
    """A legend without a box's weight."""
    drawn = ax.legend(fontsize=TICK_PT, frameon=False, labelcolor=INK, handlelength=1.6, **where)
    drawn.set_zorder(10)


MANY_LINES = 8
"""More lines than this in one plot, and neither their colours nor a legend tell them apart."""


def series_colors(count: int, own: Sequence[str] | None = None) -> tuple[str, ...]:
    """A colour for each of `count` lines: the given ones, else `SERIES` repeated."""
    if own is not None:
        return tuple(own)
    return tuple(SERIES[i % len(SERIES)] for i in range(count))


def readable_on(color: tuple[float, float, float]) -> str:
    """Black or white, whichever is read more easily on an RGB colour (0 to 1).

    The contrast is at least 4.5 to 1 on every colour; dark grey would miss that on those of middle luminance.

    Source:
        WCAG 2.2, relative luminance and contrast ratio.

    Example:
        >>> readable_on((0.03, 0.19, 0.42)), readable_on((0.9, 0.9, 0.9))
        ('#ffffff', '#000000')
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def save_figure(
    figure: Figure, path: str | Path, *, dpi: int = 200, overwrite: bool = False
) -> Path:
    """Write a figure; the suffix gives the format (png, svg, pdf, jpg, webp, tif).

    Raises:
        WriteError: the file exists and `overwrite` is False, or the suffix is unknown.
    """
    out = Path(path)
    may_replace(out, overwrite=overwrite)
    kind = out.suffix.lstrip(".").lower()
    known = figure.canvas.get_supported_filetypes()
    if kind not in known:
        raise WriteError(f"{out}: no figure format {kind!r}; use one of {', '.join(sorted(known))}")
    with replacing(out) as scratch:
        figure.savefig(scratch, format=kind, dpi=dpi)
    return out


def figure_png(figure: Figure, *, dpi: int = 150) -> bytes:
    """The figure as a PNG file's bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def figure_pixels(figure: Figure, *, dpi: int = 130) -> np.ndarray:
    """The figure as an RGBA picture, uint8 (H, W, 4)."""
    figure.set_dpi(dpi)
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib leaves its drawing methods untyped
    canvas.draw()
    return np.array(canvas.buffer_rgba())


def figure_svg(figure: Figure, prefix: str) -> str:
    """The figure as an `<svg>` element to stand in a page.

    Its text is text (selectable, in the page's font), its inks are the page's variables `--ink`, `--muted`
    and `--rule`, so that it follows a dark page, and its background is clear.

    Args:
        figure: Any figure; its white backgrounds are dropped.
        prefix: Put before every id, so that several figures can stand in one page.
    """
    buffer = io.StringIO()
    # Text as text is a global setting of matplotlib's writer and no argument; it is lent for one call.
    with _SVG_SETTINGS, mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # A style sheet inside would hold for the whole page.
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg style="stroke-linejoin:round;stroke-linecap:butt" ', 1)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    # Matplotlib before 3.10 writes the shorthand.
    svg = re.sub(r"font: (?:(\w+) )?([\d.]+)px [^;\"]*", _inherit_font, svg)
    for color, variable in _INLINE:
        svg = svg.replace(color, variable)
    width, height = (re.search(rf'\b{side}="([\d.]+)pt"', svg) for side in ("width", "height"))
    assert width is not None  # matplotlib always writes both
    assert height is not None
    svg = svg.replace(width[0], "", 1).replace(height[0], "", 1)
    return svg.strip()


def _inherit_font(match: re.Match[str]) -> str:
    weight = f"font-weight: {match[1]}; " if match[1] else ""
    return f"{weight}font-size: {match[2]}px; font-family: inherit"
