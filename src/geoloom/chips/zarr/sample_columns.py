"""What samples hold besides pixels and place, as columns of a store: numbers, vectors of numbers, texts.

Legend: N chips, K numbers of a vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...core.errors import ChipError

PREFIX = "sample_"
"""Of the arrays' names, so that no key of a sample is taken for a plane or a column of ours."""

TARGETS: dict[str, tuple[str, int]] = {
    "label": ("int64", 0),
    "value": ("float32", 1),
    "multilabel": ("bool", 1),
}
"""Type and axes of what a network learns from."""

DTYPES = ("bool", "int64", "float32", "float64", "uint8")
"""Of stored columns; uint8 are the bytes of texts."""

MOST_WIDE = 65_535
"""Numbers of a vector."""
MOST_TEXT = 4_096
"""Bytes of a text."""
MOST_BYTES = 1 << 30
"""Of a column, which is read whole when a store is opened."""

_AT_ONCE = 1_024
"""Chips whose entries are single objects in memory; those before them are packed."""


def keepable(name: str, value: Any) -> bool:
    """Whether a store can keep an entry of a sample: a number, a text, or a vector of numbers.

    Example:
        >>> keepable("cloud_cover", 0.25), keepable("neighbours", [1, 2]), keepable("flow", np.zeros((2, 2)))
        (True, False, False)
    """
    if not (name.isidentifier() and name.isascii() and len(name) < 100):
        return False
    if isinstance(value, str):
        return True
    if not isinstance(value, bool | int | float | np.generic) and not hasattr(value, "ndim"):
        return False
    array = _array(value)
    return array.ndim <= 1 and array.dtype.kind in "biuf" and 0 < array.size <= MOST_WIDE


class SampleColumns:
    """Columns that grow by a chip at a time, all with the entries of the first one."""

    def __init__(self) -> None:
        self._forms: dict[str, str] | None = None
        self._rows: dict[str, list[Any]] = {}
        self._packed: dict[str, list[np.ndarray]] = {}
        self._count = 0

    def add(self, entries: Mapping[str, Any]) -> None:
        """Append one chip's entries.

        Raises:
            ChipError: an entry cannot be kept, or the entries are others than those of the first chip.
        """
        plain = {name: self._plain(name, value) for name, value in entries.items()}
        forms = {name: _form(entry) for name, entry in plain.items()}
        if self._forms is None:
            self._forms = forms
            self._rows, self._packed = {name: [] for name in plain}, {name: [] for name in plain}
        if plain.keys() != self._rows.keys():
            raise ChipError(
                f"chip {self._count} holds {', '.join(sorted(plain)) or 'no columns'}, the first one "
                f"{', '.join(sorted(self._rows)) or 'none'}; give all chips the same entries"
            )
        for name, form in self._forms.items():
            if form != forms[name]:
                raise ChipError(
                    f"chip {self._count}: {name} is {forms[name]}, that of the first one {form}; give all "
                    "chips the same"
                )
            self._rows[name].append(plain[name])
        self._count += 1
        if self._count % _AT_ONCE == 0:
            self._pack()

    def _pack(self) -> None:
        for name, rows in self._rows.items():
            if rows:
                self._packed[name].append(_stacked(rows))
                rows.clear()

    def _plain(self, name: str, value: Any) -> np.ndarray | bytes:
        if not keepable(name, value):
            raise ChipError(
                f"chip {self._count}: {name!r} is a {type(value).__name__} that no column can keep; give a "
                "number, a text, or a vector of numbers, under a name of letters, digits and _"
            )
        if isinstance(value, str):
            text = value.encode("utf-8", "surrogateescape")
            if b"\0" in text or len(text) > MOST_TEXT:
                raise ChipError(
                    f"chip {self._count}: {name} is a text of {len(text):,} bytes; expected at most "
                    f"{MOST_TEXT:,}, without NUL"
                )
            return text
        array = _array(value)
        dtype, axes = TARGETS.get(name, (_wide(array.dtype), array.ndim))
        if array.ndim != axes or (name == "label" and array.dtype.kind not in "iu"):
            raise ChipError(
                f"chip {self._count}: {name} is {_form(array)}; expected {'a vector' if axes else 'one'} of "
                f"{dtype}"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            stored = array.astype(dtype)
        if array.dtype.kind in "iu" and (stored.astype(array.dtype) != array).any():
            raise ChipError(f"chip {self._count}: {name} holds {array}, which {dtype} does not")
        return stored

    def finish(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Arrays by their names on disk, (N,) or (N, K); and what each entry is, `numbers` or `text`."""
        self._pack()
        arrays, kinds = {}, {}
        for name, packed in self._packed.items():
            column = np.concatenate(packed)  # texts become as wide as the longest
            if column.nbytes > MOST_BYTES:
                raise ChipError(
                    f"{name} of {len(column):,} chips takes {column.nbytes:,} bytes; at most {MOST_BYTES:,} "
                    "are kept in a column: leave it out, or shorten it"
                )
            kinds[name] = "text" if column.dtype.kind == "S" else "numbers"
            if kinds[name] == "text":
                column = column.view(np.uint8).reshape(len(column), -1)
            arrays[PREFIX + name] = column
        return arrays, kinds


def texts(column_NK: np.ndarray) -> list[str]:
    """The texts of a column of bytes."""
    packed = np.ascontiguousarray(column_NK).view(f"S{column_NK.shape[1]}")[:, 0]
    return [text.decode("utf-8", "surrogateescape") for text in packed.tolist()]


def _stacked(rows: list[Any]) -> np.ndarray:
    if isinstance(rows[0], bytes):
        return np.array(rows, f"S{max(1, *map(len, rows))}")
    return np.stack(rows)


def _array(value: Any) -> np.ndarray:
    return value.numpy(force=True) if hasattr(value, "numpy") else np.asarray(value)


def _wide(dtype: np.dtype[Any]) -> str:
    """The type in which numbers of a type are kept."""
    if dtype.kind == "f":
        return "float32" if dtype.itemsize == 4 else "float64"
    return "bool" if dtype.kind == "b" else "int64"


def _form(entry: np.ndarray | bytes) -> str:
    if isinstance(entry, bytes):
        return "a text"
    return f"{entry.dtype} {entry.shape}" if entry.ndim else f"one {entry.dtype}"
