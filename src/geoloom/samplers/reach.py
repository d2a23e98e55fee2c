"""Where chips may lie in a region, and which ground they can cover there."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from .sampling_regions import SamplingRegion


def centres_of(region: SamplingRegion) -> Any:
    """Where chip centres may lie, in pixels; half a pixel wider than they can, to leave it some width."""
    return region.area_px.intersection(_inner(region))


def covered_px(region: SamplingRegion, centres: Any) -> float:
    """How much of a region's area lies in some chip whose centre is in the area, pixels.

    All of it may be a centre, but for a rim along the frame's edge. Of the rim, that counts which lies
    in the centres, grown by half a chip.
    """
    rim = region.area_px.difference(_inner(region))
    if rim.is_empty:
        return float(centres.area)
    return float(centres.area + rim.intersection(_grown(centres, region.shape)).area)


def _inner(region: SamplingRegion) -> Any:
    (height, width), (rows, cols) = region.shape, region.frame.shape
    return shapely.box(
        width / 2 - 0.5, height / 2 - 0.5, cols - width / 2 + 0.5, rows - height / 2 + 0.5
    )


def _grown(centres: Any, shape: tuple[int, int]) -> Any:
    """All that lies in a box of this height and width about some of the centres.

    Each edge of the centres sweeps a hull; these and the centres together are it.
    """
    high, wide = ((side - 1) / 2 for side in shape)  # the centres are half a pixel wide already
    left, top, right, bottom = centres.bounds
    if centres.area >= (1 - 1e-9) * (right - left) * (bottom - top):
        return shapely.box(left - wide, top - high, right + wide, bottom + high)
    corners = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)])
    swept = [centres]
    for part in shapely.get_parts(centres):
        for ring in shapely.get_rings(part):
            xy = shapely.get_coordinates(ring)
            ends = np.concatenate([xy[:-1, None] + corners, xy[1:, None] + corners], axis=1)
            swept += shapely.convex_hull(shapely.multipoints(ends)).tolist()
    return shapely.union_all(swept)
