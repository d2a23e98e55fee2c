"""Majority and mean over points spread evenly inside each pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..loops.rounding import as_dtype
from .shrinkage import Span


def points_per_pixel(span: Span) -> tuple[int, int]:
    """How many points a pixel is sampled at along its columns and rows.

    A whole multiple of the span, so that a pixel which covers n x n source pixels exactly counts each alike,
    and at least four.
    """
    longest = max(span)
    count = longest * -(-4 // longest)
    return count, count


def sample_grid(grid: GeoBox, points: tuple[int, int]) -> GeoBox:
    """The grid whose pixels are the sampling points: each pixel cut into columns and rows."""
    across, down = points
    height, width = grid.shape
    affine = grid.affine * Affine.scale(1 / across, 1 / down)
    return GeoBox((height * down, width * across), affine, grid.crs)


def majority(
    values: NDArray[Any], seen: NDArray[np.bool_], points: tuple[int, int]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The most frequent value of the points seen in each pixel; of equals, the smallest.

    Args:
        values: (C, H * down, W * across) at the points.
        seen: (H * down, W * across).
        points: across, down.

    Returns:
        Values (C, H, W), and where any point was seen (H, W).
    """
    observed = _by_pixel(seen[None], points)
    count = observed.sum(axis=-1)
    # Unseen points are sorted last, by a key that is compared first.
    order = np.lexsort(
        (_by_pixel(values, points), np.broadcast_to(~observed, _by_pixel(values, points).shape))
    )
    ranked = np.take_along_axis(_by_pixel(values, points), order, axis=-1)
    position = np.arange(ranked.shape[-1])
    begins = np.ones(ranked.shape, dtype=np.bool_)
    begins[..., 1:] = ranked[..., 1:] != ranked[..., :-1]
    begin = np.maximum.accumulate(np.where(begins, position, 0), axis=-1)
    run = np.where(position < count[..., None], position - begin, -1)
    winner = run.argmax(axis=-1)[..., None]
    return np.take_along_axis(ranked, winner, axis=-1)[..., 0], count[0] > 0


def mean(
    values: NDArray[Any], seen: NDArray[np.bool_], points: tuple[int, int]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The mean of the points seen in each pixel, rounded for integers; as `majority` otherwise."""
    observed = _by_pixel(seen[None], points)
    count = observed.sum(axis=-1)
    kind = np.complex128 if values.dtype.kind == "c" else np.float64
    total = np.where(observed, _by_pixel(values, points), 0).sum(axis=-1, dtype=kind)
    result = total / np.maximum(count, 1)
    return as_dtype(result, values.dtype), count[0] > 0


def _by_pixel(values: NDArray[Any], points: tuple[int, int]) -> NDArray[Any]:
    """(C, H * down, W * across) -> (C, H, W, down * across)."""
    across, down = points
    count, height, width = values.shape
    split = values.reshape(count, height // down, down, width // across, across)
    return split.swapaxes(2, 3).reshape(count, height // down, width // across, down * across)
