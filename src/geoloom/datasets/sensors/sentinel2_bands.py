"""The bands of Sentinel-2's instrument: one table for scenes and for datasets of patches. Loads no torch."""

from __future__ import annotations

from dataclasses import replace

from ...core.bands import Band, Role


def _band(name: str, role: Role, wavelength_um: float, gsd_m: float) -> Band:
    return Band(name, role, wavelength_um, gsd_m, scale=1e-4, nodata=0)


SENTINEL2_BANDS = (
    _band("B01", "coastal", 0.443, 60),
    _band("B02", "blue", 0.492, 10),
    _band("B03", "green", 0.56, 10),
    _band("B04", "red", 0.665, 10),
    _band("B05", "rededge1", 0.704, 20),
    _band("B06", "rededge2", 0.741, 20),
    _band("B07", "rededge3", 0.783, 20),
    _band("B08", "nir", 0.833, 10),
    _band("B8A", "nir08", 0.865, 20),
    _band("B09", "nir09", 0.945, 60),
    _band("B10", "cirrus", 1.374, 60),
    _band("B11", "swir1", 1.614, 20),
    _band("B12", "swir2", 2.202, 20),
)
"""In the order of the products' documents; stored counts are reflectance times 10,000."""

LEVEL_1C_PATCHES = tuple(
    replace(band, gsd_m=10.0, unit="toa_reflectance", nodata=None) for band in SENTINEL2_BANDS
)
"""Of patches of level 1C, all bands brought to 10 m; 0 is a value of them."""
