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
from .pixel import cross_entropy

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
    p_KN, y_KN = _flat(logits_BKHW, target_BHW)
    overlap = 2 * (p_KN * y_KN).sum(1) / (p_KN.sum(1) + y_KN.sum(1) + _TINY)
    return _mean_loss(overlap, y_KN, class_weights_K)


def avg_soft_dice(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """1 - mean over classes of 2 sum(p y) / (sum(p^2) + sum(y^2)). Arguments as `dice`.

    Source:
        Milletari et al. 2016, section 3.
    """
    p_KN, y_KN = _flat(logits_BKHW, target_BHW)
    overlap = 2 * (p_KN * y_KN).sum(1) / (p_KN.square().sum(1) + y_KN.sum(1) + _TINY)
    return _mean_loss(overlap, y_KN, class_weights_K)


def avg_generalized_dice(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """1 - 2 sum_k(w sum(p y)) / sum_k(w (sum(p) + sum(y))), with w = 1 / sum(y)^2 unless weights are given.

    Source:
        Sudre et al. 2017, section 2.
    """
    p_KN, y_KN = _flat(logits_BKHW, target_BHW)
    pixels = y_KN.sum(1)
    present = pixels > 0
    weights = 1 / pixels.clamp(min=1).square() if class_weights_K is None else class_weights_K
    weights = weights * present
    both = (weights * (p_KN * y_KN).sum(1)).sum()
    each = (weights * (p_KN.sum(1) + pixels)).sum()
    return torch.where(present.any(), 1 - 2 * both / each.clamp(min=1e-20), logits_BKHW.sum() * 0)


def bin_iou(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """1 - mean over classes of sum(p y) / (sum(p) + sum(y) - sum(p y)). Arguments as `dice`.

    Source:
        Rahman and Wang 2016, equation 3, for each class against the rest.
    """
    p_KN, y_KN = _flat(logits_BKHW, target_BHW)
    both = (p_KN * y_KN).sum(1)
    return _mean_loss(both / (p_KN.sum(1) + y_KN.sum(1) - both + _TINY), y_KN, class_weights_K)


def crossentropy_dice(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """Cross-entropy plus Dice: the first steadies the training, the second holds rare classes up."""
    return cross_entropy(logits_BKHW, target_BHW, class_weights_K) + dice(
        logits_BKHW, target_BHW, class_weights_K
    )


def _flat(logits_BKHW: Tensor, target_BHW: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and one-hot truth, float32 (K, N) each, both 0 where a pixel does not count."""
    k = logits_BKHW.shape[1]
    counted = (target_BHW != IGNORE_INDEX)[:, None]
    classes = torch.where(counted[:, 0], target_BHW, 0)
    p_BKHW = logits_BKHW.float().softmax(dim=1) * counted
    y_BKHW = functional.one_hot(classes, k).movedim(-1, 1) * counted
    return p_BKHW.transpose(0, 1).reshape(k, -1), y_BKHW.transpose(0, 1).reshape(k, -1).float()


def _mean_loss(overlap_K: Tensor, y_KN: Tensor, class_weights_K: Tensor | None) -> Tensor:
    present = (y_KN.sum(1) > 0).float()
    weights = present if class_weights_K is None else class_weights_K * present
    total = weights.sum()
    return (weights * (1 - overlap_K)).sum() / torch.where(total > 0, total, torch.ones_like(total))
