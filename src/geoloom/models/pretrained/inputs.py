"""What pretrained weights want to be fed, as a normalisation of the numbers that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...core.bands import UNITS, Band
from ...core.errors import BandError
from ...core.statistics import BandStatistics
from ...transforms.normalize import Normalization
from ..adapt import BandSources
from .table import InputBand, PretrainedWeights

AS_PRETRAINED = "as_pretrained"
"""Kind of the normalisation."""

_PHOTOGRAPH = "uint8"
"""The type of numbers that are counts where they have no unit."""


def input_rule(
    weights: PretrainedWeights,
    bands: Sequence[Band],
    dtype: str,
    found: BandSources,
    statistics: BandStatistics | None = None,
) -> Normalization:
    """From stored numbers to what the weights were trained on, band by band.

    Units are never guessed: a band is converted where its unit is the one that the weights want, and refused
    otherwise. A band that the weights do not know is brought to the range that they want of the others of its
    unit; where none has its unit, what the samples hold is brought to that range.

    Args:
        weights: Of which the input is.
        bands: Of the stored numbers: unit, scale and offset.
        dtype: numpy's name of the type that they are stored in.
        found: Which of the weights' bands each is.
        statistics: Of the stored numbers of the samples, for bands in a unit that the weights do not know.

    Raises:
        BandError: a band has another unit than the weights want, or none; or where they want numbers without
            a unit, these are of another type.
    """
    rules = [
        _rule(weights, band, source, dtype, statistics, position)
        for position, (band, source) in enumerate(zip(bands, found.sources, strict=True))
    ]
    bounds = [(rule.low, rule.high) for rule in rules if rule.low is not None]
    low, high = zip(*bounds, strict=True) if bounds else ((), ())
    return Normalization(
        AS_PRETRAINED,
        tuple(rule.center for rule in rules),
        tuple(rule.scale for rule in rules),
        tuple(band.name for band in bands),
        low,
        high,
    )


def _rule(
    weights: PretrainedWeights,
    band: Band,
    source: int | None,
    dtype: str,
    statistics: BandStatistics | None,
    position: int,
) -> InputBand:
    """What is done with the stored numbers of a band."""
    alike = [known for known in weights.bands if known.unit == band.unit]
    if source is None and not alike and statistics is not None:
        return _fitted(band, weights, statistics, position)
    wanted = _like(band, alike or weights.bands) if source is None else weights.bands[source]
    _check_unit(band, wanted, dtype, weights)
    return replace(
        wanted, center=(wanted.center - band.offset) / band.scale, scale=wanted.scale / band.scale
    )


def _like(band: Band, others: Sequence[InputBand]) -> InputBand:
    """What the weights would want of a band that they do not know."""
    return replace(
        others[0],
        name=band.name,
        center=float(np.mean([known.center for known in others])),
        scale=float(np.mean([known.scale for known in others])),
    )


def _fitted(
    band: Band, weights: PretrainedWeights, statistics: BandStatistics, position: int
) -> InputBand:
    """A band of a unit of its own, brought to the bounds of the others, or to mean 0 and deviation 1."""
    first = weights.bands[0]
    if first.low is None or first.high is None:
        center, scale = statistics.mean[position], statistics.std[position] or 1.0
    else:
        least, most = statistics.min[position], statistics.max[position]
        scale = (most - least) / (first.high - first.low) or 1.0
        center = least - first.low * scale
    return InputBand(band.name, band.role, band.unit, center, scale, first.low, first.high)


def _check_unit(band: Band, wanted: InputBand, dtype: str, weights: PretrainedWeights) -> None:
    instead = (
        "choose weights for what there is, or let the network see each band by its own mean and deviation "
        "(--normalize mean_std)"
    )
    if wanted.unit is not None and band.unit != wanted.unit:
        found = "no unit is declared for it" if band.unit is None else f"it is {band.unit}"
        known = "" if band.unit is None else f", or {instead}"
        raise BandError(
            f"{weights.name} want band {band.name!r} as {wanted.unit}, and {found}: declare what the numbers "
            f"are where the chips are cut (--unit {wanted.unit}, one of {', '.join(UNITS)}){known}"
        )
    if wanted.unit is not None:
        return
    scaled = (band.scale, band.offset) != (1.0, 0.0)
    counts = band.unit is None or (band.unit == "DN" and weights.dtype == _PHOTOGRAPH)
    if not counts or scaled or dtype != weights.dtype:
        found = f"{dtype} without a unit" if band.unit is None else f"{dtype} in {band.unit}"
        found += f" with scale {band.scale:g} and offset {band.offset:g}" if scaled else ""
        photograph = ", as a photograph has it" if weights.dtype == _PHOTOGRAPH else ""
        raise BandError(
            f"{weights.name} want band {band.name!r} as {weights.dtype} without a unit{photograph}, and it "
            f"is {found}; convert it, {instead}"
        )
