"""FCN-8s with an encoder per date, fused pool by pool; with auxiliary masks where asked for.

Legend: B batch, T dates, C bands, K outputs, M masks, H rows, W columns.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from ..layers.convolutions import initialise
from ..layers.fusion import AuxiliaryScore, LateFusion
from ..layers.padding import any_size
from ..layers.vgg import FcnScores, VggBlocks, vgg_channels

_MULTIPLE = 32


class _Fused(nn.Module):
    """Scores of a series: VGG16's blocks for each date, and one set of scores for all."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dates: int,
        width: float,
        dropout: float,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        channels = vgg_channels(width)
        blocks = partial(VggBlocks, in_channels, channels, batch_norm=batch_norm)
        self.encoder = LateFusion(blocks, channels[2:], dates)
        self.scores = FcnScores(
            channels, out_channels, stride=8, width=width, dropout=dropout, batch_norm=batch_norm
        )

    def forward(self, image_BTCHW: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.encoder(image_BTCHW))
        return scores


class Fcn8sLate(nn.Module):
    """Late fusion: 1x1 convolutions over all dates' pool3, pool4 and pool5 feed one set of scores.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        dates: How many dates each series has, and so how many encoders.
        width, dropout, batch_norm: As of `FCN`.

    Source:
        Maretto et al. 2021, IEEE GRSL 18(5), section II, on FCN-8s.
    """

    multiple = _MULTIPLE

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dates: int = 2,
        width: float = 1.0,
        dropout: float = 0.5,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.fused = _Fused(
            in_channels,
            out_channels,
            dates=dates,
            width=width,
            dropout=dropout,
            batch_norm=batch_norm,
        )
        initialise(self)

    @any_size
    def forward(self, image_BTCHW: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W) to series (B, T, C, H, W)."""
        answers: Tensor = self.fused(image_BTCHW)
        return answers


class Fcn8sAux(nn.Module):
    """Late fusion with auxiliary masks, which join the enlarged scores in a last 1x1 convolution.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        dates: How many dates each series has, and so how many encoders.
        masks: How many a sample's `aux` has.
        width, dropout, batch_norm: As of `FCN`.

    Source:
        DeepGeo's `mask_unet`, on FCN-8s.
    """

    multiple = _MULTIPLE

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dates: int = 2,
        masks: int = 1,
        width: float = 1.0,
        dropout: float = 0.5,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.fused = _Fused(
            in_channels,
            out_channels,
            dates=dates,
            width=width,
            dropout=dropout,
            batch_norm=batch_norm,
        )
        self.score = AuxiliaryScore(out_channels, masks, out_channels)
        initialise(self)

    @any_size
    def forward(self, image: Tensor, aux: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W).

        Args:
            image: float32 (B, T, C, H, W).
            aux: (B, M, H, W), numbers or bool.
        """
        answers: Tensor = self.score(self.fused(image), aux)
        return answers
