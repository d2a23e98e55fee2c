"""Counts what a process does to files, and kills it at the n-th operation."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_EVENTS = {
    "os.rename": "rename",  # os.replace raises it too
    "os.remove": "unlink",
    "os.rmdir": "rmdir",
    "os.mkdir": "mkdir",
    "os.link": "link",
}


def count_operations(root: Path, log: Path, kill_at: int | None = None) -> None:
    """Write a line for each rename, unlink, fsync, folder made or removed, and open for writing, from now on.

    Operations of Python code are seen, through the interpreter's audit hooks, which cannot be removed: call
    in a process that ends after the trial. Those of C libraries are not: for them, the system's calls are
    traced.

    Args:
        root: Only files below it count; all that is given as a descriptor counts.
        log: Where the lines go; above `root`.
        kill_at: The process is killed before this operation, counted from 1.
    """
    notes = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    within, own, count = os.path.realpath(root), os.getpid(), 0
    sync = os.fsync

    def happened(name: str, path: object) -> None:
        nonlocal count
        if os.getpid() != own:  # a worker process
            return
        count += 1
        os.write(notes, f"{name} {path}\n".encode(errors="replace"))
        if count == kill_at:
            os.kill(own, signal.SIGKILL)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & _WRITING and _below(path, within):
                happened("open", path)
        elif event in _EVENTS:
            path, folder = args[0], args[-1]  # `rmtree` gives a descriptor of the folder; else -1
            if _below(path, within) or (isinstance(folder, int) and folder >= 0):
                happened(_EVENTS[event], path)

    def counted_sync(fd: Any) -> None:
        happened("fsync", fd)
        sync(fd)

    os.fsync = counted_sync  # the one that raises no audit event
    sys.addaudithook(hook)


def _below(path: Any, within: str) -> bool:
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    return os.path.abspath(os.fsdecode(path)).startswith(within + os.sep)  # noqa: PTH100
