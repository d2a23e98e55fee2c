"""A random forest over pixels, which answers chips like any model.

Legend: B batch, F features, K classes, n pixels, H rows, W columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...core.errors import MissingExtraError
from ...core.outputs import ClassOutputs
from ...io.threads import reading_threads, usable_cpus
from .features import pixel_features
from .pixels import DrawnPixels

TREES = 100
_AT_ONCE = 16_384
"""Pixels that a thread answers at once."""


def library() -> Any:
    """scikit-learn, which the extra `baseline` brings.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import sklearn.ensemble
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "baseline") from error
    return sklearn


class PixelForest:
    """A forest learned from drawn pixels. Equal pixels and seeds give equal forests and equal answers.

    Args:
        pixels: To learn from.
        outputs: Their classes.
        seed: Of the trees.
    """

    bands = ()
    """All of the samples' bands, as they are."""

    def __init__(self, pixels: DrawnPixels, outputs: ClassOutputs, seed: int) -> None:
        self.outputs = outputs
        self._forest = library().ensemble.RandomForestClassifier(
            TREES, random_state=seed, n_jobs=usable_cpus()
        )
        self._forest.fit(pixels.features, pixels.classes, sample_weight=pixels.weights)
        # Trees are summed in one order, so that answers do not depend on the number of threads.
        self._forest.set_params(n_jobs=1)

    def __call__(self, image_BCHW: Tensor, valid_BHW: Tensor) -> Tensor:
        """Probabilities float32 (B, K, H, W); 0 where not observed, and of a class that it has not seen."""
        images, observed = image_BCHW.numpy(), valid_BHW.numpy()
        scores = np.zeros((len(images), self.outputs.channels, *observed.shape[1:]), np.float32)
        for image, seen, answer in zip(images, observed, scores, strict=True):
            rows = pixel_features(image, seen)[:, seen].T
            if len(rows):
                answer[:, seen] = self._answers(rows).T
        return torch.from_numpy(scores)

    def _answers(self, features_nF: np.ndarray) -> np.ndarray:
        """Probabilities float32 (n, K)."""
        parts = np.array_split(features_nF, -(-len(features_nF) // _AT_ONCE))
        known = list(reading_threads(usable_cpus()).map(self._forest.predict_proba, parts))
        answers = np.zeros((len(features_nF), self.outputs.channels), np.float32)
        answers[:, self._forest.classes_] = np.concatenate(known)
        return answers
