"""Losses that are a mean over pixels: cross-entropy and focal.

Legend: B batch, K classes, H rows, W columns, N counted pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from . import IGNORE_INDEX
from .summed import Parts, SummedLoss, mean


def cross_entropy(
    logits_BKHW: Tensor,
    target_BHW: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Mean of -log(softmax probability of the true class), natural logarithm.

    Args:
        logits_BKHW: float, before softmax.
        target_BHW: int64, class positions 0..K-1, or IGNORE_INDEX.
        class_weights_K: float; each pixel counts by its class's weight, and the sum is divided by the
            weights' sum. None weighs all alike.
        label_smoothing: Share of the target spread evenly over all classes, which keeps wrong labels from
            costing without bound (Szegedy et al. 2016, section 7).

    Returns:
        Scalar, float32; 0 with gradient 0 where no pixel counts.

    Example:
        >>> float(cross_entropy(torch.zeros(1, 4, 2, 2), torch.zeros(1, 2, 2, dtype=torch.int64)).exp())
        4.0
    """
    parts = cross_entropy_parts(
        logits_BKHW, target_BHW, class_weights_K, label_smoothing=label_smoothing
    )
    return mean(parts)


def cross_entropy_parts(
    logits_BKHW: Tensor,
    target_BHW: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    label_smoothing: float = 0.0,
) -> Parts:
    """The total of `cross_entropy` and its weight, scalars. Arguments likewise."""
    total = functional.cross_entropy(
        logits_BKHW.float(),
        target_BHW,
        weight=class_weights_K,
        ignore_index=IGNORE_INDEX,
        reduction="sum",
        label_smoothing=label_smoothing,
    )
    return total, _weight(target_BHW, class_weights_K)


def weighted_cross_entropy(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """Cross-entropy in which each class of the batch weighs alike, unless weights are given.

    Without weights, a class weighs by the inverse of its pixels in this batch.
    """
    return _mean_over_classes(
        _class_parts(logits_BKHW, target_BHW, class_weights_K), class_weights_K
    )


def _class_parts(logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None) -> Parts:
    """Without weights: total and pixels of each class, (K,)."""
    if class_weights_K is not None:
        return cross_entropy_parts(logits_BKHW, target_BHW, class_weights_K)
    loss_BHW = functional.cross_entropy(
        logits_BKHW.float(), target_BHW, ignore_index=IGNORE_INDEX, reduction="none"
    )
    of_class = [target_BHW == k for k in range(logits_BKHW.shape[1])]
    totals = torch.stack([(loss_BHW * pixels).sum() for pixels in of_class])
    return totals, torch.stack([pixels.sum() for pixels in of_class])


def _mean_over_classes(parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    if class_weights_K is not None:
        return mean(parts)
    totals_K, pixels_K = parts
    # Not clamped to 1: of mixed samples a part of a pixel counts.
    each = totals_K / torch.where(pixels_K > 0, pixels_K, 1)
    return each.sum() / (pixels_K > 0).sum().clamp(min=1)


def focal(
    logits_BKHW: Tensor,
    target_BHW: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    gamma: float = 2.0,
) -> Tensor:
    """Cross-entropy times (1 - p) ** gamma: pixels that are already right count little.

    Args:
        logits_BKHW, target_BHW, class_weights_K: As `cross_entropy`.
        gamma: 0 gives cross-entropy.

    Source:
        Lin et al. 2017, equation 5; the class weights are its alpha.
    """
    return mean(_focal_parts(logits_BKHW, target_BHW, class_weights_K, gamma))


def _focal_parts(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None, gamma: float = 2.0
) -> Parts:
    logs = functional.log_softmax(logits_BKHW.float(), dim=1)
    counted = target_BHW != IGNORE_INDEX
    classes = torch.where(counted, target_BHW, 0)
    log_p = logs.gather(1, classes[:, None])[:, 0]
    # expm1 keeps the power's gradient finite where p rounds to 1.
    loss = -log_p * (-torch.expm1(log_p)).clamp(min=1e-12) ** gamma
    weights = counted.float() if class_weights_K is None else class_weights_K[classes] * counted
    return (loss * weights).sum(), _weight(target_BHW, class_weights_K)


def _weight(target_BHW: Tensor, class_weights_K: Tensor | None) -> Tensor:
    """Summed weight of the counted pixels."""
    counted = target_BHW != IGNORE_INDEX
    if class_weights_K is not None:
        return class_weights_K[target_BHW[counted]].sum()
    return counted.sum().float()


SUMMED = {
    cross_entropy: SummedLoss(cross_entropy_parts, mean),
    weighted_cross_entropy: SummedLoss(_class_parts, _mean_over_classes),
    focal: SummedLoss(_focal_parts, mean),
}
"""The losses of this file by what they sum."""
