"""The report: a map with its accuracy, areas, training and data in one HTML file that works offline."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from .._version import __version__
from ..core.classes import Classes
from ..core.files import may_replace, write_text
from ..figures.images import plot_comparison
from ..figures.style import figure_pixels
from ..models.identity import CARD_FILE
from . import sections
from .evidence import Evidence, gather
from .layers import Views, map_layers, photo_uri
from .page import map_data, render
from .scores import AccuracySource
from .tables import hectares, percent

_NUMBERED = re.compile(r"(class[ _-]*)?\d+", re.IGNORECASE)
"""A name that says no more than a code."""


def report(
    model_dir: str | Path,
    map: str | Path,  # noqa: A002 - the word for it; the builtin is not needed here
    out_html: str | Path,
    *,
    scene: str | Path | None = None,
    truth: str | Path | None = None,
    accuracy: AccuracySource | None = None,
    chips: Any = None,
    overwrite: bool = False,
) -> Path:
    """Write a report of a map as one HTML file: no network, no files beside it.

    It holds a zoomable map of scene, prediction, truth and their disagreement; accuracy by class, confusion
    matrices, ROC and precision-recall curves; areas; training curves; the chips' places; histograms; and
    the settings and versions that made it all. What is not known is left out.

    Args:
        model_dir: The model's folder.
        map: The class map that the model made. A large one is shown at 2,000 pixels per side, and counted
            in full.
        out_html: The file to write.
        scene: The imagery, shown below the map; by default the one that the map's record names.
        truth: Label raster or polygons, on any grid and in any CRS; compared with the map pixel by pixel.
        accuracy: What `evaluate` returned or wrote; by default what it left, for this model and this map,
            beside the model, the map or the report.
        chips: Chip store of the training; by default the one that the model's card names.
        overwrite: Replace the file.

    Returns:
        Path of the report.

    Raises:
        WriteError: the file exists and `overwrite` is False, is an input, or its folder does not exist.
        ModelError: the folder holds no model, `accuracy` no accuracy, or `map` is not a map of the model.
        ReadError: map, scene or truth cannot be read.

    Example:
        >>> report("model/", "map.tif", "report.html", truth="truth.gpkg")  # doctest: +SKIP
        PosixPath('report.html')
    """
    out = Path(out_html)
    inputs = [path for path in (map, scene, truth, accuracy, chips) if isinstance(path, str | Path)]
    may_replace(out, overwrite=overwrite, inputs=[Path(model_dir) / CARD_FILE, *inputs])
    evidence = gather(
        Path(model_dir),
        Path(map),
        scene=None if scene is None else Path(scene),
        truth=None if truth is None else Path(truth),
        accuracy=accuracy,
        chips=chips,
        beside=[out.parent],
    )
    write_text(out, _page(evidence))
    return out


def _page(evidence: Evidence) -> str:
    classes = evidence.classes
    views = Views.of(evidence.map, evidence.scene, evidence.truth, classes)
    areas = {
        row.name: f"{hectares(row.hectares)} ha · {percent(row.share)}"
        for row in evidence.areas.rows
    }
    content = {
        "title": escape(_title(classes.names)),
        "subtitle": _subtitle(evidence),
        "version": escape(__version__),
        "written": datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0"),
        "lead": sections.lead(evidence),
        "tiles": sections.headline(evidence),
        "static_map": _static_map(views, classes),
        "accuracy": sections.accuracy_section(evidence),
        "area": sections.area_section(evidence),
        "training": sections.training_section(evidence),
        "data": sections.data_section(evidence, views.scene),
        "method": sections.method_section(evidence),
    }
    layers = map_layers(views, classes)
    return render(content, map_data(views.prediction.grid, layers, classes, areas))


def _static_map(views: Views, classes: Classes) -> str:
    """The same in one picture, for print and where scripts do not run."""
    figure = plot_comparison(views.scene, views.truth, views.prediction, classes)
    uri = photo_uri(figure_pixels(figure))
    return f'<img class="paper" alt="Scene, truth and prediction side by side" src="{uri}">'


def _title(names: tuple[str, ...]) -> str:
    """The classes in words, as far as they have names and fit a line."""
    if len(names) > 4 or all(_NUMBERED.fullmatch(name) for name in names):
        return f"Map of {len(names)} class{'es' if len(names) > 1 else ''}"
    *first, last = names
    words = f"{', '.join(first)} and {last}" if first else last
    return f"Map of {words}"


def _subtitle(evidence: Evidence) -> str:
    scene = f" from {escape(evidence.scene.name)}" if evidence.scene else ""
    when = evidence.finished.strftime("%d %B %Y").lstrip("0")
    return (
        f"<b>{escape(evidence.map.name)}</b>, classified{scene} by a network of type "
        f'<b>{escape(evidence.card.architecture)}</b> on <time datetime="{evidence.finished.isoformat()}">'
        f"{when}</time>"
    )
