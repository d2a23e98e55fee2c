"""What is summed over a map of values: the one count from which all figures of a regression follow.

Legend: K values, N pixels or images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ModelError
from ..core.outputs import Outputs, ValueOutputs
from .scatter import Scatter
from .value_accuracy import ValueAccuracy

Sums = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ValueTally:
    """Sums over some pixels, value by value. `a + b` counts the pixels of both.

    The spread of the truth is kept as mean and squared deviations from it (Chan et al. 1979), so that values
    far from 0, such as temperatures in kelvin, lose nothing.

    Example:
        >>> tally = ValueTally.of(np.array([[1.0, 3.0, np.nan]]), np.array([[2.0, 3.0, 9.0]]))
        >>> tally.count.tolist(), tally.absolute.tolist()
        ([2], [1.0])
    """

    count: NDArray[np.int64]
    """(K,), pairs of a known truth and a prediction."""
    error: Sums
    """(K,), of prediction - truth, in the value's unit; as all sums here."""
    absolute: Sums
    """(K,), of its absolute value."""
    squared: Sums
    """(K,), of its square."""
    mean: Sums
    """(K,), of the truth; 0 where there is none."""
    deviation: Sums
    """(K,), summed squared deviations of the truth from its mean."""
    scatters: tuple[Scatter, ...]
    """Of each value."""

    @classmethod
    def empty(cls, k: int) -> ValueTally:
        """No pixels of k values."""
        zeros = np.zeros(k)
        scatters = (Scatter.empty(),) * k
        return cls(np.zeros(k, np.int64), zeros, zeros, zeros, zeros, zeros, scatters)

    @classmethod
    def of(cls, truth_KN: np.ndarray, predicted_KN: np.ndarray) -> ValueTally:
        """Count values.

        Args:
            truth_KN: float (K, N) in the values' units; NaN = unknown, not counted.
            predicted_KN: float (K, N), likewise, finite wherever the truth is known.

        Raises:
            ModelError: shapes differ, or a prediction is not a number where the truth is known.
        """
        if truth_KN.shape != predicted_KN.shape or truth_KN.ndim != 2:
            raise ModelError(
                f"predictions have shape {predicted_KN.shape}, truth {truth_KN.shape}; expected (K, N)"
            )
        pairs = [_known(*pair) for pair in zip(truth_KN, predicted_KN, strict=True)]
        errors = [predicted - truth for truth, predicted in pairs]
        means = [truth.mean() if truth.size else 0.0 for truth, _ in pairs]
        return cls(
            count=np.array([error.size for error in errors], np.int64),
            error=np.array([error.sum() for error in errors]),
            absolute=np.array([np.abs(error).sum() for error in errors]),
            squared=np.array([np.square(error).sum() for error in errors]),
            mean=np.array(means),
            deviation=np.array(
                [
                    np.square(truth - mean).sum()
                    for (truth, _), mean in zip(pairs, means, strict=True)
                ]
            ),
            scatters=tuple(Scatter.of(truth, predicted) for truth, predicted in pairs),
        )

    def __add__(self, other: ValueTally) -> ValueTally:
        if len(self.count) != len(other.count):
            raise ModelError(
                f"counts of {len(self.count)} and of {len(other.count)} values cannot be summed"
            )
        count = self.count + other.count
        share = np.divide(other.count, count, out=np.zeros(len(count)), where=count > 0)
        apart = other.mean - self.mean
        return ValueTally(
            count,
            self.error + other.error,
            self.absolute + other.absolute,
            self.squared + other.squared,
            self.mean + apart * share,
            self.deviation + other.deviation + apart**2 * self.count * share,
            tuple(a + b for a, b in zip(self.scatters, other.scatters, strict=True)),
        )

    def report(self, outputs: Outputs) -> ValueAccuracy:
        """All figures.

        Raises:
            ModelError: the outputs are not values, or of another number.
        """
        if not isinstance(outputs, ValueOutputs) or outputs.channels != len(self.count):
            raise ModelError(
                f"{len(self.count)} values were counted; {outputs.short} were asked for"
            )
        return ValueAccuracy.of_sums(
            outputs.names,
            outputs.units,
            self.count,
            (self.error, self.absolute, self.squared),
            (self.mean, self.deviation),
            self.scatters,
        )


def _known(truth: np.ndarray, predicted: np.ndarray) -> tuple[Sums, Sums]:
    """The pairs with a known truth."""
    known = np.isfinite(truth)
    t, p = truth[known].astype(np.float64), predicted[known].astype(np.float64)
    wrong = np.count_nonzero(~np.isfinite(p))
    if wrong:
        raise ModelError(
            f"{wrong} of {p.size} predictions are NaN or infinite where the truth is known; check the model's"
            " output"
        )
    return t, p
