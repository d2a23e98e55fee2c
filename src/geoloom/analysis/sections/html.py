"""Pieces of HTML that sections are made of."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from matplotlib.figure import Figure

from ...figures.style import figure_png, figure_svg

_PX_PER_INCH = 100.0
_COLUMN_PX = 980


def tiles(figures: Sequence[tuple[str, str, str]]) -> str:
    """Figures in large type: a name, a value, and a note below it."""
    return "".join(
        f'<div class="tile"><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>'
        for name, value, note in figures
    )


def line(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and figures in a row."""
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in pairs)
    return f'<dl class="line">{cells}</dl>'


def folded(title: str, body: str) -> str:
    """A body that opens when its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def note(text: str) -> str:
    """A small paragraph; HTML."""
    return f'<p class="note">{text}</p>'


def pair(*parts: str, stacked: bool = False) -> str:
    """Parts side by side, as far as they fit."""
    kind = "pair stacked" if stacked else "pair"
    return f'<div class="{kind}">{"".join(parts)}</div>'


def svg(figure: Figure, key: str, caption: str) -> str:
    """A figure as lines and text; `key` distinguishes it from the page's others."""
    label = escape(caption)
    # A narrow figure stays narrow: blown up to the column, its letters would be a finger high.
    width = min(figure.get_size_inches()[0] * _PX_PER_INCH, _COLUMN_PX)
    return (
        f'<figure><div class="plot" style="max-width:{width:.0f}px" role="img" aria-label="{label}">'
        f"{figure_svg(figure, key)}</div>"
        f"<figcaption>{label}</figcaption></figure>"
    )


def png(figure: Figure, caption: str, *, wide: bool = False) -> str:
    """A figure as a picture; a wide one takes the whole column."""
    data = base64.b64encode(figure_png(figure, dpi=130)).decode("ascii")
    label = escape(caption)
    kind = "paper wide" if wide else "paper"
    return (
        f'<figure><img class="{kind}" alt="{label}" src="data:image/png;base64,{data}">'
        f"<figcaption>{label}</figcaption></figure>"
    )
