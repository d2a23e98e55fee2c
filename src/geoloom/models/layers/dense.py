"""Networks from images to dense features, and from these to an answer per pixel.

Legend: B batch, C bands, D features, K outputs, H rows, W columns; h, w likewise of the features.
"""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from .padding import any_size
from .upsampling import enlarged


class DenseNetwork(nn.Module):
    """A network whose last layer, `score`, reads dense features; others build on these.

    A child sets `multiple` (see `any_size`), `feature_channels` and `score`, and computes `features`.
    """

    multiple: int
    feature_channels: int
    """D."""
    score: nn.Module
    """From features to raw answers, at the features' size or larger."""

    @abstractmethod
    def features(self, image_BCHW: Tensor) -> Tensor:
        """Features (B, D, h, w) of an image whose sides are multiples of `multiple`."""

    def drop_score(self) -> None:
        """Leave the last layer away, where the features alone are asked for."""
        self.score = nn.Identity()

    @any_size
    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Raw answers float (B, K, H, W) at the image's own size, whatever it is."""
        return enlarged(self.score(self.features(image_BCHW)), image_BCHW.shape[-2:])
