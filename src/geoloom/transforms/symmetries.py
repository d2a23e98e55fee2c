"""The eight ways to turn and mirror a square: exact on arrays, boxes and georeference.

Legend: N boxes, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Move:
    """Transpose first, then flip; every symmetry of the square is one of the eight."""

    transpose: bool = False
    flip_rows: bool = False
    flip_cols: bool = False


MOVES: Registry[Move] = Registry(
    "augmentation",
    {
        "rot90": Move(transpose=True, flip_rows=True),
        "rot180": Move(flip_rows=True, flip_cols=True),
        "rot270": Move(transpose=True, flip_cols=True),
        "flip_left_right": Move(flip_cols=True),
        "flip_up_down": Move(flip_rows=True),
        "flip_transpose": Move(transpose=True),
        "flip_antitranspose": Move(transpose=True, flip_rows=True, flip_cols=True),
    },
)

SYMMETRIES: tuple[str, ...] = tuple(MOVES)
"""The seven that move something; with "leave it", the eight symmetries of the square."""

AUGMENTATIONS: tuple[str, ...] = SYMMETRIES[:6]
"""The six operations of DeepGeo.

Rotations are anticlockwise; `flip_transpose` swaps rows and columns. The seventh symmetry,
`flip_antitranspose`, mirrors across the other diagonal.
"""


def move_array(array: Any, move: Move) -> Any:
    """A move of the last two axes of a numpy array or torch tensor of any dtype."""
    axes = tuple(axis for axis, flip in ((-2, move.flip_rows), (-1, move.flip_cols)) if flip)
    if isinstance(array, np.ndarray):
        turned = array.swapaxes(-2, -1) if move.transpose else array
        return np.ascontiguousarray(np.flip(turned, axes) if axes else turned)
    bits = _bits(array)
    bits = bits.transpose(-2, -1) if move.transpose else bits
    return (bits.flip(axes) if axes else bits.contiguous()).view(array.dtype)


def _bits(array: Tensor) -> Tensor:
    """The same memory as signed integers, where torch moves no unsigned ones."""
    import torch

    signed = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}
    return array.view(signed.get(array.dtype, array.dtype))


def move_boxes(boxes_N4: Any, move: Move, shape: tuple[int, int]) -> Any:
    """Boxes (left, top, right, bottom), pixels, of an image that was (H, W) and is moved.

    Args:
        boxes_N4: numpy array or torch tensor (..., 4).
        move: As of the image.
        shape: Of the image before.

    Returns:
        Of the same type and dtype.

    Example:
        >>> move_boxes(np.array([[0.0, 1.0, 2.0, 3.0]]), Move(flip_cols=True), (4, 10)).tolist()
        [[8.0, 1.0, 10.0, 3.0]]
    """
    height, width = (shape[1], shape[0]) if move.transpose else shape
    left, top, right, bottom = (boxes_N4[..., i] for i in range(4))
    if move.transpose:
        left, top, right, bottom = top, left, bottom, right
    if move.flip_cols:
        left, right = width - right, width - left
    if move.flip_rows:
        top, bottom = height - bottom, height - top
    return _joined([left, top, right, bottom])


def turn_transform(transform: Any, move: Move, shape: tuple[int, int]) -> Any:
    """The affine (..., 6) of moved pixels of what was (H, W): old affine after new pixel -> old pixel."""
    height, width = (shape[1], shape[0]) if move.transpose else shape
    col = (-1.0, 0.0, float(width)) if move.flip_cols else (1.0, 0.0, 0.0)
    row = (0.0, -1.0, float(height)) if move.flip_rows else (0.0, 1.0, 0.0)
    if move.transpose:
        col, row = row, col
    a, b, c, d, e, f = (transform[..., i] for i in range(6))
    return _joined(
        [
            a * col[0] + b * row[0],
            a * col[1] + b * row[1],
            a * col[2] + b * row[2] + c,
            d * col[0] + e * row[0],
            d * col[1] + e * row[1],
            d * col[2] + e * row[2] + f,
        ]
    )


def _joined(parts: list[Any]) -> Any:
    """Along a new last axis."""
    if isinstance(parts[0], np.ndarray | np.generic):
        return np.stack(parts, axis=-1)
    import torch

    return torch.stack(parts, dim=-1)
