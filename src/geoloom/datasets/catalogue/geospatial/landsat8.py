"""Landsat 8."""

from __future__ import annotations

from ...sensors.landsat_bands import OLI
from ...sensors.landsat_layers import landsat

LAYER = landsat("Landsat8", "Operational Land Imager", "since 2013", OLI)
