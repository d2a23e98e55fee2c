"""Category names of a raster's values, which rasterio does not hand out."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path


def category_names(uri: str) -> dict[int, str] | None:
    """Stored value -> name for the first band, from GDAL's sidecar or a VRT's own text.

    GDAL keeps category names in `<file>.aux.xml` for nearly all formats. Empty names are left out; None
    where there are none.
    """
    for path in (Path(uri + ".aux.xml"), Path(uri)):
        if path.suffix.lower() not in (".xml", ".vrt"):
            continue
        try:
            tree = ElementTree.parse(path)
        except (OSError, ElementTree.ParseError):
            continue
        names = _of_first_band(tree.getroot())
        if names:
            return names
    return None


def _of_first_band(root: ElementTree.Element) -> dict[int, str]:
    for tag in ("PAMRasterBand", "VRTRasterBand"):
        band = root.find(f"{tag}[@band='1']")
        if band is None:
            continue
        categories = band.findall("CategoryNames/Category")
        return {value: node.text for value, node in enumerate(categories) if node.text}
    return {}
