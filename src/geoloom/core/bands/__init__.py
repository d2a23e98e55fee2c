"""Bands: what a channel measures, in which unit, and choosing channels by name."""

from __future__ import annotations

from .band import Band, Role, as_band
from .conversion import Conversion, band_conversions
from .match import BandMatch, Sensors, find_bands, match_bands, names_of, with_common_unit
from .units import UNITS, Unit, parse_unit, unit_of

__all__ = [
    "UNITS",
    "Band",
    "BandMatch",
    "Conversion",
    "Role",
    "Sensors",
    "Unit",
    "as_band",
    "band_conversions",
    "find_bands",
    "match_bands",
    "names_of",
    "parse_unit",
    "unit_of",
    "with_common_unit",
]
