"""A small network in a module of its own, so that other processes can import it."""

from __future__ import annotations

from torch import nn


class TwoLayers(nn.Sequential):
    """Without statistics of batches."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, out_channels, 1)
        )
