"""A network of segmentation_models_pytorch as one of ours: any image size, dense features.

Legend: B batch, C bands, D features, K outputs, H rows, W columns; h, w likewise of the features.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..layers.dense import DenseNetwork


class SmpNetwork(DenseNetwork):
    """Encoder, decoder and last layer of a network, under the names that the library's weights have.

    Args:
        network: The library's.
        multiple: Of the sides that it takes.
    """

    def __init__(self, network: Any, multiple: int) -> None:
        super().__init__()
        self.multiple = multiple
        self.encoder: nn.Module = network.encoder
        self.decoder: nn.Module = network.decoder
        self.segmentation_head: nn.Module = network.segmentation_head
        first = next(m for m in self.segmentation_head.modules() if isinstance(m, nn.Conv2d))
        self.feature_channels = first.in_channels

    @property
    def score(self) -> nn.Module:  # type: ignore[override]  # the library's name for it
        """The last layer, which also enlarges."""
        return self.segmentation_head

    def drop_score(self) -> None:
        """Leave the last layer away, where the features alone are asked for."""
        self.segmentation_head = nn.Identity()

    def features(self, image_BCHW: Tensor) -> Tensor:
        """Features (B, D, h, w) before the last layer."""
        found: Tensor = self.decoder(self.encoder(image_BCHW))
        return found
