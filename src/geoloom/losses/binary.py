"""Losses of classes of which several may be present at once: each is a question of its own.

With one class they are the binary losses. Those of overlap sum over the known entries of the whole batch, and
take the mean over the classes that are present somewhere in it.

Legend: B batch, K classes, ... pixels (H, W) or nothing where a whole image has one answer.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from . import IGNORE_INDEX
from .overlap import dice_of, focal_tversky_of, jaccard_of, tversky_of
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
    return mean(_bce_parts(logits_BK, target_BK, class_weights_K))


def binary_focal(
    logits_BK: Tensor,
    target_BK: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
) -> Tensor:
    """Binary cross-entropy times (1 - p) ** gamma, p the probability of what is true.

    Args:
        logits_BK, target_BK, class_weights_K: As `bce`.
        gamma: 0 gives binary cross-entropy.
        alpha: Weight of what is present, 1 - alpha of what is absent; 0.25 in the paper. None weighs alike.

    Source:
        Lin et al. 2017, arXiv 1708.02002, equation 5.
    """
    return mean(_focal_parts(logits_BK, target_BK, class_weights_K, gamma=gamma, alpha=alpha))


def binary_dice(
    logits_BK: Tensor,
    target_BK: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    smooth: float = 0.0,
) -> Tensor:
    """`losses.dice` of each class's sigmoid. Tensors as of `bce`, `smooth` as of `dice`.

    Source:
        Milletari et al. 2016, arXiv 1606.04797, section 3, without the squares.
    """
    return dice_of(_sums(logits_BK, target_BK), class_weights_K, smooth=smooth)


def binary_jaccard(
    logits_BK: Tensor,
    target_BK: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    smooth: float = 0.0,
) -> Tensor:
    """`losses.jaccard` of each class's sigmoid. Tensors as of `bce`, `smooth` as of `dice`.

    Source:
        Rahman and Wang 2016, equation 3.
    """
    return jaccard_of(_sums(logits_BK, target_BK), class_weights_K, smooth=smooth)


def binary_tversky(
    logits_BK: Tensor,
    target_BK: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smooth: float = 0.0,
) -> Tensor:
    """`losses.tversky` of each class's sigmoid. Tensors as of `bce`, options as of `tversky`.

    Source:
        Salehi et al. 2017, arXiv 1706.05721, equation 4.
    """
    sums = _sums(logits_BK, target_BK)
    return tversky_of(sums, class_weights_K, alpha=alpha, beta=beta, smooth=smooth)


def binary_focal_tversky(
    logits_BK: Tensor,
    target_BK: Tensor,
    class_weights_K: Tensor | None = None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 4 / 3,
    smooth: float = 0.0,
) -> Tensor:
    """`losses.focal_tversky` of each class's sigmoid. Tensors as of `bce`, options as of `focal_tversky`.

    Source:
        Abraham and Khan 2018, arXiv 1810.07842, equation 4.
    """
    sums = _sums(logits_BK, target_BK)
    return focal_tversky_of(
        sums, class_weights_K, alpha=alpha, beta=beta, gamma=gamma, smooth=smooth
    )


def known_target(target_BK: Tensor) -> tuple[Tensor, Tensor]:
    """What is known, bool, and the target as float32, 0 where it is not."""
    floats = target_BK.is_floating_point()
    known = ~torch.isnan(target_BK) if floats else target_BK != IGNORE_INDEX
    # Filled, not multiplied by 0: NaN times 0 is NaN, also in the gradient.
    return known, torch.where(known, target_BK, 0).float()


def _bce_parts(logits_BK: Tensor, target_BK: Tensor, weights_K: Tensor | None) -> Parts:
    """Summed loss and summed weight of what is known."""
    known, target = known_target(target_BK)
    logits = torch.where(known, logits_BK.float(), 0)
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _weighed(each, known, weights_K)


def _focal_parts(
    logits_BK: Tensor,
    target_BK: Tensor,
    weights_K: Tensor | None,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
) -> Parts:
    known, target = known_target(target_BK)
    logits = torch.where(known, logits_BK.float(), 0)
    loss = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    # expm1 keeps the power's gradient finite where p rounds to 1.
    each = loss * (-torch.expm1(-loss)).clamp(min=1e-12) ** gamma
    if alpha is not None:
        each = each * (alpha * target + (1 - alpha) * (1 - target))
    return _weighed(each, known, weights_K)


def _sums(logits_BK: Tensor, target_BK: Tensor, _weights_K: Tensor | None = None) -> Parts:
    """sum(p y), sum(p), sum(y) of each class over what is known, (K,)."""
    known, y = known_target(target_BK)
    p = torch.where(known, logits_BK.float(), 0).sigmoid() * known
    return tuple(part.transpose(0, 1).flatten(1).sum(1) for part in (p * y, p, y))


def _weighed(each_BK: Tensor, known_BK: Tensor, weights_K: Tensor | None) -> Parts:
    weights = known_BK.float()
    if weights_K is not None:
        weights = weights * weights_K.view(-1, *[1] * (each_BK.ndim - 2))
    return (each_BK * weights).sum(), weights.sum()


SUMMED = {
    bce: SummedLoss(_bce_parts, mean),
    binary_focal: SummedLoss(_focal_parts, mean),
    binary_dice: SummedLoss(_sums, dice_of, 3),
    binary_jaccard: SummedLoss(_sums, jaccard_of, 3),
    binary_tversky: SummedLoss(_sums, tversky_of, 3),
    binary_focal_tversky: SummedLoss(_sums, focal_tversky_of, 3),
}
"""The losses of this file by what they sum."""
