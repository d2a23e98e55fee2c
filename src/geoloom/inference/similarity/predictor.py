"""The comparison with a vector as something that can make a map: a network of one pixel.

Legend: B batch, C bands, H rows, W columns.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ...core.outputs import ValueOutputs
from .metrics import BAND_NAMES, Metric, compared

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class SimilarityPredictor:
    """How alike each pixel's vector is to one; a `Predictor`."""

    vector: tuple[float, ...]
    """Of all bands of what is searched."""
    metric: Metric
    files: tuple[str, ...] = ()
    """From which the vector comes, besides what is searched: no product replaces one."""

    bands = ()
    """All that there are."""

    @property
    def outputs(self) -> ValueOutputs:
        """One value per pixel."""
        return ValueOutputs((BAND_NAMES[self.metric],), (None,))

    @property
    def facts(self) -> dict[str, Any]:
        """What decides its answers, for the record of a map."""
        return {"metric": self.metric, "vector": list(self.vector)}

    @property
    def fingerprint(self) -> str:
        """Changes with its answers."""
        return hashlib.sha256(json.dumps(self.facts).encode()).hexdigest()

    @property
    def network(self) -> Self:
        """Where a map's record looks for facts and files."""
        return self

    def __call__(self, image_BCHW: Tensor, valid_BHW: Tensor) -> Tensor:
        """float32 (B, 1, H, W)."""
        import torch

        reference = np.asarray(self.vector)
        values = [
            compared(image.reshape(len(image), -1), reference, self.metric).reshape(image.shape[1:])
            for image in image_BCHW.numpy()
        ]
        return torch.from_numpy(np.stack(values)[:, None])
