"""The raw file in which a raster grows before it becomes a GeoTIFF, and the journal of its progress."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import WriteError
from ...core.publish import publish, sync_file

_FILL_BYTES = 1 << 22
"""Gaps are filled in pieces of this size, so that filling a scene takes no memory."""


class RawFile:
    """A band-sequential, little-endian array (C, H, W) on disk that takes windows in any order.

    Pixels that no window covered hold `fill`. Memory stays at the size of one window: the operating system
    keeps the pages. Threads may write at the same moment; processes may not.

    Args:
        path: Created, or opened as it is where `rows_done` is above 0.
        shape: (C, H, W).
        fill: What unwritten pixels hold.
        rows_done: The first rows that an earlier run has finished; what lies below counts as unwritten.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        *,
        fill: float = 0,
        rows_done: int = 0,
    ) -> None:
        self.path = path
        self.shape = shape
        self.dtype = dtype.newbyteorder("<")
        self._fill = np.asarray(fill).astype(self.dtype)
        # A fresh sparse file is zero by itself; one that is gone on with may hold half a row.
        self._needs_fill = rows_done > 0 or bool(self._fill.tobytes().strip(b"\0"))
        self._lock = threading.Lock()
        self._begun = np.zeros(shape[1], dtype=bool)
        self._begun[:rows_done] = True
        size = shape[0] * shape[1] * shape[2] * self.dtype.itemsize
        self._file = path.open("r+b" if rows_done else "w+b")
        self._file.truncate(size)

    def write(self, window: np.ndarray, row: int, col: int) -> None:
        """Put `window` (C, h, w) with its upper-left pixel at (`row`, `col`); it must lie inside."""
        bands, height, width = window.shape
        data = np.ascontiguousarray(window, dtype=self.dtype)
        whole_rows = width == self.shape[2]
        with self._lock:
            if not whole_rows:
                self._fill_rows(row, row + height)
            self._begun[row : row + height] = True
            for band in range(bands):
                if whole_rows:
                    self._put(band, row, col, data[band])
                else:
                    for offset in range(height):
                        self._put(band, row + offset, col, data[band, offset])

    def finish(self) -> None:
        """Fill what was never written, and hand everything to the operating system."""
        with self._lock:
            self._fill_rows(0, self.shape[1])
            self._file.flush()

    def sync(self) -> None:
        """Return when all that was written would survive a loss of power."""
        with self._lock:
            sync_file(self._file)

    def close(self) -> None:
        """Close the file; it stays on disk."""
        self._file.close()

    def _put(self, band: int, row: int, col: int, data: np.ndarray) -> None:
        # Seek and write under a lock, for Windows has no pwrite.
        pixel = (band * self.shape[1] + row) * self.shape[2] + col
        self._file.seek(pixel * self.dtype.itemsize)
        self._file.write(data.data)

    def _fill_rows(self, start: int, stop: int) -> None:
        """Give rows that no window has touched their fill."""
        rows = np.flatnonzero(~self._begun[start:stop]) + start
        self._begun[start:stop] = True
        if not self._needs_fill:
            return
        bands, _, width = self.shape
        most = max(1, _FILL_BYTES // (width * self.dtype.itemsize))
        for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1):
            for first in range(0, len(run), most):
                piece = run[first : first + most]
                filled = np.full((len(piece), width), self._fill, dtype=self.dtype)
                for band in range(bands):
                    self._put(band, int(piece[0]), 0, filled)


def read_journal(path: Path, fingerprint: str) -> int:
    """How many rows a journal says are done; 0 where there is none or it belongs to another task."""
    try:
        journal = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    if not isinstance(journal, dict) or journal.get("fingerprint") != fingerprint:
        return 0
    return int(journal.get("rows_done", 0))


def write_journal(path: Path, fingerprint: str, rows_done: int) -> None:
    """Record progress, whole or not at all; call only after the rows themselves are synced.

    A journal is scratch itself, under the lock of its product.
    """
    partial = path.with_name(path.name + ".new")
    text = json.dumps({"fingerprint": fingerprint, "rows_done": rows_done})
    partial.write_text(text, encoding="utf-8")
    publish(partial, path)


def require_space(folder: Path, size: int, product: Path) -> None:
    """Refuse a product whose scratch file cannot fit.

    Raises:
        WriteError: the disk has fewer free bytes than `size`.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise WriteError(
            f"{product} needs {_amount(size)} of scratch space in {folder}, which has "
            f"{_amount(free)} free; free some or write to another disk"
        )


def _amount(size: int) -> str:
    """Bytes in the unit that says most.

    Example:
        >>> _amount(0), _amount(1_460_000), _amount(23_000_000_000)
        ('0 bytes', '1.5 MB', '23.0 GB')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
