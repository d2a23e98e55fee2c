"""Random convolutional features (MOSAIKS): filters that are drawn, not trained.

Legend: B batch, C bands, D features, K outputs, N patches, P values of a patch, H rows, W columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...core.errors import ModelError

_WHITENING = 1e-3
_LEAST_NORM = 1e-8


class RandomFeatures(nn.Module):
    """How much of an image looks like each of many random patches, and how much like its negative.

    Filters are normal noise at first; `draw` takes them from images, whitened, as published. They are kept
    with the model, and never trained.

    Args:
        in_channels: Bands of the input.
        features: D, an even number: two per filter.
        patch_px: Side of a patch, odd or even.
        bias: What a likeness must exceed to count.
        seed: Of the filters.

    Raises:
        ModelError: `features` is odd.

    Source:
        Rolf et al. 2021, Nature Communications 12:4392, methods; Rahimi and Recht 2008.
    """

    filters: Tensor
    bias: Tensor

    def __init__(
        self,
        in_channels: int,
        *,
        features: int = 1024,
        patch_px: int = 3,
        bias: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if features < 2 or features % 2 or patch_px < 1:
            raise ModelError(
                f"features is {features} and patch_px {patch_px}; give an even number, two per filter, and "
                "at least 1 pixel"
            )
        self.head_hidden_size = features
        chance = torch.Generator(device="cpu").manual_seed(seed)
        with torch.device("cpu"):
            filters = torch.randn(features // 2, in_channels, patch_px, patch_px, generator=chance)
        self.register_buffer("filters", filters)
        self.register_buffer("bias", torch.full((features // 2,), float(bias)))

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Features float (B, D), means over the image."""
        side = self.filters.shape[-1]
        before, after = (side - 1) // 2, side // 2
        padded = functional.pad(image_BCHW, (before, after, before, after), "replicate")
        likeness = functional.conv2d(padded, self.filters)
        bias = self.bias[:, None, None]
        both = torch.cat(
            [functional.relu(likeness - bias), functional.relu(-likeness - bias)], dim=1
        )
        return both.mean(dim=(-2, -1))

    def draw(self, images_BCHW: Tensor, seed: int = 0) -> None:
        """Take the filters from images: patches at random, centred, of unit norm, whitened.

        Args:
            images_BCHW: float32, as the network will see them, normalised.
            seed: Of the places.

        Raises:
            ModelError: the images have other bands, or are smaller than a patch.
        """
        count, bands, side = self.filters.shape[:3]
        images, found, height, width = images_BCHW.shape
        if found != bands or min(height, width) < side:
            raise ModelError(
                f"the images have {found} bands and {height} x {width} pixels; expected {bands} bands and at "
                f"least {side} x {side} pixels"
            )
        chance = torch.Generator().manual_seed(seed)
        numbers, rows, columns = (
            torch.randint(most, (count,), generator=chance).tolist()
            for most in (images, height - side + 1, width - side + 1)
        )
        patches_NP = torch.stack(
            [
                images_BCHW[n, :, row : row + side, column : column + side].flatten()
                for n, row, column in zip(numbers, rows, columns, strict=True)
            ]
        ).double()
        patches_NP = patches_NP - patches_NP.mean(dim=1, keepdim=True)
        patches_NP = patches_NP / patches_NP.norm(dim=1, keepdim=True).clamp(min=_LEAST_NORM)
        patches_NP = patches_NP - patches_NP.mean(dim=0)
        values, vectors = torch.linalg.eigh(patches_NP.T @ patches_NP / count)
        whitening = vectors @ torch.diag((values.clamp(min=0) + _WHITENING).rsqrt()) @ vectors.T
        # Twice: the patches are whitened, and so, by the same matrix moved to the filters, is what they see.
        whitened = patches_NP @ whitening @ whitening.T
        self.filters.copy_(whitened.view_as(self.filters))


class RandomFeaturesModel(nn.Module):
    """A linear layer on random convolutional features, which alone is trained.

    Args:
        in_channels: Bands of the input.
        out_channels: Numbers an image: classes to tell apart, or values.
        features, patch_px, bias, seed: As of `RandomFeatures`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        features: int = 1024,
        patch_px: int = 3,
        bias: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.random = RandomFeatures(
            in_channels, features=features, patch_px=patch_px, bias=bias, seed=seed
        )
        self.score = nn.Linear(features, out_channels)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Raw answers float (B, K)."""
        answers: Tensor = self.score(self.random(image_BCHW))
        return answers
