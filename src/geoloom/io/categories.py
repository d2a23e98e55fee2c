"""Category names of a raster's values, which rasterio does not hand out."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

from geoloom.core.errors import ReadError

CLASS_NAMES_TAG = "class_names"
"""Band tag in which geoloom's own maps carry their names, as a JSON object of value to name."""


def category_names(uri: str, band_tags: Mapping[str, str]) -> dict[int, str] | None:
    """Stored value -> name for the first band, from its tags, GDAL's sidecar or a VRT's own text.

    GDAL keeps category names in `<file>.aux.xml` for nearly all formats. Empty names are left out; None
    where there are none.

    Raises:
        ReadError: the tag is there, but is no JSON object of whole numbers to names.
    """
    if CLASS_NAMES_TAG in band_tags:
        text = band_tags[CLASS_NAMES_TAG]
        try:
            return {int(value): str(name) for value, name in json.loads(text).items()}
        except (ValueError, AttributeError) as error:
            raise ReadError(
                f"{uri}: its band tag {CLASS_NAMES_TAG!r} is {text[:80]!r}, not a JSON object of values to "
                "names; correct or remove the tag"
            ) from error
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
