"""What all counts have in common: batches are summed, and figures are taken once, from the sum."""

from __future__ import annotations

from typing import Any, Protocol, Self

from ..core.outputs import Outputs


class Tally(Protocol):
    """Counts over some pixels or images. Frozen, and small enough to send to another process.

    `a + b` counts both, whatever the order; so a count does not depend on how its pixels were cut into
    batches or divided among processes.
    """

    def __add__(self, other: Self) -> Self:
        """The count of both.

        Raises:
            ModelError: they count different things.
        """

    def report(self, outputs: Outputs) -> Report:
        """All figures, for what a network of these outputs gave."""


class Report(Protocol):
    """The figures of a tally."""

    @property
    def counted(self) -> int:
        """How many pixels or images were counted."""

    def headline(self) -> dict[str, float]:
        """The few figures by which a training is followed, the main one first; NaN where there is none."""

    def by_name(self) -> dict[str, float]:
        """Figures of single classes or values, such as `iou/forest`; NaN where there is none."""

    def text(self) -> str:
        """All figures for people, in lines."""

    def to_dict(self, *, curves: bool = True) -> dict[str, Any]:
        """Plain values for JSON; curves and scatters, which are long, may be left out."""
