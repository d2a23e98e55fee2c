"""Test-time augmentation: a model's mean answer over the eight ways to turn and mirror a tile.

Legend: B batch, C bands, K classes, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Answer: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
"""Scores (B, K, H, W) of an image and of where it was observed."""

_FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


def mean_over_symmetries(predictor: Answer, image_BCHW: Tensor, valid_BHW: Tensor) -> Tensor:
    """Scores (B, K, H, W), each the mean of eight: the ground has no up, so all are equally right.

    Takes eight times as long. Probabilities stay probabilities.
    """
    total: Tensor | None = None
    for transpose in (False, True):
        for flips in _FLIPS:
            turned = _turn(image_BCHW, transpose, flips), _turn(valid_BHW, transpose, flips)
            scores = _turn_back(predictor(*turned), transpose, flips)
            total = scores if total is None else total + scores
    assert total is not None  # the loops run
    return total / (2 * len(_FLIPS))


def _turn(tensor: Tensor, transpose: bool, flips: tuple[int, ...]) -> Tensor:
    tensor = tensor.transpose(-1, -2) if transpose else tensor
    return tensor.flip(flips) if flips else tensor


def _turn_back(tensor: Tensor, transpose: bool, flips: tuple[int, ...]) -> Tensor:
    tensor = tensor.flip(flips) if flips else tensor
    return tensor.transpose(-1, -2) if transpose else tensor
