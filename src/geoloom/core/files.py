"""How a product comes to its name: one writer at a time, whole or not at all, and never over an input.

A product grows under a scratch name beside it, which depends on its own name alone: what a killed run left is
found, and removed, by the next run of the same command.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import GeoloomError, WriteError
from .publish import publish, remove
from .suffixes import SHAPEFILE_SUFFIXES

LONGEST_NAME = 255
"""Bytes in a file name on the file systems of Linux, macOS and Windows."""

_SCRATCH_ROOM = 24
"""Bytes that scratch names, locks, records and styles add to a product's name."""

_WAIT_S = 60.0
"""How long a small file waits for another process that writes it."""

_LOOKS = 50
"""How often who holds a lock is looked for, a hundredth of a second apart."""

_FULL_BYTES = 1 << 20
"""A disk with less left than this counts as full."""


@dataclass(slots=True)
class _Lock:
    """A lock of this process."""

    lock: FileLock
    holder: tuple[int, int]
    """Process and thread; a forked child has the table of its parent, and not its locks."""
    times: int


_locks: dict[str, _Lock] = {}
_locks_guard = threading.Lock()


def scratch_path(path: Path, end: str = "") -> Path:
    """Where `path` grows until it is whole: `.<name>.part<end>` beside it."""
    return path.with_name(f".{path.name}.part{end}")


def has_scratch(path: Path) -> bool:
    """Whether an unfinished run left something under the scratch names of `path`."""
    return any(path.parent.glob(f"{glob.escape(scratch_path(path).name)}*"))


def clear_scratch(path: Path) -> None:
    """Remove all that a killed run left under the scratch names of `path`; call it while holding `path`."""
    stem = scratch_path(path).name
    with suppress(FileNotFoundError):
        for left in path.parent.iterdir():
            if left.name.startswith(stem):
                remove(left)


def sweep(path: Path) -> None:
    """Remove what a writer of `path` left that was killed at its end; for files that are not written again.

    Nothing happens while another process writes it, or where this process may not write.
    """
    if _lock_path(path).exists() or has_scratch(path):
        with suppress(WriteError), hold(path), writing(path):
            clear_scratch(path)


def may_replace(
    path: Path, *, overwrite: bool, inputs: Iterable[str | Path] = (), folder: bool = False
) -> None:
    """Refuse a product that would destroy something, or that has no place, before any work.

    Args:
        path: The product.
        overwrite: Whether the user allows replacing an existing product of this name.
        inputs: What the product is made from. A product never replaces one of these, whatever `overwrite`
            says. Addresses of remote files are passed over.
        folder: Whether the product is a folder; what may lie in it is for its writer to judge.

    Raises:
        WriteError: `path` is an input or a folder around one, exists and may not be replaced, is a folder
            where a file is to be written or the reverse, names nothing, or its folder does not exist.
    """
    check_name(path)
    refuse_inputs(path, inputs)
    if path.is_dir() and not folder:
        raise WriteError(f"{path} is a folder; give the name of a file in it")
    if folder and path.exists() and not path.is_dir():
        raise WriteError(f"{path} is a file, and a folder is to be written; give another name")
    if path.exists() and not folder and not overwrite:
        raise WriteError(
            f"{path} exists; replace it with --overwrite (overwrite=True) or give another name"
        )
    _check_folder(path)


def may_fill(folder: Path, product: str, what: str, *, overwrite: bool) -> None:
    """Refuse a folder that holds a product of its kind already, before any work.

    Args:
        folder: Of the product, which may be missing.
        product: The name of the file that makes the folder one, such as a model's card.
        what: What it then holds, such as `a model`.
        overwrite: Whether the user allows replacing it.

    Raises:
        WriteError: the file is there, and may not be replaced.
    """
    if (folder / product).exists() and not overwrite:
        raise WriteError(
            f"{folder} holds {what} already; choose another folder or overwrite=True (--overwrite)"
        )


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise WriteError(f"{path.parent} is not a folder; make it, or write elsewhere")


def check_name(path: Path) -> None:
    """Refuse a path that can name no product.

    Raises:
        WriteError: it is empty, a root or `..`, holds a control character, or is too long to be written.
    """
    name = path.name
    if name in ("", ".."):
        raise WriteError(f"{str(path)!r} names no file; give a path that ends in a name")
    if any(ord(letter) < 32 for letter in str(path)):
        raise WriteError(f"{str(path)!r} holds a control character; give a plain name")
    if len(os.fsencode(name)) > LONGEST_NAME - _SCRATCH_ROOM:
        raise WriteError(
            f"{name[:40]}... is a name of {len(os.fsencode(name))} bytes; give one of at most "
            f"{LONGEST_NAME - _SCRATCH_ROOM}"
        )


def refuse_inputs(path: Path, inputs: Iterable[str | Path]) -> None:
    """Refuse a product that is one of the files it is made from, by whatever name, or a folder around one.

    Raises:
        WriteError: the message names the input.
    """
    for given in inputs:
        for part in _parts_of(Path(given)):
            if path.exists() and path.samefile(part):
                raise WriteError(
                    f"{path} is an input of this command and would be destroyed; write elsewhere"
                )
            if path.is_dir() and part.resolve().is_relative_to(path.resolve()):
                raise WriteError(f"{path} holds the input {part}; write to a folder of its own")


