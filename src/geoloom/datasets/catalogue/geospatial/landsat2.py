"""Landsat 2."""

from __future__ import annotations

from ...sensors.landsat_bands import MSS_1_TO_3
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat2", "Multispectral Scanner", "1975-1982", MSS_1_TO_3)
