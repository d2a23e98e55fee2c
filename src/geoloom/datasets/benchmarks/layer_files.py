"""The files of a layer of the Earth, brought into its folder part by part, such as year by year."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from ...core.errors import DatasetError
from ...io.archives.unpack import half_unpacked, require_whole
from .declaration import RemoteFile
from .files import bring_files
from .listing import get_layer


def bring_parts(
    name: str,
    paths: Sequence[str],
    parts: Sequence[str],
    *,
    may_download: bool = False,
    check: bool = False,
) -> None:
    """Unpack the archives of a layer that lie in its folder, and fetch those of the parts wanted.

    What is there unpacked is taken as it is, wherever below the folder it lies: what is missing is for the
    dataset to say.

    Args:
        name: Of the layer.
        paths: As the dataset was given them; unless it is one folder, nothing is done.
        parts: Those wanted, such as `2019`; none: all that are there.
        may_download: Fetch the parts wanted where they are missing.
        check: Compare the files that are there with their checksums.

    Raises:
        DatasetError: the parts wanted are unknown or not chosen, or the paths are no folder to fetch into.
        ReadError: a file is damaged or another one, or cannot be fetched.
        WriteError: there is no room or no right to write.
    """
    layer = get_layer(name)
    folder = Path(paths[0]).absolute() if len(paths) == 1 else None
    if folder is None or (folder.exists() and not folder.is_dir()):
        if may_download or check:
            raise DatasetError(
                f"{layer.name} is given as {', '.join(map(str, paths[:3]))}; to fetch or check files "
                "(download=True, checksum=True) give the one folder that they lie in"
            )
        return
    if may_download:
        bring_files(layer.only(parts), folder, may_download=True, check=check)
        return
    lying = [file.part for file in layer.files if _lies(file, folder) and file.part is not None]
    here = [part for part in lying if not parts or part in parts]
    if here:
        bring_files(layer.only(here), folder, check=check)
    require_whole(folder)


def require_parts(
    what: str, layer: str | None, wanted: Sequence[str], there: Collection[str], place: str
) -> None:
    """See that the parts wanted are there.

    Args:
        what: The dataset's class.
        layer: Its name in the catalogue; None where it has none.
        wanted: Names of parts.
        there: Those found.
        place: Where, for messages.

    Raises:
        DatasetError: one is missing; the message says how to get it.
    """
    missing = [part for part in wanted if part not in there]
    if not missing:
        return
    found = f"{what} of {', '.join(missing)} is not at {place}, which holds "
    found += ", ".join(sorted(there)) or "none"
    if layer is None:
        raise DatasetError(f"{found}; add the files, or leave these out")
    parts = "".join(f" --part {part}" for part in missing)
    command = get_layer(layer).command
    raise DatasetError(
        f"{found}; give download=True (geoloom datasets download {command} FOLDER{parts})"
    )


def _lies(file: RemoteFile, folder: Path) -> bool:
    """Whether there is something to unpack or to compare."""
    return (folder / file.name).is_file() or (
        file.gives is not None and half_unpacked(file.name, folder)
    )
