"""The report of a map of measured values."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ...figures.style import figure_pixels
from ...figures.values import plot_value_histograms, plot_value_panels
from ...figures.views import look_at_image, stretch
from ..content import Content, MapPart, Section
from ..evidence.facts import Request
from ..evidence.value_map import ValueMap, planes
from ..layers import Chosen, chosen_names, photo_uri
from ..page import map_data
from ..sections.class_accuracy import not_independent
from ..sections.data import data_section
from ..sections.html import note, svg, tiles
from ..sections.maps import area_tile, map_files, map_subtitle
from ..sections.method import method_section
from ..sections.training import training_section
from ..sections.value_accuracy import value_accuracy_section, value_sentences, value_tiles
from ..value_layers import ValueViews, value_layers
from ..value_tables import statistics_table
from .class_map import listed

if TYPE_CHECKING:
    from ...models.card import ModelCard

_MEASURES = ("loss", "rmse", "r2", "mean_r2")
_MOST_NAMED = 4
_PRINTED = 4
"""Values whose maps are printed, too."""
_NOTES = (
    "Root mean squared error (RMSE), mean absolute error (MAE), bias (the mean of prediction − truth) and R² "
    "are taken once, from sums over every scored pixel: they do not depend on how the scene was cut into "
    "chips or tiles. R² is 1 − squared errors / squared deviations of the truth from its mean: 1 is "
    "perfect, 0 no better than that mean. Pixels that were not observed, or whose true value is not known, "
    "take part in no figure. Colours are spread between the 2nd and the 98th percentile of what is shown; "
    "map and truth share them."
)
_MISSING = (
    "No accuracy was given with this map. Evaluate the model on test chips, or give the report a raster of "
    "measurements as truth, and it appears here."
)


def content(request: Request, card: ModelCard) -> Content:
    """The page; raises as `ValueMap.of`."""
    evidence = ValueMap.of(request, card)
    facts, mapped = evidence.facts, evidence.mapped
    bands = chosen_names(mapped.scene, request.bands)
    views = ValueViews.of(evidence, bands)
    truth = None if evidence.truth is None else evidence.truth.source
    sections = (
        value_accuracy_section(facts.scores, _MISSING),
        _distribution(evidence, views),
        training_section(facts, ("Values", ", ".join(views.titles)), _MEASURES),
        data_section(mapped, views.scene),
        method_section(facts, _NOTES, map_files(mapped, truth)),
    )
    sentences = value_sentences(facts.leading, facts.scores, "pixels", not_independent("map"))
    return Content(
        kicker="Map report",
        title=escape(_title(evidence.outputs.names)),
        subtitle=map_subtitle(facts, mapped, "estimated"),
        lead=" ".join(sentences),
        tiles=tiles(
            [*value_tiles(facts.leading, "pixels"), area_tile(evidence.statistics.hectares)]
        ),
        sections=tuple(section for section in sections if section is not None),
        map=_map(views, bands),
    )


def _map(views: ValueViews, bands: Chosen) -> MapPart:
    layers, ramps = value_layers(views, bands)
    scene = None if views.scene is None else stretch(look_at_image(views.scene))[0]
    pictures = []
    for k, title in enumerate(views.titles[:_PRINTED]):
        truth = None if views.truth is None else views.truth[k]
        figure = plot_value_panels(views.grid, title, views.prediction[k], truth, scene=scene)
        alt = f"Maps of {escape(title)} side by side"
        uri = photo_uri(figure_pixels(figure))
        pictures.append(f'<img class="paper" alt="{alt}" src="{uri}">')
    return MapPart(map_data(views.grid, layers, ramps=ramps), "".join(pictures))


def _distribution(evidence: ValueMap, views: ValueViews) -> Section:
    """How the map's values are distributed: counted in full in the table, looked at in the figure."""
    mapped, truth, whole = evidence.mapped, evidence.truth, evidence.mapped.grid
    bands = mapped.header.data_bands
    predicted = planes(mapped.header, bands, views.grid, whole, shrink="nearest")
    known = (
        None
        if truth is None
        else planes(truth.header, truth.bands, views.grid, whole, shrink="nearest")
    )
    caption = "How often each value occurs" + (
        ", where the truth is known: the map filled, the truth as a line."
        if truth
        else " in the map."
    )
    figure = plot_value_histograms(views.titles, predicted, known)
    unmapped = evidence.statistics.unmapped_pixels
    text = (
        "The table counts every pixel of the map"
        + (f"; {unmapped:,} carry no value" if unmapped else "")
        + ". The map carries its errors: predictions usually vary less than the truth, and miss its extremes."
    )
    body = statistics_table(evidence.statistics.values, evidence.outputs.units) + note(text)
    return Section("values", "Values", "Values", body + svg(figure, "values-plot", caption))


def _title(names: tuple[str, ...]) -> str:
    """The values in words, as far as they fit a line."""
    return f"Map of {len(names)} values" if len(names) > _MOST_NAMED else f"Map of {listed(names)}"
