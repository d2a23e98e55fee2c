"""FarSeg: a feature pyramid, in which each level's features are weighed by what the scene is.

Legend: B batch, C bands, D features, K outputs, H rows, W columns.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from ...core.errors import ModelError
from ..layers.convolutions import initialise, scaled_channels
from ..layers.dense import DenseNetwork
from ..layers.upsampling import enlarged

_PYRAMID_CHANNELS = 256
_DECODER_CHANNELS = 128
_STRIDES = (4, 8, 16, 32)


class FarSeg(DenseNetwork):
    """Foreground-aware relation network: a ResNet, a pyramid, relations to the scene, a light decoder.

    Made for images in which what is sought is rare. Published with a softmax focal loss whose focus grows
    while training. The residual network is timm's, with fresh weights.

    Args:
        in_channels: Bands of the input.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        encoder: A residual network of timm, `resnet50` as published; `resnet18` is a third of its size.
        width: Multiplies the channels of pyramid and decoder; 1 is as published.

    Raises:
        ModelError: timm has no such encoder, or it has no features at strides 4, 8, 16 and 32.

    Source:
        Zheng et al. 2020 (CVPR), arXiv 2011.09766, section 3 and figure 3.
    """

    multiple = _STRIDES[-1]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        encoder: str = "resnet50",
        width: float = 1.0,
    ) -> None:
        super().__init__()
        pyramid = scaled_channels(_PYRAMID_CHANNELS, width)
        self.feature_channels = scaled_channels(_DECODER_CHANNELS, width)
        self.encoder = _residual_pyramid(encoder, in_channels)
        channels: list[int] = cast("Any", self.encoder).feature_info.channels()
        self.lateral = nn.ModuleList(nn.Conv2d(c, pyramid, 1) for c in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(pyramid, pyramid, 3, padding=1) for _ in channels)
        self.relations = nn.ModuleList(_Relation(channels[-1], pyramid) for _ in channels)
        self.decoders = nn.ModuleList(
            _Decoder(pyramid, self.feature_channels, doublings)
            for doublings in range(len(_STRIDES))
        )
        self.score = nn.Conv2d(self.feature_channels, out_channels, 3, padding=1)
        for part in (self.lateral, self.smooth, self.relations, self.decoders, self.score):
            initialise(part)

    def features(self, image_BCHW: Tensor) -> Tensor:
        """Features (B, D, H / 4, W / 4): the mean of the decoded levels."""
        levels: list[Tensor] = self.encoder(image_BCHW)
        scene = levels[-1].mean(dim=(-2, -1), keepdim=True)
        x, pyramid = None, []
        for lateral, smooth, level in zip(
            reversed(self.lateral), reversed(self.smooth), reversed(levels), strict=True
        ):
            here = lateral(level)
            x = here if x is None else here + _enlarged_twice(x)
            pyramid.append(smooth(x))
        decoded = [
            decoder(relation(scene, level))
            for decoder, relation, level in zip(
                self.decoders, self.relations, reversed(pyramid), strict=True
            )
        ]
        return torch.stack(decoded).mean(dim=0)


def _residual_pyramid(name: str, in_channels: int) -> nn.Module:
    """timm's network of a name as features at strides 4, 8, 16 and 32, with fresh weights.

    Raises:
        ModelError: there is none, or it has others.
    """
    import timm

    try:
        network: nn.Module = timm.create_model(
            name,
            pretrained=False,
            in_chans=in_channels,
            features_only=True,
            out_indices=(1, 2, 3, 4),
        )
    except (RuntimeError, ValueError, AssertionError, IndexError) as error:
        raise ModelError(
            f"timm has no encoder {name!r} with features at four strides ({error}); choose such as 'resnet50'"
        ) from error
    strides = tuple(cast("Any", network).feature_info.reduction())
    if strides != _STRIDES:
        raise ModelError(
            f"the encoder {name!r} has features at strides {strides}, and {_STRIDES} are needed; choose such "
            "as 'resnet50'"
        )
    return network


class _Relation(nn.Module):
    """A level's features, weighed by how alike its content is to the scene as this level sees it."""

    def __init__(self, scene_channels: int, channels: int) -> None:
        super().__init__()
        self.scene = nn.Sequential(
            nn.Conv2d(scene_channels, channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 1),
        )
        self.content = _pointwise(channels)
        self.again = _pointwise(channels)

    def forward(self, scene: Tensor, level: Tensor) -> Tensor:
        relation = (self.scene(scene) * self.content(level)).sum(dim=1, keepdim=True)
        weighed: Tensor = relation.sigmoid() * self.again(level)
        return weighed


class _Decoder(nn.Module):
    """Convolutions, each followed by a doubling, until the features are at stride 4."""

    def __init__(self, in_channels: int, channels: int, doublings: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(
                    in_channels if step == 0 else channels, channels, 3, padding=1, bias=False
                ),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
            for step in range(max(1, doublings))
        )
        self.doubles = doublings > 0

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step(x)
            x = _enlarged_twice(x) if self.doubles else x
        return x


def _enlarged_twice(x: Tensor) -> Tensor:
    """Twice the size, bilinear."""
    return enlarged(x, (2 * x.shape[-2], 2 * x.shape[-1]))


def _pointwise(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
    )
