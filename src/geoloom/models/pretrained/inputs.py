"""What pretrained weights want to be fed, as a normalisation of the numbers that there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.bands import UNITS, Band
from ...core.errors import BandError
from ...transforms.normalize import Normalization
from ..adapt import BandSources
from .table import InputBand, PretrainedWeights

AS_PRETRAINED = "as_pretrained"
"""Kind of the normalisation."""


def input_rule(
    weights: PretrainedWeights, bands: Sequence[Band], dtype: str, found: BandSources
) -> Normalization:
    """From stored numbers to what the weights were trained on, band by band.

    Units are never guessed: a band is converted where its unit is the one that the weights want, and refused
    otherwise. A band that the weights do not know is brought to the range that they want of the others of its
    unit.

    Args:
        weights: Of which the input is.
        bands: Of the stored numbers: unit, scale and offset.
        dtype: numpy's name of the type that they are stored in.
        found: Which of the weights' bands each is.

    Raises:
        BandError: a band has another unit than the weights want, or none; or where they want numbers without
            a unit, these are of another type.
    """
    asked = [
        weights.bands[source] if source is not None else _like(band, weights)
        for band, source in zip(bands, found.sources, strict=True)
    ]
    for band, wanted in zip(bands, asked, strict=True):
        _check_unit(band, wanted, dtype, weights)
    bounds = [(wanted.low, wanted.high) for wanted in asked if wanted.low is not None]
    low, high = zip(*bounds, strict=True) if bounds else ((), ())
    return Normalization(
        AS_PRETRAINED,
        tuple((w.center - band.offset) / band.scale for band, w in zip(bands, asked, strict=True)),
        tuple(w.scale / band.scale for band, w in zip(bands, asked, strict=True)),
        tuple(band.name for band in bands),
        low,
        high,
    )


def _like(band: Band, weights: PretrainedWeights) -> InputBand:
    """What the weights would want of a band that they do not know."""
    same = [known for known in weights.bands if known.unit == band.unit] or list(weights.bands)
    first = same[0]
    return InputBand(
        band.name,
        band.role,
        first.unit,
        float(np.mean([known.center for known in same])),
        float(np.mean([known.scale for known in same])),
        first.low,
        first.high,
    )


def _check_unit(band: Band, wanted: InputBand, dtype: str, weights: PretrainedWeights) -> None:
    if wanted.unit is not None and band.unit != wanted.unit:
        found = "no unit is declared for it" if band.unit is None else f"it is {band.unit}"
        known = "" if band.unit is None else ", or choose weights for what there is"
        raise BandError(
            f"{weights.name} want band {band.name!r} as {wanted.unit}, and {found}: declare what the numbers "
            f"are where the chips are cut (--unit {wanted.unit}, one of {', '.join(UNITS)}){known}"
        )
    if wanted.unit is None and (band.unit is not None or dtype != weights.dtype):
        found = f"{dtype} without a unit" if band.unit is None else f"{dtype} in {band.unit}"
        raise BandError(
            f"{weights.name} want band {band.name!r} as {weights.dtype} without a unit, as a photograph has "
            f"it, and it is {found}; convert it, or choose weights for what there is"
        )
