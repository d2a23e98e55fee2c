"""Samples in the rows of HDF5 files, one file for each split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...core.errors import DatasetError
from ..samples.listing import Listing
from .folders import objects


@dataclass(frozen=True, slots=True)
class Hdf5Layout:
    """Files whose arrays have a row for each sample."""

    files: Mapping[str, str] = field(hash=False)
    """Each split and its file, below the dataset's folder; the split is empty where nobody divides."""
    counted: str
    """The array by whose rows samples are counted."""
    one_hot: str | None = None
    """The array whose rows have a 1 at the position of the sample's class, (N, K)."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have a file of their own."""
        return tuple(split for split in self.files if split)

    def find(self, root: Path, split: str | None) -> Listing:
        """The samples in the files of a folder: of a split, or of all.

        Raises:
            MissingExtraError: h5py is not installed.
            ReadError: a file is missing or damaged, or lacks an array.
            DatasetError: the classes of samples are not one each.
        """
        wanted = self.splits if split is None else (split,)
        return _joined(root, [self._rows(root, name) for name in wanted or ("",)])

    def _rows(self, root: Path, split: str) -> Listing:
        from ...io.pictures.hdf5_rows import (  # declarations are listed without it
            read_rows,
            row_count,
        )

        path = str(root / self.files[split])
        count = row_count(path, self.counted)
        columns = {"file": objects([self.files[split]] * count), "row": np.arange(count)}
        if split:
            columns["split"] = objects([split] * count)
        listing = Listing(root, columns)
        if self.one_hot is None:
            return listing
        hot = read_rows(path, self.one_hot, range(count))
        odd = np.flatnonzero((hot != 0).sum(axis=1) != 1)
        if len(odd):
            raise DatasetError(
                f"{path}: row {odd[0]} of {self.one_hot} marks {int((hot[odd[0]] != 0).sum())} classes, "
                "expected one; fetch the file again"
            )
        return replace(listing, answers={"label": hot.argmax(axis=1).astype(np.int64)})


def _joined(root: Path, listings: list[Listing]) -> Listing:
    """Rows behind rows."""
    first = listings[0]
    columns = {
        name: np.concatenate([one.columns[name] for one in listings]) for name in first.columns
    }
    answers = {key: np.concatenate([one.answers[key] for one in listings]) for key in first.answers}
    return Listing(root, columns, answers)
