"""Sheets of small pictures, each with a line of text below it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..core.errors import BandError
from .boxes import draw_boxes
from .image_colors import colors_of
from .images import class_legend
from .meanings import Given, Meanings, as_arrays
from .panels import NOTHING, Panel
from .sample_words import SEPARATOR, words_of
from .samples import panel_rows, refuse_batches, shape_of
from .style import INK, LABEL_PT, RULE, TICK_PT, new_figure

_COLUMNS = 6
_MOST_PICTURES = 4
"""Of one sample."""
_MOST_LINES = 3
_WIDTH_IN, _SPACE_IN, _LINE_IN = 1.75, 0.16, 0.15
_TEXT_PT = min(LABEL_PT, TICK_PT)
_FRAME_PT = 1.8
_SMALL_PX = 360
"""Longest side of a small picture."""
_GAP = 0.03
"""Between pictures of one sample, as a share of their width."""


def plot_sheet(
    pictures: Sequence[np.ndarray], texts: Sequence[str], colors: Sequence[str]
) -> Figure:
    """Pictures in rows, framed.

    Args:
        pictures: uint8 (H, W, 4) each, of any size.
        texts: Below each.
        colors: Of each one's frame and text.
    """
    tiles = [
        _Tile((Panel("", picture),), picture.shape[:2], text, color, color, _FRAME_PT)
        for picture, text, color in zip(pictures, texts, colors, strict=True)
    ]
    return _sheet(tiles)


def sheet_of(
    samples: Iterable[Mapping[str, Any]],
    bands: Sequence[Any] = (),
    outputs: Given = None,
    *,
    texts: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """A small picture of each sample: its image, masks or values beside it, boxes over it, and words below.

    Of a series, the middle date that observed anything is shown; of two dates, both. What the whole image is
    stands below, and what was predicted of it where you have put in a `prediction`: wrong answers are framed.
    Samples are shrunk as they come, so that one is in memory at a time.

    Args:
        samples: As of `plot_sample`; an iterator will do.
        bands: `dataset.bands`, or names of the channels.
        outputs: `dataset.outputs` or `dataset.classes`, as of `plot_sample`.
        texts: Below each picture, instead of the words.
        title: Above all.

    Raises:
        BandError: there is no sample; or one has nothing that could be drawn, or is a batch.

    Example:
        >>> sheet_of((dataset[i] for i in range(12)), dataset.bands, dataset.outputs)  # doctest: +SKIP
        <Figure size 1050x860 with 12 Axes>
    """
    meanings = Meanings(outputs)
    tiles = [_tile(as_arrays(sample), bands, meanings) for sample in samples]
    if not tiles:
        raise BandError("a sheet is of one sample at least, and none was given")
    if texts is not None:
        tiles = [replace(tile, text=text) for tile, text in zip(tiles, texts, strict=True)]
    return _sheet(tiles, title)


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
    colors = colors_of(values, names, "true")[0]
    (picture,) = colors.paint(values[None], valid[None], max(values.shape))
    return picture


@dataclass(frozen=True, slots=True, eq=False)
class _Tile:
    """What a sheet shows of one sample."""

    panels: tuple[Panel, ...]
    """Side by side."""
    shape: tuple[int, int]
    """Rows and columns of the sample's pixels, in which boxes are."""
    text: str
    color: str = INK
    frame: str = RULE
    frame_pt: float = 0.8

    @property
    def ratio(self) -> float:
        """Height by width."""
        height, width = self.shape
        return height / (width * (len(self.panels) * (1 + _GAP) - _GAP))


def _tile(arrays: Mapping[str, Any], bands: Sequence[Any], meanings: Meanings) -> _Tile:
    refuse_batches(arrays)
    rows, _ = panel_rows(arrays, bands, meanings, rgb="true", dates=1, most_px=_SMALL_PX)
    panels = tuple(panel for row in rows for panel in row)[:_MOST_PICTURES]
    words = words_of(arrays, meanings)
    text = "\n".join(words.lines).replace(SEPARATOR, "\n")
    frame, frame_pt = (words.color, _FRAME_PT) if words.is_wrong else (RULE, 0.8)
    return _Tile(panels, shape_of(arrays), text, words.color, frame, frame_pt)


def _sheet(tiles: Sequence[_Tile], title: str | None = None) -> Figure:
    pictures = max(len(tile.panels) for tile in tiles)
    columns = min(max(1, _COLUMNS // pictures), len(tiles))
    rows = -(-len(tiles) // columns)
    width = _WIDTH_IN * pictures
    texts = [_shortened(tile.text, width) for tile in tiles]
    lines = max(text.count("\n") + bool(text) for text in texts)
    ratio = float(np.clip(np.median([tile.ratio for tile in tiles]), 0.2, 2.0))
    height = width * ratio + _SPACE_IN + _LINE_IN * lines
    legend = tuple(
        dict.fromkeys(e for tile in tiles for panel in tile.panels for e in panel.legend)
    )
    extra = _SPACE_IN * 2 * (bool(title) + bool(legend))
    figure = new_figure(width * columns, height * rows + extra, title=title)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, tile, text in zip(axes, tiles, texts, strict=False):
        _draw_tile(ax, tile, text)
    for ax in axes[len(tiles) :]:
        ax.set_visible(False)
    if legend:
        class_legend(figure, [(name, 0, color) for name, color in legend])
    return figure


def _draw_tile(ax: Axes, tile: _Tile, text: str) -> None:
    height, width = tile.shape
    step = width * (1 + _GAP)
    for i, panel in enumerate(tile.panels):
        left = i * step
        ax.add_patch(Rectangle((left, 0), width, height, facecolor=NOTHING, linewidth=0, zorder=0))
        extent = (left, left + width, height, 0)
        ax.imshow(panel.picture, extent=extent, interpolation="nearest", zorder=1)
        if panel.boxes is not None:
            draw_boxes(ax, panel.boxes, left=left, is_small=True)
    ax.set_xlim(0, (len(tile.panels) - 1) * step + width)
    ax.set_ylim(height, 0)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel(text, fontsize=_TEXT_PT, color=tile.color)
    for spine in ax.spines.values():
        spine.set_color(tile.frame)
        spine.set_linewidth(tile.frame_pt)


def _shortened(text: str, width_in: float) -> str:
    """At most three lines that are no wider than a picture.

    Example:
        >>> _shortened("medium residential, with a few trees and one river between them", 0.8)
        'medium\\nresidential,\\nwith a few …'
    """
    most = max(8, int(width_in * 72 / (_TEXT_PT * 0.58)))
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, most)]
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], lines[_MOST_LINES - 1][: most - 2] + " …"]
    return "\n".join(lines)
