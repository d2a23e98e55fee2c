"""Landsat 4, its Multispectral Scanner."""

from __future__ import annotations

from ...sensors.landsat_bands import MSS_4_TO_5
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat4MSS", "Multispectral Scanner", "1982-1993", MSS_4_TO_5)
