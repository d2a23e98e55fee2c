"""Pictures in aligned rows, each with its title, what lies over it, and its scale."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Patch
from matplotlib.transforms import (
    Affine2D,
    ScaledTranslation,
    blended_transform_factory,
    offset_copy,
)
from odc.geo.geobox import GeoBox

from .boxes import Boxes, draw_boxes, place_names
from .images import class_legend, show_on
from .map_frame import pixel_size_m
from .ramps import Ramp
from .style import INK, LABEL_PT, MUTED, RULE, TICK_PT, TITLE_PT, new_figure, write_title
from .values import color_bar_on

NOTHING = "#e9ecf0"
"""Paper under what is not known: neither black nor white, which imagery uses."""

_SIDES_IN = (5.4, 4.4, 3.6, 3.0, 2.5, 2.2, 2.0)
"""Width of a panel, by how many stand in a row."""
_FRAMED = 3
"""More panels than this in a row are too narrow for coordinates along their frames."""
_LINE_IN = 0.2
_BAR_PT = 6.0
_EM = 0.66
"""Mean width of a letter, as a share of its size."""
_INTERPOLATION = {True: "nearest", False: "auto"}
"""Of matplotlib, by whether colours must stay what they are."""
_CRISP_PX = 700
"""Labels with more pixels a side than this are drawn smaller than they are."""

Entry = tuple[str, str]
"""Of a legend: a name and a colour."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One picture."""

    title: str
    picture: np.ndarray
    """uint8 (H, W, 4), perhaps shrunk."""
    is_labels: bool = False
    """Whether its colours mean something, and must not be mixed."""
    legend: tuple[Entry, ...] = ()
    """Of the classes that occur."""
    boxes: Boxes | None = None
    ramp: Ramp | None = None
    """Of values."""
    scale: str = ""
    """What the ramp's scale says."""
    caption: str = ""
    """Below the picture, in small print."""


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """All that a figure shows."""

    rows: Sequence[Sequence[Panel]]
    shape: tuple[int, int]
    """Rows and columns of pixels that panels show, before they were shrunk."""
    grid: GeoBox | None = None
    """Where they lie; None where nobody says."""
    title: str | None = None
    words: Sequence[str] = ()
    """Lines below the title."""
    words_color: str = INK
    legend_by_panel: bool = False
    """Whether panels have legends of their own, as layers of several kinds need."""
    strip: Callable[[Axes], None] | None = None
    """Draws on axes below the panels."""
    strip_in: float = 0.9
    """How high these are."""


def draw(sheet: Sheet) -> Figure:
    """The figure of a sheet."""
    columns = max((len(row) for row in sheet.rows), default=1)
    side = _SIDES_IN[min(columns, len(_SIDES_IN)) - 1]
    width = max(side * columns, _SIDES_IN[1])
    words, title, color = wrapped(sheet.words, width), sheet.title, INK
    if words and title is None:
        title, words, color = "\n".join(words), [], sheet.words_color
    above = [_LINE_IN * len(words)] if words else []
    below = [sheet.strip_in] if sheet.strip is not None else []
    heights = [*above, *[side * _ratio(sheet)] * len(sheet.rows), *below]
    figure = new_figure(width, sum(heights) + 1)
    if title is not None:
        write_title(figure, title, color)
    cells = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    if words:
        _write(figure.add_subplot(cells[0, :]), words, sheet.words_color)
    drawn: list[tuple[Panel, Axes]] = []
    for r, row in enumerate(sheet.rows, start=len(above)):
        for c, panel in enumerate(row):
            ax = figure.add_subplot(cells[r, c])
            _show(ax, panel, sheet, is_first=c == 0, is_narrow=columns > _FRAMED)
            drawn.append((panel, ax))
    if sheet.strip is not None:
        sheet.strip(figure.add_subplot(cells[-1, :]))
    if not sheet.legend_by_panel and (legend := _entries(sheet.rows)):
        class_legend(figure, [(name, 0, shade) for name, shade in legend])
    if drawn:
        _fit_height(figure, cells, [ax for _, ax in drawn], heights, sheet)
    place_names(figure)
    return figure


