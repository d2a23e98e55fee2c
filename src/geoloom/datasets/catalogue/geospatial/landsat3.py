"""Landsat 3."""

from __future__ import annotations

from ...sensors.landsat_bands import MSS_1_TO_3
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat3", "Multispectral Scanner", "1978-1983", MSS_1_TO_3)
