"""The bands of Landsat's instruments, by level of processing. Loads no torch.

Source: USGS Landsat Collection 2 Level-2 product guides (LSDS-1618, LSDS-1619), and data format control books
of level 1, such as that of MSS (LSDS-1416): names, bands, scaling, fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ...core.bands import Band, Role

Level = Literal["L1", "L2"]
"""Counts as they come from the satellite, and reflectance at the surface."""

QUALITY = (
    Band("QA_PIXEL", "qa", gsd_m=30.0, nodata=1),
    Band("QA_RADSAT", "qa", gsd_m=30.0),
)
"""`QA_PIXEL` is a field of bits, of which bit 0 is fill; a fill pixel is exactly 1."""

_WAVELENGTHS_UM: Mapping[str, tuple[tuple[Role, float], ...]] = {
    "MSS": (
        ("green", 0.55),
        ("red", 0.65),
        ("other", 0.75),  # near infrared, below that of all later sensors
        ("nir", 0.95),
    ),
    "TM": (
        ("blue", 0.485),
        ("green", 0.56),
        ("red", 0.66),
        ("nir", 0.83),
        ("swir1", 1.65),
        ("swir2", 2.215),
    ),
    "OLI": (
        ("coastal", 0.443),
        ("blue", 0.482),
        ("green", 0.561),
        ("red", 0.655),
        ("nir", 0.865),
        ("swir1", 1.609),
        ("swir2", 2.201),
    ),
}
_NUMBERS = {"TM": (1, 2, 3, 4, 5, 7), "OLI": (1, 2, 3, 4, 5, 6, 7)}


@dataclass(frozen=True, slots=True)
class LandsatBands:
    """What an instrument gives at one level."""

    bands: tuple[Band, ...]
    """Read unless others are asked for, in order: those that reflect, on one grid."""
    extra: tuple[Band, ...]
    """Read when asked for by name."""
    rgb: tuple[str, str, str]
    """Names of the bands to be shown as red, green and blue."""

    @property
    def names(self) -> frozenset[str]:
        """Of all of them."""
        return frozenset(band.name for band in (*self.bands, *self.extra))


def _count(name: str, role: Role, wavelength_um: float, gsd_m: float = 30.0) -> Band:
    """What level 1 stores; the scale differs from scene to scene, see `landsat_calibration`."""
    return Band(name, role, wavelength_um, gsd_m, "DN", nodata=0)


def _reflectance(name: str, role: Role, wavelength_um: float) -> Band:
    return Band(
        name, role, wavelength_um, 30.0, "surface_reflectance", scale=2.75e-5, offset=-0.2, nodata=0
    )


def _temperature(name: str) -> Band:
    return Band(name, "thermal", 10.9, 30.0, "K", scale=0.00341802, offset=149.0, nodata=0)


def _level_1(instrument: str, *extra: Band) -> LandsatBands:
    rows = zip(_NUMBERS[instrument], _WAVELENGTHS_UM[instrument], strict=True)
    return _shown(
        tuple(_count(f"B{number}", role, um) for number, (role, um) in rows), (*extra, *QUALITY)
    )


def _level_2(instrument: str, *extra: Band) -> LandsatBands:
    rows = zip(_NUMBERS[instrument], _WAVELENGTHS_UM[instrument], strict=True)
    return _shown(tuple(_reflectance(f"SR_B{number}", *row) for number, row in rows), extra)


def _shown(bands: tuple[Band, ...], extra: tuple[Band, ...]) -> LandsatBands:
    names = {band.role: band.name for band in bands}
    return LandsatBands(bands, extra, (names["red"], names["green"], names["blue"]))


def _mss(first: int) -> Mapping[Level, LandsatBands]:
    """Of the Multispectral Scanner, whose bands are numbered from 4 on Landsat 1 to 3, and from 1 later."""
    bands = tuple(
        _count(f"B{first + k}", role, um, 60.0)
        for k, (role, um) in enumerate(_WAVELENGTHS_UM["MSS"])
    )
    return {"L1": LandsatBands(bands, QUALITY, (f"B{first + 2}", f"B{first + 1}", f"B{first}"))}


_TM_2 = _level_2(
    "TM",
    _temperature("ST_B6"),
    *QUALITY,
    Band("SR_ATMOS_OPACITY", scale=0.001, nodata=-9999),
    Band("SR_CLOUD_QA", "qa"),
)

MSS_1_TO_3 = _mss(4)
MSS_4_TO_5 = _mss(1)
TM: Mapping[Level, LandsatBands] = {
    "L2": _TM_2,
    "L1": _level_1("TM", _count("B6", "thermal", 11.45)),
}
ETM: Mapping[Level, LandsatBands] = {
    "L2": _TM_2,
    "L1": _level_1(
        "TM",
        _count("B6_VCID_1", "thermal", 11.45),
        _count("B6_VCID_2", "thermal", 11.45),
        _count("B8", "pan", 0.71, 15.0),
    ),
}
OLI: Mapping[Level, LandsatBands] = {
    "L2": _level_2("OLI", _temperature("ST_B10"), *QUALITY, Band("SR_QA_AEROSOL", "qa", nodata=1)),
    "L1": _level_1(
        "OLI",
        _count("B8", "pan", 0.59, 15.0),
        _count("B9", "cirrus", 1.373),
        _count("B10", "thermal", 10.9),
        _count("B11", "thermal2", 12.0),
    ),
}
"""Each instrument's levels, that which is read unless another is asked for first."""
