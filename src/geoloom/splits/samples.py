"""Samples divided among training, test and validation by what is known of each: its class, or any column."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ConfigError, suggest
from .names import SPLITS, Split
from .rules import check_shares

Columns = Mapping[str, NDArray[Any]]
"""What is known of n samples: a name, and (n,) values."""


@dataclass(frozen=True, slots=True)
class ClassSplit:
    """Samples dealt out at random, class by class, so that each split has its share of every class.

    The samples of a class are dealt alike, whatever other classes there are. Right for pictures of different
    places; where several show one place, keep them together by a `ColumnSplit`.

    Raises:
        ConfigError: the shares are impossible.

    Example:
        >>> kinds = np.array(["forest"] * 10 + ["river"] * 20)
        >>> splits = ClassSplit(test=0.2, val=0.1, seed=0).split_of({"class": kinds})
        >>> [int((splits[kinds == "river"] == name).sum()) for name in ("train", "test", "val")]
        [14, 4, 2]
    """

    test: float = 0.2
    """Share of the samples of each class, 0..1; a class of few is rounded."""
    val: float = 0.2
    seed: int = 0
    column: str = "class"
    """What is to have its share in each split."""

    def __post_init__(self) -> None:
        check_shares(self.test, self.val)

    def split_of(self, columns: Columns) -> NDArray[Any]:
        """The name of the split of each sample, (n,) objects.

        Raises:
            ConfigError: there is no such column.
        """
        values = _column(columns, self.column).astype(str)
        splits = np.full(len(values), "train", object)
        for value in np.unique(values):
            rows = np.flatnonzero(values == value)
            seeds = self.seed, zlib.crc32(value.encode())
            dealt = np.random.default_rng(seeds).permutation(rows)
            tests, vals = round(len(rows) * self.test), round(len(rows) * self.val)
            splits[dealt[:tests]] = "test"
            splits[dealt[tests : tests + vals]] = "val"
        return splits


@dataclass(frozen=True, slots=True)
class ColumnSplit:
    """Samples divided by the values of a column, such as a city, a flight or a year: all of a value together.

    Raises:
        ConfigError: a split has another name, or a value is given to two.

    Example:
        >>> cities = ColumnSplit("city", {"train": ["Lima"], "test": ["Cusco"]})
        >>> cities.split_of({"city": np.array(["Cusco", "Lima", "Potosi"])}).tolist()
        ['test', 'train', None]
    """

    column: str
    splits: Mapping[Split, Sequence[Any]] | None = field(default=None, hash=False)
    """The values that go to each split, compared as text; other samples are in none. None: the values are the
    splits' names."""

    def __post_init__(self) -> None:
        given: dict[str, str] = {}
        for split, values in (self.splits or {}).items():
            _check_name(split)
            for value in map(str, [values] if isinstance(values, str) else values):
                if given.setdefault(value, split) != split:
                    raise ConfigError(
                        f"{self.column} {value!r} is given to both {given[value]} and {split}; a value "
                        "belongs to one split"
                    )

    def split_of(self, columns: Columns) -> NDArray[Any]:
        """The name of the split of each sample, (n,) objects; None where it is in none.

        Raises:
            ConfigError: there is no such column, or a value that is given does not occur in it.
        """
        values = [str(value) for value in _column(columns, self.column)]
        if self.splits is None:
            for value in sorted(set(values)):
                _check_name(value)
            return np.array(values, object)
        table = {
            str(value): split
            for split, wanted in self.splits.items()
            for value in ([wanted] if isinstance(wanted, str) else wanted)
        }
        for value in table:
            if value not in set(values):
                raise ConfigError(
                    f"no sample has {self.column} {value!r}{suggest(value, set(values))}"
                )
        return np.array([table.get(value) for value in values], object)


SampleSplit = ClassSplit | ColumnSplit


def _column(columns: Columns, name: str) -> NDArray[Any]:
    if name not in columns:
        raise ConfigError(
            f"nothing called {name!r} is known of the samples{suggest(name, columns)}"
        )
    return columns[name]


def _check_name(split: str) -> None:
    if split not in SPLITS:
        raise ConfigError(f"unknown split {split!r}{suggest(split, SPLITS)}")
