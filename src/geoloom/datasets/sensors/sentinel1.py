"""Sentinel-1 backscatter, corrected for terrain: one file per polarisation.

Source: Alaska Satellite Facility, HyP3 product guide "Sentinel-1 RTC", naming convention.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ...core.bands import Band, Role, Unit
from ..raster import RasterDataset

_SCALE = re.compile(r"_RTC\d+_[A-Z]_[gs]([pda])[mu][nf][ec][dm]_", re.IGNORECASE)
_UNITS: dict[str, Unit | None] = {"p": "linear", "d": "dB", "a": None}
"""Power, decibels; amplitude, the root of power, is none of our units."""
_WAVELENGTH_UM = 55_466.0
"""Of C band, 5.405 GHz."""


def _band(name: str, role: Role) -> Band:
    return Band(name, role, _WAVELENGTH_UM)


class Sentinel1(RasterDataset):
    """Sentinel-1 A, B and C, radiometrically terrain-corrected (RTC), as HyP3 delivers it.

    A scene has two polarisations, `VV` and `VH` or `HH` and `HV`, or one of them; those that no file has are
    left out. Where scenes differ, say which are wanted: `bands=["VV", "VH"]`. The unit, a ratio of powers
    (`linear`) or decibels (`dB`), is known from the file's name; amplitudes have none.

    Products without a map's grid, such as GRD in radar geometry, have to be corrected for terrain first.
    """

    filename_glob = "S1*_*.[tT][iI][fF]*"
    filename_regex = r"""
        ^S1[A-D]
        _(?P<mode>S[1-6]|IW|EW|WV)
        _(?P<date>\d{8}T\d{6})
        _[SD][HV][PRO]
        _RTC\d+
        _[A-Z]
        _[a-z]{6}
        _[0-9A-F]{4}
        _(?P<band>VV|VH|HH|HV)
        \.(?i:tiff?)$
    """
    date_format = "%Y%m%dT%H%M%S"
    separate_files = True
    all_bands = (_band("VV", "vv"), _band("VH", "vh"), _band("HH", "hh"), _band("HV", "hv"))
    optional_bands = ("VV", "VH", "HH", "HV")

    def calibrate(self, band: Band, uri: str) -> Band:
        """Adds the unit by the product's name."""
        named = _SCALE.search(uri)
        if band.unit is not None or named is None:
            return band
        return replace(band, unit=_UNITS[named[1].lower()])
