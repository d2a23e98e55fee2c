"""The last step of a product: what is finished is synced to the disk, and gets its name by a rename."""

from __future__ import annotations

import errno
import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, Self


def publish(scratch: Path, path: Path) -> None:
    """Sync a finished file and give it its name, instead of what has that name."""
    with scratch.open("rb+") as file:
        sync_file(file)
    scratch.replace(path)
    sync_folder(path.parent)


def publish_folder(scratch: Path, path: Path, aside: Path) -> None:
    """Sync a finished folder with all that is in it and give it its name, instead of what has that name.

    A folder takes another's place in two renames. A kill between them leaves the earlier folder under the
    name `aside`, from where `restore_folder` brings it back.

    Args:
        scratch: The finished folder, beside `path`.
        path: Its name to be.
        aside: Where a folder of that name lies for a moment before it is removed; nothing may be there.
    """
    for where, _, names in os.walk(scratch):
        for name in names:
            with Path(where, name).open("rb+") as file:
                sync_file(file)
        sync_folder(Path(where))
    if path.exists():
        path.rename(aside)
    try:
        scratch.rename(path)
    except OSError:
        restore_folder(path, aside)
        raise
    sync_folder(path.parent)
    remove(aside)


def restore_folder(path: Path, aside: Path) -> None:
    """Undo the first of the two renames of `publish_folder`, where the second is missing."""
    if aside.exists() and not path.exists():
        aside.rename(path)


class ProductWriter(ABC):
    """What writes one product piece by piece, as a context manager: after the block the product is whole, and
    after an error in it not there."""

    @abstractmethod
    def close(self) -> object:
        """Make the product whole and give it its name.

        Raises:
            WriteError: the system refuses; nothing is left then.
        """

    @abstractmethod
    def abandon(self) -> None:
        """Stop without a product."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it; nothing happens where nothing is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync_file(file: IO[bytes]) -> None:
    """Return when all that was written to an open file would survive a loss of power."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder would survive a loss of power, where the system has such a call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # some network file systems have none
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
