"""FCN-8s over several dates, fused before its first layer.

Legend: B batch, T dates, C bands, K outputs, H rows, W columns.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..layers.fusion import EarlyFusion, Fusion
from .fcn import FCN8s


class Fcn8sEarly(nn.Module):
    """Early fusion: the dates' bands become one image, and an FCN-8s answers it.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        dates: How many dates each series has.
        fusion: `convolution`, as in DeepGeo: 1x1, to half as many channels; `stack`: all bands as they are.
        width, dropout, batch_norm: As of `FCN`.

    Source:
        Maretto et al. 2021, IEEE GRSL 18(5), section II, on FCN-8s.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dates: int = 2,
        fusion: Fusion = "convolution",
        width: float = 1.0,
        dropout: float = 0.5,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.fusion = EarlyFusion(in_channels, dates, fusion)
        self.network = FCN8s(
            self.fusion.out_channels,
            out_channels,
            width=width,
            dropout=dropout,
            batch_norm=batch_norm,
        )

    def forward(self, image_BTCHW: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W) to series (B, T, C, H, W)."""
        answers: Tensor = self.network(self.fusion(image_BTCHW))
        return answers
