"""A division, measured: samples and classes of each split, ground that splits share, gaps between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ..core.classes import Classes
from ..core.errors import ChipError, ConfigError
from ..core.outputs import ClassOutputs
from ..datasets.region import Region
from .gaps.moments import Moments
from .gaps.places import Places, placed
from .gaps.separation import Separation
from .names import SPLITS, Split
from .sample_ground import Codes, Grids
from .stratify.classes import SampleClasses

_ORDER: tuple[Split, ...] = ("train", "val", "test")
_TELLING = (("file",), ("source", "row", "col"))
"""Columns by which a sample is named."""
_LABELS = ("class", "label", "multilabel")


class Divided(Protocol):
    """Numbered samples, each of which may be in a split: a `SampleDataset`, a `ChipStore`."""

    def __len__(self) -> int: ...

    @property
    def table(self) -> Any:
        """What is known of each sample, a row each, with its `split`."""
        ...

    def grid(self, i: int) -> GeoBox | None:
        """Where sample `i` lies."""
        ...


@dataclass(frozen=True, slots=True)
class SplitPair:
    """Two splits, and what is between them."""

    one: Split
    other: Split
    overlap_km2: float | None
    """Ground that both have, square kilometres of the ellipsoid; None where samples have no place."""
    sharing: tuple[int, int]
    """How many samples of the first lie on ground of the second, and of the second on ground of the first."""
    gap_m: float | None
    """Between their nearest places, metres; 0 where they touch or overlap; None as above."""
    nearest: tuple[str, str] | None
    """The two samples that are so near."""
    gap_days: float | None
    """Between their nearest times; 0 where they meet, None where a sample has no date."""
    nearest_in_time: tuple[str, str] | None

    def __str__(self) -> str:
        if self.gap_m is None or self.overlap_km2 is None:
            where = "it is not known where they lie"
        elif self.overlap_km2:
            where = (
                f"{self.overlap_km2:.4g} km2 in common ({self.sharing[0]} of {self.one}, "
                f"{self.sharing[1]} of {self.other})"
            )
        else:
            where = f"no ground in common, {self.gap_m:.4g} m apart"
        days = "" if self.gap_days is None else f", {self.gap_days:.4g} days apart"
        return f"{self.one} and {self.other}: {where}{days}"


@dataclass(frozen=True, slots=True)
class SplitReport:
    """A division, measured.

    Example:
        >>> columns = {"class": np.array(["a", "a", "b"]), "split": np.array(["train", "test", "train"])}
        >>> report = SplitReport.of_columns(columns)
        >>> report.samples, report.lacking
        ({'train': 2, 'test': 1}, {'b': ('test',)})
    """

    samples: Mapping[str, int]
    """How many samples, or scenes, each split has."""
    undivided: int
    """How many are in no split."""
    classes: Mapping[str, Mapping[str, int]]
    """How many samples of each class each split has; empty where samples have no classes."""
    pairs: tuple[SplitPair, ...]
    """Each two splits."""

    @classmethod
    def of(cls, samples: Divided, *, read_masks: bool = False) -> Self:
        """Of numbered samples that are divided: a dataset with splits, a chip store, a benchmark.

        Args:
            samples: `SampleDataset`, `ChipStore` or alike.
            read_masks: Look into the masks for the classes that samples show, where there are masks.

        Raises:
            ConfigError: no sample is in a split.
            ChipError, ReadError: a file is damaged.
        """
        columns = columns_of(samples)
        classes = _of_masks(samples) if read_masks else None
        return cls.of_columns(
            columns, grids_of(samples), classes=classes or _classes(samples, columns)
        )

    @classmethod
    def of_columns(
        cls,
        columns: Mapping[str, NDArray[Any]],
        grids: Grids = None,
        *,
        classes: SampleClasses | None = None,
    ) -> Self:
        """From what is known of samples.

        Args:
            columns: (n,) values by name; `split` names the split of each, None or another name is none.
            grids: Where each lies; None where that is unknown.
            classes: Of each; None: by the column `class`, or `label`.

        Raises:
            ConfigError: no sample is in a split.
        """
        splits = np.asarray(columns.get("split", ()), object)
        codes: Codes = np.full(len(splits), -1, np.int8)
        for code, name in enumerate(SPLITS):
            codes[splits == name] = code
        if not (codes >= 0).any():
            raise ConfigError(
                "the samples are not divided, so that there is nothing to measure; divide them first "
                "(with_splits)"
            )
        classes = classes or SampleClasses.of_columns(columns)
        known = placed(grids)
        wholly = grids is not None and len(known) == len(codes) and bool(known[codes >= 0].all())
        moments = Moments.of_columns(columns)
        there = [name for name in _ORDER if (codes == SPLITS.index(name)).any()]
        rows = {name: np.flatnonzero(codes == SPLITS.index(name)) for name in there}
        places: dict[str, Places] = {}
        if wholly and grids is not None:
            whole = Places.of_grids([grids[i] for own in rows.values() for i in own])  # type: ignore[call-overload]
            starts = np.cumsum([0, *map(len, rows.values())]).tolist()
            for name, (start, stop) in zip(rows, pairwise(starts), strict=True):
                places[name] = whole.take(slice(start, stop))
        times = {} if moments is None else {name: moments.take(own) for name, own in rows.items()}
        pairs = []
        for one, other in combinations(there, 2):
            found = Separation.between(
                places.get(one), places.get(other), times.get(one), times.get(other)
            )
            names = [lambda i, own=rows[name]: _name(columns, int(own[i])) for name in (one, other)]
            pairs.append(_pair(one, other, found, names))
        table: dict[str, dict[str, int]] = {}
        if classes is not None:
            for kind, counts in zip(classes.names, classes.per_split(codes), strict=True):
                table[kind] = {split: int(counts[SPLITS.index(split)]) for split in there}
        return cls(
            {name: len(own) for name, own in rows.items()},
            int((codes < 0).sum()),
            table,
            tuple(pairs),
        )

    @classmethod
    def of_regions(cls, parts: Mapping[Split, Sequence[Region]]) -> Self:
        """Of the regions of each split."""
        there = [name for name in _ORDER if name in parts]
        pairs = []
        for one, other in combinations(there, 2):
            names = [
                lambda i, own=parts[name]: own[i].name or f"scene {i}" for name in (one, other)
            ]
            pairs.append(_pair(one, other, Separation.of(parts[one], parts[other]), names))
        return cls({name: len(parts[name]) for name in there}, 0, {}, tuple(pairs))

    @property
    def lacking(self) -> dict[str, tuple[str, ...]]:
        """Classes of which a split has no sample, and those splits; a class that no split has is left out."""
        missing = {
            name: tuple(split for split, count in counts.items() if not count)
            for name, counts in self.classes.items()
            if any(counts.values())
        }
        return {name: splits for name, splits in missing.items() if splits}

    def require(
        self,
        *,
        gap_m: float | None = None,
        gap_days: float | None = None,
        no_overlap: bool = False,
        classes: bool = False,
    ) -> Self:
        """The report, if the division is as wanted.

        Args:
            gap_m: Least gap between the places of each two splits, metres.
            gap_days: Least gap between their times.
            no_overlap: No ground in common; they may touch.
            classes: Each class in each split.

        Raises:
            ConfigError: it is not; the message names the two samples that are nearest.
        """
        for pair in self.pairs:
            if gap_m is not None:
                _require(pair, "gap_m", pair.gap_m, gap_m, "m", pair.nearest)
            if gap_days is not None:
                _require(pair, "gap_days", pair.gap_days, gap_days, "days", pair.nearest_in_time)
            if no_overlap and pair.overlap_km2 is None:
                raise ConfigError(_unknown(pair, "gap_m"))
            if no_overlap and pair.overlap_km2:
                raise ConfigError(f"{pair}, such as {' and '.join(pair.nearest or ())}; {_INSTEAD}")
        if classes and self.lacking:
            name, splits = next(iter(self.lacking.items()))
            more = f", and {len(self.lacking) - 1} further classes" if len(self.lacking) > 1 else ""
            raise ConfigError(
                f"no sample for {' and '.join(splits)} is of class {name}{more}; label more of it, or choose "
                "another seed, or smaller blocks"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """As values that JSON has."""
        return {
            "samples": dict(self.samples),
            "undivided": self.undivided,
            "classes": {name: dict(counts) for name, counts in self.classes.items()},
            "lacking": {name: list(splits) for name, splits in self.lacking.items()},
            "pairs": [
                {
                    "splits": [pair.one, pair.other],
                    "overlap_km2": pair.overlap_km2,
                    "sharing": list(pair.sharing),
                    "gap_m": pair.gap_m,
                    "nearest": None if pair.nearest is None else list(pair.nearest),
                    "gap_days": pair.gap_days,
                    "nearest_in_time": None
                    if pair.nearest_in_time is None
                    else list(pair.nearest_in_time),
                }
                for pair in self.pairs
            ],
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count}" for name, count in self.samples.items())
        lines = [f"{counts}{f', in no split {self.undivided}' if self.undivided else ''}"]
        lines += map(str, self.pairs)
        lines += [
            f"no sample for {' and '.join(splits)} is of class {name}"
            for name, splits in self.lacking.items()
        ]
        return "\n".join(lines)


_INSTEAD = (
    "divide by where they lie with a larger buffer (BlockSplit(buffer_m=...), --buffer-px), or keep what "
    "shares ground together (SceneSplit)"
)


def columns_of(samples: Divided) -> dict[str, NDArray[Any]]:
    """What is known of each sample, by name."""
    table = samples.table
    return {str(name): table[name].to_numpy() for name in table.columns}


def grids_of(samples: Divided) -> list[GeoBox | None]:
    """Where each sample lies; None where that is unknown."""
    grids: list[GeoBox | None] = []
    for number in range(len(samples)):
        try:
            grids.append(samples.grid(number))
        except ChipError:  # a store's chips without a CRS
            grids.append(None)
    return grids


def _classes(samples: Any, columns: Mapping[str, NDArray[Any]]) -> SampleClasses | None:
    """Those of a column, by the names that the dataset has for them."""
    column = next((name for name in _LABELS if name in columns), None)
    if column is None:
        return None
    found = SampleClasses.of_columns(columns, column if column == "multilabel" else None)
    classes = getattr(samples, "classes", None) or getattr(
        getattr(samples, "outputs", None), "classes", None
    )
    if found is None or column == "class" or not isinstance(classes, Classes):
        return found
    try:
        positions = np.array([int(name) for name in found.names])
    except ValueError:
        return found
    if positions.max(initial=0) >= len(classes):
        return found
    return SampleClasses(tuple(classes.names), found.sample, positions[found.position], found.count)


def _of_masks(samples: Any) -> SampleClasses | None:
    """The classes that the masks of samples show; None where there are no masks of classes."""
    outputs = getattr(samples, "outputs", None)
    if not isinstance(outputs, ClassOutputs) or outputs.gives == "image":
        return None
    shown, positions = [], []
    for number in range(len(samples)):
        labels = samples.labels(number)
        mask = np.asarray(labels["mask"])
        valid = np.asarray(labels.get("valid", mask >= 0)) & (mask >= 0)
        own = np.unique(mask[valid])
        shown.append(np.full(len(own), number))
        positions.append(own)
    empty = np.empty(0, np.int64)
    return SampleClasses(
        tuple(outputs.classes.names),
        np.concatenate([empty, *shown]),
        np.concatenate([empty, *positions]).astype(np.int64),
        len(samples),
    )


def _name(columns: Mapping[str, NDArray[Any]], row: int) -> str:
    """Of a sample, for messages."""
    for names in _TELLING:
        if all(name in columns for name in names):
            first, *others = (str(columns[name][row]) for name in names)
            return f"{first} ({', '.join(others)})" if others else first
    return f"sample {row}"


def _pair(one: Split, other: Split, found: Separation, names: Sequence[Any]) -> SplitPair:
    def named(numbers: tuple[int, int] | None) -> tuple[str, str] | None:
        return None if numbers is None else (names[0](numbers[0]), names[1](numbers[1]))

    return SplitPair(
        one,
        other,
        found.overlap_km2,
        found.sharing,
        found.gap_m,
        named(found.nearest),
        found.gap_days,
        named(found.nearest_in_time),
    )


def _unknown(pair: SplitPair, what: str) -> str:
    known = "where they lie" if what == "gap_m" else "when each was seen"
    return (
        f"the gap between {pair.one} and {pair.other} cannot be measured: it is not known of all samples "
        f"{known}"
    )


def _require(
    pair: SplitPair,
    what: str,
    measured: float | None,
    wanted: float,
    unit: str,
    nearest: tuple[str, str] | None,
) -> None:
    if measured is None:
        raise ConfigError(_unknown(pair, what))
    if measured < wanted:
        raise ConfigError(
            f"{pair.one} and {pair.other} are {measured:.4g} {unit} apart, expected at least {wanted:g}: "
            f"{' and '.join(nearest or ())}; {_INSTEAD if unit == 'm' else 'give times further apart'}"
        )
