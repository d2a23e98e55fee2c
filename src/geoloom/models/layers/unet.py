"""The two paths of a U-Net.

Legend: B batch, C channels, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...core.errors import ModelError
from .convolutions import conv_unit, scaled_channels

_FIRST_CHANNELS = 64
_DEEPEST = 8
"""A ninth halving would have a billion parameters at the default width."""


def unet_channels(width: float, depth: int) -> list[int]:
    """Channels of each level, the finest first: 64, 128, ... at width 1.

    Raises:
        ModelError: the depth is below 1 or above 8.
    """
    if not 1 <= depth <= _DEEPEST:
        raise ModelError(
            f"depth is {depth}; it is how often the image is halved, and channels double each time: give 1 "
            f"to {_DEEPEST}"
        )
    return [scaled_channels(_FIRST_CHANNELS * 2**level, width) for level in range(depth + 1)]


class ContractingPath(nn.Module):
    """Two convolutions per level, halved in between: features of every level, the finest first.

    Args:
        in_channels: Bands.
        channels: Of each level.
        dropout: Chance that a channel of the coarsest level is left out of a training step.
        batch_norm: Normalise after each convolution.
        same: Convolutions keep the size; else each takes off a pixel on every side, as published.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        *,
        dropout: float = 0.0,
        batch_norm: bool = True,
        same: bool = True,
    ) -> None:
        super().__init__()
        inputs = [in_channels, *channels[:-1]]
        self.levels = nn.ModuleList(
            _double(i, o, batch_norm, same) for i, o in zip(inputs, channels, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        # The paper drops out at the end of the contracting path.
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, image_BCHW: Tensor) -> list[Tensor]:
        """Features of each level."""
        features: list[Tensor] = []
        x = image_BCHW
        for number, level in enumerate(self.levels):
            x = level(self.pool(x) if number else x)
            features.append(x)
        features[-1] = self.dropout(features[-1])
        return features


class ExpandingPath(nn.Module):
    """Features of every level, brought back to the finest one's size.

    Args:
        channels: Of each level, the finest first.
        batch_norm, same: As of `ContractingPath`.
    """

    def __init__(
        self, channels: Sequence[int], *, batch_norm: bool = True, same: bool = True
    ) -> None:
        super().__init__()
        levels = range(len(channels) - 2, -1, -1)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(channels[level + 1], channels[level], 2, stride=2)
            for level in levels
        )
        self.merge = nn.ModuleList(
            _double(2 * channels[level], channels[level], batch_norm, same) for level in levels
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Features at the finest level; in the published form smaller than the input of that level."""
        x = features[-1]
        for up, merge, skip in zip(self.up, self.merge, features[-2::-1], strict=True):
            x = up(x)
            x = merge(torch.cat([_centre(skip, x), x], dim=1))
        return x


def _centre(skip_BCHW: Tensor, like_BCHW: Tensor) -> Tensor:
    """The middle of a skip, of the size of what it joins."""
    (rows, columns), (height, width) = skip_BCHW.shape[-2:], like_BCHW.shape[-2:]
    if (rows, columns) == (height, width):
        return skip_BCHW
    top, left = (rows - height) // 2, (columns - width) // 2
    return skip_BCHW[..., top : top + height, left : left + width]


def _double(in_channels: int, out_channels: int, batch_norm: bool, same: bool) -> nn.Sequential:
    return nn.Sequential(
        conv_unit(in_channels, out_channels, batch_norm=batch_norm, same=same),
        conv_unit(out_channels, out_channels, batch_norm=batch_norm, same=same),
    )
