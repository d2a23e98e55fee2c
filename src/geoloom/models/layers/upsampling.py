"""Enlargements: learned ones that start bilinear, and fixed ones to a size.

Legend: B batch, C channels, H rows, W columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def bilinear_upsampling(channels: int, factor: int, *, padded: bool = True) -> nn.ConvTranspose2d:
    """A transposed convolution that starts as bilinear interpolation and learns from there.

    Args:
        channels: Of the input and of the answer; each starts to be enlarged by itself.
        factor: How many times as large.
        padded: Give exactly `factor` times the size; else as published, `factor` more, to be cropped.

    Source:
        Long et al. 2015, section 3.3 and 4.3 (in-network upsampling initialised to bilinear).
    """
    layer = nn.ConvTranspose2d(
        channels,
        channels,
        2 * factor,
        stride=factor,
        padding=factor // 2 if padded else 0,
        bias=False,
    )
    offsets = torch.arange(2 * factor, dtype=torch.float32) - (factor - 0.5)
    profile = 1 - offsets.abs() / factor
    with torch.no_grad():
        layer.weight.zero_()
        for channel in range(channels):
            layer.weight[channel, channel] = profile[:, None] * profile[None, :]
    return layer


def enlarged(image_BCHW: Tensor, size: torch.Size | tuple[int, int]) -> Tensor:
    """The image interpolated bilinearly to rows and columns; itself where it has them."""
    if tuple(image_BCHW.shape[-2:]) == tuple(size):
        return image_BCHW
    return functional.interpolate(image_BCHW, tuple(size), mode="bilinear", align_corners=False)
