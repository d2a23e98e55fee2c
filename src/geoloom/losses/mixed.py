"""Losses of samples that are mixtures of two: each one's target by its share.

Legend: B batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..core.errors import ConfigError
from .summed import Parts, SummedLoss, counted_entries, mean

PartsOf = Callable[[Tensor, Tensor], Parts]
"""The sums of a loss over answers and their targets."""


def mixed_loss(loss: SummedLoss) -> SummedLoss:
    """A loss L of samples a that hold the share s of themselves and 1 - s of others b: s L(a) + (1 - s) L(b).

    Each sample has its own share. Where they differ, or not everything is known, a sample weighs by its share
    times its known entries, in L(a) as well as beside L(b). Parts are those of `mixed_parts`.

    Source:
        Zhang et al. 2018, arXiv 1710.09412, equation 2; so for any loss, as their own program has it.
    """
    return SummedLoss(partial(_parts, loss), partial(_value, loss), 2 * loss.count + 4, loss.cannot)


def mixed_parts(
    parts_of: PartsOf,
    loss: SummedLoss,
    answers: Tensor,
    own: Tensor,
    other: Tensor,
    share_B: Tensor,
) -> Parts:
    """What `mixed_loss(loss)` sums over a batch.

    Args:
        parts_of: The sums of the loss, with whatever class weights it takes.
        loss: Which.
        answers: (B, K, ...), to the mixed images.
        own: Targets as the loss takes them, of the samples themselves.
        other: Likewise, of those that were mixed into them.
        share_B: float32, of the samples themselves.

    Raises:
        ConfigError: the loss compares samples with each other, so that none of them has a loss of its own.
    """
    if loss.cannot:
        raise ConfigError(
            "the loss compares the samples of a batch with each other (whole_batch=True), and mixed samples "
            "each have a loss of their own; leave mixup (or cutmix of whole images) out, or take another loss"
        )
    own_side = _weighed(parts_of, answers, own, share_B)
    other_side = _weighed(parts_of, answers, other, 1 - share_B)
    return (*own_side, *other_side)


def _weighed(parts_of: PartsOf, answers: Tensor, target: Tensor, shares_B: Tensor) -> Parts:
    """Sums over the samples, each times its share; the shares' own sum, by known entries; and these."""
    known_B = counted_entries(target)
    weight = (shares_B.to(answers.device) * known_B).sum()
    listed = shares_B.tolist()
    whole = [i for i, share in enumerate(listed) if share == 1]
    groups: list[tuple[float, list[int]]] = [(1.0, whole)] if whole else []
    groups += [(share, [i]) for i, share in enumerate(listed) if share not in (0, 1)]
    # Where no sample has a share: sums of 0, as many as there are.
    each = [
        tuple(share * part for part in parts_of(answers[rows], target[rows]))
        for share, rows in groups or [(0.0, [0])]
    ]
    sums = (torch.stack(column).sum(0) for column in zip(*each, strict=True))
    return (*sums, weight, known_B.sum())


def _parts(
    loss: SummedLoss,
    answers: Tensor,
    targets: tuple[Tensor, Tensor, Tensor],
    class_weights_K: Tensor | None,
) -> Parts:
    def parts_of(some: Tensor, target: Tensor) -> Parts:
        return loss.parts(some, target, class_weights_K)

    return mixed_parts(parts_of, loss, answers, *targets)


def _value(loss: SummedLoss, parts: Parts, class_weights_K: Tensor | None) -> Tensor:
    half = loss.count + 2
    own, other = parts[:half], parts[half:]
    total = sum(
        (side[-2] * loss.value(_as_whole(side), class_weights_K) for side in (own, other)),
        torch.zeros_like(own[-2]),
    )
    return mean((total, own[-2] + other[-2]))


def _as_whole(side: Parts) -> Parts:
    """Sums as large as those of samples that are no mixtures: options such as `smooth` are in pixels."""
    *sums, weight, known = side
    scale = torch.where(weight > 0, known / torch.where(weight > 0, weight, 1), 0)
    return tuple(part * scale for part in sums)
