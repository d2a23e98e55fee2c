"""Landsat 5, its Multispectral Scanner."""

from __future__ import annotations

from ...sensors.landsat_bands import MSS_4_TO_5
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat5MSS", "Multispectral Scanner", "1984-2013", MSS_4_TO_5)
