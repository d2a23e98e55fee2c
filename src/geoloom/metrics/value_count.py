"""The count behind an evaluation of values: those of a model or map, matched by name to those of the truth.

Legend: K values of the map, L values of the truth, H rows, W columns.
"""

from __future__ import annotations

import numpy as np

from ..core.errors import ModelError
from ..core.outputs import ValueOutputs
from .value_accuracy import ValueAccuracy
from .value_tally import ValueTally


class ValueCount:
    """Sums values against truth.

    Args:
        outputs: What the map holds.
        truth: What the truth holds; one value alone on each side is the same one, whatever its name.
        source: Where the truth comes from, for messages.

    Raises:
        ModelError: the truth lacks a value, or holds it in another unit.
    """

    def __init__(self, outputs: ValueOutputs, truth: ValueOutputs, source: str) -> None:
        self.tally = ValueTally.empty(outputs.channels)
        self._outputs = outputs
        self._order = match_values(outputs, truth, source)

    def add_scores(self, truth: np.ndarray, scores: np.ndarray, counted: np.ndarray) -> None:
        """Count values.

        Args:
            truth: float (L, H, W), NaN = unknown.
            scores: float (K, H, W), finite wherever counted and known.
            counted: Bool (H, W).
        """
        known = np.where(counted, truth[self._order], np.nan)
        self.tally += ValueTally.of(known.reshape(len(known), -1), scores.reshape(len(scores), -1))

    def take(self, other: ValueCount) -> None:
        """Count also what another has counted of the same map and truth."""
        self.tally += other.tally

    def report(self) -> ValueAccuracy:
        """All figures.

        Raises:
            ModelError: nothing was counted.
        """
        if not self.tally.count.any():
            raise ModelError(
                "no pixel has both a prediction and a known value to compare it with; check that they overlap"
            )
        return self.tally.report(self._outputs)


def match_values(outputs: ValueOutputs, truth: ValueOutputs, source: str) -> list[int]:
    """Where each of the map's values stands in the truth; arguments and errors as of `ValueCount`.

    Example:
        >>> match_values(ValueOutputs(("b",), ("m",)), ValueOutputs(("height",), ("m",)), "truth.tif")
        [0]
    """
    one = outputs.channels == truth.channels == 1
    order = [0] if one else _order(outputs, truth, source)
    for name, unit, at in zip(outputs.names, outputs.units, order, strict=True):
        if None not in (unit, truth.units[at]) and unit != truth.units[at]:
            raise ModelError(
                f"{source} holds {truth.names[at]} in {truth.units[at]}, the map holds {name} in {unit}; "
                "convert one of them"
            )
    return order


def _order(outputs: ValueOutputs, truth: ValueOutputs, source: str) -> list[int]:
    """Where each of the map's values stands in the truth, by name."""
    for name in outputs.names:
        if name not in truth.names:
            raise ModelError(
                f"{source} holds {', '.join(truth.names)}, the map {', '.join(outputs.names)}: give truth "
                "whose bands bear these names"
            )
    return [truth.names.index(name) for name in outputs.names]
