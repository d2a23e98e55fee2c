"""Losses that measure overlap of regions: Dice and IoU on probabilities.

Sums run over the counted pixels of the whole batch, and means over the classes that its target holds: a class
that is not there has no region to overlap with.

Legend: B batch, K classes, H rows, W columns, N counted pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from . import IGNORE_INDEX
from .pixel import cross_entropy_parts
from .summed import Parts, SummedLoss, mean

_TINY = 1e-7


def dice(logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None) -> Tensor:
    """1 - mean over classes of 2 sum(p y) / (sum(p) + sum(y)).

    Args:
        logits_BKHW: float, before softmax.
        target_BHW: int64, class positions 0..K-1, or IGNORE_INDEX.
        class_weights_K: float, weights of the classes in the mean; None weighs all alike.

    Returns:
        Scalar, float32, in [0, 1]; 0 with gradient 0 where no pixel counts.

    Source:
        Milletari et al. 2016, section 3, without the squares.
    """
    return _dice(_sums(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


def avg_soft_dice(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """1 - mean over classes of 2 sum(p y) / (sum(p^2) + sum(y^2)). Arguments as `dice`.

    Source:
        Milletari et al. 2016, section 3.
    """
    return _dice(_sums_of_squares(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


def avg_generalized_dice(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """1 - 2 sum_k(w sum(p y)) / sum_k(w (sum(p) + sum(y))), with w = 1 / sum(y)^2 unless weights are given.

    Source:
        Sudre et al. 2017, section 2.
    """
    return _generalized(_sums(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


def bin_iou(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """1 - mean over classes of sum(p y) / (sum(p) + sum(y) - sum(p y)). Arguments as `dice`.

    Source:
        Rahman and Wang 2016, equation 3, for each class against the rest.
    """
    return _iou(_sums(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


def crossentropy_dice(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """Cross-entropy plus Dice: the first steadies the training, the second holds rare classes up."""
    return _both(_both_parts(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


def _sums(logits_BKHW: Tensor, target_BHW: Tensor, _class_weights_K: Tensor | None) -> Parts:
    """sum(p y), sum(p), sum(y) of each class, (K,)."""
    p_KN, y_KN = _flat(logits_BKHW, target_BHW)
    return (p_KN * y_KN).sum(1), p_KN.sum(1), y_KN.sum(1)


def _sums_of_squares(
    logits_BKHW: Tensor, target_BHW: Tensor, _class_weights_K: Tensor | None
) -> Parts:
    """sum(p y), sum(p^2), sum(y^2) of each class, (K,)."""
    p_KN, y_KN = _flat(logits_BKHW, target_BHW)
    return (p_KN * y_KN).sum(1), p_KN.square().sum(1), y_KN.sum(1)


def _both_parts(logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None) -> Parts:
    return (
        *cross_entropy_parts(logits_BKHW, target_BHW, class_weights_K),
        *_sums(logits_BKHW, target_BHW, class_weights_K),
    )


def _both(parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    return mean(parts[:2], class_weights_K) + _dice(parts[2:], class_weights_K)


def _dice(parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    both_K, p_K, y_K = parts
    return _mean_loss(2 * both_K / (p_K + y_K + _TINY), y_K, class_weights_K)


def _iou(parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    both_K, p_K, y_K = parts
    return _mean_loss(both_K / (p_K + y_K - both_K + _TINY), y_K, class_weights_K)


def _generalized(parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    both_K, p_K, y_K = parts
    present = y_K > 0
    weights = 1 / y_K.clamp(min=1).square() if class_weights_K is None else class_weights_K
    weights = weights * present
    both = (weights * both_K).sum()
    each = (weights * (p_K + y_K)).sum()
    return torch.where(present.any(), 1 - 2 * both / each.clamp(min=1e-20), p_K.sum() * 0)


def _flat(logits_BKHW: Tensor, target_BHW: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and one-hot truth, float32 (K, N) each, both 0 where a pixel does not count."""
    k = logits_BKHW.shape[1]
    counted = (target_BHW != IGNORE_INDEX)[:, None]
    classes = torch.where(counted[:, 0], target_BHW, 0)
    p_BKHW = logits_BKHW.float().softmax(dim=1) * counted
    y_BKHW = functional.one_hot(classes, k).movedim(-1, 1) * counted
    return p_BKHW.transpose(0, 1).reshape(k, -1), y_BKHW.transpose(0, 1).reshape(k, -1).float()


def _mean_loss(overlap_K: Tensor, y_K: Tensor, class_weights_K: Tensor | None) -> Tensor:
    present = (y_K > 0).to(overlap_K.dtype)
    weights = present if class_weights_K is None else class_weights_K * present
    return mean(((weights * (1 - overlap_K)).sum(), weights.sum()), class_weights_K)


SUMMED = {
    dice: SummedLoss(_sums, _dice),
    avg_soft_dice: SummedLoss(_sums_of_squares, _dice),
    avg_generalized_dice: SummedLoss(_sums, _generalized),
    bin_iou: SummedLoss(_sums, _iou),
    crossentropy_dice: SummedLoss(_both_parts, _both),
}
"""The losses of this file by what they sum."""
