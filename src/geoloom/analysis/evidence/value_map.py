"""What is known of a map of measured values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from odc.geo.geobox import GeoBox

from ...core.area import pixel_areas_m2
from ...core.errors import ModelError
from ...core.grid import row_windows, window_grid
from ...core.outputs import Outputs, ValueOutputs
from ...core.resampling import Resampling
from ...core.statistics import BandStatistics, band_statistics
from ...evaluation.maps import evaluate_map, holds_values
from ...evaluation.truth import ValueTruth, values_of
from ...figures.views import look
from ...io.headers.header import Header
from ...io.raster import read
from ...metrics.value_accuracy import ValueAccuracy
from ...metrics.value_count import match_values
from ..areas import BLOCK_ROWS
from .class_map import whole_ground
from .facts import Facts, Request
from .mapped import Mapped
from .scores import Score, Scored, find_scores

if TYPE_CHECKING:
    from ...models.card import ModelCard

Units = tuple[str | None, ...]

_M2_PER_HECTARE = 10_000.0


@dataclass(frozen=True, slots=True)
class KnownValues:
    """A raster of measurements that holds the values of the map."""

    source: Path
    header: Header
    bands: tuple[int, ...]
    """Number, from 1, of the band of each value, in the map's order."""

    @classmethod
    def of(cls, source: Path, outputs: ValueOutputs) -> KnownValues:
        """Truth in a file.

        Raises:
            ModelError: it holds polygons or classes, lacks a value, or holds it in another unit.
        """
        truth = ValueTruth.of(source)
        order = match_values(outputs, truth.outputs, str(source))
        numbers = truth.raster.data_bands
        return cls(source, truth.raster, tuple(numbers[i] for i in order))


@dataclass(frozen=True, slots=True)
class MapStatistics:
    """What a map of values holds, counted in full."""

    values: BandStatistics
    """Of each value, in its unit."""
    hectares: float
    """Ground, on the ellipsoid, that has a value at all."""
    unmapped_pixels: int


@dataclass(frozen=True, slots=True)
class ValueMap:
    """The facts of one report."""

    facts: Facts[ValueAccuracy]
    mapped: Mapped
    outputs: ValueOutputs
    truth: KnownValues | None
    statistics: MapStatistics

    @classmethod
    def of(cls, request: Request, card: ModelCard) -> ValueMap:
        """Read and count all that the report shows.

        Raises:
            ModelError: the raster is not a map of the model, or truth does not hold its values.
            ReadError: map, scene or truth cannot be read.
        """
        outputs = card.outputs
        assert isinstance(outputs, ValueOutputs)  # the table's own key
        mapped, scored = Mapped.of(request, card, check_value_map)
        truth = None if request.truth is None else KnownValues.of(request.truth, outputs)
        agreement = None if truth is None else lambda: _agreement(truth, mapped, scored)
        scores = find_scores(scored, ValueAccuracy, request.accuracy, agreement, request.beside)
        return cls(
            facts=Facts.of(request, card, scores, mapped.run),
            mapped=mapped,
            outputs=outputs,
            truth=truth,
            statistics=map_statistics(mapped.header, outputs.names),
        )


def check_value_map(header: Header, outputs: Outputs) -> None:
    """Refuse a raster that is not a map of the model's values.

    Raises:
        ModelError: it names classes, or its bands are not the model's values.
    """
    assert isinstance(outputs, ValueOutputs)  # the table's own key
    own = values_of(header) if holds_values(header) else None
    if own is not None and own.names == outputs.names and _agree(own.units, outputs.units):
        return
    problem = "names classes, or holds no fractions" if own is None else f"holds {own.short}"
    raise ModelError(
        f"{header.uri} is not a map of this model: it {problem}, where the model gives {outputs.short}; give "
        "what `geoloom predict` wrote with it"
    )


def _agree(one: Units, other: Units) -> bool:
    """Whether units are equal wherever both are known."""
    return all(a == b for a, b in zip(one, other, strict=True) if a is not None and b is not None)


def map_statistics(header: Header, names: tuple[str, ...]) -> MapStatistics:
    """Count a map of values block by block: memory does not grow with it."""
    hectares, unmapped = 0.0, 0
    for part, layers in _blocks(header):
        observed = np.isfinite(layers).any(axis=0)
        cells = np.broadcast_to(pixel_areas_m2(part), observed.shape)
        hectares += float(cells[observed].sum()) / _M2_PER_HECTARE
        unmapped += int((~observed).sum())

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _, layers in _blocks(header):
            yield layers, np.ones(layers.shape[1:], dtype=bool)

    return MapStatistics(band_statistics(blocks, names), hectares, unmapped)


def planes(
    header: Header,
    bands: tuple[int, ...],
    grid: GeoBox,
    whole: GeoBox,
    *,
    shrink: Resampling = "average",
) -> np.ndarray:
    """Values on a display grid, float32 (K, H, W) in their units, NaN where not known.

    Args:
        header: Of the raster.
        bands: Numbers from 1, of which each has unknown pixels of its own.
        grid: Where to look.
        whole: The map's own grid, on which values are those that an evaluation compares.
        shrink: How to make a coarser one: `average` for the eye, `nearest` for histograms.
    """
    layers = []
    for band in bands:
        if grid == whole:
            seen = read(header, grid, bands=[band], scaled=True)
        else:
            seen = look(header.uri, bands=[band], grid=grid, resampling=shrink, scaled=True)
        layers.append(np.where(seen.valid, seen.values[0], np.nan).astype(np.float32))
    return np.stack(layers)


def _blocks(header: Header) -> Iterator[tuple[GeoBox, np.ndarray]]:
    """Strips of the map and their values, NaN where not known."""
    for window in row_windows(header.grid.shape, BLOCK_ROWS):
        part = window_grid(header.grid, window)
        layers = [read(header, part, bands=[band], scaled=True) for band in header.data_bands]
        yield part, np.stack([np.where(each.valid, each.values[0], np.nan) for each in layers])


def _agreement(truth: KnownValues, mapped: Mapped, scored: Scored) -> Score[ValueAccuracy]:
    accuracy = evaluate_map(mapped.path, truth.source)
    assert isinstance(accuracy, ValueAccuracy)  # `check_value_map` has let it through
    assert scored.learned is not None  # maps lie somewhere
    apart = scored.learned.apart_from(None)
    note = (
        f"Every mapped pixel for which {truth.source.name} gives a value{whole_ground(apart=apart)}"
    )
    return Score(accuracy, "Agreement over the whole map", note, independent=apart)
