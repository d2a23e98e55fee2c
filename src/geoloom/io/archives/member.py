"""One file in an archive, and where it may be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from ...core.errors import ReadError

_LONGEST_PART = 255
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive."""

    name: str
    """As the archive has it, parts divided by slashes."""
    size: int
    """Bytes of its content, as the archive declares."""
    kind: str
    """`file`, `folder`, or what else it is: `a link`, `a device`."""
    open: Callable[[], IO[bytes]]
    """Its content; called for files alone, before the next member is asked for."""
    through: int
    """Bytes of the archive that are behind it, for progress."""


def place_of(member: Member, folder: Path, archive: str) -> Path:
    """Where a member is written: inside the folder, whatever its name says.

    Args:
        member: Which.
        folder: Resolved, without links.
        archive: For messages.

    Raises:
        ReadError: it is a link or a device, or its name leads out of the folder or cannot be a name.
    """
    if member.kind not in ("file", "folder"):
        raise ReadError(
            f"{archive} holds {member.kind}, {_shown(member.name)}; geoloom unpacks files and folders alone, "
            "as others may reach out of the folder: unpack it by hand if you trust it"
        )
    parts = PurePosixPath(member.name).parts
    windows = PureWindowsPath(member.name)
    leads_out = ".." in parts or ".." in windows.parts
    if leads_out or member.name.startswith("/") or windows.drive or windows.root:
        raise ReadError(
            f"{archive} holds {_shown(member.name)}, which would be written outside of {folder}; it is not "
            "the archive that it should be, or made to do harm"
        )
    unwritable = any(ord(letter) < 32 for letter in member.name)
    if unwritable or any(
        len(part.encode(errors="surrogateescape")) > _LONGEST_PART for part in parts
    ):
        raise ReadError(
            f"{archive} holds {_shown(member.name)}, which cannot be a file's name here; unpack it by hand"
        )
    return folder.joinpath(*parts)


def _shown(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")
