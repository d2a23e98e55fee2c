"""Outlines in pixels, as masks of pixels."""

from __future__ import annotations

import math

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
    from rasterio.features import rasterize

    filled = outlines[~shapely.is_empty(outlines)]
    if not len(filled):
        return np.zeros(size, np.bool_)
    burned = rasterize(filled.tolist(), out_shape=size, transform=Affine.identity(), dtype="uint8")
    mask: NDArray[np.bool_] = burned.astype(np.bool_)
    return mask


def masks_of(outlines: NDArray[np.object_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask (N, H, W) for each of the outlines, as `mask_of`; each is burnt in its surroundings alone."""
    masks = np.zeros((len(outlines), *size), np.bool_)
    high, wide = size
    for mask, outline in zip(masks, outlines, strict=True):
        if shapely.is_empty(outline):
            continue
        x0, y0, x1, y1 = outline.bounds
        left, top = max(math.floor(x0), 0), max(math.floor(y0), 0)
        right, bottom = min(math.ceil(x1), wide), min(math.ceil(y1), high)
        if left < right and top < bottom:
            moved = shapely.transform(outline, lambda xy, by=(left, top): xy - np.array(by))
            part = mask_of(np.array([moved], object), (bottom - top, right - left))
            mask[top:bottom, left:right] = part
    return masks