def _parts_of(given: Path) -> list[Path]:
    """The files that stand for one input, where there are any."""
    shapefile = given.suffix.lower() in SHAPEFILE_SUFFIXES
    parts = [given, *(given.with_suffix(end) for end in SHAPEFILE_SUFFIXES if shapefile)]
    return [part for part in parts if part.exists()]


@contextmanager
def hold(path: Path, *, wait_s: float = 0) -> Iterator[None]:
    """Be the only one that writes `path` while the block runs.

    The lock is a file `.<name>.lock` beside the product. It ends with the process that has it, however that
    ends; the file goes with the block, or with the next run's block after a kill. Within one thread a product
    may be locked again by what is called.

    Args:
        path: The product, a file or a folder.
        wait_s: How long to wait for another writer.

    Raises:
        WriteError: another process or thread writes it, which the message names; or the folder cannot be
            written to.
    """
    check_name(path)
    _check_folder(path)
    lock_path = _lock_path(path)
    key = str(lock_path.absolute())
    if not _locked_here(key):
        _take(path, lock_path, key, wait_s)
    try:
        yield
    finally:
        _let_go(lock_path, key)


def _lock_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


@contextmanager
def hold_all(paths: Iterable[Path]) -> Iterator[None]:
    """Hold several products; raises as `hold`."""
    with ExitStack() as stack:
        for path in sorted(set(paths)):  # one order, so that two runs never wait for each other
            stack.enter_context(hold(path))
        yield


def _take(path: Path, lock_path: Path, key: str, wait_s: float) -> None:
    lock = FileLock(lock_path, timeout=wait_s, thread_local=False)
    try:
        with writing(path):
            lock.acquire()
    except Timeout:
        raise WriteError(
            f"{path} is being written by {_owner(lock_path)}; wait for it, stop it, or give another name"
        ) from None
    with _locks_guard:
        _locks[key] = _Lock(lock, _me(), 1)
    # Windows locks the file against its own holder; only the name is lost.
    with suppress(OSError):
        lock_path.write_text(json.dumps(_signature()), encoding="utf-8")


def _locked_here(key: str) -> bool:
    """Take once more a lock that this thread has."""
    with _locks_guard:
        lock = _locks.get(key)
        if lock is None or lock.holder != _me():
            return False
        lock.times += 1
        return True


def _let_go(lock_path: Path, key: str) -> None:
    with _locks_guard:
        lock = _locks[key]
        lock.times -= 1
        if lock.times:
            return
        del _locks[key]
    # Removed while locked: who waits on the removed file finds it without a name, and tries again.
    with suppress(OSError):
        lock_path.unlink()
    lock.lock.release()


def _me() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()


def _signature() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%H:%M:%S")}


def _owner(lock_path: Path) -> str:
    for _ in range(_LOOKS):  # it signs just after it has the lock
        try:
            owner = json.loads(lock_path.read_text(encoding="utf-8")[:1000])
            return f"process {owner['pid']} on {owner['host']} since {owner['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            time.sleep(0.01)
    return "another process"


@contextmanager
def writing(path: Path, *of_library: type[Exception]) -> Iterator[None]:
    """Turn refusals in the block into a WriteError that names `path` and what to do.

    Args:
        path: What is written.
        of_library: How the library that writes it says that it cannot; the system's refusals count always.

    Raises:
        WriteError: the disk is full, the folder is read-only, and the like.
    """
    try:
        yield
    except (GeoloomError, Timeout):
        raise
    except of_library as error:
        raise WriteError(f"cannot write {path}: {error}{hint_if_full(path.parent)}") from error
    except OSError as error:
        raise WriteError(f"cannot write {path}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{where}; free some space or write to another disk"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to write there{where}; give a folder that you may write to"
    return f"{error.strerror or error}{where}"


def hint_if_full(folder: Path) -> str:
    """What to add to the message of a library that says only that it could not write."""
    if shutil.disk_usage(folder).free >= _FULL_BYTES:
        return ""
    return "; the disk is full: free some space or write to another disk"


@contextmanager
def replacing(path: Path, *, within: Path | None = None) -> Iterator[Path]:
    """Write a file whole or not at all, one process at a time.

    Gives a scratch path in the same folder. After the block the file there is synced to the disk and takes
    the name `path`; after an error it is removed, and what was there before stays.

    Args:
        path: The file.
        within: The product that the file is a part of, whose lock is enough: the model's folder for its
            weights, the map for its record.

    Raises:
        WriteError: the system refuses, or another process goes on writing it.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> with replacing(path) as scratch:
        ...     _ = scratch.write_text("whole")
        >>> path.read_text(), len(list(path.parent.iterdir()))
        ('whole', 1)
    """
    with hold(within or path, wait_s=_WAIT_S), writing(path):
        scratch = scratch_path(path)
        remove(scratch)
        try:
            yield scratch
            publish(scratch, path)
        except BaseException:
            with suppress(OSError):  # the error that ended the block is the one to report
                remove(scratch)
            raise


def write_text(path: Path, text: str, *, within: Path | None = None) -> None:
    """Write a small text file, UTF-8, whole or not at all; arguments and errors as `replacing`."""
    with replacing(path, within=within) as scratch:
        scratch.write_text(text, encoding="utf-8")


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` for what is made on the way to it; locked, and removed at the end.

    What a killed run left in it goes with the next one.

    Raises:
        WriteError: the system refuses, or another process makes `path`.
    """
    folder = path.with_name(f".{path.name}.work")
    with hold(path):
        with writing(path):
            remove(folder)
            folder.mkdir()
        try:
            yield folder
        finally:
            remove(folder)
