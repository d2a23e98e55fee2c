"""How a pixel comes from those of another lattice, and the default."""

from __future__ import annotations

from typing import Literal, get_args

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
