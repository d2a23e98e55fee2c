"""Compiled loops of PNG: rows as their filters left them, put back."""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import compiled


@compiled
def _paeth(
    left: Any, above: Any, corner: Any
) -> Any:  # np.int32, which numba takes from no annotation
    """Whichever of the three is nearest to left + above - corner; the first of those equally near."""
    by_left, by_above = above - corner, left - corner
    to_left, to_above, to_corner = abs(by_left), abs(by_above), abs(by_left + by_above)
    if to_left <= min(to_above, to_corner):
        return left
    return above if to_above <= to_corner else corner


@compiled
def unfilter(packed: np.ndarray, step: int, out: np.ndarray) -> int:
    """Undo the filter of each row.

    Args:
        packed: uint8 (rows, 1 + row bytes): the number of the filter, then what it made of the row.
        step: Bytes a pixel, at least 1.
        out: uint8 (rows, row bytes).

    Returns:
        -1, or the first row whose filter there is none of.

    Source: PNG, third edition, section 9.
    """
    rows, width = out.shape
    above = np.zeros(width, np.uint8)
    for row in range(rows):
        kind, line, here = packed[row, 0], packed[row, 1:], out[row]
        if kind == 0:
            here[:] = line
        elif kind == 1:
            here[:step] = line[:step]
            for i in range(step, width):
                here[i] = line[i] + here[i - step]
        elif kind == 2:
            for i in range(width):
                here[i] = line[i] + above[i]
        elif kind == 3:
            for i in range(width):
                left = np.int32(here[i - step]) if i >= step else np.int32(0)
                here[i] = line[i] + np.uint8((left + np.int32(above[i])) >> 1)
        elif kind == 4 and step == 3:
            _undo_paeth_of_three(line, above, here)
        elif kind == 4:
            for i in range(step):
                here[i] = line[i] + above[i]
            for i in range(step, width):
                left, corner = np.int32(here[i - step]), np.int32(above[i - step])
                here[i] = line[i] + np.uint8(_paeth(left, np.int32(above[i]), corner))
        else:
            return row
        above = here
    return -1


@compiled
def _undo_paeth_of_three(line: np.ndarray, above: np.ndarray, here: np.ndarray) -> None:
    """Three bytes per pixel, side by side in registers: half the time of one after the other."""
    left0 = left1 = left2 = corner0 = corner1 = corner2 = np.int32(0)
    for i in range(0, line.size, 3):
        above0, above1, above2 = (
            np.int32(above[i]),
            np.int32(above[i + 1]),
            np.int32(above[i + 2]),
        )
        left0 = (np.int32(line[i]) + _paeth(left0, above0, corner0)) & np.int32(255)
        left1 = (np.int32(line[i + 1]) + _paeth(left1, above1, corner1)) & np.int32(255)
        left2 = (np.int32(line[i + 2]) + _paeth(left2, above2, corner2)) & np.int32(255)
        here[i], here[i + 1], here[i + 2] = left0, left1, left2
        corner0, corner1, corner2 = above0, above1, above2
