"""Landsat 7."""

from __future__ import annotations

from ...sensors.landsat_bands import ETM
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat7", "Enhanced Thematic Mapper Plus", "since 1999", ETM)
