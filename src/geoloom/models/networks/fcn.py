"""Fully convolutional networks on VGG16: FCN-32s, FCN-16s, FCN-8s.

Legend: B batch, C bands, K classes, H rows, W columns.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn

from ..specs import ModelSpec
from .layers import bilinear_upsampling, conv_unit, initialise, pad_to_multiple, scaled_channels

# VGG16, configuration D: convolutions per block, channels (Simonyan and Zisserman 2015, table 1).
_BLOCKS: tuple[tuple[int, int], ...] = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
_FC_CHANNELS = 4096
_COARSEST = 32


class FCN(nn.Module):
    """VGG16 made fully convolutional, its scores brought back to the input's size.

    `conv1_1` to `conv5_3`, `fc6` as a 7x7 convolution and `fc7` as a 1x1 one; class scores at stride 32 are
    doubled and added to scores of pool4 (stride 16s) and pool3 (8s), then enlarged to full size. All
    upsampling starts bilinear and is learned.

    Where the paper fine-tunes ImageNet weights, this trains from scratch on any bands, so convolutions
    carry batch norm (as DeepGeo's do), padding is "same" instead of 100 pixels in the first layer, and the
    skips start like other layers instead of at zero.

    Args:
        in_channels: Bands of the input.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        width: Multiplies every channel count. 1.0 is the published network, 134 M parameters: for a GPU and
            some thousand chips. 0.25 has 8.4 M, trains on a laptop's processor, and is the better choice
            for a single scene.
        dropout: Chance that a channel of fc6 and fc7 is left out of a training step.
        batch_norm: Normalise after each convolution; needed when training from scratch.

    Source:
        Long, Shelhamer and Darrell 2015, sections 4.1 and 4.2, figure 3.
    """

    stride: ClassVar[Literal[8, 16, 32]]
    """Of the finest scores: pixels of the image to one of theirs."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: float = 1.0,
        dropout: float = 0.5,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        stride = self.stride
        outs = [scaled_channels(published, width) for _, published in _BLOCKS]
        self.block1 = _block(1, in_channels, outs[0], batch_norm)
        self.block2 = _block(2, outs[0], outs[1], batch_norm)
        self.block3 = _block(3, outs[1], outs[2], batch_norm)
        self.block4 = _block(4, outs[2], outs[3], batch_norm)
        self.block5 = _block(5, outs[3], outs[4], batch_norm)
        fc = scaled_channels(_FC_CHANNELS, width)
        # A chip of 128 pixels is 4 x 4 here, smaller than the kernel. Were it surrounded by zeros, these
        # would be most of what fc6 learns from, and a whole scene, without them, would look like nothing
        # that it knows.
        self.fc6 = conv_unit(outs[4], fc, 7, batch_norm=batch_norm, padding="replicate")
        self.fc7 = conv_unit(fc, fc, 1, batch_norm=batch_norm)
        self.dropout = nn.Dropout2d(dropout)
        self.score_fr = nn.Conv2d(fc, out_channels, 1)
        if stride <= 16:
            self.score_pool4 = nn.Conv2d(outs[3], out_channels, 1)
        if stride == 8:
            self.score_pool3 = nn.Conv2d(outs[2], out_channels, 1)
        initialise(self)
        if stride <= 16:
            self.upscore2 = bilinear_upsampling(out_channels, 2)
        if stride == 8:
            self.upscore_pool4 = bilinear_upsampling(out_channels, 2)
        self.upscore = bilinear_upsampling(out_channels, stride)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits float (B, K, H, W) at the image's own size, whatever it is."""
        height, width = image_BCHW.shape[-2:]
        x = pad_to_multiple(image_BCHW, _COARSEST)
        pool3 = self.block3(self.block2(self.block1(x)))
        pool4 = self.block4(pool3)
        x = self.dropout(self.fc6(self.block5(pool4)))
        score = self.score_fr(self.dropout(self.fc7(x)))
        if self.stride <= 16:
            score = self.upscore2(score) + self.score_pool4(pool4)
        if self.stride == 8:
            score = self.upscore_pool4(score) + self.score_pool3(pool3)
        logits: Tensor = self.upscore(score)
        return logits[..., :height, :width]


def _block(number: int, in_channels: int, out_channels: int, batch_norm: bool) -> nn.Sequential:
    """VGG16's convolutions `conv{number}_1` ... and the pool that ends the block."""
    depth, _ = _BLOCKS[number - 1]
    block = nn.Sequential()
    for step in range(1, depth + 1):
        inputs = in_channels if step == 1 else out_channels
        block.add_module(
            f"conv{number}_{step}", conv_unit(inputs, out_channels, batch_norm=batch_norm)
        )
    block.add_module(f"pool{number}", nn.MaxPool2d(2))
    return block


class FCN32s(FCN):
    """FCN-32s: one enlargement from the coarsest scores. Arguments as `FCN`."""

    stride = 32


class FCN16s(FCN):
    """FCN-16s: scores of pool4 sharpen those of the last layer. Arguments as `FCN`."""

    stride = 16


class FCN8s(FCN):
    """FCN-8s: scores of pool4 and pool3 sharpen those of the last layer. Arguments as `FCN`."""

    stride = 8


FCN8S = ModelSpec(FCN8s, "FCN-8s on VGG-16 (Long et al. 2015): the finest of the three")
FCN16S = ModelSpec(FCN16s, "FCN-16s on VGG-16 (Long et al. 2015)")
FCN32S = ModelSpec(FCN32s, "FCN-32s on VGG-16 (Long et al. 2015): the coarsest of the three")
