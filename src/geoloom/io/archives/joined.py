"""Files that were cut into parts, read as the one that they were."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import IO


class JoinedFiles(io.RawIOBase):
    """The bytes of several files, one after the other, as those of one.

    Args:
        paths: The parts, in order; `data.tar.gzaa`, `data.tar.gzab`.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name, text in (("a", b"one "), ("b", b"file")):
        ...     _ = (folder / name).write_bytes(text)
        >>> with JoinedFiles([folder / "a", folder / "b"]) as joined:
        ...     joined.read()
        b'one file'
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._ends = tuple(accumulate(path.stat().st_size for path in paths))
        self._at = 0
        self._file: IO[bytes] | None = None
        self._number = -1

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return self._ends[-1]

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Bytes before the next one."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere, as in any file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed has a wider one
        """Fill as much of a buffer as the part that is read now holds."""
        number = bisect_right(self._ends, self._at)
        if number == len(self._ends):
            return 0
        file = self._part(number)
        file.seek(self._at - (self._ends[number - 1] if number else 0))
        data = file.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Close the part that is open."""
        if self._file is not None:
            self._file.close()
        super().close()

    def _part(self, number: int) -> IO[bytes]:
        if number != self._number or self._file is None:
            if self._file is not None:
                self._file.close()
            self._file, self._number = self._paths[number].open("rb"), number
        return self._file
