"""Folders in which files were looked for, and whether files came or went since."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ...io.access.finding import INDEX_FOLDER, Paths, is_new, searched

_THREADS = 8
_AT_ONCE = 4096

State = tuple[int, str]
"""Modification time, ns, and a digest of the names inside; -1 and that of no names for others."""


def folder_states(paths: Paths, own: Path) -> dict[str, State]:
    """The state of each local folder on which it depends what is found at the paths.

    Args:
        paths: Files, folders or shell patterns.
        own: The index's file, whose coming and going is not a change.
    """
    states: dict[str, State] = {}
    for folder, depth in searched(paths):
        entered: set[tuple[int, int]] = set()
        is_new(folder, entered)
        states.update(_walk(folder, depth, own, entered))
    return states


def changed_folders(known: Mapping[str, State], own: Path) -> set[str]:
    """Those of the folders that hold other names than before, or are gone.

    A folder with its old time is taken as it was. Folders made since change the one that holds them.
    """
    changed = set()
    for folder, (time, names) in known.items():
        if _time(folder) != time and _digest(_listed(folder)[0], folder, own) != names:
            changed.add(folder)
    return changed


def file_stamps(files: Sequence[str]) -> np.ndarray:
    """Modification time, ns, and size of files, int64 (N, 2); -1 for what is not a local file."""
    parts = [files[i : i + _AT_ONCE] for i in range(0, len(files), _AT_ONCE)]
    if len(parts) < 2:
        return _stamps(files)
    # One thread is as fast on a disk of one's own; over a network each of the calls waits.
    with ThreadPoolExecutor(_THREADS) as pool:
        return np.concatenate(list(pool.map(_stamps, parts)))


def is_elsewhere(file: str) -> bool:
    """Whether this is an address or a path inside an archive, whose age is unknown."""
    return "://" in file or file.startswith("/vsi")


def absolute(file: str) -> str:
    """Where a file is, whatever folder this process is in; what is elsewhere has no other name."""
    return file if is_elsewhere(file) else os.path.abspath(file)  # noqa: PTH100 - also without `..`


def _stamps(files: Sequence[str]) -> np.ndarray:
    stamps: list[int] = []
    for file in files:
        try:
            status = os.stat(file)  # noqa: PTH116 - once a file, a Path costs more than the call
        except (OSError, ValueError):
            stamps += (-1, -1)
        else:
            stamps += (status.st_mtime_ns, status.st_size)
    return np.array(stamps, dtype=np.int64).reshape(-1, 2)


def _walk(
    folder: str, depth: int | None, own: Path, entered: set[tuple[int, int]]
) -> Iterator[tuple[str, State]]:
    time = _time(folder)  # before its names: what comes in between must count as a change
    names, inner = _listed(folder)
    yield folder, (time, _digest(names, folder, own))
    if depth is None or depth > 0:
        below = None if depth is None else depth - 1
        for path in [str(Path(folder, name)) for name in sorted(inner)]:
            if is_new(path, entered):
                yield from _walk(path, below, own, entered)


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """All names in a folder, and those of the folders in it."""
    names, inner = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if entry.is_dir() and entry.name != INDEX_FOLDER:
                    inner.append(entry.name)
    except OSError:
        return [], []
    return names, inner


def _digest(names: Sequence[str], folder: str, own: Path) -> str:
    ignored = own.name if Path(folder) == own.parent else None
    data = "\0".join(
        sorted(
            name
            for name in names
            if name != INDEX_FOLDER
            and (ignored is None or not name.startswith((ignored, f".{ignored}")))
        )
    )
    return blake2b(data.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _time(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return -1
