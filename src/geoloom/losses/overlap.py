"""Losses that measure overlap of regions: Dice, Jaccard and Tversky on probabilities of classes.

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


def dice(
    logits_BKHW: Tensor,
    target_BHW: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    smooth: float = 0.0,
) -> Tensor:
    """1 - mean over classes of (2 sum(p y) + s) / (sum(p) + sum(y) + s).

    Args:
        logits_BKHW: float, before softmax.
        target_BHW: int64, class positions 0..K-1, or IGNORE_INDEX.
        class_weights_K: float, weights of the classes in the mean; None weighs all alike.
        smooth: s, in pixels: eases the loss of classes with few pixels in the batch.

    Returns:
        Scalar, float32, in [0, 1]; 0 with gradient 0 where no pixel counts.

    Source:
        Milletari et al. 2016, arXiv 1606.04797, section 3, without the squares.
    """
    parts = overlap_sums(logits_BKHW, target_BHW, class_weights_K)
    return dice_of(parts, class_weights_K, smooth=smooth)


def avg_soft_dice(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """1 - mean over classes of 2 sum(p y) / (sum(p^2) + sum(y^2)). Arguments as `dice`.

    Source:
        Milletari et al. 2016, arXiv 1606.04797, section 3.
    """
    return dice_of(_sums_of_squares(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


def avg_generalized_dice(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """1 - 2 sum_k(w sum(p y)) / sum_k(w (sum(p) + sum(y))), with w = 1 / sum(y)^2 unless weights are given.

    Source:
        Sudre et al. 2017, arXiv 1707.03237, section 2.
    """
    return _generalized(overlap_sums(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


def jaccard(
    logits_BKHW: Tensor,
    target_BHW: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    smooth: float = 0.0,
) -> Tensor:
    """1 - mean over classes of (sum(p y) + s) / (sum(p) + sum(y) - sum(p y) + s). Arguments as `dice`.

    Source:
        Rahman and Wang 2016, equation 3, for each class against the rest.
    """
    parts = overlap_sums(logits_BKHW, target_BHW, class_weights_K)
    return jaccard_of(parts, class_weights_K, smooth=smooth)


bin_iou = jaccard
"""DeepGeo's name of `jaccard`."""


def tversky(
    logits_BKHW: Tensor,
    target_BHW: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth: float = 0.0,
) -> Tensor:
    """1 - mean over classes of (TP + s) / (TP + alpha FP + beta FN + s), TP = sum(p y) and so on.

    Args:
        logits_BKHW, target_BHW, class_weights_K, smooth: As `dice`, which alpha = beta = 0.5 gives.
        alpha: Cost of false positives.
        beta: Cost of false negatives; above alpha where it is worse to miss a class than to see it too often.

    Source:
        Salehi et al. 2017, arXiv 1706.05721, equation 4.
    """
    parts = overlap_sums(logits_BKHW, target_BHW, class_weights_K)
    return tversky_of(parts, class_weights_K, alpha=alpha, beta=beta, smooth=smooth)


def focal_tversky(
    logits_BKHW: Tensor,
    target_BHW: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 4 / 3,
    smooth: float = 0.0,
) -> Tensor:
    """Mean over classes of (1 - Tversky index) ^ (1 / gamma).

    Args:
        logits_BKHW, target_BHW, class_weights_K, smooth, alpha, beta: As `tversky`, which gamma = 1 gives.
        gamma: Above 1, classes that overlap badly count more.

    Source:
        Abraham and Khan 2018, arXiv 1810.07842, equation 4.
    """
    parts = overlap_sums(logits_BKHW, target_BHW, class_weights_K)
    return focal_tversky_of(
        parts, class_weights_K, alpha=alpha, beta=beta, gamma=gamma, smooth=smooth
    )


