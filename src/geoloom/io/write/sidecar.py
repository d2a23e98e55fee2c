"""What lies beside a class map so that GDAL and QGIS show its names and colours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...core.classes import hex_of
from .xml_text import xml_attribute, xml_text

Rgba = tuple[int, int, int, int]

# Field types and usages of GDAL's raster attribute table: gdal.h, GDALRATFieldType and GDALRATFieldUsage.
_FIELDS = (
    ("Value", 0, 5),
    ("Class", 2, 2),
    ("Red", 0, 6),
    ("Green", 0, 7),
    ("Blue", 0, 8),
    ("Alpha", 0, 9),
)


_RASTER_HEAD = (
    "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    '<qgis version="3.16" styleCategories="Symbology">\n<pipe>\n'
    '<rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor="">\n'
)


def aux_path(path: Path) -> Path:
    """`map.tif` -> `map.tif.aux.xml`, where GDAL looks for what a TIFF cannot hold."""
    return path.with_name(path.name + ".aux.xml")


def qml_path(path: Path) -> Path:
    """`map.tif` -> `map.qml`, the style that QGIS applies when it opens the map."""
    return path.with_suffix(".qml")


def category_names(names: Mapping[int, str]) -> tuple[str, ...]:
    """Names by position 0..last code, as GDAL wants them; unused codes are empty."""
    return tuple(names.get(code, "") for code in range(max(names) + 1))


def aux_xml(names: Mapping[int, str], colors: Mapping[int, Rgba]) -> str:
    """Category names and a raster attribute table for band 1.

    Source:
        GDAL's PAM file, as `GDALPamDataset` and `GDALDefaultRasterAttributeTable` write it.
    """
    categories = "".join(f"<Category>{xml_text(name)}</Category>" for name in category_names(names))
    fields = "".join(
        f'<FieldDefn index="{i}"><Name>{name}</Name><Type>{kind}</Type><Usage>{usage}</Usage></FieldDefn>'
        for i, (name, kind, usage) in enumerate(_FIELDS)
    )
    rows = "".join(
        f'<Row index="{i}">'
        + "".join(
            f"<F>{xml_text(str(value))}</F>"
            for value in (code, names[code], *colors.get(code, (0, 0, 0, 255)))
        )
        + "</Row>"
        for i, code in enumerate(sorted(names))
    )
    return (
        '<PAMDataset>\n<PAMRasterBand band="1">\n'
        f"<CategoryNames>{categories}</CategoryNames>\n"
        f'<GDALRasterAttributeTable tableType="thematic">{fields}{rows}</GDALRasterAttributeTable>\n'
        "</PAMRasterBand>\n</PAMDataset>\n"
    )


def raster_qml(names: Mapping[int, str], colors: Mapping[int, Rgba]) -> str:
    """A QGIS style that draws band 1 by class, with names in the legend."""
    entries = "".join(
        f'<paletteEntry value="{code}" color="{hex_of(colors.get(code, (0, 0, 0, 255)))}" '
        f'alpha="{colors.get(code, (0, 0, 0, 255))[3]}" label={xml_attribute(names[code])}/>\n'
        for code in sorted(names)
    )
    return (
        f"{_RASTER_HEAD}<rasterTransparency/>\n"
        f"<colorPalette>\n{entries}</colorPalette>\n"
        "</rasterrenderer>\n"
        "</pipe>\n<blendMode>0</blendMode>\n</qgis>\n"
    )


def is_our_qml(path: Path) -> bool:
    """Whether a style was written by `raster_qml`, and not by QGIS or by hand."""
    with path.open("rb") as file:
        return file.read(len(_RASTER_HEAD)) == _RASTER_HEAD.encode()
