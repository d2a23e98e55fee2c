"""FC-Siam-diff: change between two dates, encoded alike, from the difference of their features.

Legend: B batch, T the two dates, C bands, K outputs, H rows, W columns.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..layers.fc_change import MULTIPLE, PAIR, FcDecoder, FcEncoder, fc_channels
from ..layers.padding import any_size
from ..layers.series import check_series


class FcSiamDiff(nn.Module):
    """Late fusion: both dates go through one encoder, and the decoder is shown how far their skips differ.

    The coarsest features that the decoder starts with are those of the second date alone, as published.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes of change to tell apart, or values.
        width: Multiplies every channel count; 1 is as published, 1.35 M parameters.
        dropout: Chance that a channel is left out of a training step, after every convolution.

    Source:
        Caye Daudt, Le Saux and Boulch 2018, arXiv 1810.08462, section 3 and figure 2c.
    """

    multiple = MULTIPLE

    def __init__(
        self, in_channels: int, out_channels: int, *, width: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__()
        channels = fc_channels(width)
        self.encoder = FcEncoder(in_channels, channels, dropout)
        self.decoder = FcDecoder(channels, out_channels, joined=1, dropout=dropout)

    @any_size
    def forward(self, image_BTCHW: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W) to pairs (B, 2, C, H, W)."""
        check_series(image_BTCHW, "BTCHW", PAIR)
        first, second = image_BTCHW.unbind(1)
        skips_before, _ = self.encoder(first)
        skips_after, coarsest = self.encoder(second)
        skips = [
            (before - after).abs() for before, after in zip(skips_before, skips_after, strict=True)
        ]
        answers: Tensor = self.decoder(coarsest, skips)
        return answers
