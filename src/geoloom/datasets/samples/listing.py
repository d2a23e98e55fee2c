"""Which samples there are, and what is known of each without opening a file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ...core.classes import Classes
from ...core.errors import DatasetError, suggest
from ...core.hints.torchgeo import OF_SPLITS

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, NDArray[Any]]
"""What is known of n samples: a name, and (n,) values."""


class SampleSplit(Protocol):
    """A rule that divides samples by what is known of them, such as `splits.ClassSplit`."""

    def split_of(
        self, columns: Columns, grids: Sequence[GeoBox | None] | None = None
    ) -> NDArray[Any]:
        """The name of the split of each sample, (n,) objects; None where it is in none.

        Args:
            columns: What is known of each, and what it teaches as a whole.
            grids: Where each lies; None where that is unknown, or was not looked at.
        """
        ...


SplitLists = Mapping[str, str | Path | Sequence[str]]
"""Split name -> its samples' file names, or a text file of them, one a line."""


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The samples of a dataset, a row each."""

    root: Path
    """The folder that was looked through."""
    columns: Columns
    """`file` (below the root, with `/`), and what else is known, such as `class` and `split`."""
    answers: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """What each sample teaches as a whole, by the key of a sample: `label` (n,) int64 class positions,
    `multilabel` (n, K) bool, `value` (n, K) float32; `boxes` and `box_labels` (n,) objects, an array each."""
    classes: Classes | None = None
    """What labels mean, by position; None where the folders do not say it."""
    shapes: NDArray[np.int32] | None = None
    """(n, 2) rows and columns of the files, pixels; None where no header was read."""
    grids: NDArray[Any] | None = None
    """(n,) objects, the `GeoBox` of each; None where no header was read, or samples have no place."""

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """(n,) class positions; None where samples have none."""
        return self.answers.get("label")

    @property
    def paths(self) -> list[str]:
        """Of the files in the column `file`."""
        start = os.path.join(self.root, "")  # noqa: PTH118 - one of many
        return [start + file for file in self.columns["file"]]

    def path(self, row: int, column: str = "file") -> str:
        """Of the file that a column names.

        Raises:
            DatasetError: the sample has no such file.
        """
        file = self.columns[column][row]
        if file is None:
            raise DatasetError(f"sample {self.name(row)} in {self.root} has no {column}")
        return os.path.join(self.root, file)  # noqa: PTH118 - one of many

    def name(self, row: int) -> str:
        """What a sample is called in messages: its first column."""
        return str(next(iter(self.columns.values()))[row])

    def take(self, rows: NDArray[np.int64]) -> Self:
        """Some of the samples, in the order of `rows`."""
        return replace(
            self,
            columns={name: column[rows] for name, column in self.columns.items()},
            answers={key: answers[rows] for key, answers in self.answers.items()},
            shapes=None if self.shapes is None else self.shapes[rows],
            grids=None if self.grids is None else self.grids[rows],
        )

    @property
    def splits(self) -> dict[str, int]:
        """How many samples each split has, by name; empty where they are not divided."""
        counts = Counter(name for name in self.columns.get("split", ()) if name is not None)
        return {name: counts[name] for name in sorted(counts)}

    @property
    def table(self) -> pd.DataFrame:
        """A row a sample: its columns, the labels that are one number, height and width as stored."""
        import pandas as pd

        columns = dict(self.columns)
        columns |= {
            key: answers
            for key, answers in self.answers.items()
            if answers.ndim == 1 and answers.dtype != object
        }
        if self.shapes is not None:
            columns["height"], columns["width"] = self.shapes.T
        return pd.DataFrame(columns)

    def class_counts(self, classes: int) -> NDArray[np.int64] | None:
        """How many samples each class has, int64 (K,); None where they have none as a whole.

        Args:
            classes: K, how many there are.
        """
        if "multilabel" in self.answers:
            counts: NDArray[np.int64] = self.answers["multilabel"].sum(axis=0)
            return counts
        return None if self.labels is None else np.bincount(self.labels, minlength=classes)

    def rows_of(self, split: str) -> NDArray[np.int64]:
        """The samples of a split.

        Raises:
            DatasetError: samples are not divided, or none is in it.
        """
        if "split" not in self.columns:
            raise DatasetError(
                f"the samples in {self.root} are not divided; give splits=ClassSplit(test=0.2, val=0.2) from "
                "geoloom.splits, or lists of file names; or use with_splits"
            )
        rows = np.flatnonzero(self.columns["split"] == split)
        if not len(rows):
            meant = OF_SPLITS.get(str(split).lower(), split)
            raise DatasetError(f"no sample is in split {split!r}{suggest(meant, self.splits)}")
        return rows

    def with_splits(
        self,
        splits: SampleSplit | SplitLists,
        grids: Sequence[GeoBox | None] | None = None,
    ) -> Self:
        """The same samples, divided by a rule or by lists of names.

        Args:
            splits: The rule, or the lists.
            grids: Where each lies; None: where the listing has it.

        Raises:
            DatasetError: the splits are neither, or a list names a file that is not there, or two name one.
            ConfigError: the rule does not fit the samples.
        """
        if isinstance(splits, Mapping):
            names = _listed(self, splits)
        elif hasattr(splits, "split_of"):
            known = {**self.answers, **self.columns}
            if grids is None and self.grids is not None:
                grids = list(self.grids)
            names = splits.split_of(known, grids)
        else:
            raise DatasetError(
                f"{splits!r} does not divide samples that lie ready in files; give a rule of "
                "geoloom.splits, such as ClassSplit(test=0.2, val=0.2, seed=0), BlockSplit() or ColumnSplit, "
                'or lists of file names, such as {"train": "train.txt", "test": "test.txt"}'
            )
        return replace(self, columns={**self.columns, "split": names})


def _listed(listing: Listing, lists: SplitLists) -> NDArray[Any]:
    """The split of each sample by lists of file names, with or without folder and ending."""
    files = listing.columns["file"]
    rows: dict[str, int | None] = {}
    for number, file in enumerate(files):
        whole, ending = os.path.splitext(file)  # noqa: PTH122 - one of many
        name = os.path.basename(whole)  # noqa: PTH119 - as above
        rows[whole] = rows[file] = number
        for alone in {name, name + ending}:
            # A name that several folders have means none of them.
            rows[alone] = number if rows.setdefault(alone, number) == number else None
    splits = np.full(len(files), None, object)
    for split, wanted in lists.items():
        missing = []
        for name in _names(listing.root, split, wanted):
            # Lists often give another ending than the files have: EuroSAT's say .jpg of .tif.
            row = next((rows[n] for n in (name, os.path.splitext(name)[0]) if n in rows), -1)  # noqa: PTH122
            if row is None:
                raise DatasetError(
                    f"the list of {split} names {name!r}, which several folders below {listing.root} hold; "
                    "write it with its folder"
                )
            if row < 0:
                missing.append(name)
            elif splits[row] not in (None, split):
                raise DatasetError(
                    f"{files[row]} is in the lists of both {splits[row]} and {split}; take it out of one"
                )
            else:
                splits[row] = split
        if missing:
            raise DatasetError(
                f"{len(missing)} files of the list of {split} are not below {listing.root}, such as "
                f"{missing[0]!r}{suggest(missing[0], files[:1000]).split(' Known:')[0].rstrip('.')}; fetch "
                "them, or take them out of the list"
            )
    return splits


def _names(root: Path, split: str, wanted: str | Path | Sequence[str]) -> list[str]:
    if not isinstance(wanted, (str, Path)):
        return [str(name) for name in wanted]
    path = next((p for p in (Path(wanted), root / wanted) if p.is_file()), None)
    if path is None:
        raise DatasetError(
            f"the list of {split}, {wanted}, is neither here ({Path.cwd()}) nor in {root}; give the path of "
            "a text file with a file name a line, or the names themselves"
        )
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"the list of {split}, {path}, cannot be read: {error}") from error
    return [line.strip().removeprefix("./") for line in lines if line.strip()]
