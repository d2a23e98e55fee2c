"""Pages of mapped files, brought into a process's view many at once rather than fault by fault."""

from __future__ import annotations

import ctypes
import logging
import mmap
import sys

log = logging.getLogger(__name__)

_POPULATE_READ = 22
"""`MADV_POPULATE_READ` of Linux 5.14; Python has no name for it."""


class _Advice:
    """The system's `madvise`, as long as it does what it is asked for."""

    def __init__(self) -> None:
        self._call = ctypes.CDLL(None, use_errno=True).madvise if sys.platform == "linux" else None

    def populate(self, address: int, length: int) -> None:
        """Make pages readable without a fault each; where the system cannot, they come as they are read.

        A fault costs some microseconds, on virtual machines ten and more, and brings 16 pages; this brings
        all that are asked for. Python's lock is not held meanwhile.

        Args:
            address: Of the first byte, inside a map.
            length: Bytes, up to the map's end.
        """
        if self._call is None:
            return
        start = address - address % mmap.PAGESIZE
        size = ctypes.c_size_t(address + length - start)
        if self._call(ctypes.c_void_p(start), size, _POPULATE_READ):
            log.debug("pages are not brought in at once (errno %d)", ctypes.get_errno())
            self._call = None


ADVICE = _Advice()
"""The process's."""
