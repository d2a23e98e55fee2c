"""Losses of classes of which several may be present at once: each is a question of its own.

Legend: B batch, K classes, ... pixels (H, W) or nothing where a whole image has one answer.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from . import IGNORE_INDEX
from .summed import Parts, SummedLoss, mean


def bce(logits_BK: Tensor, target_BK: Tensor, class_weights_K: Tensor | None = None) -> Tensor:
    """Mean binary cross-entropy of each class by itself, natural logarithm.

    Args:
        logits_BK: float (B, K, ...), before the sigmoid.
        target_BK: (B, K, ...): bool, True = present; or numbers, 1 = present, 0 = absent, and unknown, which
            is not counted and without gradient: NaN of floats, IGNORE_INDEX of integers.
        class_weights_K: float; each class counts by its weight, and the sum is divided by the weights' sum.
            None weighs all alike.

    Returns:
        Scalar, float32; 0 with gradient 0 where nothing is known.

    Example:
        >>> float(bce(torch.zeros(1, 2), torch.tensor([[1.0, float("nan")]])).exp())
        2.0
    """
    return mean(_parts(logits_BK, target_BK, class_weights_K), class_weights_K)


def _parts(logits_BK: Tensor, target_BK: Tensor, weights_K: Tensor | None) -> Parts:
    """Summed loss and summed weight of what is known."""
    floats = target_BK.is_floating_point()
    known = ~torch.isnan(target_BK) if floats else target_BK != IGNORE_INDEX
    # Filled, not multiplied by 0: NaN times 0 is NaN, also in the gradient.
    target = torch.where(known, target_BK, 0).float()
    logits = torch.where(known, logits_BK.float(), 0)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    weights = known.float()
    if weights_K is not None:
        weights = weights * weights_K.view(-1, *[1] * (each.ndim - 2))
    return (each * weights).sum(), weights.sum()


SUMMED = {bce: SummedLoss(_parts, mean)}
"""The losses of this file by what they sum."""
