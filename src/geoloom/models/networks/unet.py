"""U-Net with size-keeping convolutions and batch norm, or as published.

Legend: B batch, C bands, D features, H rows, W columns.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from ..layers.convolutions import initialise
from ..layers.dense import DenseNetwork
from ..layers.padding import mirrored
from ..layers.unet import ContractingPath, ExpandingPath, unet_channels


class UNet(DenseNetwork):
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
        batch_norm: Normalise after each convolution; needed when training from scratch. Not published.
        padding: `same`, or as the paper has it: convolutions without padding, and around the image as much of
            its mirror image as they take off (92 pixels at depth 4; section 2, overlap-tile strategy).

    Source:
        Ronneberger, Fischer and Brox 2015, arXiv 1505.04597, section 2 and figure 1.
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
        padding: Literal["same", "paper"] = "same",
    ) -> None:
        super().__init__()
        channels = unet_channels(width, depth)
        self.depth, self.same = depth, padding == "same"
        self.multiple = 2**depth if self.same else 1
        self.feature_channels = channels[0]
        self.down = ContractingPath(
            in_channels, channels, dropout=dropout, batch_norm=batch_norm, same=self.same
        )
        self.up = ExpandingPath(channels, batch_norm=batch_norm, same=self.same)
        self.score = nn.Conv2d(channels[0], out_channels, 1)
        initialise(self)

    def features(self, image_BCHW: Tensor) -> Tensor:
        """Features (B, D, H, W) before the last layer."""
        if self.same:
            found: Tensor = self.up(self.down(image_BCHW))
            return found
        height, width = image_BCHW.shape[-2:]
        rows, columns = self._margins(height), self._margins(width)
        wide: Tensor = self.up(self.down(mirrored(image_BCHW, rows, columns)))
        return wide[..., :height, :width]

    def _margins(self, size: int) -> tuple[int, int]:
        """Pixels before and after the image that give an answer of at least this size.

        Coarsest features of n pixels come from 2^d (n + 4) + 4 (2^d - 1), and answer 2^d n - 4 (2^d - 1).
        """
        times = 2**self.depth
        lost = 4 * (times - 1)
        coarsest = -(-(size + lost) // times)
        needed = times * (coarsest + 4) + lost
        before = (times * 4 + 2 * lost) // 2
        return before, needed - size - before
