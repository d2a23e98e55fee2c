"""JSON that others wrote: bounded in size, and asked key by key for values of the kind that is expected."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..core.errors import ChipError

MAX_BYTES = 64 << 20
"""Of one JSON file: a store of a million chips in a thousand scenes needs less than a hundredth."""

_MOST = 2**63 - 1
_T = TypeVar("_T")


def read_bounded(file: Path) -> bytes:
    """All of a JSON file.

    Raises:
        ChipError: it cannot be read, or is too large for what it should hold.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ChipError(f"{file} cannot be read ({error.strerror or error})") from error
    if len(raw) > MAX_BYTES:
        raise ChipError(f"{file} is larger than {MAX_BYTES >> 20} MiB: not the JSON of a store")
    return raw


@dataclass(frozen=True, slots=True)
class Told:
    """One value of a JSON file, and where it stands."""

    value: Any
    file: Path
    at: str = ""
    """The keys that lead to it."""

    @classmethod
    def parse(cls, raw: bytes, file: Path) -> Told:
        """The value of a whole file.

        Raises:
            ChipError: it is no JSON, or is nested absurdly deep.
        """
        try:
            return cls(json.loads(raw), file)
        except (ValueError, RecursionError) as error:
            raise ChipError(f"{file} is damaged: it is no JSON ({error}); {AGAIN}") from error

    def __getitem__(self, key: str) -> Told:
        """The value under a key that has to be there."""
        if not isinstance(self.value, dict) or key not in self.value:
            found = sorted(self.value) if isinstance(self.value, dict) else self.value
            raise self._no(f"a table with {key!r}", found)
        return Told(self.value[key], self.file, f"{self.at}.{key}".lstrip("."))

    def get(self, key: str) -> Told | None:
        """The value under a key that may be missing, or null."""
        there = isinstance(self.value, dict) and self.value.get(key) is not None
        return self[key] if there else None

    def table(self) -> dict[str, Any]:
        """A JSON object."""
        return self._a(dict, "a table")

    def entries(self) -> list[Told]:
        """The entries of a list."""
        values = self._a(list, "a list")
        return [Told(value, self.file, f"{self.at}[{k}]") for k, value in enumerate(values)]

    def text(self) -> str:
        """A string."""
        return self._a(str, "a text")

    def texts(self) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(entry.text() for entry in self.entries())

    def truth(self) -> bool:
        """True or false."""
        return self._a(bool, "true or false")

    def whole(self, least: int = 0, most: int = _MOST) -> int:
        """A whole number within bounds."""
        if type(self.value) is not int or not least <= self.value <= most:
            raise self._no(f"a whole number from {least} to {most}")
        return self.value

    def wholes(self, count: int | None = None, least: int = 0) -> tuple[int, ...]:
        """A list of whole numbers, of so many where that is known."""
        found = tuple(entry.whole(least) for entry in self.entries())
        if count is not None and len(found) != count:
            raise self._no(f"{count} whole numbers")
        return found

    def numbers(self, count: int) -> tuple[float, ...]:
        """A list of so many finite numbers."""
        values = self._a(list, f"{count} numbers")
        if len(values) != count or not all(
            type(v) in (int, float) and abs(v) < 1e300 and math.isfinite(v) for v in values
        ):
            raise self._no(f"{count} finite numbers")
        return tuple(float(v) for v in values)

    def is_(self, expected: Any) -> None:
        """Refuse any value but one."""
        if self.value != expected:
            raise self._no(repr(expected))

    def one_of(self, known: Sequence[_T]) -> _T:
        """Refuse any value that is not among those known."""
        for value in known:
            if self.value == value and type(self.value) is type(value):
                return value
        raise self._no(f"one of {', '.join(map(str, known))}")

    def _a(self, kind: type[_T], expected: str) -> _T:
        if type(self.value) is not kind:
            raise self._no(expected)
        return self.value

    def _no(self, expected: str, found: Any = None) -> ChipError:
        shown = repr(self.value if found is None else found)
        shown = shown if len(shown) <= 80 else f"{shown[:80]}..."
        return ChipError(
            f"{self.file} is damaged: {self.at or 'it'} is {shown}, expected {expected}; {AGAIN}"
        )


AGAIN = "copy the store again, or write it again"
