"""Truth and prediction as a table of counts whose bins follow from the values, not from their order.

Bins are as wide as a power of two and begin at a whole multiple of it. So a narrower table becomes the wider
one by adding up neighbours, exactly, and the width that a sum of tables needs follows from the range of all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 128
"""Along each axis, at most."""

_FINEST = 31
"""Bins are never narrower than the largest value over two to this power: their numbers stay whole."""

_SMALLEST = -1074
"""Exponent of the smallest number above 0: for values that are all 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """How often which truth met which prediction. `a + b` counts both.

    Example:
        >>> one = Scatter.of(np.array([0.0, 100.0]), np.array([0.0, 101.0]))
        >>> one.width, int(one.counts.sum()), one.edges()[[0, -1]].tolist()
        (1.0, 2, [0.0, 128.0])
    """

    exponent: int
    """Bins are 2 ** exponent wide."""
    origin: int
    """Number of the first bin, on both axes: it begins at origin * width."""
    counts: NDArray[np.int64]
    """(BINS, BINS), rows = truth, columns = prediction."""

    @classmethod
    def empty(cls) -> Scatter:
        """No pixel."""
        return cls(0, 0, np.zeros((BINS, BINS), np.int64))

    @classmethod
    def of(cls, truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> Scatter:
        """Count pairs.

        Args:
            truth, predicted: (N,), finite.
        """
        if not truth.size:
            return cls.empty()
        least = min(float(truth.min()), float(predicted.min()))
        most = max(float(truth.max()), float(predicted.max()))
        exponent = _exponent(least, most)
        origin = _bin(least, exponent)
        rows = np.floor(np.ldexp(truth, -exponent)).astype(np.int64) - origin
        cols = np.floor(np.ldexp(predicted, -exponent)).astype(np.int64) - origin
        counts = np.bincount(rows * BINS + cols, minlength=BINS * BINS)
        return cls(exponent, origin, counts.reshape(BINS, BINS))

    @property
    def width(self) -> float:
        """Of a bin, in the values' unit."""
        return math.ldexp(1.0, self.exponent)

    def edges(self) -> NDArray[np.float64]:
        """Of the bins, float64 (BINS + 1,), in the values' unit."""
        return np.arange(self.origin, self.origin + BINS + 1, dtype=np.float64) * self.width

    def __add__(self, other: Scatter) -> Scatter:
        parts = [part for part in (self, other) if part.counts.any()]
        if len(parts) < 2:
            return parts[0] if parts else self
        exponent = max(part.exponent for part in parts)
        while True:
            spans = [part._span(exponent) for part in parts]
            origin = min(first for first, _ in spans)
            if max(last for _, last in spans) - origin < BINS:
                break
            exponent += 1
        counts = np.zeros((BINS, BINS), np.int64)
        for part in parts:
            part._add_to(counts, exponent, origin)
        return Scatter(exponent, origin, counts)

    def _span(self, exponent: int) -> tuple[int, int]:
        """First and last bin that holds something, at another width."""
        used = np.flatnonzero(self.counts.any(axis=0) | self.counts.any(axis=1))
        shift = exponent - self.exponent
        return (self.origin + int(used[0])) >> shift, (self.origin + int(used[-1])) >> shift

    def _add_to(self, counts: NDArray[np.int64], exponent: int, origin: int) -> None:
        rows, cols = np.nonzero(self.counts)
        shift = exponent - self.exponent
        places = ((rows + self.origin) >> shift) - origin, ((cols + self.origin) >> shift) - origin
        np.add.at(counts, places, self.counts[rows, cols])


def _exponent(least: float, most: float) -> int:
    """Of the narrowest bins of which BINS reach from one value to the other."""
    largest = max(abs(least), abs(most))
    exponent = math.frexp(largest)[1] - _FINEST if largest else _SMALLEST
    while _bin(most, exponent) - _bin(least, exponent) >= BINS:
        exponent += 1
    return exponent


def _bin(value: float, exponent: int) -> int:
    return math.floor(math.ldexp(value, -exponent))
