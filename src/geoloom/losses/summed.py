"""A loss over many batches: from sums over each, so that it does not depend on how the pixels were cut.

Legend: B batch, K classes, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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

    parts: Callable[..., Parts]
    """Of `(logits_BKHW, target_BHW, class_weights_K)` and options: the batch's sums."""
    value: Callable[..., Tensor]
    """Of summed parts, class weights and options: the loss."""
    count: int = 2
    """How many sums there are."""
    cannot: str = ""
    """Why the gradient depends on how a batch is cut over devices, where it does; empty for most losses."""

    def __call__(
        self, logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None
    ) -> Tensor:
        """The loss of one batch."""
        return self.value(self.parts(logits_BKHW, target_BHW, class_weights_K), class_weights_K)


Terms = tuple[tuple[float, SummedLoss], ...]
"""Weights and losses."""


@dataclass(frozen=True, slots=True)
class WeightedSum:
    """Several losses as one, each times its weight; itself a `Loss`."""

    terms: tuple[tuple[float, Loss], ...]

    def __call__(
        self, logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None = None
    ) -> Tensor:
        """The sum of one batch."""
        each = [w * loss(logits_BKHW, target_BHW, class_weights_K) for w, loss in self.terms]
        return torch.stack(each).sum()


def sum_of(terms: Terms) -> SummedLoss:
    """Several losses as one: the sums of all, side by side.

    Example:
        >>> from geoloom.losses.pixel import SUMMED, cross_entropy
        >>> sum_of(((1.0, SUMMED[cross_entropy]), (0.5, SUMMED[cross_entropy]))).count
        4
    """
    count = sum(loss.count for _, loss in terms)
    cannot = next((loss.cannot for _, loss in terms if loss.cannot), "")
    # Partials of functions of this module, as a training on several devices pickles them.
    return SummedLoss(partial(_parts_of_sum, terms), partial(_value_of_sum, terms), count, cannot)


def _parts_of_sum(
    terms: Terms, logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None
) -> Parts:
    each = (loss.parts(logits_BKHW, target_BHW, class_weights_K) for _, loss in terms)
    return tuple(part for parts in each for part in parts)


def _value_of_sum(terms: Terms, parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    values, at = [], 0
    for weight, loss in terms:
        values.append(weight * loss.value(parts[at : at + loss.count], class_weights_K))
        at += loss.count
    return torch.stack(values).sum()


def chip_by_chip(loss: Loss) -> SummedLoss:
    """Any loss as the mean of its values over single chips, each weighed by its counted entries.

    Where it is unknown what a loss sums, this does not depend on the batches either.
    """
    return SummedLoss(partial(_parts_of_chips, loss), mean)


def _parts_of_chips(
    loss: Loss, logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None
) -> Parts:
    counted_B = counted_entries(target_BHW)
    # A chip of which nothing is known is left out: many losses divide by what they count.
    losses = [
        loss(logits_BKHW[i : i + 1], target_BHW[i : i + 1], class_weights_K) * counted_B[i]
        for i in counted_B.nonzero()[:, 0].tolist()
    ]
    return torch.stack(losses).sum() if losses else no_loss(logits_BKHW), counted_B.sum()


def batch_by_batch(loss: Loss, name: str) -> SummedLoss:
    """A loss that compares the samples of a batch with each other, so that it needs all of them at once."""
    cannot = (
        f"the loss {name!r} compares the samples of a batch with each other (whole_batch=True), so that it "
        "cannot be shared among devices; train on one (devices=1, --devices 1)"
    )
    return SummedLoss(partial(_parts_of_batch, loss), mean, cannot=cannot)


def _parts_of_batch(
    loss: Loss, logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None
) -> Parts:
    counted = counted_entries(target_BHW).sum()
    if not counted:
        return no_loss(logits_BKHW), counted
    return loss(logits_BKHW, target_BHW, class_weights_K) * counted, counted


def no_loss(logits_BKHW: Tensor) -> Tensor:
    """0, with gradient 0, whatever the answers are."""
    return logits_BKHW.float().nan_to_num().sum() * 0


def mean(parts: Parts, class_weights_K: Tensor | None = None) -> Tensor:
    """A total over its weight; 0, and not NaN, where there is none."""
    total, weight = parts
    return total / torch.where(weight > 0, weight, torch.ones_like(weight))


def counted_entries(target_B: Tensor) -> Tensor:
    """How many entries of each sample are known, int64 (B,)."""
    known = ~torch.isnan(target_B) if target_B.is_floating_point() else target_B != IGNORE_INDEX
    return known.reshape(len(target_B), -1).sum(1)
