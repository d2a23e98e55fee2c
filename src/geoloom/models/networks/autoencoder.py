"""Convolutional autoencoder: an image through a narrow code and back, or from half its resolution.

Legend: B batch, C bands, D features, K outputs, H rows, W columns.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ..layers.convolutions import conv_unit, initialise, scaled_channels
from ..layers.dense import DenseNetwork
from ..layers.padding import any_size
from ..layers.upsampling import enlarged

_FIRST_CHANNELS = 32


class Autoencoder(DenseNetwork):
    """Convolutions and pools down to a code, and transposed convolutions back to the image's size.

    With the image itself as the target it learns to describe images without labels. With the panchromatic
    band as image and target, and `coarsen=2`, it learns what an image at half the resolution looks like at
    full: see `geoloom.models.sharpen_with_pan`.

    Args:
        in_channels: Bands of the input.
        out_channels: Values a pixel, of the target.
        width: Multiplies every channel count.
        depth: How often the image is halved.
        coarsen: Average the image over squares of so many pixels first, and interpolate it back: 2 shows the
            network half the resolution. 1 leaves it alone.

    Source:
        Masci et al. 2011 (ICANN); for pan-sharpening Azarang et al. 2019 (IEEE Access 7).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        width: float = 1.0,
        depth: int = 2,
        coarsen: int = 1,
    ) -> None:
        super().__init__()
        self.coarsen, self.multiple = coarsen, 2**depth * coarsen
        channels = [
            scaled_channels(_FIRST_CHANNELS * 2**level, width) for level in range(depth + 1)
        ]
        self.feature_channels = channels[0]
        self.head_hidden_size = channels[-1]
        encoder: list[nn.Module] = [conv_unit(in_channels, channels[0])]
        decoder: list[nn.Module] = []
        for level in range(depth):
            fine, coarse = channels[level], channels[level + 1]
            encoder += [nn.MaxPool2d(2), conv_unit(fine, coarse)]
            decoder = [
                nn.ConvTranspose2d(coarse, fine, 2, stride=2),
                conv_unit(fine, fine),
                *decoder,
            ]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.score = nn.Conv2d(channels[0], out_channels, 3, padding=1)
        initialise(self)

    def features(self, image_BCHW: Tensor) -> Tensor:
        """Features (B, D, H, W) before the last layer, of the image at the resolution that is asked for."""
        found: Tensor = self.decoder(self.encoder(coarsened(image_BCHW, self.coarsen)))
        return found

    @any_size
    def coarser(self, image_BCHW: Tensor) -> Tensor:
        """The image (B, C, H, W) as the network sees it while it learns: at the coarser resolution."""
        return coarsened(image_BCHW, self.coarsen)

    @any_size
    def restore(self, image_BCHW: Tensor) -> Tensor:
        """Values (B, K, H, W) of an image that is coarse already, not made coarser."""
        values: Tensor = self.score(self.decoder(self.encoder(image_BCHW)))
        return values


class ImageCode(nn.Module):
    """The autoencoder's code (B, D), averaged over the image. Arguments as `Autoencoder`."""

    def __init__(
        self, in_channels: int, *, width: float = 1.0, depth: int = 2, coarsen: int = 1
    ) -> None:
        super().__init__()
        whole = Autoencoder(in_channels, 1, width=width, depth=depth)
        self.encoder, self.coarsen, self.multiple = whole.encoder, coarsen, whole.multiple * coarsen
        self.head_hidden_size = whole.head_hidden_size

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Features (B, D)."""
        code: Tensor = self.encoder(coarsened(image_BCHW, self.coarsen))
        return code.mean(dim=(-2, -1))


def coarsened(image_BCHW: Tensor, factor: int) -> Tensor:
    """The image averaged over squares of `factor` pixels, at its own size by interpolation."""
    if factor == 1:
        return image_BCHW
    return enlarged(functional.avg_pool2d(image_BCHW, factor), image_BCHW.shape[-2:])
