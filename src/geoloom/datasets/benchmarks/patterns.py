"""Samples whose files are found by a pattern of their paths, and further files beside each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import DatasetError
from ..samples.listing import Listing
from .folders import Folders, folders_below, names_in, objects

_FIELD = re.compile(r"\{(\w+)(?::([^{}]*))?\}")

_DEEP = re.compile(r"\{(\w+):\*\*\}/")
"""A field of any number of folders, each with its `/`."""


@dataclass(frozen=True, slots=True)
class PatternLayout:
    """Files such as `images/{split}/{name}.tif`, and others for each, such as `masks/{split}/{name}.png`.

    Fields in braces match a piece of one name, without `/`; `{number:[0-9]+}` says what matches, and
    `{above:**}` stands for any number of folders, or none. Each becomes a column of the samples, in the order
    of the files' paths.
    """

    pattern: str
    """Of the files that samples are counted by, below the dataset's folder."""
    beside: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Column -> pattern of a further file of each sample, with the fields of `pattern`."""
    column: str = "file"
    """That holds the files that are counted."""
    optional: tuple[str, ...] = ()
    """Columns whose files not all samples have."""
    split_names: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What the field `split` matches -> the split that it means, where they differ."""
    divided: tuple[str, ...] = ()
    """Splits that the field `split` names."""
    lists: tuple[tuple[str, str], ...] = ()
    """Each split, and the file that lists its samples, below the dataset's folder."""
    listed_as: str | None = None
    """What lists call a sample, with the fields of `pattern`; None: by the files that are counted."""
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Each split, and what the field `name` is of its samples."""
    classes: tuple[str, ...] = ()
    """What the field `class` matches, in the order of the labels."""
    only: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Fields that match one text alone, such as the area that is wanted."""

    @property
    def splits(self) -> tuple[str, ...]:
        """By folders, lists or names."""
        return self.divided or tuple(split for split, _ in self.lists) or tuple(self.members)

    def find(self, root: Path, split: str | None) -> Listing:
        """The samples below a folder: of a split, or of all.

        Raises:
            DatasetError: there are none, or a file that has to lie beside one does not.
        """
        matches = sorted(_matches(root, self._narrowed(split)), key=lambda match: match[0])
        if not matches:
            raise DatasetError(
                f"no file in {root} is named like {self.pattern}; expected those of the dataset: unpack its "
                "archives there, or give the folder that holds them"
            )
        columns = self._columns(root, matches)
        listing = Listing(root, columns, self._answers(columns))
        if self.lists:
            wanted = [(name, file) for name, file in self.lists if split in (None, name)]
            listing = self._listed(listing, matches).with_splits(dict(wanted))
        if self.members:
            of = {name: split for split, names in self.members.items() for name in names}
            splits = [of.get(name) for name in columns["name"]]
            listing = replace(listing, columns={**columns, "split": np.array(splits, object)})
        return listing

    def _narrowed(self, split: str | None) -> str:
        """The pattern that a split's files alone match."""
        fixed = dict(self.only)
        if split is not None:
            names = (name for name, means in self.split_names.items() if means == split)
            fixed["split"] = next(names, split)

        def narrowed(match: re.Match[str]) -> str:
            name = match[1]
            return f"{{{name}:{re.escape(fixed[name])}}}" if name in fixed else match[0]

        return _FIELD.sub(narrowed, self.pattern)

    def _columns(self, root: Path, matches: Sequence[_Match]) -> dict[str, Any]:
        columns: dict[str, Any] = {self.column: objects(path for path, _ in matches)}
        for name in matches[0][1]:
            columns[name] = objects(fields[name] for _, fields in matches)
        if "split" in columns:
            named = [self.split_names.get(name, name) for name in columns["split"]]
            columns["split"] = objects(named)
        folders = Folders(root)
        for column, pattern in self.beside.items():
            form = _FIELD.sub(r"{\1}", _DEEP.sub(r"{\1}", pattern))
            paths = [form.format(**fields) for _, fields in matches]
            columns[column] = objects(path if folders.has(path) else None for path in paths)
            missing = [
                path for path, found in zip(paths, columns[column], strict=True) if not found
            ]
            if missing and column not in self.optional:
                raise DatasetError(
                    f"{len(missing)} of {len(paths)} samples in {root} have no {column}, such as "
                    f"{missing[0]}; the dataset is not whole: fetch its archives again"
                )
        return columns

    def _listed(self, listing: Listing, matches: Sequence[_Match]) -> Listing:
        """With a column `file`, by which lists of a split name samples."""
        files = listing.columns[self.column]
        if self.listed_as is not None:
            form = _FIELD.sub(r"{\1}", self.listed_as)
            files = objects(form.format(**fields) for _, fields in matches)
        return replace(listing, columns={**listing.columns, "file": files})

    def _answers(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        if not self.classes:
            return {}
        positions = {name: position for position, name in enumerate(self.classes)}
        odd = next((name for name in columns["class"] if name not in positions), None)
        if odd is not None:
            raise DatasetError(
                f"folder {odd!r} is named after no class; expected {', '.join(self.classes)}"
            )
        return {"label": np.array([positions[name] for name in columns["class"]], np.int64)}


_Match = tuple[str, dict[str, str]]
"""A path below the root, with `/`, and what its fields are."""


def _matches(root: Path, pattern: str) -> Iterator[_Match]:
    """Paths below `root` that match, folder by folder; only folders that may hold some are looked into."""
    yield from _below(root, "", _pieces(pattern), {})


def _pieces(pattern: str) -> list[str]:
    """Of a path; a `/` inside of braces parts nothing."""
    return re.split(r"/(?![^{]*\})", pattern)


def _below(
    root: Path, start: str, pieces: Sequence[str], fields: dict[str, str]
) -> Iterator[_Match]:
    piece, *rest = pieces
    if deep := _DEEP.fullmatch(f"{piece}/"):
        for folder in folders_below(root / start):
            yield from _below(root, start + folder, rest, {**fields, deep[1]: folder})
        return
    if "{" not in piece:
        if rest:
            yield from _below(root, f"{start}{piece}/", rest, fields)
        elif (root / start / piece).is_file():
            yield start + piece, fields
        return
    rule = _rule(piece, fields)
    for name in sorted(names_in(root / start)):
        match = rule.fullmatch(name)
        if match is None or name.startswith("."):
            continue
        found = {**fields, **match.groupdict()}
        if rest:
            yield from _below(root, f"{start}{name}/", rest, found)
        else:
            yield start + name, found


def _rule(piece: str, fields: Mapping[str, str]) -> re.Pattern[str]:
    """Of a piece of a path, where fields that are known already match themselves alone."""
    parts, at, own = [], 0, set()
    for match in _FIELD.finditer(piece):
        name, form = match.groups()
        parts.append(re.escape(piece[at : match.start()]))
        if name in fields:
            parts.append(re.escape(fields[name]))
        elif name in own:
            parts.append(f"(?P={name})")
        else:
            parts.append(f"(?P<{name}>{form or '.+'})")
            own.add(name)
        at = match.end()
    parts.append(re.escape(piece[at:]))
    return re.compile("".join(parts))
