"""The paper's params of indices and standardisations, as options of a stack of bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import ConfigError
from ..preparation.operations import AddIndex, Scalings
from ..preparation.stack_normalization import known_kind
from ..transforms.indices import get_index
from .params import check_keys

_STRATEGY_KEYS = {"norm_range": {"min": "low", "max": "high"}, "reduce_sr": {"factor": "factor"}}
"""Of each strategy that has any: its params, and what they are called below."""


def index_of(
    name: str, params: Mapping[str, Any], scalings: Scalings, others: Sequence[str] = ()
) -> AddIndex:
    """The index as the paper's params ask for it.

    Args:
        name: Of a known index.
        params: `idx_b_<band>` positions, 0-based, and `factor`.
        scalings: Scale and offset of each of the raster's bands; (1, 0) where it declares none.
        others: Names that the caller knows besides, for the message.

    Raises:
        ConfigError: the name or a key is unknown, a position is missing, or a factor is given for bands
            whose scale the file declares.
        BandError: a position is outside the raster's bands.

    Example:
        >>> index_of("ndvi", {"idx_b_red": 3, "idx_b_nir": 4}, ((1.0, 0.0),) * 6).positions
        {'red': 3, 'nir': 4}
    """
    try:
        index = get_index(name)
    except ConfigError as error:
        own = f". Your own: {', '.join(others)}" if others else ""
        raise ConfigError(f"{error}{own}") from None
    keys = {f"idx_b_{band}": band for band in index.bands}
    given = check_keys(params, (*keys, "factor"), where=f"index {name!r}")
    missing = [key for key in keys if key not in given]
    if missing:
        raise ConfigError(f"index {name!r} needs {', '.join(missing)}: band positions from 0")
    factor = given.get("factor")
    positions = {band: int(given[key]) for key, band in keys.items()}
    return AddIndex.of(name, positions, scalings, factor=None if factor is None else float(factor))


def strategy_options(strategy: str, params: Mapping[str, Any]) -> dict[str, float]:
    """The params of a standardisation strategy as keywords of `BandStack.normalized`.

    Raises:
        ConfigError: the strategy or a param is unknown.

    Example:
        >>> strategy_options("norm_range", {"min": 0, "max": 1})
        {'low': 0.0, 'high': 1.0}
    """
    keys = _STRATEGY_KEYS.get(known_kind(strategy), {})
    given = check_keys(params, keys, where=f"standardisation {strategy!r}")
    return {keys[name]: float(value) for name, value in given.items()}
