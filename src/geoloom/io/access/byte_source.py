"""Bytes of a TIFF by position, for those who read its directories: bounded, whatever the directories say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

_HEAD_BYTES = 1 << 14
"""Holds the directories of nearly all files; what lies beyond takes another read each."""


class Source:
    """A file's bytes, the first of them read at once.

    Guarantee: never more bytes in all than twice the file's size, so that tags which all point at one place
    take neither the memory nor the time of what they claim to hold.

    Args:
        read: Start and size -> the bytes, fewer where the file ends.
        size: The file's, bytes.
    """

    __slots__ = ("_budget", "_head", "_read", "size")

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read, self.size = read, size
        self._head = read(0, min(size, _HEAD_BYTES))
        self._budget = 2 * size + _HEAD_BYTES

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Bytes in memory."""
        return cls(lambda start, size: data[start : start + size], len(data))

    def take(self, start: int, size: int) -> bytes:
        """Just so many bytes.

        Raises:
            ValueError: they lie beyond the end of the file, or more was taken than a file can hold.
        """
        # Python's integers do not overflow: whatever a tag claims is compared as it is.
        if start < 0 or size < 0 or start + size > self.size:
            raise ValueError(f"{size} bytes at {start} of a file of {self.size}")
        self._budget -= size
        if self._budget < 0:
            raise ValueError("its tags hold more than the file")
        part = self._head[start : start + size]
        if len(part) < size:
            part = self._read(start, size)
        if len(part) < size:
            raise ValueError("it ended while it was read")
        return part
