"""JSON that others wrote: bounded in size, and asked key by key for values of the kind that is expected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .errors import GeoloomError

MAX_BYTES = 64 << 20
"""Of one file: no document of ours comes near."""

_MOST = 2**63 - 1
_SHOWN = 80
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class JsonValue:
    """One value of a JSON file, and where it stands.

    Each question raises `error`, with file, key, what was found and what was expected, where the value is of
    another kind.
    """

    value: Any
    file: str
    error: type[GeoloomError]
    """What refusals are raised as."""
    fix: str
    """What to do about a damaged file, to end the message with."""
    at: str = ""
    """The keys that lead to it."""

    @classmethod
    def read(
        cls, file: Path, error: type[GeoloomError], fix: str, *, most_bytes: int = MAX_BYTES
    ) -> JsonValue:
        """The value of a whole file.

        Raises:
            FileNotFoundError: there is none.
            GeoloomError: as `error`: it cannot be read, is too large, is not JSON, or is nested too deep.
        """
        return cls.parse(read_bounded(file, error, fix, most_bytes=most_bytes), file, error, fix)

    @classmethod
    def parse(cls, raw: bytes, file: Path, error: type[GeoloomError], fix: str) -> JsonValue:
        """The value of a file's bytes.

        Raises:
            GeoloomError: as `error`: they are not JSON, or nested too deep.
        """
        try:
            return cls(json.loads(raw), str(file), error, fix)
        except RecursionError as why:
            raise error(f"{file} is nested too deep; {fix}") from why
        except ValueError as why:
            raise error(f"{file} is not JSON ({why}); {fix}") from why

    def __getitem__(self, key: str) -> JsonValue:
        """The value under a key that has to be there."""
        table = self.table()
        if key not in table:
            raise self.refusal(f"a table with the key {key!r}")
        return self._inner(table[key], f"{self.at}.{key}".lstrip("."))

    def get(self, key: str) -> JsonValue | None:
        """The value under a key that may be missing, or null."""
        return self[key] if self.table().get(key) is not None else None

    def table(self) -> dict[str, Any]:
        """A JSON object."""
        return self._of(dict, "a table")

    def entries(self, count: int | None = None, *, most: int | None = None) -> list[JsonValue]:
        """The entries of a list: of so many, or of at most so many."""
        values = self._of(list, "a list")
        if count is not None and len(values) != count:
            raise self.refusal(f"a list of {count}", f"a list of {len(values)}")
        if most is not None and len(values) > most:
            raise self.refusal(f"a list of at most {most}", f"a list of {len(values)}")
        return [self._inner(value, f"{self.at}[{i}]") for i, value in enumerate(values)]

    def text(self) -> str:
        """A string."""
        return self._of(str, "a text")

    def texts(self, count: int | None = None, *, most: int | None = None) -> tuple[str, ...]:
        """A list of strings."""
        return tuple(entry.text() for entry in self.entries(count, most=most))

    def whole(self, least: int = 0, most: int = _MOST) -> int:
        """A whole number within bounds."""
        if type(self.value) is not int or not least <= self.value <= most:
            raise self.refusal(f"a whole number from {least} to {most}")
        return self.value

    def wholes(self, count: int | None = None, *, least: int = 0) -> tuple[int, ...]:
        """A list of whole numbers."""
        return tuple(entry.whole(least) for entry in self.entries(count))

    def truth(self) -> bool:
        """True or false."""
        return self._of(bool, "true or false")

    def equals(self, expected: Any) -> None:
        """Refuse any other value."""
        if self.value != expected:
            raise self.refusal(repr(expected))

    def one_of(self, known: Sequence[str]) -> str:
        """One of some texts."""
        if self.text() not in known:
            raise self.refusal(f"one of {', '.join(known)}")
        return self.text()

    def number(self) -> float:
        """A finite number."""
        if type(self.value) not in (int, float) or not abs(self.value) < 1e300:
            raise self.refusal("a finite number")
        return float(self.value)

    def numbers(self, count: int | None = None) -> tuple[float, ...]:
        """A list of finite numbers."""
        return tuple(entry.number() for entry in self.entries(count))

    def refusal(self, expected: str, found: str | None = None) -> GeoloomError:
        """The error to raise where the value is not what it should be."""
        shown = repr(self.value) if found is None else found
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
        where = f"{self.at} of {self.file}" if self.at else self.file
        return self.error(f"{where} is {shown}; expected {expected}: {self.fix}")

    @contextmanager
    def checked(self) -> Iterator[None]:
        """What a value refuses in itself, said of this place in the file.

        For the block in which a value is made of what was read: an error of ours that does not name the file
        yet becomes one that does.
        """
        try:
            yield
        except GeoloomError as why:
            if self.file in str(why):
                raise
            where = f"{self.at} of {self.file}" if self.at else self.file
            raise self.error(f"{where}: {why}; {self.fix}") from why

    def _of(self, kind: type[_T], expected: str) -> _T:
        if type(self.value) is not kind:
            raise self.refusal(expected)
        return self.value

    def _inner(self, value: Any, at: str) -> JsonValue:
        return JsonValue(value, self.file, self.error, self.fix, at)


def read_bounded(
    file: Path, error: type[GeoloomError], fix: str, *, most_bytes: int = MAX_BYTES
) -> bytes:
    """All bytes of a file that cannot be large.

    Raises:
        FileNotFoundError: there is none.
        GeoloomError: as `error`: it cannot be read, or is too large.
    """
    try:
        with file.open("rb") as opened:
            raw = opened.read(most_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as why:
        raise error(f"{file} cannot be read ({why.strerror or why}); {fix}") from why
    if len(raw) > most_bytes:
        raise error(f"{file} is larger than {most_bytes >> 20} MiB, more than it can need; {fix}")
    return raw
