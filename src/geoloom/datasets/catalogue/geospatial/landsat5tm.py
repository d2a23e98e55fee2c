"""Landsat 5, its Thematic Mapper."""

from __future__ import annotations

from ...sensors.landsat_bands import TM
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat5TM", "Thematic Mapper", "1984-2013", TM)
