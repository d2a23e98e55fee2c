"""Folders of classes: each holds the pictures of one, and is named after it."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.classes import MAX_CODE, Classes
from ...core.errors import DatasetError, suggest
from ...core.suffixes import VECTOR_SUFFIXES
from ...io.access.finding import RASTER_SUFFIXES
from ...io.access.paths import path_text
from ...io.pictures.read import PICTURE_SUFFIXES
from ..samples.listing import Listing

log = logging.getLogger(__name__)

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What folders of splits are called, lower case, and the split that they mean."""

_DATA = RASTER_SUFFIXES | VECTOR_SUFFIXES
_DEEPEST = 8
"""Archives are often unpacked into a folder that holds a folder that holds a folder."""


@dataclass(frozen=True, slots=True)
class ClassFolders:
    """Pictures in folders that bear the names of their classes, perhaps in folders that bear those of splits.

    `root/forest/12.png`, or `root/train/forest/12.png`. Files beside the folders that are not data, such as
    lists and licences, are left alone, and so are names that begin with a dot.
    """

    classes: tuple[str, ...] | None = None
    """Those wanted, in the order of their labels; None: all, in that of their names."""
    filename_regex: str | None = None
    """Named groups become columns of the samples, such as `(?P<flight>\\d+)_.*`; names must match."""

    def find(self, root: str | Path) -> Listing:
        """The samples below a folder, in the order of splits, classes and names.

        Raises:
            DatasetError: there are no folders of classes, or one of those wanted is missing.
        """
        top, found = class_folders(root)
        there = sorted({name for folders in found.values() for name in folders})
        names = there if self.classes is None else list(self.classes)
        for name in names:
            if name not in there:
                raise DatasetError(f"{top} has no folder of class {name!r}{suggest(name, there)}")
        if len(set(names)) < max(len(names), 2):
            raise DatasetError(f"classes are {names}; give at least two, each once")
        if len(names) > MAX_CODE + 1:
            raise DatasetError(
                f"{top} has folders of {len(names)} classes, such as {names[0]!r}; at most {MAX_CODE + 1} "
                "are told apart: choose some by classes=[...]"
            )
        rows = [
            (split, name, file)
            for split, folders in found.items()
            for name in names
            for file in folders.get(name, ())
        ]
        files = [_below(split, name, file) for split, name, file in rows]
        kinds = np.array([name for _, name, _ in rows], object)
        columns: dict[str, Any] = {"file": np.array(files, object), "class": kinds}
        if None not in found:
            splits = [SPLIT_FOLDERS[str(split).lower()] for split, _, _ in rows]
            columns["split"] = np.array(splits, object)
        columns.update(self._from_names(top, [file for *_, file in rows]))
        positions = {name: position for position, name in enumerate(names)}
        labels = np.array([positions[name] for name in kinds], np.int64)
        return Listing(top, columns, {"label": labels}, Classes.of(names))

    def _from_names(self, top: Path, files: Sequence[str]) -> dict[str, Any]:
        if self.filename_regex is None:
            return {}
        try:
            rule = re.compile(self.filename_regex)
        except re.error as error:
            raise DatasetError(
                f"filename_regex {self.filename_regex!r} is not a pattern: {error}"
            ) from error
        matches = [rule.match(file) for file in files]
        if None in matches:
            raise DatasetError(
                f"filename_regex {self.filename_regex!r} does not match {files[matches.index(None)]!r} below "
                f"{top}"
            )
        return {
            name: np.array([match[name] for match in matches if match is not None], object)
            for name in rule.groupindex
        }


Found = dict[str | None, dict[str, tuple[str, ...]]]
"""Folder of a split (None where there is none) -> folder of a class -> names of its pictures."""


def class_folders(root: str | Path) -> tuple[Path, Found]:
    """The folder that holds folders of classes, at `root` or alone inside it, and what these hold.

    Raises:
        DatasetError: there are none; the message says what is there instead.
    """
    top = Path(path_text(root, DatasetError)).absolute()
    if not top.is_dir():
        raise DatasetError(
            f"{top} is not a folder; give one that holds a folder of pictures for each class"
        )
    inner, files = _look(top)
    for _ in range(_DEEPEST):
        if len(inner) != 1 or any(_is_data(file) for file in files):
            break
        top = top / inner[0]
        inner, files = _look(top)
    data = [file for file in files if _is_data(file)]
    if data or not inner:
        what = f"{data[0]} lies in {top} itself" if data else f"{top} holds no folder"
        raise DatasetError(f"{what}; {_EXPECTED}")
    if all(name.lower() in SPLIT_FOLDERS for name in inner):
        found: Found = {name: _classes_in(top / name) for name in inner}
    else:
        found = {None: _classes_in(top)}
    if len({name for folders in found.values() for name in folders}) < 2:
        raise DatasetError(f"{top} has pictures in fewer than two folders; {_EXPECTED}")
    return top, found


_EXPECTED = (
    "expected two or more folders, each named after a class, with its pictures "
    f"({', '.join(sorted(PICTURE_SUFFIXES))}) directly inside"
)


def _classes_in(top: Path) -> dict[str, tuple[str, ...]]:
    """Folders with pictures directly inside; others are left out, with a line in the log."""
    folders, files = _look(top)
    data = [file for file in files if _is_data(file)]
    if data:
        raise DatasetError(f"{data[0]} lies in {top} itself; {_EXPECTED}")
    found, without = {}, []
    for name in folders:
        inner, files = _look(top / name)
        pictures = tuple(file for file in files if _ending(file) in PICTURE_SUFFIXES)
        if pictures and inner:
            raise DatasetError(
                f"{top / name} holds pictures and folders, such as {inner[0]}; {_EXPECTED}"
            )
        if pictures:
            found[name] = pictures
        else:
            without.append(name)
    if without and found:
        log.warning("no pictures lie directly in %s below %s; left out", ", ".join(without), top)
    return found


def _look(folder: Path) -> tuple[list[str], list[str]]:
    """Names of folders and of files, sorted; hidden ones, and those of other systems, left out."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__MACOSX":
                    continue
                (folders if entry.is_dir() else files).append(entry.name)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be looked into: {error}") from error
    return sorted(folders), sorted(files)


def _is_data(file: str) -> bool:
    return _ending(file) in _DATA


def _ending(file: str) -> str:
    return os.path.splitext(file)[1].lower()  # noqa: PTH122 - one of many


def _below(split: str | None, name: str, file: str) -> str:
    return f"{name}/{file}" if split is None else f"{split}/{name}/{file}"
