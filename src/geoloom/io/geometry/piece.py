"""A piece of a raster in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox


@dataclass(frozen=True, slots=True)
class RasterPiece:
    """A piece of a raster, ready to be warped."""

    values: NDArray[Any]
    """(C, H, W); not looked at where not seen."""
    seen: NDArray[np.bool_]
    """(H, W), True = observed in all C bands."""
    grid: GeoBox
    """The piece's own lattice."""
