"""The normalisation of a whole raster, indices and all, fitted on its own pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..core.statistics import BandStatistics
from ..transforms.normalize import (
    ALIASES,
    NORMALIZATIONS,
    PER_IMAGE,
    Normalization,
    fit_normalization,
    fit_whole_image,
)


def normalization_path(raster: Path) -> Path:
    """Where the rule of a normalised raster is kept beside it, for other scenes.

    Example:
        >>> normalization_path(Path("scene.tif")).name
        'scene.normalization.json'
    """
    return raster.with_suffix(".normalization.json")


def known_kind(kind: str) -> str:
    """The name of a normalisation, for which an older one may stand.

    Raises:
        ConfigError: there is none; the message names the nearest.

    Example:
        >>> known_kind("tensorflow")
        'per_image'
    """
    name = ALIASES.get(kind, kind)
    NORMALIZATIONS.get(name)
    return name


def fit_stack(
    kind: str,
    statistics: Callable[[], BandStatistics],
    bands: tuple[str, ...],
    *,
    indices: int = 0,
    low: float = -1.0,
    high: float = 1.0,
    factor: float = 10000.0,
) -> Normalization:
    """The rule of a kind for a stack of bands.

    Args:
        kind: Any of `list_normalizations`, or `tensorflow`.
        statistics: Reads the image; called only where the kind needs it.
        bands: Names of the stack.
        indices: How many of the last bands are spectral indices, which `reduce_sr` leaves as they are: they
            are not scaled reflectance.
        low, high: Target range of `norm_range`.
        factor: Divisor of `reduce_sr`.

    Raises:
        ConfigError: the kind is unknown.
        BandError: a band has no valid pixel.
    """
    kind = known_kind(kind)
    if kind == "reduce_sr":
        rule = fit_normalization(kind, bands=bands, factor=factor)
        scale = (*rule.scale[: len(bands) - indices], *(1.0,) * indices)
        return Normalization(kind, rule.center, scale, bands)
    if kind == PER_IMAGE:
        return fit_whole_image(statistics())
    return fit_normalization(kind, statistics(), low=low, high=high)
