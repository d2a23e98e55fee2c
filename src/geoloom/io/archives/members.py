"""The members of a zip or tar archive, or the one file that is packed, one after the other."""

from __future__ import annotations

import bz2
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from isal import igzip, isal_zlib

from ...core.errors import GeoloomError, ReadError
from .joined import JoinedFiles
from .member import Member

_PIECE_BYTES = 1 << 20
_LARGEST_READ = 16 << 20
"""Bytes that a tar's own headers may ask for at once."""
_ZEROS = bytes(tarfile.BLOCKSIZE)
_SIGNS = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz"}

_ALONE = (".gz", ".bz2", ".xz")
"""Endings of packed files; a tar has one more before them, or another such as `.tgz`."""

_DAMAGED = (
    OSError,
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    cast(type[Exception], isal_zlib.error),
    EOFError,
    NotImplementedError,
    ValueError,
    OverflowError,
)
"""What the libraries raise where an archive is damaged, or packed by a method that they do not know."""


def members(parts: Sequence[Path]) -> Iterator[Member]:
    """What an archive holds, in the order of its bytes.

    Args:
        parts: The archive; several where it was cut into parts.

    Raises:
        ReadError: it is neither zip nor tar nor a packed file, needs a password, is damaged or cut off.
    """
    with _reading(parts[0]), JoinedFiles(parts) as joined:
        file = io.BufferedReader(joined, _PIECE_BYTES)
        sign = file.peek(8)[:8]
        if sign.startswith(b"PK"):
            yield from _of_zip(file, parts[0])
            return
        packed = next((kind for start, kind in _SIGNS.items() if sign.startswith(start)), "")
        alone = _name_alone(parts[0].name) if packed else None
        with _unpacked(file, packed) as plain:
            if alone is None:
                yield from _of_tar(plain, joined)
            else:
                through = sum(part.stat().st_size for part in parts)
                yield Member(alone, 0, "file", lambda: plain, through)


def pieces(member: Member, archive: Path) -> Iterator[bytes]:
    """The content of a file in an archive, a piece at a time.

    Raises:
        ReadError: it is damaged or cut off.
    """
    with _reading(archive), member.open() as content:
        while piece := content.read(_PIECE_BYTES):
            yield piece


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    try:
        yield
    except GeoloomError:
        raise
    except _DAMAGED as error:
        raise ReadError(
            f"{archive} cannot be unpacked: {error or type(error).__name__}; it is damaged, cut off, or no "
            "archive of a known kind: delete it and download it again"
        ) from error


def _of_zip(file: Any, path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        through = 0
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if info.flag_bits & 1:
                raise ReadError(f"{path} is locked by a password; unpack it by hand")
            through += info.compress_size
            yield Member(
                info.filename.replace("\\", "/"),
                info.file_size,
                "folder" if info.is_dir() else _kind_of(mode),
                partial(archive.open, info),
                through,
            )


def _name_alone(archive: str) -> str | None:
    """The name of the one file that is packed without a tar around it; None where there is a tar."""
    name, _, ending = archive.rpartition(".")
    return name if f".{ending.lower()}" in _ALONE and not name.lower().endswith(".tar") else None


def _kind_of(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    return "file" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "a device"


def _of_tar(plain: IO[bytes], joined: JoinedFiles) -> Iterator[Member]:
    bounded = _BoundedReads(plain)
    with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:") as archive:
        behind = 0
        while (info := archive.next()) is not None:
            cast(Any, archive).members.clear()  # which would grow with the archive
            if info.size < 0 or archive.offset <= behind:
                raise tarfile.ReadError(f"a member of {info.size} bytes")
            behind = archive.offset
            kind = "file" if info.isreg() else "folder" if info.isdir() else "a device"
            kind = "a link" if info.issym() or info.islnk() else kind
            yield Member(
                info.name, info.size, kind, partial(_content, archive, info), joined.tell()
            )
        # A tar that is cut off between two members looks finished to tarfile.
        if bounded.last != _ZEROS:
            raise tarfile.ReadError("no mark of its end")
        _read_on(plain)


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(info)
    assert content is not None  # asked of files alone
    return content


def _read_on(plain: IO[bytes]) -> None:
    """Read to the end of a packed file, where its checksum is compared.

    Raises:
        ReadError: something else than zeros comes.
    """
    while rest := plain.read(_PIECE_BYTES):
        if rest.strip(b"\0"):
            raise tarfile.ReadError("something that is no member after the mark of its end")


def _unpacked(file: Any, packed: str) -> Any:
    if packed == "gz":
        return cast(Any, igzip.GzipFile)(fileobj=file, mode="rb")
    if packed == "bz2":
        return bz2.BZ2File(file)
    return lzma.LZMAFile(file) if packed == "xz" else file


class _BoundedReads:
    """A file that refuses to be read in pieces that no honest header asks for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.last = b""
        """What was read last."""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST_READ:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        self.last = self._file.read(size)
        return self.last

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