def crossentropy_dice(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """Cross-entropy plus Dice: the first steadies the training, the second holds rare classes up."""
    return _both(_both_parts(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


def overlap_sums(
    logits_BKHW: Tensor, target_BHW: Tensor, _class_weights_K: Tensor | None = None
) -> Parts:
    """sum(p y), sum(p), sum(y) of each class, float32 (K,), over the counted pixels."""
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
        *overlap_sums(logits_BKHW, target_BHW, class_weights_K),
    )


def _both(parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    return mean(parts[:2], class_weights_K) + dice_of(parts[2:], class_weights_K)


def dice_of(parts: Parts, class_weights_K: Tensor | None, *, smooth: float = 0.0) -> Tensor:
    """`dice` of the sums of `overlap_sums`."""
    both_K, p_K, y_K = parts
    index_K = (2 * both_K + smooth) / (p_K + y_K + smooth + _TINY)
    return _mean_over_present(1 - index_K, y_K, class_weights_K)


def jaccard_of(parts: Parts, class_weights_K: Tensor | None, *, smooth: float = 0.0) -> Tensor:
    """`jaccard` of the sums of `overlap_sums`."""
    both_K, p_K, y_K = parts
    index_K = (both_K + smooth) / (p_K + y_K - both_K + smooth + _TINY)
    return _mean_over_present(1 - index_K, y_K, class_weights_K)


def tversky_of(
    parts: Parts,
    class_weights_K: Tensor | None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth: float = 0.0,
) -> Tensor:
    """`tversky` of the sums of `overlap_sums`."""
    return _mean_over_present(
        1 - _tversky_index(parts, alpha, beta, smooth), parts[2], class_weights_K
    )


def focal_tversky_of(
    parts: Parts,
    class_weights_K: Tensor | None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 4 / 3,
    smooth: float = 0.0,
) -> Tensor:
    """`focal_tversky` of the sums of `overlap_sums`."""
    # At 0 the root's slope is infinite, so that a perfect class would spoil the gradient of all others.
    wrong_K = (1 - _tversky_index(parts, alpha, beta, smooth)).clamp(min=_TINY)
    return _mean_over_present(wrong_K ** (1 / gamma), parts[2], class_weights_K)


def _tversky_index(parts: Parts, alpha: float, beta: float, smooth: float) -> Tensor:
    both_K, p_K, y_K = parts
    costs_K = alpha * (p_K - both_K) + beta * (y_K - both_K)
    return (both_K + smooth) / (both_K + costs_K + smooth + _TINY)


def _generalized(parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    both_K, p_K, y_K = parts
    present = y_K > 0
    # Not clamped to 1: of mixed samples a part of a pixel counts.
    weights = (
        1 / torch.where(present, y_K, 1).square() if class_weights_K is None else class_weights_K
    )
    weights = weights * present
    both = (weights * both_K).sum()
    each = (weights * (p_K + y_K)).sum()
    return torch.where(present.any(), 1 - 2 * both / each.clamp(min=1e-20), p_K.sum() * 0)


def _flat(logits_BKHW: Tensor, target_BHW: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and one-hot truth, float32 (K, N) each, both 0 where a pixel does not count."""
    k = logits_BKHW.shape[1]
    counted = (target_BHW != IGNORE_INDEX)[:, None]
    classes = torch.where(counted[:, 0], target_BHW, 0)
    # Filled, not multiplied by 0 alone: infinite answers to unobserved pixels would be NaN.
    p_BKHW = torch.where(counted, logits_BKHW.float(), 0).softmax(dim=1) * counted
    y_BKHW = functional.one_hot(classes, k).movedim(-1, 1) * counted
    return p_BKHW.transpose(0, 1).reshape(k, -1), y_BKHW.transpose(0, 1).reshape(k, -1).float()


def _mean_over_present(loss_K: Tensor, y_K: Tensor, class_weights_K: Tensor | None) -> Tensor:
    present = (y_K > 0).to(loss_K.dtype)
    weights = present if class_weights_K is None else class_weights_K * present
    return mean(((weights * loss_K).sum(), weights.sum()))


SUMMED = {
    dice: SummedLoss(overlap_sums, dice_of, 3),
    avg_soft_dice: SummedLoss(_sums_of_squares, dice_of, 3),
    avg_generalized_dice: SummedLoss(overlap_sums, _generalized, 3),
    jaccard: SummedLoss(overlap_sums, jaccard_of, 3),
    tversky: SummedLoss(overlap_sums, tversky_of, 3),
    focal_tversky: SummedLoss(overlap_sums, focal_tversky_of, 3),
    crossentropy_dice: SummedLoss(_both_parts, _both, 5),
}
"""The losses of this file by what they sum."""
