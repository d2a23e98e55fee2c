"""The report: a map with its accuracy, areas, training and data in one HTML file that works offline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .._version import __version__
from ..core.files import may_replace, write_text
from ..core.legend import ClassColors, CodeNames
from ..models.identity import CARD_FILE
from .evidence.accuracies import AccuracySource
from .evidence.facts import Request
from .evidence.naming import card_of_map
from .kinds.table import content_of
from .page import render


def report(
    model_dir: str | Path,
    map: str | Path | None,  # noqa: A002 - the word for it; the builtin is not needed here
    out_html: str | Path,
    *,
    scene: str | Path | None = None,
    truth: str | Path | None = None,
    accuracy: AccuracySource | None = None,
    chips: Any = None,
    bands: Sequence[int | str] | None = None,
    classes: CodeNames | None = None,
    colors: ClassColors | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a report of a map as one HTML file: no network, no files beside it.

    It holds a zoomable map of scene, prediction, truth and their disagreement; accuracy by class, confusion
    matrices, ROC and precision-recall curves; areas; training curves; the chips' places; histograms; and
    the settings and versions that made it all. Of measured values it holds RMSE, MAE, bias and R2, truth
    against prediction, and how each value is distributed; of a model that answers per image, its accuracy and
    pictures that it classifies wrongly and rightly. What is not known is left out.

    Args:
        model_dir: The model's folder.
        map: The map that the model made, of classes or of values. A large one is shown at 2,000 pixels per
            side, and counted in full. Of a model that answers per image, the table of its answers, or None.
        out_html: The file to write.
        scene: The imagery, shown below the map; by default the one that the map's record names.
        truth: Label raster or polygons, on any grid and in any CRS; of values, a raster of measurements.
            Compared with the map pixel by pixel.
        accuracy: What `evaluate` returned or wrote; by default what it left, for this model and this map,
            beside the model, the map or the report.
        chips: Chip store, or folder of pictures, of the training; by default the one that the model's card
            names.
        bands: One or three bands of the scene to show besides true and false colour, as red, green and blue:
            each a name, what it measures (`nir`), or a number from 1.
        classes: What the codes of a map from elsewhere mean, `{1: "forest", ...}`, in place of the names that
            it carries: each class of the model once.
        colors: `#rrggbb`, or `transparent`, of some classes, in place of the model's.
        overwrite: Replace the file.

    Returns:
        Path of the report.

    Raises:
        WriteError: the file exists and `overwrite` is False, is an input, or its folder does not exist.
        ModelError: the folder holds no model, or one of which there is no report; `accuracy` holds no
            accuracy of its kind; or `map` is not a map of the model.
        ReadError: map, scene or truth cannot be read.
        ConfigError: classes or colours are given that the model does not have.
        BandError: `bands` are neither one nor three, the scene does not have them, or it is not known.

    Example:
        >>> report("model/", "map.tif", "report.html", truth="truth.gpkg")  # doctest: +SKIP
        PosixPath('report.html')
    """
    out = Path(out_html)
    inputs = [path for path in (map, scene, truth, accuracy, chips) if isinstance(path, str | Path)]
    may_replace(out, overwrite=overwrite, inputs=[Path(model_dir) / CARD_FILE, *inputs])
    from ..models.saved import read_card

    request = Request(
        Path(model_dir),
        map=None if map is None else Path(map),
        scene=None if scene is None else Path(scene),
        truth=None if truth is None else Path(truth),
        accuracy=accuracy,
        chips=chips,
        beside=(out.parent,),
        bands=bands,
        named=bool(classes),
    )
    card = card_of_map(read_card(request.model_dir), classes, colors)
    content = content_of(request, card)
    written = datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0")
    write_text(out, render(content, version=__version__, written=written))
    return out
