"""Where chips may lie in a region, and which ground they can cover there."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from .sampling_regions import SamplingRegion


def centres_of(region: SamplingRegion) -> Any:
    """Where chip centres may lie, in pixels; half a pixel wider than they can, to leave it some width."""
    if region.limit_px is not None:
        return region.area_px.intersection(_shrunk(region.limit_px, region.shape))
    return region.area_px.intersection(_inner(region))


def covered_px(region: SamplingRegion, centres: Any) -> float:
    """How much of a region's area lies in some chip whose centre is in the area, pixels.

    All of it may be a centre, but for a rim along the frame's edge. Of the rim, that counts which lies
    in the centres, grown by half a chip.
    """
    if region.limit_px is not None:
        return float(region.area_px.intersection(_grown(centres, region.shape)).area)
    rim = region.area_px.difference(_inner(region))
    if rim.is_empty:
        return float(centres.area)
    return float(centres.area + rim.intersection(_grown(centres, region.shape)).area)


def _inner(region: SamplingRegion) -> Any:
    (height, width), (rows, cols) = region.shape, region.frame.shape
    return shapely.box(
        width / 2 - 0.5, height / 2 - 0.5, cols - width / 2 + 0.5, rows - height / 2 + 0.5
    )


def _shrunk(area: Any, shape: tuple[int, int]) -> Any:
    """The centres of all boxes of this height and width that lie in an area."""
    high, wide = _half(shape)
    left, top, right, bottom = area.bounds
    if area.area < (1 - 1e-9) * (right - left) * (bottom - top):
        return area.difference(_swept(area, shape))
    if right - left <= 2 * wide or bottom - top <= 2 * high:
        return shapely.Polygon()
    return shapely.box(left + wide, top + high, right - wide, bottom - high)


def _grown(centres: Any, shape: tuple[int, int]) -> Any:
    """All that lies in a box of this height and width about some of the centres.

    What its edges sweep and the centres together are it.
    """
    high, wide = _half(shape)
    left, top, right, bottom = centres.bounds
    if centres.area >= (1 - 1e-9) * (right - left) * (bottom - top):
        return shapely.box(left - wide, top - high, right + wide, bottom + high)
    return shapely.union_all([centres, _swept(centres, shape)])


def _swept(outline: Any, shape: tuple[int, int]) -> Any:
    """All that boxes of this height and width cover whose centres go along the edges: of each, a hull."""
    high, wide = _half(shape)
    corners = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)])
    swept: list[Any] = []
    for part in shapely.get_parts(outline):
        for ring in shapely.get_rings(part):
            xy = shapely.get_coordinates(ring)
            ends = np.concatenate([xy[:-1, None] + corners, xy[1:, None] + corners], axis=1)
            swept += shapely.convex_hull(shapely.multipoints(ends)).tolist()
    return shapely.union_all(swept)


def _half(shape: tuple[int, int]) -> tuple[float, float]:
    """Half a chip's height and width, less the half pixel by which centres are wider than they can be."""
    height, width = shape
    return (height - 1) / 2, (width - 1) / 2
