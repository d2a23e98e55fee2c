"""The polarisations of Sentinel-1. Loads no torch."""

from __future__ import annotations

from ...core.bands import Band

_WAVELENGTH_UM = 55_466.0
"""Of C band, 5.405 GHz."""

SENTINEL1_BANDS = (
    Band("VV", "vv", _WAVELENGTH_UM),
    Band("VH", "vh", _WAVELENGTH_UM),
    Band("HH", "hh", _WAVELENGTH_UM),
    Band("HV", "hv", _WAVELENGTH_UM),
)
