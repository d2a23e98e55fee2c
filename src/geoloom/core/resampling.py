"""How a pixel comes from those of another lattice, and the default."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Literal, get_args

Resampling = Literal["nearest", "mode", "bilinear", "cubic", "average"]
"""How a resampled pixel comes from source pixels: `nearest` and `mode` keep classes, the rest average."""

RESAMPLINGS: tuple[Resampling, ...] = get_args(Resampling)

AVERAGING: frozenset[Resampling] = frozenset(("bilinear", "cubic", "average"))
"""Those that make values which no source pixel has: they mean nothing for class codes."""

DEFAULT_OF_CLASSES: Resampling = "nearest"
DEFAULT_OF_MEASUREMENTS: Resampling = "bilinear"


def default_resampling(*, categorical: bool) -> Resampling:
    """The default: for classes, or for measurements.

    Example:
        >>> default_resampling(categorical=True), default_resampling(categorical=False)
        ('nearest', 'bilinear')
    """
    return DEFAULT_OF_CLASSES if categorical else DEFAULT_OF_MEASUREMENTS


def as_resampling(given: Any) -> Any:
    """The name of a resampling: rasterio's enumeration has the same ones; whatever else, as it is.

    Example:
        >>> from rasterio.enums import Resampling
        >>> as_resampling(Resampling.cubic), as_resampling("mode"), as_resampling(None)
        ('cubic', 'mode', None)
    """
    return given.name if isinstance(given, IntEnum) else given
