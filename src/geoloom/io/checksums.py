"""Checksums of files: as they are written in tables, and of the bytes that came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..core.errors import ReadError

LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
"""Algorithm -> hexadecimal digits of a whole checksum."""

_LEAST = 8
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of a file add up to.

    Raises:
        ReadError: the algorithm is unknown, or the digits are none or too few.

    Example:
        >>> Checksum.parse("sha256:d8c659e3").matches("d8c659e3" + 56 * "0")
        True
    """

    algorithm: str
    digits: str
    """Hexadecimal; of a long checksum perhaps the first 8 or more alone, as file names have them."""

    def __post_init__(self) -> None:
        most = LENGTHS.get(self.algorithm)
        if most is None:
            raise ReadError(
                f"{self.algorithm!r} is no checksum known here; expected one of {', '.join(LENGTHS)}"
            )
        digits = self.digits.lower()
        if not set(digits) <= set("0123456789abcdef") or not _LEAST <= len(digits) <= most:
            raise ReadError(
                f"{self.digits!r} is no {self.algorithm} checksum; expected {_LEAST} to {most} "
                "hexadecimal digits"
            )
        object.__setattr__(self, "digits", digits)

    @classmethod
    def parse(cls, text: str) -> Self:
        """A checksum from `algorithm:digits`; without the algorithm the number of digits tells it."""
        algorithm, colon, digits = text.strip().partition(":")
        if not colon:
            of_length = {length: name for name, length in LENGTHS.items()}
            algorithm, digits = of_length.get(len(algorithm), "sha256"), algorithm
        return cls(algorithm.lower(), digits)

    def matches(self, whole: str) -> bool:
        """Whether a file's whole checksum, by the same algorithm, is this one."""
        return whole.startswith(self.digits)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digits}"


class Digests:
    """Checksums of bytes that come piece by piece, by several algorithms at once."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._sums = {
            name: hashlib.new(name, usedforsecurity=False) for name in sorted(set(algorithms))
        }

    def add(self, piece: bytes) -> None:
        """Take the next bytes in."""
        for one in self._sums.values():
            one.update(piece)

    def add_file(self, path: Path) -> None:
        """Take the bytes of a file in."""
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                self.add(piece)

    def of(self, algorithm: str) -> str:
        """Hexadecimal digits of all that came."""
        return self._sums[algorithm].hexdigest()


def checksum_of(path: Path, algorithm: str = "sha256") -> str:
    """A file's whole checksum, hexadecimal digits."""
    digests = Digests([algorithm])
    digests.add_file(path)
    return digests.of(algorithm)
