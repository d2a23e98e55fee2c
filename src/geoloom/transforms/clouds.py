"""Cloud masks from the quality bands that providers deliver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from ..core.errors import ConfigError, suggest

QualityBand = Literal["landsat_c2", "sentinel2_scl"]

LANDSAT_C2_BITS: dict[str, int] = {
    "fill": 0,
    "dilated_cloud": 1,
    "cirrus": 2,
    "cloud": 3,
    "cloud_shadow": 4,
    "snow": 5,
    "clear": 6,
    "water": 7,
}
"""Bits of QA_PIXEL, Landsat 4 to 9, Collection 2; `cirrus` is unused before Landsat 8."""

SENTINEL2_SCL_CODES: dict[str, int] = {
    "fill": 0,
    "saturated": 1,
    "dark": 2,
    "cloud_shadow": 3,
    "vegetation": 4,
    "bare": 5,
    "water": 6,
    "unclassified": 7,
    "cloud_medium": 8,
    "cloud": 9,
    "cirrus": 10,
    "snow": 11,
}
"""Values of the scene classification layer, Sentinel-2 level 2A."""

DEFAULT_FLAGS: dict[QualityBand, tuple[str, ...]] = {
    "landsat_c2": ("fill", "dilated_cloud", "cirrus", "cloud", "cloud_shadow"),
    "sentinel2_scl": ("fill", "saturated", "cloud_shadow", "cloud_medium", "cloud", "cirrus"),
}
"""What hides the ground. Snow is left to the user: it is not a cloud."""


def cloud_mask(
    qa: np.ndarray, kind: QualityBand = "landsat_c2", flags: Sequence[str] | None = None
) -> np.ndarray:
    """Where a quality band says that the ground is hidden.

    Args:
        qa: (...) integers as delivered.
        kind: `landsat_c2` for QA_PIXEL of Collection 2; `sentinel2_scl` for the scene classification layer.
        flags: Which conditions count; None takes `DEFAULT_FLAGS`.

    Returns:
        bool, the shape of `qa`, True = hidden.

    Raises:
        ConfigError: the kind or a flag is unknown, or the band is not of integers.

    Source:
        USGS LSDS-1619, Landsat 8-9 Collection 2 Level 2 Science Product Guide, QA_PIXEL; ESA Sentinel-2
        Level-2A product specification, scene classification.

    Example:
        >>> cloud_mask(np.array([21824, 22280, 23888])).tolist()  # clear, cloud, shadow
        [False, True, True]
    """
    if kind not in get_args(QualityBand):
        raise ConfigError(f"unknown quality band {kind!r}{suggest(kind, get_args(QualityBand))}")
    if qa.dtype.kind not in "iu":
        raise ConfigError(f"a quality band holds integers, found {qa.dtype}; read it unscaled")
    known = LANDSAT_C2_BITS if kind == "landsat_c2" else SENTINEL2_SCL_CODES
    wanted = DEFAULT_FLAGS[kind] if flags is None else flags
    for flag in wanted:
        if flag not in known:
            raise ConfigError(f"{kind} has no condition {flag!r}{suggest(flag, known)}")
    if kind == "landsat_c2":
        bits = sum(1 << known[flag] for flag in set(wanted))
        return np.asarray((qa.astype(np.int64) & bits) != 0)
    return np.isin(qa, [known[flag] for flag in wanted])
