"""Many chips at once: planes of stored arrays read by threads into arrays that the caller keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...io.threads import reading_threads, usable_cpus
from .shard_reader import ShardedArray

_RUN = 4
"""Chips that a thread takes at a time: a small number, so that all threads end together."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One array of the store, and where its chips go."""

    array: ShardedArray
    out: np.ndarray
    """(n, ...), C-contiguous, of any dtype; wholly overwritten, values cast."""
    table: np.ndarray | None = None
    """(256,) of the dtype of `out`: what each stored uint8 becomes; None for the value itself."""


def read_many(planes: Sequence[Plane], chips: np.ndarray, *, threads: int | None = None) -> None:
    """Read the same chips of several arrays.

    Args:
        planes: What to read, where to put it.
        chips: (n,) positions in the arrays; chip `chips[k]` goes to `out[k]`.
        threads: How many read; None means one per usable processor, 1 none besides the caller's.

    Raises:
        ChipError: a shard is damaged.
    """
    order = np.argsort(chips, kind="stable").tolist()  # as they lie on the disk
    where = chips.tolist()
    count = usable_cpus() if threads is None else threads
    if count <= 1 or len(order) <= _RUN:
        _read_some(planes, where, order)
        return
    runs = [order[start : start + _RUN] for start in range(0, len(order), _RUN)]
    # All of it in threads of the pool: blosc keeps the interpreter locked in the main one.
    for done in reading_threads(count).map(lambda run: _read_some(planes, where, run), runs):
        assert done is None


def _read_some(planes: Sequence[Plane], where: Sequence[int], some: Sequence[int]) -> None:
    for plane in planes:
        if plane.table is None:
            for k in some:
                plane.array.read_into(where[k], plane.out[k])
        else:
            from .lookup import look_up  # loads numba, which images alone do not need

            for k in some:
                stored = plane.array.stored(where[k])
                if stored is None:
                    plane.out[k] = plane.table[plane.array.fill]
                else:
                    look_up(stored.reshape(-1), plane.table, plane.out[k].reshape(-1))
