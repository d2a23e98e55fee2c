"""The report of a map of classes."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from ...figures.images import plot_comparison
from ...figures.style import figure_pixels
from ..content import Content, MapPart, Section
from ..evidence.class_map import ClassMap
from ..evidence.facts import Request
from ..layers import Chosen, Views, chosen_names, map_layers, photo_uri
from ..page import map_data
from ..sections.baseline import baseline_block
from ..sections.class_accuracy import PIXELS, class_accuracy_section, class_sentences, class_tiles
from ..sections.data import data_section
from ..sections.html import note, tiles
from ..sections.maps import area_tile, map_files, map_subtitle
from ..sections.method import method_section
from ..sections.training import training_section
from ..tables import area_table, hectares, percent

if TYPE_CHECKING:
    from ...models.card import ModelCard

_NUMBERED = re.compile(r"(class[ _-]*)?\d+", re.IGNORECASE)
"""A name that says no more than a code."""
_NOTES = (
    "All figures of a table come from one confusion matrix, summed over every scored pixel: they "
    "do not depend on how the scene was cut into chips or tiles. Rows are the truth, columns the "
    "prediction. Pixels that were not observed, or that the truth does not label, take part in no "
    "figure. Means give each class of the truth equal weight; a class of the truth that is never "
    "mapped counts as 0."
)


def content(request: Request, card: ModelCard) -> Content:
    """The page; raises as `ClassMap.of`."""
    evidence = ClassMap.of(request, card)
    facts, classes = evidence.facts, evidence.classes
    scene = evidence.mapped.scene
    bands = chosen_names(scene, request.bands)
    views = Views.of(evidence.mapped.path, scene, evidence.truth, classes, bands=bands)
    truth = None if evidence.truth is None else evidence.truth.source
    sections = (
        class_accuracy_section(
            facts.scores, classes, PIXELS, baseline_block(request.model_dir, facts)
        ),
        _areas(evidence),
        training_section(facts, ("Classes", ", ".join(classes.names)), ()),
        data_section(evidence.mapped, views.scene, classes),
        method_section(facts, _NOTES, map_files(evidence.mapped, truth)),
    )
    return Content(
        kicker="Map report",
        title=escape(_title(classes.names)),
        subtitle=map_subtitle(facts, evidence.mapped, "classified"),
        lead=_lead(evidence),
        tiles=tiles([*class_tiles(facts.leading, PIXELS), area_tile(evidence.areas.hectares)]),
        sections=tuple(section for section in sections if section is not None),
        map=_map(evidence, views, bands),
    )


def _map(evidence: ClassMap, views: Views, bands: Chosen) -> MapPart:
    classes = evidence.classes
    areas = {
        row.name: f"{hectares(row.hectares)} ha · {percent(row.share)}"
        for row in evidence.areas.rows
    }
    figure = plot_comparison(views.scene, views.truth, views.prediction, classes)
    uri = photo_uri(figure_pixels(figure))
    layers = map_layers(views, classes, bands)
    return MapPart(
        map_data(views.prediction.grid, layers, classes=classes, areas=areas),
        f'<img class="paper" alt="Scene, truth and prediction side by side" src="{uri}">',
    )


def _areas(evidence: ClassMap) -> Section:
    """How much of each class there is."""
    unmapped = _unmapped(evidence.areas.unmapped_pixels)
    text = (
        f"Areas are counted from the map: of each pixel, its outline on the ellipsoid. {unmapped}"
    )
    if evidence.facts.scores:
        text += " Areas carry the map’s errors: low precision overstates a class, low recall understates it."
    return Section("area", "Area", "Area", area_table(evidence.areas) + note(text))


def _lead(evidence: ClassMap) -> str:
    """The findings in sentences."""
    sentences = class_sentences(evidence.facts.leading, evidence.facts.scores, PIXELS)
    rows = [row for row in evidence.areas.rows if row.pixels]
    if rows:
        largest = max(rows, key=lambda row: row.hectares)
        sentences.append(
            f"The map gives {percent(largest.share)} of the mapped area "
            f"({hectares(largest.hectares)}\u202fha) to {escape(largest.name)}."
        )
    return " ".join(s for s in sentences if s)


def _title(names: tuple[str, ...]) -> str:
    """The classes in words, as far as they have names and fit a line."""
    if len(names) > 4 or all(_NUMBERED.fullmatch(name) for name in names):
        return f"Map of {len(names)} class{'es' if len(names) > 1 else ''}"
    return f"Map of {listed(names)}"


def listed(names: tuple[str, ...]) -> str:
    """Names in words.

    Example:
        >>> listed(("forest", "water", "rock"))
        'forest, water and rock'
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _unmapped(pixels: int) -> str:
    if not pixels:
        return "Every pixel carries a class."
    return f"{pixels:,} {'pixel carries' if pixels == 1 else 'pixels carry'} no class."
