"""Landsat 4, its Thematic Mapper."""

from __future__ import annotations

from ...sensors.landsat_bands import TM
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat4TM", "Thematic Mapper", "1982-1993", TM)
