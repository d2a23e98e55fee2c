"""Files mapped into memory, so that just the part of a row that is wanted is copied.

Two things make a map dangerous, and both are met here. Before Python 3.13 `mmap` keeps a descriptor for each
map, of which a process has few: files are mapped without it. And who touches a map beyond the end of a file
that was shortened meanwhile gets SIGBUS, which ends the process: a handler lays empty pages there and notes
the loss, so that the reader can raise instead. Where that cannot be done, files are not mapped but read.

Source: wl_shm_buffer_begin_access of Wayland guards buffers that its clients may shorten in the same way.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import signal
import sys
from functools import lru_cache
from pathlib import Path

SWITCH = "GEOLOOM_MAP_FILES"
"""Environment variable; `0` has all files read, not mapped."""

_KNOWN_SYSTEM = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
"""Where the layout of the structures below is known."""

_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "fuse",
    "lustre",
    "ceph",
    "gluster",
    "afs",
    "gpfs",
    "beegfs",
    "virtiofs",
)
"""Starts of the names of file systems whose server may fail, or shorten files, unseen by this machine."""

_FAILED = ctypes.c_void_p(-1).value
_SA_SIGINFO = 4
_ADDRESS_AT = 16
"""Of `si_addr` within `siginfo_t`."""


class _Action(ctypes.Structure):
    """`struct sigaction` of 64-bit Linux, glibc's and musl's."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_uint64 * 16),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


_ENDS: dict[int, int] = {}
"""Address of each map -> of its end."""
_LOST: set[int] = set()
_guarding: int | None = None
"""The process in which the handler stands."""


class Map:
    """A file's bytes in memory, read-only, unmapped with its last reference; no descriptor is kept.

    Args:
        descriptor: The open file, which may be closed afterwards.
        size: Its size, bytes.

    Raises:
        OSError: it cannot be mapped.
    """

    __slots__ = ("_unmap", "address", "size")

    def __init__(self, descriptor: int, size: int) -> None:
        library = _libc()
        self.address, self.size, self._unmap = 0, size, library.munmap
        stand_guard()
        place = library.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if place in (None, _FAILED):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        self.address = place
        _ENDS[place] = place + size

    @property
    def lost(self) -> bool:
        """Whether part of the file was gone when it was touched: zeros may have been read."""
        return bool(_LOST) and self.address in _LOST

    def __del__(self, ends: dict[int, int] = _ENDS, lost: set[int] = _LOST) -> None:
        if self.address:
            ends.pop(self.address, None)
            lost.discard(self.address)
            self._unmap(self.address, self.size)


def any_lost() -> bool:
    """Whether part of any mapped file was gone when it was touched."""
    return bool(_LOST)


def may_map(device: int) -> bool:
    """Whether files of a device (`st_dev`) are mapped: on disks of this machine, unless switched off."""
    return _KNOWN_SYSTEM and os.environ.get(SWITCH) != "0" and not _is_network(device)


@lru_cache(maxsize=256)
def _is_network(device: int) -> bool:
    """Source: proc_pid_mountinfo(5): device in the third field, type after the lone hyphen."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True  # unknown, so not trusted
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        if left.split()[2] == number:
            return right.split()[0].startswith(_NETWORK)
    return False


_before = _Action()
"""Who had the signal before."""


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    place, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    library.mmap.restype = place
    library.mmap.argtypes = [place, size, number, number, number, ctypes.c_int64]
    library.munmap.argtypes = [place, size]
    library.sigaction.argtypes = [number, ctypes.POINTER(_Action), ctypes.POINTER(_Action)]
    return library


def stand_guard() -> None:
    """Be ready for files that get shorter; before each touch, as torch's workers set a handler of theirs."""
    global _guarding
    if _guarding == os.getpid():
        return
    own, former = _Action(), _Action()
    own.handler = ctypes.cast(_HANDLER, ctypes.c_void_p).value
    own.flags = _SA_SIGINFO
    if _libc().sigaction(signal.SIGBUS, ctypes.byref(own), ctypes.byref(former)):
        raise OSError(ctypes.get_errno(), "the system does not let SIGBUS be handled")
    if former.handler != own.handler:
        ctypes.memmove(ctypes.byref(_before), ctypes.byref(former), ctypes.sizeof(_Action))
    _guarding = os.getpid()


def _on_bus_error(number: int, info: int, context: int) -> None:
    # The loop that touched the map holds neither Python's lock nor any other, so Python may run here.
    place = ctypes.c_uint64.from_address(info + _ADDRESS_AT).value
    for start, end in list(_ENDS.items()):
        if start <= place < end + mmap.PAGESIZE:
            page = place - place % mmap.PAGESIZE
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
            _LOST.add(start)
            if _libc().mmap(page, end - page, mmap.PROT_READ, flags, -1, 0) == page:
                return
    # Not ours: the touch is repeated under the handler that was there before.
    _libc().sigaction(number, ctypes.byref(_before), None)


_MAP_FIXED = 0x10
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(_on_bus_error)
