"""The paper's standardisation strategies and their params, as rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.errors import ConfigError, suggest
from ..core.statistics import BandStatistics
from ..transforms.normalize import (
    ALIASES,
    PER_IMAGE,
    Normalization,
    fit_normalization,
    fit_whole_image,
    list_normalizations,
)
from .params import check_keys

_PARAMS: dict[str, tuple[str, ...]] = {"norm_range": ("min", "max"), "reduce_sr": ("factor",)}


def fit_strategy(
    strategy: str,
    params: Mapping[str, Any],
    statistics: Callable[[], BandStatistics],
    bands: tuple[str, ...],
    indices: int,
) -> Normalization:
    """The rule of a strategy for a stack of bands.

    Args:
        strategy: Any of `list_normalizations`, or `tensorflow`.
        params: `min` and `max` of `norm_range`, `factor` of `reduce_sr`.
        statistics: Reads the image; called only where the strategy needs it.
        bands: Names of the stack.
        indices: How many of the last bands are spectral indices, which `reduce_sr` leaves as they are: they
            are not scaled reflectance.

    Raises:
        ConfigError: the strategy or a parameter is unknown.
        BandError: a band has no valid pixel.
    """
    strategy = ALIASES.get(strategy, strategy)
    if strategy not in list_normalizations():
        raise ConfigError(
            f"unknown standardisation {strategy!r}{suggest(strategy, list_normalizations())}"
        )
    where = f"standardisation {strategy!r}"
    given = {
        k: float(v) for k, v in check_keys(params, _PARAMS.get(strategy, ()), where=where).items()
    }
    if strategy == "reduce_sr":
        rule = fit_normalization(strategy, bands=bands, factor=given.get("factor", 10000.0))
        scale = (*rule.scale[: len(bands) - indices], *(1.0,) * indices)
        return Normalization(strategy, rule.center, scale, bands)
    if strategy == PER_IMAGE:
        return fit_whole_image(statistics())
    return fit_normalization(
        strategy, statistics(), low=given.get("min", -1.0), high=given.get("max", 1.0)
    )
