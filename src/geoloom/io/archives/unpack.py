"""Archives unpacked into a folder: nothing outside of it, nothing half done taken for whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ...core.errors import ReadError, WriteError
from ...core.files import hold, sweep, write_text, writing
from ...core.progress import Progress
from ...core.publish import remove, sync_folder
from .member import Member, place_of
from .members import members, pieces

_LARGE_BYTES = 1 << 20
"""Files of fewer are written without a look at the disk's room."""
_WAIT_S = 6 * 3600.0
"""How long another process that unpacks the same archive is waited for: the largest take hours."""
_RATIO = 200
"""An archive may grow by so much; masks of few colours reach 100, bombs 1,000 and more."""
_ALWAYS_BYTES = 1 << 30
_ALWAYS_COUNT = 1_000_000
_LEAST_BYTES = 64
"""Of an archive, for each member: a tar of empty files packs to about as many."""


def unpack(
    archive: Path | Sequence[Path],
    folder: Path,
    *,
    most: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Unpack an archive, unless that was done.

    A file that is there already has to be the archive's, or its beginning, as a try that was stopped leaves
    it; others are never replaced. That all is there is noted last, after it was written to the disk.

    Args:
        archive: zip or tar (plain, gz, bz2, xz), or one packed file (`list.txt.bz2`); its parts, in order,
            where it was cut into some.
        folder: Made where it is missing; may hold other things.
        most: Bytes that the contents may have; None: 200 times the archive's, or 1 GiB.
        progress: Called with (bytes of the archive that are through, its bytes).

    Returns:
        `folder`.

    Raises:
        ReadError: the archive is missing, damaged, locked, or holds what may not be written: paths out of the
            folder, links, devices, or more than an archive of its size can honestly hold.
        WriteError: a file that differs is in the way, or there is no room or no right to write.
    """
    parts = (archive,) if isinstance(archive, Path) else tuple(archive)
    missing = [str(part) for part in parts if not part.is_file()]
    if missing:
        raise ReadError(f"{', '.join(missing)} is missing; expected an archive to unpack")
    done, begun = _done(parts[0].name, folder), _begun(parts[0].name, folder)
    if done.is_file():
        _tidy(done, begun)
        return folder
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with hold(done, wait_s=_WAIT_S), writing(folder):
        if done.is_file():  # another process did it meanwhile
            return folder
        begun.touch()
        sync_folder(folder)
        count = _Unpacking(parts, folder.resolve(), most, progress).run()
        _to_disk(folder)
        note = {"archive": parts[0].name, "bytes": sum(p.stat().st_size for p in parts), **count}
        write_text(done, json.dumps(note) + "\n")
        remove(begun)
    return folder


def is_unpacked(archive: str, folder: Path) -> bool:
    """Whether an archive of this name (its first part's) was unpacked here, whole."""
    return _done(archive, folder).is_file()


def half_unpacked(archive: str, folder: Path) -> bool:
    """Whether an archive of this name (its first part's) was unpacked here in part, or is right now."""
    return _begun(archive, folder).is_file() and not is_unpacked(archive, folder)


def require_whole(folder: Path) -> None:
    """Refuse a folder into which an archive was unpacked in part.

    Raises:
        ReadError: the message names the archive.
    """
    for note in sorted(folder.glob(".*.unpacking")):
        archive = note.name[1 : -len(".unpacking")]
        if half_unpacked(archive, folder):
            raise ReadError(
                f"{folder} holds a part of {archive} alone, as unpacking it was stopped; unpack it again "
                f"(with download=True), or, where all is there, delete {note}"
            )


def _done(archive: str, folder: Path) -> Path:
    return folder / f".{archive}.unpacked.json"


def _begun(archive: str, folder: Path) -> Path:
    return folder / f".{archive}.unpacking"


def _tidy(done: Path, begun: Path) -> None:
    """Remove what was left by a process that was killed after its last file."""
    sweep(done)
    with suppress(OSError):
        begun.unlink(missing_ok=True)


def _to_disk(folder: Path) -> None:
    """All that was written, where the system has one call for it: a call for each file takes hours."""
    if hasattr(os, "sync"):
        os.sync()
    sync_folder(folder)


class _Unpacking:
    """One archive on its way into a folder."""

    def __init__(
        self,
        parts: Sequence[Path],
        folder: Path,
        most: int | None,
        progress: Progress | None,
    ) -> None:
        self._parts, self._folder, self._name = parts, folder, str(parts[0])
        self._size = sum(part.stat().st_size for part in parts)
        self._most = max(_ALWAYS_BYTES, _RATIO * self._size) if most is None else most
        self._most_members = max(_ALWAYS_COUNT, self._size // _LEAST_BYTES)
        self._progress = progress
        self._checked: set[Path] = set()
        self._bytes = self._count = 0

    def run(self) -> dict[str, int]:
        """Unpack all; how much it was."""
        for member in members(self._parts):
            self._take(member)
            if self._progress is not None:
                self._progress(min(member.through, self._size), self._size)
        return {"files": self._count, "content_bytes": self._bytes}

    def _take(self, member: Member) -> None:
        path = place_of(member, self._folder, self._name)
        self._count += 1
        if self._count > self._most_members:
            raise self._bomb(f"more than {self._most_members:,} files")
        if self._bytes + member.size > self._most:
            raise self._bomb(f"{self._bytes + member.size:,} bytes or more")
        self._check_room(member)
        place = path if member.kind == "folder" else path.parent
        if place not in self._checked:
            self._make(place)
        if member.kind == "file":
            self._write(path, member)

    def _make(self, place: Path) -> None:
        """The folder of a file, which no link on the way may lead elsewhere."""
        place.mkdir(parents=True, exist_ok=True)
        if not place.resolve().is_relative_to(self._folder):
            raise WriteError(
                f"{place} leads out of {self._folder} by a link; remove the link, or unpack elsewhere"
            )
        self._checked.add(place)

    def _check_room(self, member: Member) -> None:
        if member.size >= _LARGE_BYTES:
            free = shutil.disk_usage(self._folder).free
            if free < member.size:
                raise WriteError(
                    f"{member.name} of {self._name} needs {member.size:,} bytes, and the disk of "
                    f"{self._folder} has {free:,}; free some space or unpack to another disk"
                )

    def _write(self, path: Path, member: Member) -> None:
        if path.is_symlink() or path.is_dir():
            raise self._in_the_way(path)
        with path.open("r+b" if path.exists() else "x+b") as file:
            for piece in self._pieces(member):
                there = file.read(len(piece))
                if not piece.startswith(there):
                    raise self._in_the_way(path)
                file.write(piece[len(there) :])
            if file.read(1):
                raise self._in_the_way(path)

    def _in_the_way(self, path: Path) -> WriteError:
        return WriteError(
            f"{path} is there already, and {self._name} holds a file of that name with another content; "
            "move it away, or unpack elsewhere"
        )

    def _pieces(self, member: Member) -> Iterator[bytes]:
        for piece in pieces(member, self._parts[0]):
            self._bytes += len(piece)
            if self._bytes > self._most:
                raise self._bomb("more")
            yield piece

    def _bomb(self, size: str) -> ReadError:
        return ReadError(
            f"{self._name} has {self._size:,} bytes and unpacks to {size}, where at most {self._most:,} are "
            "expected; it is not the archive that it should be, or made to fill the disk"
        )
