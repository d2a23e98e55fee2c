"""Rows of HDF5 arrays, read again and again: the file is looked into once per process.

An array that lies in the file in one piece is read past h5py, which reads in one thread at a time; of others
the handle stays open, closed in processes that are forked.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from geoloom.core.errors import ReadError

from .hdf5 import open_array
from .picture import check_claim, local_file

_MOST_OPEN = 16
_LOCK = threading.Lock()
_OPEN: OrderedDict[tuple[str, str], _Rows] = OrderedDict()


def read_rows(path: str, name: str, rows: Sequence[int]) -> NDArray[Any]:
    """Some rows of an array, (n, ...) in the file's own dtype, the other axes as stored.

    Args:
        path: Of the file.
        name: Of the array, whose first axis is that of the rows.
        rows: Numbers from 0, in any order; a range of successive ones is read at once.

    Raises:
        MissingExtraError: h5py is not installed.
        ReadError: there is no such array or row, or the file is damaged.

    Example:
        >>> read_rows("training.h5", "sen2", [3, 1]).shape  # doctest: +SKIP
        (2, 32, 32, 10)
    """
    array = _rows_of(local_file(path), name)
    wrong = [row for row in rows if not 0 <= row < array.shape[0]]
    if wrong:
        raise ReadError(
            f"{path}: {name} has rows 0 to {array.shape[0] - 1}, not {wrong[0]}; the file was replaced, or "
            "is cut off: fetch it again"
        )
    out = np.empty((len(rows), *array.shape[1:]), array.dtype)
    if isinstance(rows, range) and rows.step == 1 and len(rows):
        array.read_into(out, rows.start, rows.stop)
    else:
        for k, row in enumerate(rows):
            array.read_into(out[k : k + 1], row, row + 1)
    return out


def row_count(path: str, name: str) -> int:
    """How many rows an array has; raises as `read_rows`."""
    return int(_rows_of(local_file(path), name).shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """An array whose rows are read."""

    path: str
    status: tuple[int, int, int]
    """By which another file of the same name is noticed."""
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    start: int | None
    """Byte of the file at which the array begins, where it lies in one piece."""
    array: Any
    """As h5py has it, open, where it does not."""
    opened: ExitStack

    @classmethod
    def of(cls, path: str, name: str) -> Self:
        """Look into a file.

        Raises:
            ReadError: as `read_rows`.
        """
        status = _status(path)
        with ExitStack() as stack:
            array = stack.enter_context(open_array(path, name))
            row = math.prod(array.shape[1:]) * array.dtype.itemsize
            start = _start(array, status[1])
            shape, dtype = array.shape, array.dtype
            if start is None:
                # What is packed may unfold to more; a single row must still be believable.
                check_claim(path, row, status[1], 1032)
                return cls(path, status, shape, dtype, None, array, stack.pop_all())
            return cls(path, status, shape, dtype, start, None, ExitStack())

    def read_into(self, out: NDArray[Any], first: int, stop: int) -> None:
        """Successive rows, in memory of their shape and type."""
        if self.start is None:
            try:
                self.array.read_direct(out, np.s_[first:stop])
            except (OSError, RuntimeError, ValueError) as error:
                raise ReadError(f"{self.path} is damaged ({error}); fetch it again") from error
            return
        at = self.start + first * (out.nbytes // (stop - first))
        with open(self.path, "rb", buffering=0) as file:  # noqa: PTH123 - one of many
            file.seek(at)
            left = out.reshape(-1).view(np.uint8).data
            while left:
                came = file.readinto(left)
                if not came:
                    raise ReadError(
                        f"{self.path} ends within its rows; it is cut off: fetch it again"
                    )
                left = left[came:]


def _start(array: Any, size: int) -> int | None:
    """Where an array begins that lies in one piece inside the file."""
    if array.chunks is not None or not array.size:
        return None
    start = array.id.get_offset()
    if start is None or start + array.nbytes > size:
        return None
    return int(start)


def _rows_of(path: str, name: str) -> _Rows:
    key = path, name
    with _LOCK:
        known = _OPEN.get(key)
        if known is not None and known.status == _status(path):
            _OPEN.move_to_end(key)
            return known
        if known is not None:
            _OPEN.pop(key).opened.close()
        array = _OPEN[key] = _Rows.of(path, name)
        while len(_OPEN) > _MOST_OPEN:
            # Not closed: another thread may be reading it, whose reference is then the last one.
            _OPEN.popitem(last=False)
        return array


def _status(path: str) -> tuple[int, int, int]:
    found = os.stat(path)  # noqa: PTH116 - one of many
    return found.st_ino, found.st_size, found.st_mtime_ns


def _renew_in_child() -> None:
    global _LOCK  # the parent's may be held by a thread that is not here
    _LOCK = threading.Lock()
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)
