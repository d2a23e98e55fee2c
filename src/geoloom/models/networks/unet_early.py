"""U-Net over several dates, fused before its first layer.

Legend: B batch, T dates, C bands, K outputs, H rows, W columns.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..layers.fusion import EarlyFusion, Fusion
from .unet import UNet


class UNetEarly(nn.Module):
    """Early fusion: the dates' bands become one image, and a U-Net answers it.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        dates: How many dates each series has.
        fusion: `convolution`, as in DeepGeo: 1x1, to half as many channels; `stack`: all bands as they are.
        width, depth, dropout, batch_norm: As of `UNet`.

    Source:
        Maretto et al. 2021, IEEE GRSL 18(5), section II; DeepGeo's `unet` with fusion `early` and `none`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dates: int = 2,
        fusion: Fusion = "convolution",
        width: float = 0.25,
        depth: int = 4,
        dropout: float = 0.0,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.fusion = EarlyFusion(in_channels, dates, fusion)
        self.network = UNet(
            self.fusion.out_channels,
            out_channels,
            width=width,
            depth=depth,
            dropout=dropout,
            batch_norm=batch_norm,
        )

    def forward(self, image_BTCHW: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W) to series (B, T, C, H, W)."""
        answers: Tensor = self.network(self.fusion(image_BTCHW))
        return answers
