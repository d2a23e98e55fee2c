"""Several dates in one network: fused before its first layer, or level by level after an encoder per date.

Legend: B batch, T dates, C bands, F fused channels, K outputs, M masks, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from ...core.errors import ModelError
from .series import check_series

Fusion = Literal["convolution", "stack"]
"""`convolution`: 1x1 over the stacked dates, to half as many channels; `stack`: all of them."""


def check_dates(dates: int) -> int:
    """The number of dates of an option.

    Raises:
        ModelError: it is below 1.
    """
    if dates < 1:
        raise ModelError(f"dates is {dates}; give how many dates each series has, at least 1")
    return dates


class EarlyFusion(nn.Module):
    """The bands of all dates as one image."""

    def __init__(self, in_channels: int, dates: int, fusion: Fusion) -> None:
        super().__init__()
        self.dates = check_dates(dates)
        stacked = dates * in_channels
        self.out_channels = stacked if fusion == "stack" else max(1, stacked // 2)
        self.fuse = nn.Identity() if fusion == "stack" else nn.Conv2d(stacked, self.out_channels, 1)

    def forward(self, image_BTCHW: Tensor) -> Tensor:
        """(B, F, H, W)."""
        check_series(image_BTCHW, "BTCHW", self.dates)
        fused: Tensor = self.fuse(image_BTCHW.flatten(1, 2))
        return fused


class LateFusion(nn.Module):
    """An encoder of its own for each date; at every level a 1x1 convolution makes one of their features.

    Args:
        encoder: Makes one, which gives features of several levels.
        channels: Of the levels.
        dates: How many encoders.
    """

    def __init__(
        self, encoder: Callable[[], nn.Module], channels: Sequence[int], dates: int
    ) -> None:
        super().__init__()
        self.dates = check_dates(dates)
        self.encoders = nn.ModuleList(encoder() for _ in range(dates))
        self.fuse = nn.ModuleList(nn.Conv2d(dates * c, c, 1) for c in channels)

    def forward(self, image_BTCHW: Tensor) -> list[Tensor]:
        """Features of each level, of one date's channels."""
        check_series(image_BTCHW, "BTCHW", self.dates)
        each = [
            encoder(image)
            for encoder, image in zip(self.encoders, image_BTCHW.unbind(1), strict=True)
        ]
        return [
            fuse(torch.cat(level, dim=1))
            for fuse, level in zip(self.fuse, zip(*each, strict=True), strict=True)
        ]


class AuxiliaryScore(nn.Module):
    """Scores of features and auxiliary masks together, a 1x1 convolution."""

    def __init__(self, in_channels: int, masks: int, out_channels: int) -> None:
        super().__init__()
        if masks < 1:
            raise ModelError(f"masks is {masks}; give how many a sample's `aux` has, at least 1")
        self.masks = masks
        self.score = nn.Conv2d(in_channels + masks, out_channels, 1)

    def forward(self, features: Tensor, aux_BMHW: Tensor) -> Tensor:
        """(B, K, H, W)."""
        if aux_BMHW.shape[1] != self.masks:
            raise ModelError(
                f"aux has {aux_BMHW.shape[1]} masks, and the network was built for {self.masks}; build it "
                f"with masks={aux_BMHW.shape[1]}"
            )
        scores: Tensor = self.score(torch.cat([features, aux_BMHW.to(features.dtype)], dim=1))
        return scores
