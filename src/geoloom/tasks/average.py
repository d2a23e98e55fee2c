"""A running mean of a network's weights: what the last steps agree on, without the noise of each."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn


def averaged(network: nn.Module) -> nn.Module:
    """A copy of the network to hold the mean: no optimiser moves it."""
    return copy.deepcopy(network).requires_grad_(requires_grad=False)


def kept_share(step: int, window_steps: float) -> float:
    """How much of the mean stays when the weights of a step enter it.

    After n steps the mean is sum(d^(n - i) w_i) / sum(d^(n - i)) over i = 1..n, with d = 1 - 1 / window: an
    exponential moving average that starts with the first step's weights instead of leaning on the random
    ones before it.

    Args:
        step: From 1.
        window_steps: How many steps the mean looks back, about; 1 or less follows the weights.

    Returns:
        In [0, 1): 0 at the first step, below 1 - 1 / window afterwards.

    Source:
        Kingma and Ba 2015, section 3 (the correction of the start), on the averages of Polyak and Juditsky
        1992.

    Example:
        >>> [round(kept_share(step, 2.0), 3) for step in (1, 2, 3)]
        [0.0, 0.333, 0.429]
    """
    if window_steps <= 1:
        return 0.0
    # d (1 - d^(n-1)) / (1 - d^n), by way of log d: windows of a million steps stay exact.
    log_d = math.log1p(-1 / window_steps)
    return math.exp(log_d) * math.expm1((step - 1) * log_d) / math.expm1(step * log_d)


@torch.no_grad()
def move_average(mean: nn.Module, network: nn.Module, kept: float) -> None:
    """Bring the network's weights into the mean, in place: `mean = kept * mean + (1 - kept) * network`.

    Batch norm's statistics are averaged likewise; its counters are copied.

    Args:
        mean: As `averaged` made it.
        network: The network in training.
        kept: As `kept_share` gives it.
    """
    averaged, current = mean.state_dict(), network.state_dict()
    for name, value in averaged.items():
        if value.is_floating_point():
            value.lerp_(current[name].to(value.dtype), 1 - kept)
        else:
            value.copy_(current[name])
