"""Parameters that a library's network carries along and never uses."""

from __future__ import annotations

import torch
from torch import nn
from torch.func import functional_call

_SIDE_PX = 224
"""What transformers take that are built for one size."""


def freeze_unreached(network: nn.Module, in_channels: int) -> None:
    """Take parameters that no answer depends on out of training; they stay in the network's weights.

    Encoders keep layers behind their last feature map, so that published weights fit them. Training on
    several devices waits for the gradient of every parameter that learns, and would fail over these. Networks
    for one other size alone are left as they are.

    Args:
        network: For images (B, C, H, W); its parameters are changed in place.
        in_channels: C.
    """
    training = network.training
    shapes = {
        name: torch.empty_like(tensor, device="meta")
        for name, tensor in network.state_dict().items()
    }
    learned = {name: shapes[name].requires_grad_() for name, _ in network.named_parameters()}
    image = torch.empty(2, in_channels, _SIDE_PX, _SIDE_PX, device="meta")
    try:
        answers = functional_call(network.eval(), shapes, (image,))
    except (AssertionError, ValueError, RuntimeError):
        return
    finally:
        network.train(training)
    gradients = torch.autograd.grad(answers.sum(), list(learned.values()), allow_unused=True)
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        if gradient is None:
            parameter.requires_grad_(False)
