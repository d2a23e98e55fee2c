"""VGG16 made fully convolutional, in two parts: its blocks, and the scores that are read off them.

Legend: B batch, C channels, K outputs, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from .convolutions import conv_unit, scaled_channels
from .upsampling import bilinear_upsampling

# VGG16, configuration D: convolutions per block, channels (Simonyan and Zisserman 2015, table 1).
_BLOCKS: tuple[tuple[int, int], ...] = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
_FC_CHANNELS = 4096
_SURROUNDINGS_PX = 100
"""Zeros around the image in the published form, so that fc6 needs no padding."""

Stride = Literal[8, 16, 32]
"""Of the finest scores: pixels of the image to one of theirs."""


def vgg_channels(width: float) -> list[int]:
    """Channels of the five blocks: 64, 128, 256, 512, 512 at width 1."""
    return [scaled_channels(published, width) for _, published in _BLOCKS]


class VggBlocks(nn.Module):
    """`conv1_1` to `conv5_3`, each block ended by a pool: pool3, pool4 and pool5.

    Args:
        in_channels: Bands.
        channels: Of the five blocks.
        batch_norm: Normalise after each convolution.
        same: Keep the size but for the pools; else surround the image with 100 zeros, as published.
    """

    def __init__(
        self, in_channels: int, channels: Sequence[int], *, batch_norm: bool, same: bool = True
    ) -> None:
        super().__init__()
        self.surround = nn.Identity() if same else nn.ZeroPad2d(_SURROUNDINGS_PX - 1)
        inputs = [in_channels, *channels[:-1]]
        self.blocks = nn.ModuleList(
            _block(number, i, o, batch_norm, same)
            for number, (i, o) in enumerate(zip(inputs, channels, strict=True), start=1)
        )

    def forward(self, image_BCHW: Tensor) -> list[Tensor]:
        """pool3 (at stride 8), pool4 (16), pool5 (32)."""
        pools: list[Tensor] = []
        x = self.surround(image_BCHW)
        for block in self.blocks:
            x = block(x)
            pools.append(x)
        return pools[2:]


class FcnScores(nn.Module):
    """`fc6` and `fc7` as convolutions, scores at several strides, added up and enlarged to full size.

    Args:
        channels: Of the five blocks.
        out_channels: Scores per pixel.
        stride: Of the finest scores that are added.
        width, dropout, batch_norm: As of `FCN`.
        same: As of `VggBlocks`; else scores are cropped where the published network crops them.
    """

    def __init__(
        self,
        channels: Sequence[int],
        out_channels: int,
        *,
        stride: Stride,
        width: float,
        dropout: float,
        batch_norm: bool,
        same: bool = True,
    ) -> None:
        super().__init__()
        self.stride, self.same = stride, same
        fc = scaled_channels(_FC_CHANNELS, width)
        # A chip of 128 pixels is 4 x 4 here, smaller than the kernel. Were it surrounded by zeros, these
        # would be most of what fc6 learns from, and a whole scene, without them, would look like nothing
        # that it knows.
        self.fc6 = conv_unit(
            channels[4], fc, 7, batch_norm=batch_norm, same=same, padding="replicate"
        )
        self.fc7 = conv_unit(fc, fc, 1, batch_norm=batch_norm)
        self.dropout = nn.Dropout2d(dropout)
        self.score_fr = nn.Conv2d(fc, out_channels, 1)
        if stride <= 16:
            self.score_pool4 = nn.Conv2d(channels[3], out_channels, 1)
            self.upscore2 = bilinear_upsampling(out_channels, 2, padded=same)
        if stride == 8:
            self.score_pool3 = nn.Conv2d(channels[2], out_channels, 1)
            self.upscore_pool4 = bilinear_upsampling(out_channels, 2, padded=same)
        self.upscore = bilinear_upsampling(out_channels, stride, padded=same)

    def forward(self, pools: Sequence[Tensor]) -> Tensor:
        """Scores (B, K, ...) of 32 times the size of pool5, or, cropped at the top left, of the image's."""
        pool3, pool4, pool5 = pools
        score: Tensor = self.score_fr(self.dropout(self.fc7(self.dropout(self.fc6(pool5)))))
        if self.stride <= 16:
            score = self._sum(self.upscore2(score), self.score_pool4(pool4), 5)
        if self.stride == 8:
            score = self._sum(self.upscore_pool4(score), self.score_pool3(pool3), 9)
        score = self.upscore(score)
        offset = 0 if self.same else {32: 19, 16: 27, 8: 31}[self.stride]
        return score[..., offset:, offset:]

    def _sum(self, score: Tensor, skip: Tensor, offset: int) -> Tensor:
        if self.same:
            return score + skip
        height, width = score.shape[-2:]
        return score + skip[..., offset : offset + height, offset : offset + width]


def _block(
    number: int, in_channels: int, out_channels: int, batch_norm: bool, same: bool
) -> nn.Sequential:
    """VGG16's convolutions `conv{number}_1` ... and the pool that ends the block."""
    depth, _ = _BLOCKS[number - 1]
    block = nn.Sequential()
    for step in range(1, depth + 1):
        inputs = in_channels if step == 1 else out_channels
        block.add_module(
            f"conv{number}_{step}", conv_unit(inputs, out_channels, batch_norm=batch_norm)
        )
    block.add_module(f"pool{number}", nn.MaxPool2d(2, ceil_mode=not same))
    return block
