"""What is summed over a map: the one count from which all figures follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.errors import ModelError
from ..core.outputs import Outputs
from .accuracy import Accuracy
from .confusion import confusion_matrix
from .curves import BINS, score_histograms

_LEAST = np.finfo(np.float32).tiny
_ROUNDING = 1e-3
"""By how much means of probabilities may pass 0 and 1."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassTally:
    """Counts over some pixels. `a + b` counts the pixels of both.

    Example:
        >>> truth, valid = np.array([0, 1, 1]), np.array([True, True, False])
        >>> first = ClassTally.of_classes(truth, np.array([0, 0, 1]), 2, valid)
        >>> (first + first).matrix.tolist()
        [[2, 0], [2, 0]]
    """

    matrix: np.ndarray
    """int64 (K, K), rows = truth, columns = prediction."""
    histograms: np.ndarray
    """int64 (K, 2, BINS); empty of counts where only classes were given."""
    log_loss: float
    """Sum of -log(probability of the true class), natural logarithm, over the scored pixels."""
    scored: int
    """Pixels whose probabilities were given."""

    @classmethod
    def empty(cls, k: int) -> ClassTally:
        """No pixels of k classes."""
        return cls(np.zeros((k, k), np.int64), np.zeros((k, 2, BINS), np.int64), 0.0, 0)

    @classmethod
    def of_classes(
        cls, truth: np.ndarray, predicted: np.ndarray, k: int, valid: np.ndarray | None = None
    ) -> ClassTally:
        """Count a map of classes, without probabilities. Arguments as `confusion_matrix`."""
        none = cls.empty(k)
        return cls(confusion_matrix(truth, predicted, k, valid), none.histograms, 0.0, 0)

    @classmethod
    def of_probabilities(
        cls, truth: np.ndarray, probabilities: np.ndarray, valid: np.ndarray | None = None
    ) -> ClassTally:
        """Count probabilities.

        Args:
            truth: Integers, class positions 0..K-1 wherever valid: (H, W) or (B, H, W).
            probabilities: float (K, H, W) or (B, K, H, W), in [0, 1], finite wherever valid.
            valid: Bool, shaped as `truth`; True = to be counted.

        Raises:
            ModelError: shapes do not agree, or a valid pixel holds another class, or what is no probability.
        """
        scores = np.moveaxis(np.asarray(probabilities), -3, 0)
        wanted = np.asarray(truth)
        if scores.shape[1:] != wanted.shape:
            raise ModelError(
                f"probabilities have shape {np.shape(probabilities)}, truth {wanted.shape}; "
                "expected (..., K, H, W) and (..., H, W)"
            )
        k = scores.shape[0]
        counted = np.ones(wanted.shape, bool) if valid is None else np.asarray(valid, bool)
        scores, wanted = scores[:, counted], wanted[counted]
        if not np.isfinite(scores).all():
            raise ModelError(
                "probabilities hold NaN or infinity at valid pixels; check the model's output"
            )
        if scores.size and (scores.min() < -_ROUNDING or scores.max() > 1 + _ROUNDING):
            raise ModelError(
                f"probabilities lie in {scores.min():.4g} to {scores.max():.4g} at valid pixels; expected 0 "
                "to 1: put a softmax or sigmoid behind the model's scores"
            )
        matrix = confusion_matrix(wanted, scores.argmax(axis=0), k)
        chances = np.take_along_axis(scores, wanted[None].astype(np.int64), axis=0)[0]
        losses = -np.log(np.maximum(chances, _LEAST), dtype=np.float64)
        return cls(matrix, score_histograms(scores, wanted), float(losses.sum()), wanted.size)

    def widened(self, k: int) -> ClassTally:
        """The same pixels among k classes, of which those behind ours are never true and never given.

        Example:
            >>> ClassTally.of_classes(np.array([0]), np.array([0]), 1).widened(2).matrix.tolist()
            [[1, 0], [0, 0]]
        """
        return self.placed(range(len(self.matrix)), k)

    def placed(self, positions: Sequence[int], k: int) -> ClassTally:
        """The same pixels among k classes, ours at these positions; others are never true or given.

        Example:
            >>> ClassTally.of_classes(np.array([0]), np.array([0]), 1).placed([1], 2).matrix.tolist()
            [[0, 0], [0, 1]]
        """
        wide = ClassTally.empty(k)
        where = np.asarray(positions, np.int64)
        wide.matrix[np.ix_(where, where)] = self.matrix
        wide.histograms[:, 0, 0] = self.scored  # of the others the probability was 0
        wide.histograms[where] = self.histograms
        return ClassTally(wide.matrix, wide.histograms, self.log_loss, self.scored)

    def report(self, outputs: Outputs) -> Accuracy:
        """All figures, for classes of these outputs."""
        return Accuracy.of(self, outputs.names, "image" if outputs.gives == "image" else "pixel")

    def __add__(self, other: ClassTally) -> ClassTally:
        if self.matrix.shape != other.matrix.shape:
            raise ModelError(
                f"counts of {len(self.matrix)} and of {len(other.matrix)} classes cannot be summed"
            )
        return ClassTally(
            self.matrix + other.matrix,
            self.histograms + other.histograms,
            self.log_loss + other.log_loss,
            self.scored + other.scored,
        )
