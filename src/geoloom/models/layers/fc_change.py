"""Encoder and decoder of the fully convolutional change networks FC-EF and FC-Siam.

Legend: B batch, C channels, K outputs, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .convolutions import initialise, scaled_channels

_CHANNELS = (16, 32, 64, 128)
_CONVOLUTIONS = (2, 2, 3, 3)

PAIR = 2
"""Dates of a change."""

MULTIPLE = 16
"""Four halvings."""


def fc_channels(width: float) -> list[int]:
    """Channels of each level, the finest first."""
    return [scaled_channels(channels, width) for channels in _CHANNELS]


class FcEncoder(nn.Module):
    """Features of each level before its pool, the finest first, and those after the last pool."""

    def __init__(self, in_channels: int, channels: Sequence[int], dropout: float) -> None:
        super().__init__()
        inputs = [in_channels, *channels[:-1]]
        self.levels = nn.ModuleList(
            nn.Sequential(
                *(
                    _unit(nn.Conv2d(i if step == 0 else o, o, 3, padding=1), dropout)
                    for step in range(steps)
                )
            )
            for i, o, steps in zip(inputs, channels, _CONVOLUTIONS, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        initialise(self)

    def forward(self, image_BCHW: Tensor) -> tuple[list[Tensor], Tensor]:
        """Four levels, and the coarsest features."""
        features: list[Tensor] = []
        x = image_BCHW
        for level in self.levels:
            x = level(x)
            features.append(x)
            x = self.pool(x)
        return features, x


class FcDecoder(nn.Module):
    """Doubles the size level by level, joins a skip and convolves.

    Args:
        channels: Of each level, the finest first.
        out_channels: K.
        joined: How many times a level's channels its skip has: 1, or 2 where those of both dates come.
        dropout: Chance that a channel is left out of a training step.
    """

    def __init__(
        self, channels: Sequence[int], out_channels: int, *, joined: int, dropout: float
    ) -> None:
        super().__init__()
        self.enlarge, self.merge = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(len(channels))):
            here = channels[level]
            after = channels[level - 1] if level else out_channels
            self.enlarge.append(
                nn.ConvTranspose2d(here, here, 3, stride=2, padding=1, output_padding=1)
            )
            # 128 128 64, 64 64 32, 32 16, 16 K: as many convolutions as the encoder has at this level.
            widths = [(1 + joined) * here, *[here] * (_CONVOLUTIONS[level] - 1), after]
            steps: list[nn.Module] = [
                nn.ConvTranspose2d(i, o, 3, padding=1) for i, o in pairwise(widths)
            ]
            last = [steps.pop()] if level == 0 else []
            self.merge.append(nn.Sequential(*(_unit(step, dropout) for step in steps), *last))

    def forward(self, coarsest_BCHW: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Raw answers (B, K, H, W); skips the finest first."""
        x = coarsest_BCHW
        for enlarge, merge, skip in zip(self.enlarge, self.merge, reversed(skips), strict=True):
            x = merge(torch.cat([enlarge(x), skip], dim=1))
        return x


def _unit(convolution: nn.Module, dropout: float) -> nn.Sequential:
    channels: int = convolution.out_channels  # type: ignore[assignment]  # of either convolution
    return nn.Sequential(
        convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True), nn.Dropout2d(dropout)
    )
