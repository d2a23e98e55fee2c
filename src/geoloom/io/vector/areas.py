"""Areas of interest from files, and as masks of pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ...core.roi import Roi, RoiLike
from .features import Features
from .layers import read_features

RoiSource: TypeAlias = "RoiLike | str | Path"
"""What says where, or a vector file whose features do."""


def rois_of(given: RoiSource) -> tuple[Roi, ...]:
    """The areas of interest that are meant.

    A sequence, table or file gives one per member, a geometry of several polygons that stands alone one per
    polygon.

    Raises:
        RoiError: one is not an area, or has none; the message says which, and what is expected.
        VectorError: a file cannot be read as one layer of features with a CRS.
    """
    if not isinstance(given, str | Path):
        return Roi.each(given)
    features = read_features(given)
    return tuple(
        Roi(shape, features.crs, f"feature {number} of {given}")
        for number, shape in enumerate(features.geometries)
    )


def roi_of(given: RoiSource) -> Roi:
    """The one area of interest that is meant: of several, all of them together. Raises as `rois_of`."""
    if isinstance(given, str | Path):
        together = Roi.of(rois_of(given))
        return Roi(together.geometry, together.crs, str(given))
    return Roi.of(given)


def features_of(given: RoiSource) -> Features:
    """The areas of interest as features of one class; of a file all features, also lines and points.

    Raises as `rois_of`.
    """
    if isinstance(given, str | Path):
        return read_features(given)
    first, *others = Roi.each(given)
    shapes = [first.geometry, *(other.to_crs(first.crs).geometry for other in others)]
    codes = np.ones(len(shapes), np.int64)
    return Features(np.array(shapes, dtype=object), codes, {1: "inside"}, first.crs, "the roi")


def roi_mask(roi: Roi, grid: GeoBox) -> NDArray[np.bool_]:
    """Bool (H, W), True = the pixel's centre lies in the area."""
    from rasterio.features import geometry_mask

    area = roi.on(grid)
    if not shapely.intersects(area, grid.extent.geom):
        return np.zeros(tuple(grid.shape), bool)
    inside: NDArray[np.bool_] = geometry_mask(
        [area], out_shape=tuple(grid.shape), transform=grid.affine, invert=True
    )
    return inside
