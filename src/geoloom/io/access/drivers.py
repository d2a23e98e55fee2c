"""Which formats are opened: those that keep their pixels in files of their own.

Other formats of GDAL's are directions to other places, on this machine or on any server (WMS, STACTA, tile
indexes), or to memory (MEM): an untrusted file that is named like an image may be one of them.
"""

from __future__ import annotations

import os
from functools import lru_cache

import rasterio

DRIVERS_VARIABLE = "GEOLOOM_DRIVERS"
"""Environment variable that names further drivers of GDAL's, with commas between; `ALL` for all it has."""

OWN_PIXELS = (
    "GTiff", "COG", "JP2OpenJPEG", "JP2KAK", "JP2ECW", "JP2MrSID", "JP2Lura", "JPEGXL", "JPEG", "PNG", "WEBP",
    "AVIF", "HEIF", "GIF", "BIGGIF", "BMP", "TGA", "PNM", "SGI", "XPM", "HFA", "netCDF", "HDF4", "HDF4Image",
    "HDF5", "HDF5Image", "BAG", "S102", "S104", "S111", "Zarr", "GRIB", "KEA", "NITF", "ECW", "MrSID",
    "PCIDSK", "SRTMHGT", "USGSDEM", "DTED", "AAIGrid", "GRASSASCIIGrid", "ACE2", "AIG", "BT", "BYN", "EHdr",
    "ENVI", "ERS", "GS7BG", "GSAG", "GSBG", "GTX", "GXF", "HF2", "ILWIS", "IRIS", "ISCE", "ISG", "KRO", "LCP",
    "LAN", "Leveller", "MFF", "MFF2", "MRF", "NTv2", "NWT_GRC", "NWT_GRD", "PAux", "PCRaster", "PRF", "R",
    "RMF", "ROI_PAC", "RRASTER", "RST", "SAGA", "SDTS", "SIGDEM", "SNODAS", "Terragen", "XYZ", "ZMap",
    "GPKG", "MBTiles", "Rasterlite", "PDF", "ADRG", "CEOS", "SAR_CEOS", "DIMAP", "DOQ1", "DOQ2", "ESAT",
    "FAST", "L1B", "RS2", "SAFE", "SENTINEL2", "TSX", "TIL", "COSAR", "JAXAPALSAR", "SNAP_TIFF", "AirSAR",
    "ISIS2", "ISIS3", "PDS", "PDS4", "VICAR", "MAP", "OZI", "BSB", "BLX", "RIK", "GFF", "CTG", "NDF", "MSGN",
)  # fmt: skip
"""GDAL's short names."""

_VRT = "VRT"


def drivers_for(uri: str) -> list[str] | None:
    """The drivers that may open a file, VRT among them only where the name is that of one; None: any.

    Example:
        >>> "VRT" in drivers_for("a.vrt"), "VRT" in drivers_for("a.tif")
        (True, False)
    """
    named = os.environ.get(DRIVERS_VARIABLE, "")
    if named.strip().upper() == "ALL":
        return None
    known = _known(named)
    bare = uri.partition("?")[0].lower()
    return [*known, _VRT] if bare.endswith(".vrt") or bare.startswith("vrt://") else list(known)


@lru_cache(maxsize=16)
def _known(named: str) -> tuple[str, ...]:
    """The drivers that this GDAL has; it warns of others, once a file."""
    with rasterio.Env() as env:
        there = set(env.drivers())
    more = (name.strip() for name in named.split(","))
    return tuple(name for name in dict.fromkeys((*OWN_PIXELS, *more)) if name in there)


def other_driver(uri: str) -> str | None:
    """The driver that would open a file, where it is none of those allowed, for messages."""
    start, allowed = _start(uri), drivers_for(uri)
    driver = next((name for mark, name in _MARKS.items() if mark in start), None)
    return None if allowed is None or driver in allowed else driver


def cure_for(driver: str) -> str:
    """What to do with a file of a driver that is not allowed, as a message says it."""
    if driver == _VRT:
        return "give it a name that ends in .vrt"
    return f"set the environment variable {DRIVERS_VARIABLE}={driver}"


_MARKS = {
    b"<VRTDataset": "VRT",
    b"<GDAL_WMS": "WMS",
    b"<WMS_": "WMS",
    b"<GDAL_WMTS": "WMTS",
    b"<WCS_": "WCS",
    b"<GDALTileIndexDataset": "GTI",
}


def _start(uri: str) -> bytes:
    try:
        with open(uri, "rb") as file:  # noqa: PTH123 - also of what is not a path
            return file.read(4096)
    except (OSError, ValueError):
        return b""
