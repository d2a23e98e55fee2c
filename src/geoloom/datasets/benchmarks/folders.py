"""Which files there are, each folder looked into once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError


class Folders:
    """The files below a folder, asked for by their paths."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, frozenset[str]] = {}

    def has(self, path: str) -> bool:
        """Whether there is a file; `path` has `/` between its parts."""
        folder, _, name = path.rpartition("/")
        if folder not in self._names:
            self._names[folder] = frozenset(names_in(self._root / folder))
        return name in self._names[folder]


def names_in(folder: Path) -> list[str]:
    """Of all that lies in a folder; none where there is no such folder.

    Raises:
        DatasetError: it cannot be looked into.
    """
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone, of many
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error


def folders_below(folder: Path) -> Iterator[str]:
    """The folder itself, as an empty text, and all below it, each with a `/` at its end.

    Raises:
        DatasetError: one cannot be looked into.
    """
    yield ""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unreadable(folder, error) from error
    for name in names:
        yield from (f"{name}/{below}" for below in folders_below(folder / name))


def _unreadable(folder: Path, error: OSError) -> DatasetError:
    return DatasetError(f"{folder} cannot be looked into: {error}")


def require_files(root: Path, files: Sequence[str]) -> None:
    """Refuse pictures that a table or list names and that are not there.

    Raises:
        DatasetError: one is missing; the message says how many are.
    """
    folders = Folders(root)
    missing = [file for file in files if not folders.has(file)]
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(files)} pictures that the tables name are not in {root}, such as "
            f"{missing[0]}; the dataset is not whole: fetch its archives again"
        )


def objects(values: Iterable[Any]) -> NDArray[Any]:
    """A column of a listing, (n,) objects, whatever their own lengths."""
    listed = list(values)
    array = np.empty(len(listed), object)
    array[:] = listed
    return array
