"""The one place that knows the antimeridian and a full turn of longitude."""

from __future__ import annotations

import numpy as np
from odc.geo.crs import CRS


def full_turn(crs: CRS) -> float | None:
    """Once around the body in the units of a geographic CRS; None for any other."""
    if not crs.geographic:
        return None
    unit: float = crs.proj.axis_info[0].unit_conversion_factor  # radians
    return round(2 * np.pi / unit, 9) if unit else 360.0
