"""Landsat 9."""

from __future__ import annotations

from ...sensors.landsat_bands import OLI
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat9", "Operational Land Imager 2", "since 2021", OLI)
