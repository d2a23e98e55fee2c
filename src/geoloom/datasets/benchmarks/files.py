"""The files of a benchmark dataset: found, fetched, checked and unpacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ...core.errors import DatasetError, ReadError
from ...core.progress import Progress
from ...io.archives.unpack import half_unpacked, is_unpacked, require_whole, unpack
from ...io.checksums import Checksum, checksum_of
from ...io.download import download
from .declaration import Benchmark, RemoteFile

Track = Callable[[str], AbstractContextManager[Progress]]
"""Given what is done with which file, a block during which progress is said."""


def bring_files(
    benchmark: Benchmark,
    root: Path,
    *,
    may_download: bool = False,
    check: bool = False,
    track: Track | None = None,
) -> None:
    """Make sure that a dataset lies in its folder, whole.

    Archives that lie there are unpacked; what is there unpacked, by whom ever, is taken as it is, unless
    unpacking it was stopped half-way. What is downloaded is always compared with its checksum.

    Args:
        benchmark: Which.
        root: Its folder.
        may_download: Fetch what is missing.
        check: Compare the files that are there with their checksums as well, archives included.
        track: Asked for each file that is fetched or unpacked.

    Raises:
        DatasetError: something is missing; the message says what was expected where, and how to get it.
        ReadError: a file is damaged or another one, or cannot be fetched.
        WriteError: there is no room or no right to write.
    """
    if check:
        for file in benchmark.files:
            _compare(file, root)
    if _is_there(benchmark, root) and not half_unpacked(root):
        return
    for file in benchmark.files:
        _bring(benchmark, file, root, may_download, track or _untold)
    if not _is_there(benchmark, root):
        raise DatasetError(_missing(benchmark, root))
    require_whole(root)


@contextmanager
def _untold(_: str) -> Iterator[Progress]:
    yield lambda done, total: None


def _is_there(benchmark: Benchmark, root: Path) -> bool:
    """Whether all is there; where geoloom unpacked one archive, it has to have unpacked all."""
    ours = {is_unpacked(file.name, root) for file in benchmark.files if file.unpack}
    return len(ours) < 2 and all((root / name).exists() for name in benchmark.layout.needed)


def _bring(
    benchmark: Benchmark, file: RemoteFile, root: Path, may_download: bool, track: Track
) -> None:
    path = root / file.name
    if file.unpack and is_unpacked(file.name, root):
        return
    if may_download and not path.is_file():
        if file.address is None:
            raise DatasetError(_missing(benchmark, root))
        root.mkdir(parents=True, exist_ok=True)
        with track(f"bytes of {file.name} fetched") as advance:
            download(file.address, path, checksum=file.checksum, progress=advance)
    if file.unpack and path.is_file():
        with track(f"bytes of {file.name} unpacked") as advance:
            unpack(path, root, progress=advance)


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


def _missing(benchmark: Benchmark, root: Path) -> str:
    lacking = [name for name in benchmark.layout.needed if not (root / name).exists()]
    archives = [file.name for file in benchmark.files]
    start = (
        f"{benchmark.name} is not whole in {root}: there is no {' and no '.join(lacking)}, nor the files to "
        f"make it from ({', '.join(archives)})"
    )
    if benchmark.by_hand is not None:
        return f"{start}; {benchmark.by_hand}, and put the files there"
    return (
        f"{start}; give download=True (geoloom datasets download {benchmark.command} {root}), or fetch the "
        f"files from {benchmark.home} and put them there"
    )
