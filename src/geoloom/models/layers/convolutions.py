"""Convolutions, their first weights, and channel counts scaled by a width."""

from __future__ import annotations

from typing import Literal

from torch import nn

CHANNEL_STEP = 8
"""Scaled channel counts are multiples of this, which vector units fill without remainder."""


def scaled_channels(published: int, width: float) -> int:
    """A published channel count times `width`, to the nearest multiple of 8, at least 8.

    Example:
        >>> scaled_channels(64, 1.0), scaled_channels(64, 0.25), scaled_channels(64, 0.01)
        (64, 16, 8)
    """
    return max(CHANNEL_STEP, CHANNEL_STEP * round(published * width / CHANNEL_STEP))


def conv_unit(
    in_channels: int,
    out_channels: int,
    kernel_px: int = 3,
    *,
    batch_norm: bool = True,
    same: bool = True,
    padding: Literal["zeros", "replicate"] = "zeros",
) -> nn.Sequential:
    """Convolution, optional batch norm, ReLU; of the same size unless it shall not be padded."""
    layers: list[nn.Module] = [
        # Batch norm subtracts the mean, so a bias before it would never be trained.
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_px,
            padding=kernel_px // 2 if same else 0,
            padding_mode=padding,
            bias=not batch_norm,
        )
    ]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def initialise(module: nn.Module) -> None:
    """He et al. 2015 weights for convolutions that feed a ReLU; batch norm starts as identity.

    Transposed convolutions are left as their builders made them.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
