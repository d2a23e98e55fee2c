"""Losses of predicted values: squared, absolute, and what lies between.

Legend: B batch, K values, ... pixels (H, W) or nothing where a whole image has one answer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from ..core.errors import ConfigError
from .summed import Parts, SummedLoss, mean


def mse(answer_BK: Tensor, target_BK: Tensor, value_weights_K: Tensor | None = None) -> Tensor:
    """Mean squared error over the known targets.

    Args:
        answer_BK: float (B, K, ...).
        target_BK: float (B, K, ...), NaN = unknown: not counted, and without gradient.
        value_weights_K: float; each value counts by its weight, and the sum is divided by the weights' sum.
            None weighs all alike.

    Returns:
        Scalar, float32; 0 with gradient 0 where no target is known.

    Example:
        >>> float(mse(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, float("nan")]])))
        4.0
    """
    return mean(_parts(functional.mse_loss, answer_BK, target_BK, value_weights_K))


def mae(answer_BK: Tensor, target_BK: Tensor, value_weights_K: Tensor | None = None) -> Tensor:
    """Mean absolute error over the known targets. Arguments as `mse`."""
    return mean(_parts(functional.l1_loss, answer_BK, target_BK, value_weights_K))


def huber(
    answer_BK: Tensor,
    target_BK: Tensor,
    value_weights_K: Tensor | None = None,
    *,
    delta: float = 1.0,
) -> Tensor:
    """Squared up to an error of `delta`, absolute beyond it: single wrong targets cannot rule.

    Args:
        answer_BK, target_BK, value_weights_K: As `mse`.
        delta: In the targets' unit; while training these are standardised, and 1 is a standard deviation.

    Source:
        Huber 1964; half the square below delta, delta * (error - delta / 2) above.
    """
    return mean(_huber_parts(answer_BK, target_BK, value_weights_K, delta=delta))


def quantile(
    answer_BK: Tensor,
    target_BK: Tensor,
    value_weights_K: Tensor | None = None,
    *,
    q: float = 0.5,
) -> Tensor:
    """Mean of q (target - answer) where the answer is too low, of (1 - q) (answer - target) where too high.

    The best constant answer is the q-quantile of the targets: 0.9 learns what nine of ten stay below.

    Args:
        answer_BK, target_BK, value_weights_K: As `mse`.
        q: Above 0, below 1; 0.5 is half of `mae`.

    Raises:
        ConfigError: q is not between 0 and 1.

    Source:
        Koenker and Bassett 1978, doi:10.2307/1913643.

    Example:
        >>> round(float(quantile(torch.zeros(1, 2), torch.tensor([[1.0, -1.0]]), q=0.9)), 4)
        0.5
    """
    return mean(_quantile_parts(answer_BK, target_BK, value_weights_K, q=q))


def _quantile_parts(
    answer_BK: Tensor, target_BK: Tensor, weights_K: Tensor | None, *, q: float = 0.5
) -> Parts:
    if not 0 < q < 1:
        raise ConfigError(f"the loss 'quantile' has q={q}; give a number above 0, below 1")
    return _parts(partial(_pinball, q), answer_BK, target_BK, weights_K)


def _pinball(q: float, answer: Tensor, target: Tensor, *, reduction: str) -> Tensor:
    error = target - answer
    return torch.maximum(q * error, (q - 1) * error)


def _huber_parts(
    answer_BK: Tensor, target_BK: Tensor, weights_K: Tensor | None, *, delta: float = 1.0
) -> Parts:
    loss = partial(functional.huber_loss, delta=delta)
    return _parts(loss, answer_BK, target_BK, weights_K)


def _parts(
    loss: Callable[..., Tensor], answer_BK: Tensor, target_BK: Tensor, weights_K: Tensor | None
) -> Parts:
    """Summed loss and summed weight of the known targets."""
    known = ~torch.isnan(target_BK)
    # Filled, not multiplied by 0: NaN times 0 is NaN, also in the gradient.
    target = torch.where(known, target_BK, 0).float()
    answer = torch.where(known, answer_BK.float(), target)
    each = loss(answer, target, reduction="none")
    if weights_K is None:
        return each.sum(), known.sum().float()
    weights = weights_K.view(-1, *[1] * (each.ndim - 2)) * known
    return (each * weights).sum(), weights.sum()


SUMMED = {
    mse: SummedLoss(partial(_parts, functional.mse_loss), mean),
    mae: SummedLoss(partial(_parts, functional.l1_loss), mean),
    huber: SummedLoss(_huber_parts, mean),
    quantile: SummedLoss(_quantile_parts, mean),
}
"""The losses of this file by what they sum."""
