"""Outlines in pixels, as masks of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray


def mask_of(outlines: NDArray[np.object_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Where any of the outlines is.

    Args:
        outlines: (N,) shapely geometries; x to the right and y down, from the upper-left corner, pixels.
        size: Rows and columns.

    Returns:
        (H, W), True = the pixel's centre lies in one.

    Example:
        >>> mask_of(np.array([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)]), (1, 3)).tolist()
        [[True, False, True]]
    """
    filled = outlines[~shapely.is_empty(outlines)]
    return _burned(filled, [1] * len(filled), size).astype(np.bool_)


def masks_of(outlines: NDArray[np.object_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask (N, H, W) for each of the outlines, as `mask_of`.

    Outlines whose pixels cannot meet are burnt together, as one alone takes as long as a hundred.
    """
    masks = np.zeros((len(outlines), *size), np.bool_)
    bounds = shapely.bounds(outlines).reshape(-1, 4)
    limits = np.array([size[1], size[0]] * 2)
    windows = np.clip(
        np.concatenate([np.floor(bounds[:, :2]), np.ceil(bounds[:, 2:])], 1), 0, limits
    )
    seen = np.flatnonzero(
        (windows[:, :2] < windows[:, 2:]).all(axis=1)
    )  # also of empty ones, False
    for together in _apart(windows[seen]):
        numbers = seen[together]
        burned = _burned(outlines[numbers], numbers + 1, size)
        for number, (left, top, right, bottom) in zip(
            numbers, windows[numbers].astype(int), strict=True
        ):
            part = slice(top, bottom), slice(left, right)
            masks[number][part] = burned[part] == number + 1
    return masks


def _apart(windows: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Groups of windows (left, top, right, bottom) of which no two meet, by their positions."""
    boxes = shapely.box(*windows.T)
    one, other = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    order = np.argsort(one, kind="stable")
    one, other = one[order], other[order]
    ends = np.searchsorted(one, np.arange(len(boxes) + 1))
    group = np.full(len(boxes), -1)
    for k, (start, end) in enumerate(pairwise(ends)):
        taken = set(group[other[start:end]].tolist())
        group[k] = next(g for g in range(len(boxes)) if g not in taken)
    return [np.flatnonzero(group == g) for g in range(group.max(initial=-1) + 1)]


def _burned(
    outlines: NDArray[np.object_], values: Sequence[int] | NDArray[np.int64], size: tuple[int, int]
) -> NDArray[np.int32]:
    """The value of the last outline that holds each pixel's centre; 0 in none."""
    from rasterio.features import rasterize

    if not len(outlines):
        return np.zeros(size, np.int32)
    shapes = zip(outlines.tolist(), np.asarray(values).tolist(), strict=True)
    burned: NDArray[np.int32] = rasterize(
        shapes, out_shape=size, transform=Affine.identity(), dtype="int32"
    )
    return burned
