"""The threads that read: as many as there are processors, kept from batch to batch."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

_POOLS: dict[int, ThreadPoolExecutor] = {}


def usable_cpus() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def reading_threads(count: int) -> ThreadPoolExecutor:
    """The process's pool of so many threads; a forked child makes its own."""
    pool = _POOLS.get(count)
    if pool is None:
        pool = _POOLS.setdefault(count, ThreadPoolExecutor(count, "geoloom-read"))
    return pool


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOLS.clear)
