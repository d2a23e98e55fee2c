"""Numbered samples divided among training, test and validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, Self, TypeVar

from ..core.errors import DatasetError, suggest
from .report import Divided, SplitReport


class Dividable(Divided, Protocol):
    """Samples that a rule can divide, such as a `SampleDataset`."""

    def with_splits(self, splits: Any) -> Self:
        """The same, divided."""
        ...

    def split(self, name: str) -> Self:
        """Those of a split."""
        ...

    @property
    def splits(self) -> dict[str, int]:
        """How many samples each split has."""
        ...


D = TypeVar("D", bound=Dividable)


@dataclass(frozen=True, eq=False)
class SampleDivision(Mapping[str, D], Generic[D]):
    """The parts of numbered samples by the names of their splits; `division.train` and the like, too.

    Example:
        >>> train, val = division["train"], division.val     # doctest: +SKIP
        >>> print(division.report.require(gap_m=500))        # doctest: +SKIP
    """

    whole: D
    """All samples, each in its split or in none: what `gl.train` takes."""

    @property
    def train(self) -> D:
        """What to learn from."""
        return self["train"]

    @property
    def test(self) -> D:
        """What is held out."""
        return self["test"]

    @property
    def val(self) -> D:
        """What chooses the weights."""
        return self["val"]

    @cached_property
    def report(self) -> SplitReport:
        """Samples and classes of each split, ground that splits share, and gaps between them: measured."""
        return SplitReport.of(self.whole)

    def __getitem__(self, name: str) -> D:
        if name not in self.whole.splits:
            raise DatasetError(
                f"the division has no part {name!r}{suggest(name, self.whole.splits)}"
            )
        return self.whole.split(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.whole.splits)

    def __len__(self) -> int:
        return len(self.whole.splits)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {count} samples" for name, count in self.whole.splits.items())
        return f"{type(self).__name__}({counts})"
