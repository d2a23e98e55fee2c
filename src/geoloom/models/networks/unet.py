"""U-Net with size-keeping convolutions and batch norm.

Legend: B batch, C bands, K classes, H rows, W columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...core.errors import ModelError
from ..specs import ModelSpec
from .layers import conv_unit, initialise, pad_to_multiple, scaled_channels

_FIRST_CHANNELS = 64
_DEEPEST = 8
"""A ninth halving would have a billion parameters at the default width."""


class UNet(nn.Module):
    """A contracting path, an expanding path, and a skip between them at every scale.

    Where the paper's convolutions shrink the image and its output covers only the centre, these keep the
    size ("same" padding), so that logits come at the input's size; batch norm makes training from scratch
    quick and steady. There is no activation after the last convolution.

    Args:
        in_channels: Bands of the input.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        width: Multiplies every channel count. The default 0.25 has 1.9 M parameters and trains on a laptop's
            processor in minutes; 0.125 has 0.5 M; 1.0 is the published network of 31 M, for a GPU and some
            thousand chips.
        depth: How often the image is halved, 1 to 8; context grows with it.
        dropout: Chance that a channel of the coarsest level is left out of a training step.
        batch_norm: Normalise after each convolution; needed when training from scratch.

    Source:
        Ronneberger, Fischer and Brox 2015, section 2 and figure 1.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: float = 0.25,
        depth: int = 4,
        dropout: float = 0.0,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        if not 1 <= depth <= _DEEPEST:
            raise ModelError(
                f"depth is {depth}; it is how often the image is halved, and channels double each time: "
                f"give 1 to {_DEEPEST}"
            )
        self.multiple = 2**depth
        channels = [
            scaled_channels(_FIRST_CHANNELS * 2**level, width) for level in range(depth + 1)
        ]
        inputs = [in_channels, *channels[:-1]]
        self.down = nn.ModuleList(
            _double(i, o, batch_norm) for i, o in zip(inputs, channels, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        # The paper drops out at the end of the contracting path.
        self.dropout = nn.Dropout2d(dropout)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(channels[level + 1], channels[level], 2, stride=2)
            for level in reversed(range(depth))
        )
        self.merge = nn.ModuleList(
            _double(2 * channels[level], channels[level], batch_norm)
            for level in reversed(range(depth))
        )
        self.score = nn.Conv2d(channels[0], out_channels, 1)
        initialise(self)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits float (B, K, H, W) at the image's own size, whatever it is."""
        height, width = image_BCHW.shape[-2:]
        x = pad_to_multiple(image_BCHW, self.multiple)
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        x = self.dropout(skips.pop())
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        logits: Tensor = self.score(x)
        return logits[..., :height, :width]


def _double(in_channels: int, out_channels: int, batch_norm: bool) -> nn.Sequential:
    return nn.Sequential(
        conv_unit(in_channels, out_channels, batch_norm=batch_norm),
        conv_unit(out_channels, out_channels, batch_norm=batch_norm),
    )


UNET = ModelSpec(UNet, "U-Net (Ronneberger et al. 2015): quick, and the first choice for maps")
