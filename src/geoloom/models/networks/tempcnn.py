"""TempCNN: convolutions along the dates of a pixel.

Legend: B batch, T dates, C bands, K outputs.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..layers.convolutions import scaled_channels
from ..layers.series import check_series


class TempCNN(nn.Module):
    """Three convolutions along time and a perceptron over all dates, for series of a fixed length.

    Dates should be evenly spaced, or the same for all pixels. What was not observed comes as 0, the mean.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a series: classes to tell apart, or values.
        dates: How many dates each series has.
        width: Multiplies every channel count; 1 is as published: 64 per convolution, 256 after.
        kernel_dates: Dates that a convolution sees, odd.
        dropout: Chance that a feature is left out of a training step.

    Source:
        Pelletier, Webb and Petitjean 2019, arXiv 1811.10166, section 3.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dates: int = 24,
        width: float = 1.0,
        kernel_dates: int = 5,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.dates = dates
        channels, hidden = scaled_channels(64, width), scaled_channels(256, width)
        layers: list[nn.Module] = []
        for inputs in (in_channels, channels, channels):
            layers += [
                nn.Conv1d(inputs, channels, kernel_dates, padding=kernel_dates // 2),
                nn.BatchNorm1d(channels),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
            ]
        self.convolutions = nn.Sequential(*layers)
        self.perceptron = nn.Sequential(
            nn.Linear(channels * dates, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, out_channels),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                assert layer.bias is not None  # as built above
                nn.init.zeros_(layer.bias)

    def forward(self, image_BTC: Tensor) -> Tensor:
        """Raw answers float (B, K) to series float32 (B, T, C)."""
        check_series(image_BTC, "BTC", self.dates)
        answers: Tensor = self.perceptron(self.convolutions(image_BTC.transpose(1, 2)).flatten(1))
        return answers
