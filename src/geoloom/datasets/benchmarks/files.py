"""The files of a dataset: found, fetched, checked and unpacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ...core.errors import DatasetError, ReadError
from ...core.files import writing
from ...core.progress import Progress
from ...io.archives.unpack import half_unpacked, require_whole, unpack
from ...io.checksums import Checksum, checksum_of
from ...io.download import download
from .declaration import Declared, RemoteFile

Track = Callable[[str], AbstractContextManager[Progress]]
"""Given what is done with which file, a block during which progress is said."""


def bring_files(
    known: Declared,
    root: Path,
    *,
    split: str | None = None,
    bands: Sequence[str] | None = None,
    may_download: bool = False,
    check: bool = False,
    track: Track | None = None,
) -> None:
    """Make sure that a dataset lies in its folder, whole.

    Archives that lie there are unpacked; what is there unpacked, by whom ever, is taken as it is, unless
    unpacking it was stopped half-way. What is downloaded is always compared with its checksum.

    Args:
        known: Which.
        root: Its folder.
        split: That is wanted; None: all.
        bands: Names of those wanted; None: all.
        may_download: Fetch what is missing.
        check: Compare the files that are there with their checksums as well, archives included.
        track: Asked for each file that is fetched or unpacked.

    Raises:
        DatasetError: something is missing; the message says what was expected where, and how to get it.
        ReadError: a file is damaged or another one, or cannot be fetched.
        WriteError: there is no room or no right to write.
    """
    if root.exists() and not root.is_dir():
        raise DatasetError(f"{root} is a file, expected the folder of {known.name}; give another")
    files = known.files_for(split, bands)
    for file in files:
        if check:
            _compare(file, root)
    archives = [[file, *_continued(file, files)] for file in files if file.continues is None]
    lacking = []
    for archive in archives:
        if not _is_there(archive[0], root):
            _bring(known, archive, root, may_download, track or _untold)
        if not _is_there(archive[0], root):
            lacking.append(archive[0])
    if lacking:
        require_whole(root)
        raise DatasetError(_missing(known, root, lacking))


def _continued(file: RemoteFile, files: Sequence[RemoteFile]) -> list[RemoteFile]:
    """The further parts of an archive, in order."""
    return [other for other in files if other.continues == file.name]


@contextmanager
def _untold(_: str) -> Iterator[Progress]:
    yield lambda done, total: None


def _is_there(file: RemoteFile, root: Path) -> bool:
    half = file.gives is not None and half_unpacked(file.name, _folder(file, root))
    return not half and next(root.glob(file.needed), None) is not None


def _folder(file: RemoteFile, root: Path) -> Path:
    """Into which an archive is unpacked."""
    return root if file.inside is None else root / file.inside


def _bring(
    known: Declared,
    archive: Sequence[RemoteFile],
    root: Path,
    may_download: bool,
    track: Track,
) -> None:
    """Fetch and unpack an archive, of one part or several, or a plain file."""
    for file in archive:
        path = root / file.name
        if may_download and not path.is_file():
            if file.address is None:
                raise DatasetError(_missing(known, root, [file]))
            with writing(root):
                path.parent.mkdir(parents=True, exist_ok=True)
            with track(f"bytes of {file.name} fetched") as advance:
                download(file.address, path, checksum=file.checksum, progress=advance)
    first, paths = archive[0], [root / file.name for file in archive]
    if first.gives is not None and all(path.is_file() for path in paths):
        with track(f"bytes of {first.name} unpacked") as advance:
            unpack(paths, _folder(first, root), progress=advance)


def _compare(file: RemoteFile, root: Path) -> None:
    path = root / file.name
    if file.checksum is None or not path.is_file():
        return
    wanted = Checksum.parse(file.checksum)
    found = checksum_of(path, wanted.algorithm)
    if not wanted.matches(found):
        raise ReadError(
            f"{path} has the checksum {wanted.algorithm}:{found}, expected {wanted}; it is damaged, cut "
            "off or another file: delete it, and download it again (download=True)"
        )


def _missing(known: Declared, root: Path, lacking: Sequence[RemoteFile]) -> str:
    needed = " and no ".join(file.needed for file in lacking)
    archives = ", ".join(file.name for file in lacking if file.gives)
    start = f"{known.name} is not whole in {root}: there is no {needed}"
    start += f", nor the archive to make it from ({archives})" if archives else ""
    if known.by_hand is not None:
        return f"{start}; {known.by_hand}, and put the files there"
    parts = "".join(f" --part {part}" for part in dict.fromkeys(f.part for f in lacking) if part)
    return (
        f"{start}; give download=True (geoloom datasets download {known.command} {root}{parts}), or fetch "
        f"the files by hand (geoloom datasets info {known.command} says from where) and put them there"
    )
