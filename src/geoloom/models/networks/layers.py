"""Parts that the networks share.

Legend: B batch, C channels, K classes, H rows, W columns.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNEL_STEP = 8
"""Scaled channel counts are multiples of this, which vector units fill without remainder."""


def scaled_channels(published: int, width: float) -> int:
    """A published channel count times `width`, to the nearest multiple of 8, at least 8.

    Example:
        >>> scaled_channels(64, 1.0), scaled_channels(64, 0.25), scaled_channels(64, 0.01)
        (64, 16, 8)
    """
    return max(CHANNEL_STEP, CHANNEL_STEP * round(published * width / CHANNEL_STEP))


def pad_to_multiple(image_BCHW: Tensor, multiple: int) -> Tensor:
    """The image with its last row and column repeated until both sides are multiples.

    Repeating shows the network plausible ground beyond the edge; callers crop the logits back.
    """
    height, width = image_BCHW.shape[-2:]
    return functional.pad(image_BCHW, (0, -width % multiple, 0, -height % multiple), "replicate")


def conv_unit(
    in_channels: int,
    out_channels: int,
    kernel_px: int = 3,
    *,
    batch_norm: bool = True,
    padding: Literal["zeros", "replicate"] = "zeros",
) -> nn.Sequential:
    """Convolution that keeps the size, optional batch norm, ReLU."""
    layers: list[nn.Module] = [
        # Batch norm subtracts the mean, so a bias before it would never be trained.
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_px,
            padding=kernel_px // 2,
            padding_mode=padding,
            bias=not batch_norm,
        )
    ]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def bilinear_upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """A transposed convolution that starts as bilinear interpolation and learns from there.

    Source:
        Long et al. 2015, section 3.3 and 4.3 (in-network upsampling initialised to bilinear).
    """
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, bias=False
    )
    offsets = torch.arange(2 * factor, dtype=torch.float32) - (factor - 0.5)
    profile = 1 - offsets.abs() / factor
    with torch.no_grad():
        layer.weight.zero_()
        for channel in range(channels):
            layer.weight[channel, channel] = profile[:, None] * profile[None, :]
    return layer


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
