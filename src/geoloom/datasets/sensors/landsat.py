"""Landsat Collection 2, one file per band: surface reflectance (level 2), and what MSS counted (level 1).

Source: USGS Landsat Collection 2 Level-2 product guides (LSDS-1618, LSDS-1619): names, bands, scaling, fill;
USGS Landsat 1-5 MSS Collection 2 Level-1 data format control book (LSDS-1416).
"""

from __future__ import annotations

from ...core.bands import Band, Role
from ..raster import RasterDataset


class Landsat(RasterDataset):
    """Any Landsat; use the class of the satellite.

    Stored integers become reflectance with `scaled=True` (scale 2.75e-5, offset -0.2). Quality bands such as
    `QA_PIXEL` and the surface temperature are read when named in `bands`.
    """

    filename_regex = r"""
        ^L[COTEM]\d{2}
        _[A-Z0-9]{4}
        _(?P<tile>\d{6})
        _(?P<date>\d{8})
        _(?P<processed>\d{8})
        _\d{2}
        _(?:T1|T2|RT|A1|A2)
        _(?P<band>[A-Z][A-Z0-9_]*)
        \.(?i:tiff?)$
    """
    date_format = "%Y%m%d"
    separate_files = True


def _reflectance(name: str, role: Role, wavelength_um: float) -> Band:
    return Band(
        name, role, wavelength_um, 30.0, "surface_reflectance", scale=2.75e-5, offset=-0.2, nodata=0
    )


def _thermal(name: str) -> Band:
    return Band(name, "thermal", 10.9, 30.0, "K", scale=0.00341802, offset=149.0, nodata=0)


QUALITY = (
    Band("QA_PIXEL", "qa", gsd_m=30.0, nodata=1),
    Band("QA_RADSAT", "qa", gsd_m=30.0),
)
"""`QA_PIXEL` is a field of bits, of which bit 0 is fill; a fill pixel is exactly 1."""

_TM_BANDS = (
    _reflectance("SR_B1", "blue", 0.485),
    _reflectance("SR_B2", "green", 0.56),
    _reflectance("SR_B3", "red", 0.66),
    _reflectance("SR_B4", "nir", 0.83),
    _reflectance("SR_B5", "swir1", 1.65),
    _reflectance("SR_B7", "swir2", 2.215),
)
_OLI_BANDS = (
    _reflectance("SR_B1", "coastal", 0.443),
    _reflectance("SR_B2", "blue", 0.482),
    _reflectance("SR_B3", "green", 0.561),
    _reflectance("SR_B4", "red", 0.655),
    _reflectance("SR_B5", "nir", 0.865),
    _reflectance("SR_B6", "swir1", 1.609),
    _reflectance("SR_B7", "swir2", 2.201),
)
_TM_EXTRA = (
    _thermal("ST_B6"),
    *QUALITY,
    Band("SR_ATMOS_OPACITY", scale=0.001, nodata=-9999),
    Band("SR_CLOUD_QA", "qa"),
)
_OLI_EXTRA = (_thermal("ST_B10"), *QUALITY, Band("SR_QA_AEROSOL", "qa", nodata=1))


def _mss(first: int) -> tuple[Band, ...]:
    """The four bands of the Multispectral Scanner, numbered from 4 on Landsat 1 to 3, and from 1 later."""
    rows: tuple[tuple[Role, float], ...] = (
        ("green", 0.55),
        ("red", 0.65),
        ("other", 0.75),  # near infrared, below that of all later sensors
        ("nir", 0.95),
    )
    return tuple(
        Band(f"B{first + k}", role, wavelength_um, 60.0, "DN", nodata=0)
        for k, (role, wavelength_um) in enumerate(rows)
    )


class Landsat1(Landsat):
    """Landsat 1 Multispectral Scanner, 1972-1978: counts of level 1, at 60 m.

    Counts of different scenes are not comparable before they are calibrated by the factors in `MTL.txt`.
    """

    filename_glob = "LM01_*.[tT][iI][fF]*"
    all_bands = _mss(4)
    extra_bands = QUALITY
    rgb_bands = ("B6", "B5", "B4")


class Landsat2(Landsat1):
    """Landsat 2 Multispectral Scanner, 1975-1982; see `Landsat1`."""

    filename_glob = "LM02_*.[tT][iI][fF]*"


class Landsat3(Landsat1):
    """Landsat 3 Multispectral Scanner, 1978-1983; see `Landsat1`."""

    filename_glob = "LM03_*.[tT][iI][fF]*"


class Landsat4MSS(Landsat1):
    """Landsat 4 Multispectral Scanner, 1982-1993; see `Landsat1`."""

    filename_glob = "LM04_*.[tT][iI][fF]*"
    all_bands = _mss(1)
    rgb_bands = ("B3", "B2", "B1")


class Landsat5MSS(Landsat4MSS):
    """Landsat 5 Multispectral Scanner, 1984-2013; see `Landsat1`."""

    filename_glob = "LM05_*.[tT][iI][fF]*"


class Landsat4TM(Landsat):
    """Landsat 4 Thematic Mapper, 1982-1993."""

    filename_glob = "LT04_*.[tT][iI][fF]*"
    all_bands = _TM_BANDS
    extra_bands = _TM_EXTRA
    rgb_bands = ("SR_B3", "SR_B2", "SR_B1")


class Landsat5TM(Landsat4TM):
    """Landsat 5 Thematic Mapper, 1984-2013."""

    filename_glob = "LT05_*.[tT][iI][fF]*"


class Landsat7(Landsat4TM):
    """Landsat 7 Enhanced Thematic Mapper Plus, since 1999 (with gaps in each line since May 2003)."""

    filename_glob = "LE07_*.[tT][iI][fF]*"


class Landsat8(Landsat):
    """Landsat 8 Operational Land Imager, since 2013."""

    filename_glob = "L[CO]08_*.[tT][iI][fF]*"
    all_bands = _OLI_BANDS
    extra_bands = _OLI_EXTRA
    rgb_bands = ("SR_B4", "SR_B3", "SR_B2")


class Landsat9(Landsat8):
    """Landsat 9 Operational Land Imager 2, since 2021."""

    filename_glob = "L[CO]09_*.[tT][iI][fF]*"
