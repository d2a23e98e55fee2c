"""The part of a scene or map that is counted."""

from __future__ import annotations

import numpy as np
import shapely
from odc.geo.geobox import GeoBox

from ..core.errors import ModelError
from ..core.outline import footprint
from ..core.roi import HINT, Roi
from ..io.vector.areas import RoiSource, roi_mask, roi_of
from .truth import Truth


def area_on(roi: RoiSource | None, grid: GeoBox) -> Roi | None:
    """The area in the scene's CRS, moved there once for all windows; None for all of it.

    Raises:
        ModelError: it lies beside the scene, so that nothing could be counted.
    """
    if roi is None:
        return None
    area = roi_of(roi)
    there = area.on(grid)
    if not shapely.intersects(there, grid.extent.geom):
        west, south, east, north = footprint(grid).bounds
        raise ModelError(
            f"no pixel has both truth and a prediction: {area.described()} lies beside the scene, which "
            f"spans longitude {west:.4f}..{east:.4f}, latitude {south:.4f}..{north:.4f}; {HINT}"
        )
    return Roi(there, grid.crs, area.name)


def bounds_of(area: Roi | None) -> tuple[float, float, float, float] | None:
    """Left, bottom, right, top of an area in its CRS."""
    if area is None:
        return None
    left, bottom, right, top = (float(v) for v in area.geometry.bounds)
    return left, bottom, right, top


def labels_in(truth: Truth, area: Roi | None, grid: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """The truth's labels on a grid (..., H, W), and where they are asked about, bool (H, W)."""
    labels, stated = truth.labels(grid)
    return labels, stated if area is None else stated & roi_mask(area, grid)
