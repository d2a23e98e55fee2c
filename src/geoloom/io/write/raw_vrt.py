"""The VRT that describes to GDAL how to read a raw file, and what the product's header shall hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from ...core.errors import WriteError
from .xml_text import xml_attribute, xml_text

_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
}


def gdal_type(dtype: np.dtype[Any], path: Path) -> str:
    """GDAL's name of a dtype.

    Raises:
        WriteError: GDAL stores no such type; the message lists those that it does.
    """
    name = _TYPES.get(dtype.name)
    if name is None:
        raise WriteError(
            f"{path}: a GeoTIFF cannot hold {dtype.name}; convert to one of {', '.join(_TYPES)}"
        )
    return name


def check_fits(
    path: Path,
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    *,
    nodata: float | None,
    descriptions: Sequence[str] | None,
    scaling: Sequence[tuple[float, float]] | None,
    units: Sequence[str | None] | None,
    classified: bool,
) -> None:
    """Refuse what a GeoTIFF cannot hold.

    Args:
        path: Named in messages.
        shape: (C, H, W).
        classified: Whether it has a colour table or class names.

    Raises:
        WriteError: the message says what does not fit.
    """
    gdal_type(dtype, path)
    count = shape[0]
    if descriptions is not None and len(descriptions) != count:
        raise WriteError(f"{path} has {count} bands and {len(descriptions)} descriptions")
    if scaling is not None and len(scaling) != count:
        raise WriteError(f"{path} has {count} bands and {len(scaling)} scales and offsets")
    if units is not None and len(units) != count:
        raise WriteError(f"{path} has {count} bands and {len(units)} units")
    if classified and (count != 1 or dtype != np.uint8):
        raise WriteError(
            f"{path}: a colour table and class names need one uint8 band; found {count} of {dtype}"
        )
    if nodata is not None and not _holds(dtype, nodata):
        raise WriteError(f"{path}: nodata {nodata} does not fit in {dtype}")


def _holds(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind == "f":
        return True
    info = np.iinfo(dtype)
    return float(value).is_integer() and bool(info.min <= value <= info.max)


def raw_vrt(
    raw_name: str,
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    grid: GeoBox,
    *,
    nodata: float | None,
    descriptions: Sequence[str] | None,
    scaling: Sequence[tuple[float, float]] | None,
    units: Sequence[str | None] | None,
    colormap: Mapping[int, tuple[int, int, int, int]],
    tags: Mapping[str, str],
    band_tags: Mapping[str, str],
) -> str:
    """A VRT over the band-sequential file `raw_name`, which must lie in the VRT's own folder.

    GDAL opens raw files from a VRT only beside or below it (GDAL_VRT_RAWRASTERBAND_ALLOWED_SOURCE), so the
    name is relative.
    """
    bands, height, width = shape
    size = dtype.itemsize
    text = [f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">']
    if grid.crs is not None:
        # Without an axis mapping GDAL takes x before y, as the affine does.
        text.append(f"<SRS>{xml_text(grid.crs.to_wkt())}</SRS>")
    a, b, c, d, e, f = (float(v) for v in grid.affine[:6])
    text.append(f"<GeoTransform>{c!r}, {a!r}, {b!r}, {f!r}, {d!r}, {e!r}</GeoTransform>")
    text.append(_metadata(tags))
    for band in range(bands):
        text.append(
            f'<VRTRasterBand dataType="{_TYPES[dtype.name]}" band="{band + 1}" '
            'subClass="VRTRawRasterBand">'
        )
        if descriptions is not None:
            text.append(f"<Description>{xml_text(descriptions[band])}</Description>")
        text.append(_metadata(band_tags))
        if nodata is not None:
            text.append(f"<NoDataValue>{_number(nodata, dtype)}</NoDataValue>")
        if scaling is not None:
            scale, offset = scaling[band]
            text.append(f"<Offset>{offset!r}</Offset><Scale>{scale!r}</Scale>")
        if units is not None and units[band]:
            text.append(f"<UnitType>{xml_text(str(units[band]))}</UnitType>")
        if colormap:
            text.append(f"<ColorInterp>Palette</ColorInterp>{_color_table(colormap)}")
        text.append(
            f'<SourceFilename relativeToVRT="1">{xml_text(raw_name)}</SourceFilename>'
            f"<ImageOffset>{band * height * width * size}</ImageOffset>"
            f"<PixelOffset>{size}</PixelOffset><LineOffset>{width * size}</LineOffset>"
            "<ByteOrder>LSB</ByteOrder></VRTRasterBand>"
        )
    text.append("</VRTDataset>\n")
    return "\n".join(part for part in text if part)


def _metadata(tags: Mapping[str, str]) -> str:
    items = "".join(
        f"<MDI key={xml_attribute(key)}>{xml_text(str(value))}</MDI>" for key, value in tags.items()
    )
    return f"<Metadata>{items}</Metadata>" if items else ""


def _number(value: float, dtype: np.dtype[Any]) -> str:
    if dtype.kind != "f":
        return str(int(value))
    return "nan" if np.isnan(value) else repr(float(value))


def _color_table(colormap: Mapping[int, tuple[int, int, int, int]]) -> str:
    """All 256 entries: a code without a colour is transparent black."""
    entries = "".join(
        '<Entry c1="{}" c2="{}" c3="{}" c4="{}"/>'.format(*colormap.get(code, (0, 0, 0, 0)))
        for code in range(256)
    )
    return f"<ColorTable>{entries}</ColorTable>"
