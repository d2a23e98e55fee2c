"""Fully convolutional networks on VGG16: FCN-32s, FCN-16s, FCN-8s.

Legend: B batch, C bands, K outputs, H rows, W columns.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn

from ..layers.convolutions import initialise
from ..layers.padding import any_size
from ..layers.vgg import FcnScores, Stride, VggBlocks, vgg_channels


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
        batch_norm: Normalise after each convolution; needed when training from scratch. Not published.
        padding: `same`, or as the paper has it: 100 zeros around the image, none around what fc6 sees, and
            scores cropped to the image.

    Source:
        Long, Shelhamer and Darrell 2015, arXiv 1411.4038, sections 4.1 and 4.2, figure 3.
    """

    stride: ClassVar[Stride]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: float = 1.0,
        dropout: float = 0.5,
        batch_norm: bool = True,
        padding: Literal["same", "paper"] = "same",
    ) -> None:
        super().__init__()
        same = padding == "same"
        self.multiple = 32 if same else 1
        channels = vgg_channels(width)
        self.encoder = VggBlocks(in_channels, channels, batch_norm=batch_norm, same=same)
        self.scores = FcnScores(
            channels,
            out_channels,
            stride=self.stride,
            width=width,
            dropout=dropout,
            batch_norm=batch_norm,
            same=same,
        )
        initialise(self)

    @any_size
    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits float (B, K, H, W) at the image's own size, whatever it is."""
        height, width = image_BCHW.shape[-2:]
        logits: Tensor = self.scores(self.encoder(image_BCHW))
        return logits[..., :height, :width]


class FCN32s(FCN):
    """FCN-32s: one enlargement from the coarsest scores. Arguments as `FCN`."""

    stride = 32


class FCN16s(FCN):
    """FCN-16s: scores of pool4 sharpen those of the last layer. Arguments as `FCN`."""

    stride = 16


class FCN8s(FCN):
    """FCN-8s: scores of pool4 and pool3 sharpen those of the last layer. Arguments as `FCN`."""

    stride = 8
