"""FC-EF: change between two dates, stacked before the first layer.

Legend: B batch, T the two dates, C bands, K outputs, H rows, W columns.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..layers.fc_change import MULTIPLE, PAIR, FcDecoder, FcEncoder, fc_channels
from ..layers.padding import any_size
from ..layers.series import check_series


class FcEf(nn.Module):
    """Early fusion: a small U-Net that sees the bands of both dates at once.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes of change to tell apart, or values.
        width: Multiplies every channel count; 1 is as published, 1.35 M parameters.
        dropout: Chance that a channel is left out of a training step, after every convolution.

    Source:
        Caye Daudt, Le Saux and Boulch 2018, arXiv 1810.08462, section 3 and figure 2a.
    """

    multiple = MULTIPLE

    def __init__(
        self, in_channels: int, out_channels: int, *, width: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__()
        channels = fc_channels(width)
        self.encoder = FcEncoder(PAIR * in_channels, channels, dropout)
        self.decoder = FcDecoder(channels, out_channels, joined=1, dropout=dropout)

    @any_size
    def forward(self, image_BTCHW: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W) to pairs (B, 2, C, H, W)."""
        check_series(image_BTCHW, "BTCHW", PAIR)
        skips, coarsest = self.encoder(image_BTCHW.flatten(1, 2))
        answers: Tensor = self.decoder(coarsest, skips)
        return answers