def _fit_height(
    figure: Figure, cells: GridSpec, panels: Sequence[Axes], heights: Sequence[float], sheet: Sheet
) -> None:
    """Make the figure as high as its panels want, whose width is what titles, ticks and legends leave."""
    aspects = [ax.get_aspect() for ax in panels]
    for ax in panels:
        # Else titles would stand in what a panel leaves empty of its cell, and no room be kept for them.
        ax.set_aspect("auto")
    figure.draw_without_rendering()
    for ax, aspect in zip(panels, aspects, strict=True):
        ax.set_aspect(aspect)
    ax = panels[0]
    cell = ax.get_position(original=True)
    wanted = cell.width * figure.get_figwidth() * _ratio(sheet)
    given = cell.height * figure.get_figheight()
    first = heights.index(max(heights))
    share = given / heights[first]
    fitted = [wanted if height == heights[first] else height for height in heights]
    beside = figure.get_figheight() - share * sum(heights)
    cells.set_height_ratios(fitted)
    figure.set_figheight(beside + sum(fitted))


def wrapped(lines: Sequence[str], width_in: float) -> list[str]:
    """Lines that are broken where a figure of that width ends.

    Example:
        >>> wrapped(["truth: forest, river and road"], 1.5)
        ['truth: forest,', 'river and road']
    """
    most = max(12, int(width_in * 72 / (TITLE_PT * _EM)))
    return [part for line in lines for part in (textwrap.wrap(line, most) or [""])]


def _ratio(sheet: Sheet) -> float:
    """Height of panels, as a share of their width."""
    height, width = sheet.shape
    across, down = (1.0, 1.0) if sheet.grid is None else pixel_size_m(sheet.grid)
    return float(np.clip(height * down / (width * across), 0.3, 2.2))


def _show(ax: Axes, panel: Panel, sheet: Sheet, *, is_first: bool, is_narrow: bool) -> None:
    height, width = sheet.shape
    is_small = max(panel.picture.shape) <= _CRISP_PX
    interpolation = _INTERPOLATION[panel.is_labels and is_small]
    if sheet.grid is not None and not is_narrow:
        show_on(ax, panel.picture, sheet.grid, panel.title)
        ax.images[0].set_interpolation(interpolation)
        if not is_first:
            ax.set_yticks([])
    else:
        ax.imshow(panel.picture, extent=(0, width, height, 0), interpolation=interpolation)
        ax.set_facecolor(NOTHING)
        ax.set_xticks([])
        ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set_color(RULE)
        ax.set_title(panel.title, loc="left", fontsize=LABEL_PT + 1, color=INK, fontweight="bold")
    if panel.boxes is not None:
        draw_boxes(ax, panel.boxes)
    if panel.caption:
        ax.set_xlabel(panel.caption, fontsize=TICK_PT - 0.5, color=MUTED, loc="right")
    if panel.ramp is not None:
        _add_scale(ax, panel)
    if sheet.legend_by_panel and panel.legend:
        look: dict[str, Any] = {
            "loc": "upper left", "frameon": False, "fontsize": TICK_PT, "labelcolor": INK,
            "handlelength": 1.2, "handleheight": 1.0, "borderaxespad": 0, "borderpad": 0,
        }  # fmt: skip
        figure = ax.get_figure(root=True)
        below = offset_copy(ax.transAxes, figure, y=-_below_pt(ax), units="points")
        swatches = [Patch(facecolor=c, edgecolor=RULE, label=n) for n, c in panel.legend]
        ax.legend(handles=swatches, bbox_to_anchor=(0, 0), bbox_transform=below, **look)


def _write(ax: Axes, lines: Sequence[str], color: str) -> None:
    ax.set_axis_off()
    ax.text(
        0, 1, "\n".join(lines), transform=ax.transAxes, va="top", fontsize=LABEL_PT + 1, color=color
    )


def _add_scale(ax: Axes, panel: Panel) -> None:
    """Below a panel of values, as wide as it is, so that the panel stays aligned with the others."""
    assert panel.ramp is not None  # the caller has looked
    down_pt = _below_pt(ax)
    # Along the panel in shares of it; down from its lower edge in points.
    down: Any = (
        Affine2D().scale(1 / 72)
        + ax.get_figure(root=True).dpi_scale_trans  # type: ignore[union-attr]
        + ScaledTranslation(0, 0, cast(Affine2D, ax.transAxes))
    )
    bounds = (0.0, -down_pt - _BAR_PT - 4, 1.0, _BAR_PT)
    cax = ax.inset_axes(bounds, transform=blended_transform_factory(ax.transAxes, down))
    color_bar_on(cax, panel.ramp, panel.scale)


def _below_pt(ax: Axes) -> float:
    """What coordinates along a frame take, points."""
    return 20 if ax.get_xticks().size else 4


def _entries(rows: Sequence[Sequence[Panel]]) -> tuple[Entry, ...]:
    """Of all panels, each once."""
    return tuple(dict.fromkeys(entry for row in rows for panel in row for entry in panel.legend))
