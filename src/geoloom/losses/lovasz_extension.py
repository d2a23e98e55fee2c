"""Lovász losses: the intersection over union itself, extended to answers that are no classes yet.

They sort the pixels of an image by how wrong they are, so each image is one whole: the loss of a batch is the
mean over its images, which does not depend on how a batch is cut.

Legend: B images, K classes, ... pixels (H, W) or nothing, N = H W.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from . import IGNORE_INDEX
from .binary import known_target
from .summed import Parts, SummedLoss, mean


def lovasz(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """Lovász-softmax: per image, the mean over the classes that it holds; then the mean over images.

    Args:
        logits_BKHW: float, before softmax.
        target_BHW: int64, class positions 0..K-1, or IGNORE_INDEX; images without a pixel that counts are
            left out.
        class_weights_K: float, weights of the classes in the mean over them; None weighs all alike.

    Returns:
        Scalar, float32, in [0, 1]; 0 with gradient 0 where no pixel counts.

    Source:
        Berman et al. 2018, arXiv 1705.08790, equation 11 and algorithm 1.
    """
    return mean(_softmax_parts(logits_BKHW, target_BHW, class_weights_K))


def lovasz_hinge(
    logits_BK: Tensor, target_BK: Tensor, class_weights_K: Tensor | None = None
) -> Tensor:
    """Lovász hinge of each class by itself: per image the mean over classes, then the mean over images.

    Args:
        logits_BK: float (B, K, ...), before the sigmoid; answers beyond 1 and -1 on the right side cost 0.
        target_BK: As of `bce`.
        class_weights_K: float, weights of the classes in the mean over them; None weighs all alike.

    Returns:
        Scalar, float32, 0 or more; 0 with gradient 0 where nothing is known.

    Source:
        Berman et al. 2018, arXiv 1705.08790, equation 12; an image without the class costs its worst pixel.
    """
    return mean(_hinge_parts(logits_BK, target_BK, class_weights_K))


def _softmax_parts(
    logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None
) -> Parts:
    b, k = logits_BKHW.shape[:2]
    target_BN = target_BHW.reshape(b, -1)
    counted = (target_BN != IGNORE_INDEX)[:, None]
    classes = torch.where(counted[:, 0], target_BN, 0)
    p_BKN = torch.where(counted, logits_BKHW.float().reshape(b, k, -1), 0).softmax(dim=1)
    y_BKN = (functional.one_hot(classes, k).movedim(-1, 1) * counted).float()
    loss_BK = _extended(torch.where(counted, (y_BKN - p_BKN).abs(), -1.0), y_BKN)
    return _over_images(loss_BK, y_BKN.any(dim=2), class_weights_K)


def _hinge_parts(logits_BK: Tensor, target_BK: Tensor, class_weights_K: Tensor | None) -> Parts:
    known_BK, target = known_target(target_BK)
    b, k = logits_BK.shape[:2]
    known, y_BKN = known_BK.reshape(b, k, -1), target.reshape(b, k, -1)
    logits = torch.where(known, logits_BK.float().reshape(b, k, -1), 0)
    wrong = torch.where(known, 1 - logits * (2 * y_BKN - 1), -1.0)
    return _over_images(_extended(wrong, y_BKN), known.any(dim=2), class_weights_K)


def _extended(wrong_BKN: Tensor, y_BKN: Tensor) -> Tensor:
    """(B, K): how wrong each pixel is, times what it takes off the index once those that are worse are gone.

    Pixels below 0 cost nothing. Those that do not count are at -1, so after all that do.
    """
    ordered, order = wrong_BKN.sort(dim=2, descending=True)
    y = y_BKN.gather(2, order)
    total = y.sum(dim=2, keepdim=True)
    left = total - y.cumsum(dim=2)
    union = total + (1 - y).cumsum(dim=2)
    lost = 1 - left / union
    steps = torch.cat([lost[..., :1], lost.diff(dim=2)], dim=2)
    return (ordered.clamp(min=0) * steps).sum(dim=2)


def _over_images(loss_BK: Tensor, there_BK: Tensor, class_weights_K: Tensor | None) -> Parts:
    weights = there_BK.float() if class_weights_K is None else there_BK * class_weights_K
    total_B, weight_B = (loss_BK * weights).sum(1), weights.sum(1)
    return mean((total_B, weight_B)).sum(), (weight_B > 0).sum().float()


SUMMED = {
    lovasz: SummedLoss(_softmax_parts, mean),
    lovasz_hinge: SummedLoss(_hinge_parts, mean),
}
"""The losses of this file by what they sum."""
