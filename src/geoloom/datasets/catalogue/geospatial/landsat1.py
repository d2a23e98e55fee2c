"""Landsat 1."""

from __future__ import annotations

from ...sensors.landsat_bands import MSS_1_TO_3
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat1", "Multispectral Scanner", "1972-1978", MSS_1_TO_3)
