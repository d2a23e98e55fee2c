"""Samples that tables name: a picture each, and what is known of it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ..samples.listing import Listing
from .folders import objects, require_files

_Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class TableLayout:
    """CSV files or lists with a row for each sample."""

    tables: Mapping[str, tuple[str, ...]] = field(hash=False)
    """Each split, and its tables, below the dataset's folder. Of several, each has a row for every sample,
    with the same entry in its first column."""
    file: str
    """The picture of a row, below the dataset's folder: columns of the tables and `split` in braces."""
    answer: str
    """Column of what samples teach."""
    key: Literal["label", "value"]
    """Whether it is a class position or a number."""
    labels: int = 0
    """How many classes there are, where it is a position."""
    header: tuple[str, ...] = ()
    """Names of the columns, where the tables have none."""
    separator: str = ","
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Columns of the samples, and those of the tables that they are; numbers where all entries are."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have tables."""
        return tuple(self.tables)

    def find(self, root: Path, split: str | None) -> Listing:
        """The samples below a folder: of a split, or of all.

        Raises:
            DatasetError: a table is missing or says something else than expected, or a picture is missing.
        """
        wanted = self.splits if split is None else (split,)
        rows = [row for name in wanted for row in self._rows(root, name)]
        self._require_columns(rows[0], root)
        files = [self.file.format_map(row) for row in rows]
        require_files(root, files)
        columns = {"file": objects(files)}
        columns |= {
            name: _column([row[known] for row in rows]) for name, known in self.columns.items()
        }
        columns["split"] = objects(row["split"] for row in rows)
        texts = [row[self.answer] for row in rows]
        return Listing(root, columns, {self.key: self._answers(texts, root)})

    def _rows(self, root: Path, split: str) -> list[_Row]:
        first, *others = (self._table(root / name) for name in self.tables[split])
        merged = {name: {"split": split, **row} for name, row in first.items()}
        for number, table in enumerate(others, 1):
            odd = merged.keys() ^ table.keys()
            if odd:
                one, other = self.tables[split][0], self.tables[split][number]
                raise DatasetError(
                    f"{one} and {other} in {root} differ in their samples: {len(odd)} are in one alone, "
                    f"such as {min(odd)}; fetch both again"
                )
            for name, row in table.items():
                merged[name] |= row
        return list(merged.values())

    def _require_columns(self, row: _Row, root: Path) -> None:
        named = {name for _, name, _, _ in Formatter().parse(self.file) if name}
        lacking = {self.answer, *self.columns.values(), *named} - row.keys()
        if lacking:
            raise DatasetError(
                f"the tables in {root} have no column {', '.join(sorted(lacking))}, only {', '.join(row)}; "
                "they are other files than expected: fetch them again"
            )

    def _table(self, path: Path) -> dict[str, _Row]:
        """Rows by their first column."""
        try:
            # Lists that were written on Windows may begin with a mark of their encoding.
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, self.header or None, delimiter=self.separator)
                rows = list(reader)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DatasetError(
                f"{path} cannot be read as a table: {error}; fetch it again"
            ) from error
        names = list(reader.fieldnames or ())
        short = next((k for k, row in enumerate(rows) if None in row or None in row.values()), None)
        if short is not None or not rows:
            found = "no row" if short is None else f"row {short + 1} of another length"
            raise DatasetError(
                f"{path} has {found}, expected {len(names)} entries in each ({', '.join(names)}); it is cut "
                "off or another file: fetch it again"
            )
        known = {row[names[0]]: row for row in rows}
        if len(known) < len(rows):
            raise DatasetError(f"{path} names a sample twice; fetch it again")
        return known

    def _answers(self, texts: Sequence[str], root: Path) -> NDArray[Any]:
        numbers = _column(texts)
        kind = "iuf" if self.key == "value" else "iu"
        if numbers.dtype.kind not in kind:
            raise DatasetError(
                f"{self.answer!r} in the tables in {root} is no number throughout; fetch them again"
            )
        if self.key == "value":
            return numbers.astype(np.float32)[:, None]
        odd = numbers[(numbers < 0) | (numbers >= self.labels)]
        if len(odd):
            raise DatasetError(
                f"{self.answer!r} in the tables in {root} is {odd[0]}, expected 0 to {self.labels - 1}"
            )
        return numbers


def _column(texts: Sequence[str]) -> NDArray[Any]:
    """int64 or float64 where all are such numbers, else objects."""
    for kind in (np.int64, np.float64):
        try:
            return np.array(texts).astype(kind)
        except ValueError:
            continue
    return objects(texts)
