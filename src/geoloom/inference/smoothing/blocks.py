"""Blocks of a map on their way to the files, smoothed where that is asked for, whatever the tiles.

Legend: K classes, H rows, W columns; r the reach of the smoother.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.grid import PixelWindow
from ..scores import FinalBlock
from .methods import Smoother


@dataclass(frozen=True, slots=True, eq=False)
class MapBlock:
    """Pixels that are ready to be written."""

    window: PixelWindow
    decided: NDArray[np.float32]
    """(K, H, W): of which the map is made."""
    scores: NDArray[np.float32]
    """(K, H, W): written as probabilities."""
    valid: NDArray[np.bool_] | None
    """(H, W), True = observed; None where nothing was."""

    @classmethod
    def unsmoothed(cls, block: FinalBlock) -> MapBlock:
        """A block as the network decided it."""
        return cls(block.tile.emit, block.scores, block.scores, block.valid)


class SmoothedBlocks:
    """Turns final blocks, in plan order, into smoothed ones that lag behind them by r rows and columns.

    Memory holds 2 * r rows of the scene's width, twice, and 2 * r columns of a tile's height. What lies
    outside the scene is not observed.

    Args:
        smoother: What to do.
        shape: Rows and columns of the scene.
        channels: K.
    """

    def __init__(self, smoother: Smoother, shape: tuple[int, int], channels: int) -> None:
        self._smoother, self._shape, self._channels = smoother, shape, channels
        self._reach = smoother.reach_px
        self._above, self._below = self._strip(), self._strip()
        """The last 2 * r rows of the row of tiles before, and of this one."""
        self._left = self._empty(0, 0)

    def add(self, block: FinalBlock) -> MapBlock:
        """Take the next block; give out the pixels that it completes, which may be none."""
        r, at = self._reach, block.tile.emit
        height, width = self._shape
        if block.tile.col == 0:
            self._above, self._below = self._below, self._strip()
            self._left = self._empty(at.height, 2 * r)
        scores, valid = self._around(block)
        right = at.col + at.width
        for kept, seen in zip(self._below, (scores, valid), strict=True):
            kept[..., at.col + 2 * r : right + 2 * r] = seen[
                ..., at.height : at.height + 2 * r, 2 * r : 2 * r + at.width
            ]
        self._left = (
            scores[:, 2 * r : 2 * r + at.height, at.width : at.width + 2 * r].copy(),
            valid[2 * r : 2 * r + at.height, at.width : at.width + 2 * r].copy(),
        )
        rows = _ready(at.row, at.height, height, r)
        cols = _ready(at.col, at.width, width, r)
        # The block around begins at 2 * r before the tile's pixels; the smoother asks for r around its own.
        top, left = rows[0] - (at.row - 2 * r), cols[0] - (at.col - 2 * r)
        across = slice(left - r, left + cols[1] + r)
        down = slice(top - r, top + rows[1] + r)
        window = PixelWindow(rows[0], cols[0], rows[1], cols[1])
        if rows[1] == 0 or cols[1] == 0:
            none = np.zeros((self._channels, rows[1], cols[1]), np.float32)
            return MapBlock(window, none, none, None)
        decided, written = self._smoother.smooth(scores[:, down, across], valid[down, across])
        return MapBlock(
            window,
            decided,
            written,
            valid[top : top + rows[1], left : left + cols[1]],
        )

    def _around(self, block: FinalBlock) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """A block with 2 * r pixels above and to the left, and r unobserved ones below and to the right."""
        r, at = self._reach, block.tile.emit
        scores, valid = self._empty(at.height + 3 * r, at.width + 3 * r)
        own = slice(2 * r, 2 * r + at.height), slice(2 * r, 2 * r + at.width)
        scores[:, *own] = block.scores
        if block.valid is not None:
            valid[own] = block.valid
        above = slice(at.col, at.col + at.width + 2 * r)
        for whole, strip, left in zip((scores, valid), self._above, self._left, strict=True):
            whole[..., : 2 * r, : at.width + 2 * r] = strip[..., above]
            whole[..., own[0], : 2 * r] = left
        return scores, valid

    def _strip(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """2 * r rows, with as many columns before the scene's first."""
        return self._empty(2 * self._reach, self._shape[1] + 2 * self._reach)

    def _empty(self, rows: int, cols: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        return np.zeros((self._channels, rows, cols), np.float32), np.zeros((rows, cols), bool)


def rows_smoothed(rows: int, height: int, reach: int) -> int:
    """How many of the scene's first rows are smoothed once so many are final."""
    return rows if rows >= height else max(0, rows - reach)


def _ready(start: int, length: int, whole: int, reach: int) -> tuple[int, int]:
    """Start and length, along one axis, of what a block completes."""
    first = rows_smoothed(start, whole, reach) if start < whole else whole
    return first, rows_smoothed(start + length, whole, reach) - first
