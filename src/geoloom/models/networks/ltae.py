"""L-TAE classifier: lightweight temporal attention over the series of a pixel.

Legend: B batch, T dates, C bands, K outputs.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ..layers.convolutions import scaled_channels
from ..layers.ltae import TemporalAttention
from ..layers.series import check_series, day_number


class LTAE(nn.Module):
    """Attention over the dates of a pixel, by their days, and a small perceptron.

    The paper has sets of a parcel's pixels before the attention; here each series comes by itself.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a series: classes to tell apart, or values.
        width: Multiplies the channels behind the attention's heads; 1 is as published.
        heads: Of the attention, each with one learned query and its own share of the 256 channels.
        key_channels: Of each head's keys.
        dropout: Chance that a feature is left out of a training step.
        embedding_dates: Normalise over channels and exactly so many dates, as the authors' first program
            does; None normalises each date by itself, for any number of dates.
        day_zero: Day from which positions are counted.

    Source:
        Garnot and Landrieu 2020, arXiv 2007.00586, sections 3 and 4.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: float = 1.0,
        heads: int = 16,
        key_channels: int = 8,
        dropout: float = 0.2,
        embedding_dates: int | None = None,
        day_zero: str = "2018-09-01",
    ) -> None:
        super().__init__()
        self.dates = embedding_dates
        widths = [scaled_channels(channels, width) for channels in (256, 128, 64, 32)]
        self.attention = TemporalAttention(
            in_channels,
            widths[1:2],
            heads=heads,
            key_channels=key_channels,
            model_channels=widths[0],
            dropout=dropout,
            norm="layer",
            embedding_dates=embedding_dates,
            day_zero=day_number(day_zero),
        )
        hidden: list[nn.Module] = []
        for inputs, outputs in pairwise(widths[1:]):
            hidden += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)]
        self.decoder = nn.Sequential(*hidden, nn.Linear(widths[-1], out_channels))

    def forward(self, image: Tensor, times: Tensor, valid_series: Tensor) -> Tensor:
        """Raw answers float (B, K).

        Args:
            image: float32 (B, T, C).
            times: float64 (B, T), seconds since 1970 UTC.
            valid_series: bool (B, T), True = observed.
        """
        check_series(image, "BTC", self.dates)
        features, _ = self.attention(image, times, valid_series)
        answers: Tensor = self.decoder(features)
        return answers
