"""Pictures of scenes and class maps, framed as maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from .map_frame import add_furniture, pixel_size_m
from .style import INK, LABEL_PT, MUTED, RULE, TICK_PT, new_figure
from .views import MAX_PX, Source, classes_of, look_at_classes, look_at_image, paint, stretch

Bands = Sequence[int | str] | None

_NOTHING = "#e9ecf0"
"""Paper under what was not observed: neither black nor white, which imagery uses."""


def plot_image(
    source: Source,
    *,
    bands: Bands = None,
    percentiles: tuple[float, float] = (2.0, 98.0),
    title: str | None = None,
    max_px: int = MAX_PX,
) -> Figure:
    """A scene as a picture, each band stretched between two percentiles of its valid pixels.

    Args:
        source: File or raster. Large files are read shrunk.
        bands: One or three, numbers (from 1) or names, as red, green, blue; None chooses by the bands' names.
        percentiles: What becomes black and white, per cent.
        title: Above the picture.
        max_px: Longest side that is read, pixels.
    """
    seen = look_at_image(source, bands=bands, max_px=max_px)
    picture, _ = stretch(seen, percentiles=percentiles)
    figure, (ax,) = map_figure(seen.grid, 1, title)
    show_on(ax, picture, seen.grid)
    ax.set_xlabel(f"Bands {', '.join(seen.bands)}", fontsize=TICK_PT, color=MUTED, loc="right")
    return figure


def plot_classes(
    source: Source,
    classes: Classes | None = None,
    *,
    title: str | None = None,
    max_px: int = MAX_PX,
) -> Figure:
    """A truth or prediction map in its classes' colours, with a legend; unobserved pixels are clear.

    Args:
        source: File or raster of stored class codes, one band.
        classes: Names, codes and colours; None takes the file's own.
        title: Above the picture.
        max_px: Longest side that is read, pixels.
    """
    known = classes if classes is not None else classes_of(source)
    seen = look_at_classes(source, max_px=max_px)
    figure, (ax,) = map_figure(seen.grid, 1, title)
    show_on(ax, paint(seen.values[0], seen.valid, known), seen.grid)
    class_legend(figure, known)
    return figure


def plot_overlay(
    scene: Source,
    class_map: Source,
    classes: Classes | None = None,
    *,
    bands: Bands = None,
    opacity: float = 0.45,
    title: str | None = None,
    max_px: int = MAX_PX,
) -> Figure:
    """A class map laid over its scene, both on the scene's grid.

    Args:
        scene, class_map: Files or rasters. A map from a file is read onto the scene's grid, whatever its
            own; a raster in memory must already be on it.
        classes: Names, codes and colours of the map; None takes the file's own.
        bands, title, max_px: As in `plot_image`.
        opacity: Of the classes, 0 to 1.
    """
    known = classes if classes is not None else classes_of(class_map)
    seen = look_at_image(scene, bands=bands, max_px=max_px)
    over = look_at_classes(class_map, grid=seen.grid)
    picture, _ = stretch(seen)
    figure, (ax,) = map_figure(seen.grid, 1, title)
    show_on(ax, picture, seen.grid)
    colors = paint(over.values[0], over.valid, known)
    ax.imshow(
        colors, extent=_extent(seen.grid), interpolation="nearest", alpha=opacity, aspect="auto"
    )
    add_furniture(ax, seen.grid)
    class_legend(figure, known)
    return figure


def plot_comparison(
    scene: Source | None,
    truth: Source | None,
    prediction: Source,
    classes: Classes | None = None,
    *,
    bands: Bands = None,
    grid: GeoBox | None = None,
    title: str | None = None,
    max_px: int = 900,
) -> Figure:
    """Scene, truth and prediction side by side on one grid.

    Args:
        scene, truth, prediction: Files or rasters; scene and truth may be absent.
        classes: Names, codes and colours of both maps; None takes the prediction's own, and those of a truth
            that names its classes by these names, whatever their codes.
        grid: Where to draw; None takes the prediction's, zoomed out to `max_px`. A raster in memory must
            already be on it.
        bands, title, max_px: As in `plot_image`.

    Source:
        The arrangement of figure 5 in the DeepGeo paper.
    """
    known = classes if classes is not None else classes_of(prediction)
    mapped = look_at_classes(prediction, max_px=max_px, grid=grid)
    panels: list[tuple[str, np.ndarray]] = []
    if scene is not None:
        picture, _ = stretch(look_at_image(scene, bands=bands, grid=mapped.grid))
        panels.append(("Scene", picture))
    if truth is not None:
        wanted = look_at_classes(truth, grid=mapped.grid)
        own = known if classes is not None else _named_alike(classes_of(truth), known)
        panels.append(("Truth", paint(wanted.values[0], wanted.valid, own)))
    panels.append(("Prediction", paint(mapped.values[0], mapped.valid, known)))
    figure, axes = map_figure(mapped.grid, len(panels), title)
    for ax, (name, shown) in zip(axes, panels, strict=True):
        show_on(ax, shown, mapped.grid, name=name)
        if ax is not axes[0]:
            ax.set_yticks([])
    class_legend(figure, known)
    return figure


def _named_alike(own: Classes, known: Classes) -> Classes:
    """Classes with their own codes in the colours of those of their names; the known ones where none is."""
    colors = dict(zip(known.names, known.colors, strict=True))
    if not set(own.names) & set(colors):
        return known
    shown = (colors.get(name, color) for name, _, color in own)
    return replace(own, colors=tuple(shown))


def map_figure(grid: GeoBox, count: int, title: str | None) -> tuple[Figure, list[Axes]]:
    """A figure of `count` maps in a row, as high as the grid's shape on the ground asks."""
    height, width = grid.shape
    across, down = pixel_size_m(grid)
    each = {1: 7.2, 2: 4.6, 3: 3.7, 4: 3.2}[count]
    ratio = float(np.clip(height * down / (width * across), 0.3, 2.2))
    figure = new_figure(each * count, each * ratio + 0.55, title=title)
    axes = figure.subplots(1, count, squeeze=False)
    return figure, list(axes[0])


