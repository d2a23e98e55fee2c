"""Large arrays that are used again once no reference to them is left.

Fresh memory costs three times what it costs to fill it: the system clears each page first.
"""

from __future__ import annotations

import math
import mmap
import os
import sys
import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

SPARE_BYTES = 1 << 29
"""Default bound of the memory that a pool keeps for later, bytes."""


_NUMPY_ASKS_FROM = 1 << 22


def _holders(memory: list[NDArray[np.uint8]], number: int) -> int:
    return sys.getrefcount(memory[number])


# The reference count of an array that only the list refers to: the interpreter's versions differ.
_UNUSED = _holders([np.empty(0, np.uint8)], 0)


def _fresh(size: int) -> NDArray[np.uint8]:
    """Memory of pages of the usual size, all there at once.

    NumPy asks for huge pages, and gets them as they are touched. On a machine that lends its memory, 116 MB
    then took 10 to 260 ms, these take 37: the first batches of a training should not wait by chance.
    """
    if size < _NUMPY_ASKS_FROM or not hasattr(mmap, "MAP_POPULATE"):
        return np.empty(size, np.uint8)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    return np.frombuffer(mmap.mmap(-1, size, flags=flags), np.uint8)


class Buffers:
    """A pool of memory that finds out by itself what is free.

    Guarantee: an array handed out shares memory with no array, tensor or view that is still alive. Memory
    in use does not count towards the bound; what the pool keeps beside it does.

    Args:
        spare_bytes: How much unused memory to keep for later.

    Example:
        >>> pool = Buffers()
        >>> first = pool.take((2, 3), "float32")
        >>> place = first.ctypes.data
        >>> del first
        >>> pool.take((3, 2), "float32").ctypes.data == place
        True
    """

    def __init__(self, spare_bytes: int = SPARE_BYTES) -> None:
        self._spare_bytes = spare_bytes
        self._memory: list[NDArray[np.uint8]] = []
        self._lock = threading.Lock()

    def take(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array, C-contiguous, whose values mean nothing yet."""
        kind = np.dtype(dtype)
        size = math.prod(shape) * kind.itemsize
        with self._lock:
            memory = self._free(size)
            if memory is None:
                memory = _fresh(size)
                self._memory.append(memory)
            return memory[:size].view(kind).reshape(shape)

    def _free(self, size: int) -> NDArray[np.uint8] | None:
        """Free memory of about the size; drops the oldest spare beyond the bound."""
        best, spare = None, 0
        for i in range(len(self._memory) - 1, -1, -1):
            if _holders(self._memory, i) > _UNUSED:
                continue
            length = self._memory[i].size
            if best is None and size <= length <= 2 * size:
                best = self._memory[i]
                continue
            spare += length
            if spare > self._spare_bytes:
                del self._memory[i]
        return best

    def clear(self) -> None:
        """Forget all memory; what is in use lives on with its users."""
        with self._lock:
            self._memory.clear()


BUFFERS = Buffers()
"""The process's pool."""


def _renew_in_child() -> None:
    BUFFERS._lock = threading.Lock()
    BUFFERS._memory = []


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)
