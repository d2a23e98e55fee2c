"""U-Net with an encoder per date, fused level by level; with auxiliary masks where asked for.

Legend: B batch, T dates, C bands, D features, K outputs, M masks, H rows, W columns.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from ..layers.convolutions import initialise
from ..layers.fusion import AuxiliaryScore, LateFusion
from ..layers.padding import any_size
from ..layers.unet import ContractingPath, ExpandingPath, unet_channels


class _Fused(nn.Module):
    """Dense features of a series: one contracting path per date, and one expanding path for all."""

    def __init__(
        self,
        in_channels: int,
        *,
        dates: int,
        width: float,
        depth: int,
        dropout: float,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        channels = unet_channels(width, depth)
        self.out_channels, self.multiple = channels[0], 2**depth
        path = partial(
            ContractingPath, in_channels, channels, dropout=dropout, batch_norm=batch_norm
        )
        self.down = LateFusion(path, channels, dates)
        self.up = ExpandingPath(channels, batch_norm=batch_norm)

    def forward(self, image_BTCHW: Tensor) -> Tensor:
        features: Tensor = self.up(self.down(image_BTCHW))
        return features


class UNetLate(nn.Module):
    """Late fusion: at every level, a 1x1 convolution over the features of all dates feeds one decoder.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        dates: How many dates each series has, and so how many encoders.
        width, depth, dropout, batch_norm: As of `UNet`.

    Source:
        Maretto et al. 2021, IEEE GRSL 18(5), section II; DeepGeo's `unet_lf`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dates: int = 2,
        width: float = 0.25,
        depth: int = 4,
        dropout: float = 0.0,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.fused = _Fused(
            in_channels,
            dates=dates,
            width=width,
            depth=depth,
            dropout=dropout,
            batch_norm=batch_norm,
        )
        self.multiple = self.fused.multiple
        self.score = nn.Conv2d(self.fused.out_channels, out_channels, 1)
        initialise(self)

    @any_size
    def forward(self, image_BTCHW: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W) to series (B, T, C, H, W)."""
        answers: Tensor = self.score(self.fused(image_BTCHW))
        return answers


class UNetAux(nn.Module):
    """Late fusion with auxiliary masks, such as what was deforested before, joined before the scores.

    Args:
        in_channels: Bands of each date.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        dates: How many dates each series has, and so how many encoders.
        masks: How many a sample's `aux` has.
        width, depth, dropout, batch_norm: As of `UNet`.

    Source:
        DeepGeo's `mask_unet`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dates: int = 2,
        masks: int = 1,
        width: float = 0.25,
        depth: int = 4,
        dropout: float = 0.0,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        self.fused = _Fused(
            in_channels,
            dates=dates,
            width=width,
            depth=depth,
            dropout=dropout,
            batch_norm=batch_norm,
        )
        self.multiple = self.fused.multiple
        self.score = AuxiliaryScore(self.fused.out_channels, masks, out_channels)
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
