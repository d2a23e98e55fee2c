"""Pictures turned as their files say: cameras store what the sensor saw, and how it was held.

Source: Exif 3.0, tag Orientation (274), the same as in TIFF 6.0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..access.byte_source import Source
from ..headers.tiff_structure import orientation_and_color

_TRANSPOSED = frozenset((5, 6, 7, 8))


def exif_orientation(exif: bytes) -> int:
    """How a picture is stored, 1 to 8, by a block of Exif metadata; 1, upright, where it says nothing."""
    return orientation_and_color(Source.of(exif.removeprefix(b"Exif\0\0")))[0]


def upright_shape(shape: tuple[int, int], turn: int) -> tuple[int, int]:
    """Rows and columns after `upright`."""
    return (shape[1], shape[0]) if turn in _TRANSPOSED else shape


def upright(array: NDArray[Any], turn: int) -> NDArray[Any]:
    """A view of (..., H, W) as it is to be looked at.

    Args:
        array: As stored.
        turn: The tag: 2 mirrored, 3 upside down, 6 to be turned clockwise, 8 anticlockwise, and so on.
    """
    if turn in _TRANSPOSED:
        array = np.swapaxes(array, -1, -2)
    if turn in (3, 4, 7, 8):
        array = array[..., ::-1, :]
    if turn in (2, 3, 6, 7):
        array = array[..., ::-1]
    return array
