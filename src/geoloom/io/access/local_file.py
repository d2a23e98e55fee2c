"""Bytes of local files by position, through descriptors of which only some stay open.

A process may open only so many files, and others need theirs.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from itertools import count

from geoloom.core.errors import ReadError

from .gdal_fallback import LeftToGdalError
from .handles import Stamp

_MOST_OPEN = 512
_OF_THE_LIMIT = 4
"""One in so many of the descriptors that the system grants may stay open here: others need theirs."""

_FULL = frozenset((errno.EMFILE, errno.ENFILE))
_READS_AT_ONCE = hasattr(os, "pread")


class ChangedFileError(LeftToGdalError):
    """A file is no longer the one whose layout was read: GDAL sees what it is now."""


class Descriptor:
    """An open file, which closes with its last reference."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self.number)


class LocalFile:
    """A file as it was when its stamp was taken.

    Guarantee: bytes come from that file, or an error does: one that was shortened or replaced is noticed.
    Safe to use from many threads, and in forked children.

    Args:
        uri: Path.
        stamp: Its modification time and size.
    """

    __slots__ = ("_serial", "device", "size", "stamp", "uri")

    def __init__(self, uri: str, stamp: Stamp) -> None:
        self.uri = uri
        self.stamp = stamp[0]
        """Modification time, ns, and size, bytes."""
        self.size = stamp[0][1]
        self.device: tuple[int, int] | None = None
        """Device and inode, once it was opened."""
        self._serial = next(_SERIALS)

    def open(self) -> Descriptor:
        """The open file; hold it while reading, it may be closed afterwards.

        Raises:
            ChangedFileError: it was replaced since the stamp was taken.
            ReadError: it is gone, or may not be read.
        """
        try:
            _OPEN.move_to_end(self._serial)
            return _OPEN[self._serial]
        except KeyError:  # not open, or closed by another thread just now
            return self._open_anew()

    def take(self, start: int, size: int) -> bytes:
        """Just so many bytes.

        Raises:
            ReadError: they lie beyond the end of the file, or it was shortened or replaced.
        """
        if start < 0 or size < 0 or size > self.size - start:
            raise ReadError(
                f"{self.uri} has {self.size} bytes, but {size} were wanted from {start} on; fetch it again"
            )
        opened = self.open()
        try:
            taken = _read(opened.number, size, start)
        except OSError as error:
            raise ReadError(f"{self.uri} cannot be read: {error}") from error
        if len(taken) < size:
            raise self.failed(opened)
        return taken

    def check(self) -> None:
        """Make sure that it has not changed; what was copied from a map of it before is then right.

        Raises:
            ChangedFileError: it was replaced or written to.
            ReadError: it was shortened.
        """
        try:
            status = os.stat(self.uri)  # noqa: PTH116 - hot path, a Path costs more than the call
        except OSError:
            return  # without a name its bytes stay, as long as it is open
        if status.st_size == self.size and status.st_mtime_ns == self.stamp[0]:
            return
        if status.st_size < self.size and self.device == (status.st_dev, status.st_ino):
            raise self._shortened(status.st_size)
        raise self._changed()

    def failed(self, opened: Descriptor) -> ReadError:
        """The error to raise where bytes that were there cannot be read."""
        now = os.fstat(opened.number).st_size
        _OPEN.pop(self._serial, None)
        if now >= self.size:
            return ReadError(
                f"{self.uri} cannot be read: its disk or the network fails; read again"
            )
        return self._shortened(now)

    def _shortened(self, now: int) -> ReadError:
        return ReadError(
            f"{self.uri} has {now} bytes and had {self.size}: it was shortened while it was read; put it "
            "back whole and read again, or leave it out"
        )

    def _changed(self) -> ChangedFileError:
        return ChangedFileError(
            f"{self.uri} was changed since its header was read; read it, or make the dataset, again"
        )

    def _open_anew(self) -> Descriptor:
        try:
            opened = Descriptor(_open(self.uri))
        except OSError as error:
            raise ReadError(f"{self.uri} cannot be opened: {error}") from error
        status = os.fstat(opened.number)
        if (status.st_mtime_ns, status.st_size) != self.stamp:
            raise self._changed()
        self.device = status.st_dev, status.st_ino
        most = _most_open()
        with _LOCK:
            _OPEN[self._serial] = opened
            while len(_OPEN) > most:
                _OPEN.popitem(last=False)
        return opened


def _most_open() -> int:
    try:
        import resource
    except ImportError:  # Windows, where a file that is open cannot be replaced
        return 0
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST_OPEN
    return max(min(soft // _OF_THE_LIMIT, _MOST_OPEN), 1)


def _open(uri: str) -> int:
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(uri, flags)
    except OSError as error:
        if error.errno not in _FULL:
            raise
    # Others have taken all descriptors: give ours back, but for those in use, and try once more.
    with _LOCK:
        _OPEN.clear()
    return os.open(uri, flags)


def _read(descriptor: int, size: int, start: int) -> bytes:
    if not _READS_AT_ONCE:  # Windows
        with _LOCK:
            os.lseek(descriptor, start, os.SEEK_SET)
            return os.read(descriptor, size)
    taken = os.pread(descriptor, size, start)
    while len(taken) < size:  # a signal, or more than the system reads at once
        more = os.pread(descriptor, size - len(taken), start + len(taken))
        if not more:
            break
        taken += more
    return taken


_SERIALS = count(1)
_OPEN: OrderedDict[int, Descriptor] = OrderedDict()
_LOCK = threading.Lock()


def _renew_in_child() -> None:
    # The lock may have been held by a thread that the child does not have. Descriptors stay good: what is
    # read by position does not move the offset that both share.
    global _LOCK
    _LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)
