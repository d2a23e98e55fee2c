"""Samples divided among training, test and validation by what is known of each: its class, or any column."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ConfigError, suggest
from .leaks import warn_of_shared_ground
from .names import SPLITS, TEST, TRAIN, VAL, Split
from .sample_ground import Codes, Grids, deal_units, split_names
from .shares import check_shares
from .stratify.classes import Columns, SampleClasses, warn_of_lacking


@dataclass(frozen=True, slots=True)
class ClassSplit:
    """Samples dealt out at random, class by class, so that each split has its share of every class.

    The samples of a class are dealt alike, whatever other classes there are; a class of as many samples as
    there are splits is in each, and the log names those of fewer. Right for pictures of different places;
    where several show one place, keep them together by a `GroupSplit`, or by where they lie (`SceneSplit`,
    `BlockSplit`).

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

    def shares(self) -> tuple[float, float, float]:
        """Of train, test and val, summing to 1."""
        return 1 - self.test - self.val, self.test, self.val

    def split_of(self, columns: Columns, grids: Grids = None) -> NDArray[Any]:
        """The name of the split of each sample, (n,) objects.

        Args:
            columns: What is known of each sample.
            grids: Where each lies; a warning counts those that share ground with one of another split.

        Raises:
            ConfigError: there is no such column.
        """
        values = _column(columns, self.column).astype(str)
        kinds, position = np.unique(values, return_inverse=True)
        codes: Codes = np.full(len(values), TRAIN, np.int8)
        by_kind = np.argsort(position.ravel(), kind="stable")
        for value, rows in zip(
            kinds, np.split(by_kind, np.cumsum(np.bincount(position.ravel()))[:-1]), strict=True
        ):
            seeds = self.seed, zlib.crc32(value.encode())
            dealt = np.random.default_rng(seeds).permutation(rows)
            tests, vals = self._counts(len(rows))
            codes[dealt[:tests]] = TEST
            codes[dealt[tests : tests + vals]] = VAL
        wanted = [code for code, share in enumerate(self.shares()) if share > 0]
        warn_of_lacking(SampleClasses.of_columns(columns, self.column), codes, wanted)
        warn_of_shared_ground(codes, grids)
        return split_names(codes)

    def _counts(self, samples: int) -> tuple[int, int]:
        """Of a class, how many to test and to val: the shares, rounded; at least one to each split where
        there are as many."""
        counts = np.array([round(samples * share) for share in self.shares()[1:]])
        needed = np.array([share > 0 for share in self.shares()[1:]])
        if samples > needed.sum():
            counts = np.maximum(counts, needed)
            while counts.sum() >= samples:
                counts[counts.argmax()] -= 1
        return int(counts[0]), int(counts[1])


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

    def split_of(self, columns: Columns, grids: Grids = None) -> NDArray[Any]:
        """The name of the split of each sample, (n,) objects; None where it is in none.

        Args:
            columns: What is known of each sample.
            grids: Where each lies, which does not matter here.

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


@dataclass(frozen=True, slots=True)
class GroupSplit:
    """Whole groups of samples dealt out at random, such as all of a city, a flight or a farm.

    Each split gets about its share of the samples and of every class; a class that as many groups hold as
    there are splits is in each, as far as single groups can bring it there, and the log names the others.

    Raises:
        ConfigError: the shares are impossible.

    Example:
        >>> flights = np.repeat(["a", "b", "c", "d", "e"], 20)
        >>> splits = GroupSplit("flight", seed=0).split_of({"flight": flights})
        >>> sorted(set(splits[flights == "a"])), [int((splits == s).sum()) for s in ("train", "test", "val")]
        (['train'], [60, 20, 20])
    """

    column: str
    """What says to which group a sample belongs."""
    test: float = 0.2
    """Share of the samples, 0..1, as nearly as whole groups allow."""
    val: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        check_shares(self.test, self.val)

    def shares(self) -> tuple[float, float, float]:
        """Of train, test and val, summing to 1."""
        return 1 - self.test - self.val, self.test, self.val

    def split_of(self, columns: Columns, grids: Grids = None) -> NDArray[Any]:
        """The name of the split of each sample, (n,) objects.

        Args:
            columns: What is known of each sample; of `class` or `label`, each split gets its share.
            grids: Where each lies; a warning counts those that share ground with one of another split.

        Raises:
            ConfigError: there is no such column, or there are fewer groups than splits.
        """
        values = _column(columns, self.column).astype(str)
        classes = SampleClasses.of_columns(columns)
        what = f"groups of one {self.column}"
        codes, group_of = deal_units(values, classes, self.shares(), self.seed, what)
        wanted = [code for code, share in enumerate(self.shares()) if share > 0]
        warn_of_lacking(classes, codes, wanted, group_of, "group")
        warn_of_shared_ground(codes, grids)
        return split_names(codes)


def _column(columns: Columns, name: str) -> NDArray[Any]:
    if name not in columns:
        raise ConfigError(
            f"nothing called {name!r} is known of the samples{suggest(name, columns)}"
        )
    return columns[name]


def _check_name(split: str) -> None:
    if split not in SPLITS:
        raise ConfigError(f"unknown split {split!r}{suggest(split, SPLITS)}")
