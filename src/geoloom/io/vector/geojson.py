"""Areas from GeoJSON files, which may hold none."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import shapely

from ...core.errors import ReadError
from ...core.jsonfile import JsonValue
from .features import Features
from .layers import known_crs, make_features

log = logging.getLogger(__name__)

_FIX = "fetch it again"
_MOST_BYTES = 1 << 30
_CRS = "EPSG:4326"
"""Of files that name none (RFC 7946, section 4)."""


def read_areas(path: str | Path) -> Features | None:
    """The polygons in a GeoJSON file, all of one class; None where it has none.

    Broken polygons are repaired; points, lines, and what encloses nothing are left out. The log says how
    many, but for those without any coordinates.

    Raises:
        FileNotFoundError: there is no such file.
        ReadError: it is damaged, or no collection of features.
        VectorError: it names an unknown CRS.
    """
    file = JsonValue.read(Path(path), ReadError, _FIX, most_bytes=_MOST_BYTES)
    geometries = [feature.get("geometry") for feature in file["features"].entries()]
    filled = [g.value for g in geometries if g is not None and g.table().get("coordinates")]
    texts = [json.dumps(geometry) for geometry in filled]
    shapes = np.asarray(shapely.from_geojson(texts, on_invalid="ignore"), object)
    areas = shapely.force_2d(shapes[shapely.area(shapely.make_valid(shapes)) > 0])
    if len(areas) < len(shapes):
        log.warning(
            "%s: %d of %d features enclose nothing", path, len(shapes) - len(areas), len(shapes)
        )
    named = file.get("crs")  # as files have it that were written before RFC 7946
    stored = _CRS if named is None else named["properties"]["name"].text()
    crs = known_crs(None, stored, str(path))
    return make_features(areas, None, crs=crs, source=str(path)) if len(areas) else None
