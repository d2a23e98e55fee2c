"""Adding overlapping results into one, with memory for the overlap alone.

Legend: K classes, H rows, W columns.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .plan import Plan, Tile


@lru_cache(maxsize=16)
def axis_weights(count: int, core: int, overlap: int) -> NDArray[np.float32]:
    """Weights of each tile along one axis, which sum to 1 at every pixel.

    A raised cosine rises over the first 2 * overlap pixels and falls over the last, so that a pixel counts
    little where the model saw little around it; then all are divided by their sum.

    Returns:
        float32 (count, core + 2 * overlap), in [0, 1].

    Example:
        >>> weights = axis_weights(count=2, core=4, overlap=1)
        >>> [round(float(weight), 3) for weight in weights[0]]
        [1.0, 1.0, 1.0, 1.0, 0.854, 0.146]
        >>> (weights[0, -2:] + weights[1, :2]).tolist()
        [1.0, 1.0]
    """
    length = core + 2 * overlap
    ramp = np.ones(length)
    if overlap:
        step = (np.arange(2 * overlap) + 0.5) / (2 * overlap)
        rise = 0.5 - 0.5 * np.cos(np.pi * step)
        ramp[: 2 * overlap] *= rise
        ramp[-2 * overlap :] *= rise[::-1]
    total = np.zeros(count * core + 2 * overlap)
    for index in range(count):
        total[index * core : index * core + length] += ramp
    return np.stack(
        [ramp / total[index * core : index * core + length] for index in range(count)]
    ).astype(np.float32)


def tile_weights(plan: Plan, tile: Tile) -> NDArray[np.float32] | None:
    """What a tile's result is multiplied with, (H, W) of its window; None where nothing overlaps."""
    if not plan.overlap_px:
        return None
    rows, cols = plan.counts
    down = axis_weights(rows, plan.core[0], plan.overlap_px)[tile.row]
    across = axis_weights(cols, plan.core[1], plan.overlap_px)[tile.col]
    weights: NDArray[np.float32] = down[:, None] * across
    return weights


class Blender:
    """Adds weighted results in plan order and hands out each pixel once, when it is final.

    Holds one strip of 2 * overlap rows over the scene's width, and one of 2 * overlap columns over a tile's
    height, whatever the scene's height. Sums are made in plan order alone, so that they do not depend on
    who computed the tiles.

    Args:
        plan: The tiles; `add` must be called in its order, from the first tile of a row.
        channels: K.
    """

    def __init__(self, plan: Plan, channels: int) -> None:
        self._plan = plan
        overlap, (rows, cols) = 2 * plan.overlap_px, plan.counts
        self._last = rows - 1, cols - 1
        self._below = np.zeros((channels, overlap, cols * plan.core[1] + overlap), np.float32)
        self._right = np.zeros((channels, plan.core[0] + overlap, overlap), np.float32)

    def add(self, tile: Tile, scores: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """Add one tile.

        Args:
            tile: Where it lies.
            scores: (K, core + 2 * overlap rows, and columns), multiplied with `tile_weights`; may be
                changed in place. None where nothing in the tile was observed.

        Returns:
            float32 (K, H, W) of `tile.emit`, final.
        """
        overlap, (core_rows, core_cols) = 2 * self._plan.overlap_px, self._plan.core
        if scores is None:
            scores = np.zeros(
                (len(self._below), core_rows + overlap, core_cols + overlap), np.float32
            )
        if not overlap:
            return self._emit(tile, scores)
        if not scores.flags.writeable:  # as it comes from another process
            scores = scores.copy()
        if tile.col > 0:
            scores[:, :, :overlap] += self._right
        if tile.col < self._last[1]:
            self._right[:] = scores[:, :, core_cols:]
            scores = scores[:, :, :core_cols]
        strip = self._below[:, :, tile.col * core_cols :][:, :, : scores.shape[2]]
        scores[:, :overlap] += strip
        if tile.row < self._last[0]:
            strip[:] = scores[:, core_rows:]
            scores = scores[:, :core_rows]
        return self._emit(tile, scores)

    def _emit(self, tile: Tile, final: NDArray[np.float32]) -> NDArray[np.float32]:
        """The part of a final block that lies inside the scene."""
        top = tile.emit.row - (tile.row * self._plan.core[0] - self._plan.overlap_px)
        left = tile.emit.col - (tile.col * self._plan.core[1] - self._plan.overlap_px)
        return final[:, top : top + tile.emit.height, left : left + tile.emit.width]
