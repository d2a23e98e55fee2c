"""A loss over many batches: from sums over each, so that it does not depend on how the pixels were cut.

Legend: B batch, K classes, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from . import IGNORE_INDEX

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""`loss(logits_BKHW, target_BHW, class_weights_K or None) -> scalar`; pixels whose target is IGNORE_INDEX
must not count."""

Parts = tuple[Tensor, ...]
"""What is summed over batches."""


@dataclass(frozen=True, slots=True)
class SummedLoss:
    """A loss in two steps. `value(parts(whole))` equals `value(sum of parts(each batch))`."""

    parts: Callable[[Tensor, Tensor, Tensor | None], Parts]
    """Of `(logits_BKHW, target_BHW, class_weights_K)`: the batch's sums."""
    value: Callable[[Parts, Tensor | None], Tensor]
    """Of summed parts and class weights: the loss."""

    def __call__(
        self, logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None
    ) -> Tensor:
        """The loss of one batch."""
        return self.value(self.parts(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


def chip_by_chip(loss: Loss) -> SummedLoss:
    """Any loss as the mean of its values over single chips, each weighed by its counted pixels.

    Where it is unknown what a loss sums, this does not depend on the batches either.
    """

    def parts(logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None) -> Parts:
        pixels_B = (target_BHW != IGNORE_INDEX).flatten(1).sum(1)
        losses = [
            loss(logits_BKHW[i : i + 1], target_BHW[i : i + 1], class_weights_K) * pixels_B[i]
            for i in range(len(target_BHW))
        ]
        return torch.stack(losses).sum(), pixels_B.sum()

    return SummedLoss(parts, mean)


def mean(parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    """A total over its weight; 0, and not NaN, where there is none."""
    total, weight = parts
    return total / torch.where(weight > 0, weight, torch.ones_like(weight))
