"""What disks, transfers and attackers do to a file of any kind; equal seeds damage equal files alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

_T = TypeVar("_T")

Damage = Callable[[Path, np.random.Generator], None]
"""Damages what lies at a path, in place; what it is called says how."""


def one_of(choices: Sequence[_T], rng: np.random.Generator) -> _T:
    """A random choice."""
    return choices[int(rng.integers(len(choices)))]


def flip_bits(file: Path, rng: np.random.Generator, most: int = 8) -> None:
    """One bit of a file is flipped, or up to so many."""
    data = bytearray(file.read_bytes())
    for _ in range(int(rng.integers(1, most + 1))):
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    file.write_bytes(data)


def overwrite_run(file: Path, rng: np.random.Generator) -> None:
    """A run of a file's bytes is zeros, ones or noise."""
    data = bytearray(file.read_bytes())
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 60))
    kind = one_of([b"\0", b"\xff", None], rng)
    data[start : start + length] = kind * length if kind else rng.bytes(length)
    file.write_bytes(data)


def truncate(file: Path, rng: np.random.Generator) -> None:
    """A file's end is missing."""
    file.write_bytes(file.read_bytes()[: int(rng.integers(file.stat().st_size))])


def places(value: Any, most: int | None = None) -> Iterator[tuple[Any, Any]]:
    """Every value inside a JSON value, as what holds it and under which key.

    Args:
        value: An object or a list.
        most: Members of each list that are visited; None for all.
    """
    for key in list(value) if isinstance(value, dict) else range(len(value))[:most]:
        yield value, key
        if isinstance(value[key], dict | list) and value[key]:
            yield from places(value[key], most)