def _extent(grid: GeoBox) -> tuple[float, float, float, float]:
    height, width = grid.shape
    return (0, width, height, 0)


def show_on(ax: Axes, picture: np.ndarray, grid: GeoBox, name: str | None = None) -> None:
    """Draw a picture of a grid's pixels, framed as a map."""
    ax.set_facecolor(_NOTHING)
    ax.imshow(picture, extent=_extent(grid), interpolation="auto", aspect="auto")
    add_furniture(ax, grid)
    if name:
        ax.set_title(name, loc="left", fontsize=LABEL_PT + 1, color=INK, fontweight="bold")


def class_legend(figure: Figure, classes: Iterable[tuple[str, int, str]]) -> None:
    """Names and colours of some classes below the maps, in as many columns as the figure has room for."""
    listed = list(classes)
    shown = listed[:_MOST_CLASSES]
    swatches: list[Any] = [
        Patch(facecolor=color, edgecolor=RULE, label=name) for name, _, color in shown
    ]
    if len(listed) > len(shown):
        more = f"and {len(listed) - len(shown)} more"
        swatches.append(Patch(facecolor="none", edgecolor="none", label=more))
    figure.legend(
        handles=swatches, loc="outside lower left", ncols=_legend_columns(figure, swatches), frameon=False,
        fontsize=LABEL_PT, labelcolor=INK, handlelength=1.2, handleheight=1.0, columnspacing=1.6,
    )  # fmt: skip


_MOST_CLASSES = 40
_LETTER_IN, _SWATCH_IN = 0.58 * LABEL_PT / 72, 0.42
"""Mean width of a letter, and of a swatch with the space around it."""


def _legend_columns(figure: Figure, swatches: Sequence[Any]) -> int:
    longest = max(len(str(swatch.get_label())) for swatch in swatches)
    room = int(figure.get_figwidth() / (longest * _LETTER_IN + _SWATCH_IN))
    return min(len(swatches), 6, max(1, room))
