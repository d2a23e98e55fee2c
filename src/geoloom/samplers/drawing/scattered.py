"""Features of several polygons in vector labels: which labelled pixels belong to one, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

import numpy as np
import shapely
from odc.geo.geom import Geometry
from shapely.geometry.base import BaseGeometry

from ...datasets.vector import VectorDataset
from ...splits.patches import Group, LabelledPixels
from ..statistics import label_layer
from .sources import Source


def scattered(sources: Sequence[Source], pixels: Sequence[LabelledPixels]) -> list[Group]:
    """Pixels of each feature that has several polygons, by scene.

    Args:
        sources: The scenes; only those whose labels are one vector layer are looked at.
        pixels: Labelled pixels of each.
    """
    groups: dict[tuple[str, int], list[tuple[int, np.ndarray]]] = {}
    for scene, (source, own) in enumerate(zip(sources, pixels, strict=True)):
        labels = label_layer(source.dataset)
        if not isinstance(labels, VectorDataset):
            continue
        for features in labels.features:
            several = np.flatnonzero(shapely.get_num_geometries(features.geometries) > 1)
            for number in several:
                placed = Geometry(features.geometries[number], features.crs).to_crs(
                    source.region.crs
                )
                inside = _inside(placed.geom, source, own)
                inside = inside[own.codes[inside] == features.codes[number]]
                if len(inside):
                    groups.setdefault((features.source, int(number)), []).append((scene, inside))
    return list(groups.values())


def _inside(shape: BaseGeometry, source: Source, own: LabelledPixels) -> np.ndarray:
    """Numbers (n,) of the pixels whose centres lie in a shape of the scene's CRS."""
    a, b, c, d, e, f = (~source.frame.affine)[:6]
    found = [np.empty(0, np.int64)]
    for part in shapely.get_parts(shape):
        on_pixels = shapely.transform(
            part,
            lambda xy: np.column_stack(
                [a * xy[:, 0] + b * xy[:, 1] + c, d * xy[:, 0] + e * xy[:, 1] + f]
            ),
        )
        left, top, right, bottom = on_pixels.bounds
        size = ceil(bottom) - floor(top), ceil(right) - floor(left)
        near = own.within(floor(top), floor(left), size)
        centres = own.cols[near] + 0.5, own.rows[near] + 0.5
        found.append(near[shapely.contains_xy(on_pixels, *centres)])
    return np.unique(np.concatenate(found))
