"""A part of some work that is done piece by piece, in order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One of several even parts, each of successive pieces.

    Example:
        >>> [list(Part(i, 2).of_pieces(5)) for i in range(2)]
        [[0, 1], [2, 3, 4]]
    """

    index: int
    """Which, from 0."""
    count: int
    """Of how many."""

    def of_pieces(self, pieces: int) -> range:
        """Which of the pieces belong to it; together, the parts have each once."""
        return range(pieces * self.index // self.count, pieces * (self.index + 1) // self.count)


WHOLE = Part(0, 1)
