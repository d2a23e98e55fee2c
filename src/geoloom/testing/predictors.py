"""Predictors whose answers are known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from geoloom.core.classes import Classes

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class CodePredictor:
    """Reads class codes from the only band: the map that it makes is the scene itself.

    Example:
        >>> import torch
        >>> predictor = CodePredictor(Classes.of(["a", "b"], codes=[3, 7]))
        >>> predictor(torch.tensor([[[[3.0, 7.0]]]]), torch.ones(1, 1, 2, dtype=torch.bool)).tolist()
        [[[[1.0, 0.0]], [[0.0, 1.0]]]]
    """

    classes: Classes
    bands: tuple[str, ...] = ()
    fingerprint: str = "codes"

    def __call__(self, image_BCHW: Tensor, valid_BHW: Tensor) -> Tensor:
        """1 for the class whose code the pixel holds, 0 for the others."""
        import torch

        codes = torch.tensor(self.classes.codes, dtype=torch.float32)[None, :, None, None]
        return (image_BCHW == codes.to(image_BCHW.device)).float()


@dataclass(frozen=True)
class BandPredictor:
    """Hands on its bands as the scores of as many classes: the probabilities are the scene itself."""

    classes: Classes
    bands: tuple[str, ...] = ()
    fingerprint: str = "bands"

    def __call__(self, image_BCHW: Tensor, valid_BHW: Tensor) -> Tensor:
        """The image."""
        return image_BCHW


@dataclass
class CountingPredictor:
    """Hands on its bands, and remembers the shape of each batch."""

    classes: Classes
    bands: tuple[str, ...] = ()
    fingerprint: str = "bands"
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, image_BCHW: Tensor, valid_BHW: Tensor) -> Tensor:
        """The image."""
        self.shapes.append(tuple(image_BCHW.shape))
        return image_BCHW
