"""From paths to files, and to what their names say: folders are searched through, patterns expanded."""

from __future__ import annotations

import difflib
import glob
import logging
import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from ...core.errors import DatasetError
from .naming import FileName, Naming
from .paths import path_text
from .remote import is_remote

log = logging.getLogger(__name__)

Paths = str | Path | Sequence[str | Path]

RASTER_SUFFIXES = frozenset({
    ".tif", ".tiff", ".gtiff", ".jp2", ".j2k", ".vrt", ".img", ".nc", ".hdf", ".h5", ".he5", ".hgt",
    ".dem", ".asc", ".bil", ".bip", ".bsq", ".dat", ".png", ".jpg", ".jpeg", ".webp", ".grd", ".rst",
    ".sdat", ".kea", ".ntf", ".nitf",
})  # fmt: skip
INDEX_FOLDER = ".geoloom"
"""Holds indexes beside the data, and is not looked through."""
_NAMED = 3


def find_files(
    paths: Paths, filename_glob: str = "*", suffixes: frozenset[str] = RASTER_SUFFIXES
) -> tuple[str, ...]:
    """Files at the paths, sorted: folders are searched through, linked ones too, patterns expanded.

    Args:
        paths: Files, folders or shell patterns; GDAL paths and addresses are taken as they are. A name
            that exists is not a pattern, whatever characters it has.
        filename_glob: Names wanted; with `*`, those files in folders that have one of the suffixes.
        suffixes: Lower case, with the dot.

    Raises:
        DatasetError: nothing matches; the message says where it looked and what is there.
    """
    listed = [paths] if isinstance(paths, (str, Path)) else list(paths)
    if not listed:
        raise DatasetError(
            "paths is empty; give at least one file, folder or pattern (a search that found nothing?)"
        )
    for path in listed:
        path_text(path, DatasetError)
    files = dict.fromkeys(
        uri for path in listed for uri in _files_at(path, filename_glob, suffixes)
    )
    if not files:
        raise DatasetError(_nothing_found(listed, filename_glob))
    return tuple(files)


def scene_names(paths: Paths, naming: Naming, bands: Sequence[str]) -> list[FileName]:
    """The files that make the scenes at the paths: with one file per band, those of the bands named.

    Where `filename_glob` takes only some of a scene's files, such as those of its first band, the others are
    looked for beside them by what the `band` group stands for.

    Raises:
        DatasetError: there are none; the message says why.
    """
    names = matching_names(paths, naming)
    if not naming.separate_files:
        return names
    names += _siblings(names, naming, bands)
    return names_of_bands(names, bands, where(paths))


def matching_names(
    paths: Paths, naming: Naming, suffixes: frozenset[str] = RASTER_SUFFIXES
) -> list[FileName]:
    """The files at the paths whose names the naming understands, sorted.

    Raises:
        DatasetError: there are none; the message shows a name that failed.
    """
    files = find_files(paths, naming.filename_glob, suffixes)
    parsed = [naming.parse(uri) for uri in files]
    names = [name for name in parsed if name is not None]
    if not names:
        raise DatasetError(
            f"{len(files)} files at {where(paths)} match filename_glob {naming.filename_glob!r}, but none "
            f"matches filename_regex {naming.filename_regex!r}; the first is {Path(files[0]).name!r}"
        )
    if len(names) < len(files):
        skipped = [Path(uri).name for uri, name in zip(files, parsed, strict=True) if name is None]
        log.info("%d files do not match filename_regex: %s ...", len(skipped), skipped[0])
    return names


def names_of_bands(names: Sequence[FileName], bands: Sequence[str], where: str) -> list[FileName]:
    """The files that hold one of the bands, where each band has a file of its own; all, if none is named.

    Raises:
        DatasetError: there are none; the message says which bands there are.
    """
    chosen = set(bands)
    wanted = [name for name in names if not chosen or name.band in chosen]
    if not wanted:
        present = sorted({str(name.band) for name in names}, key=natural)
        raise DatasetError(
            f"none of the bands {', '.join(sorted(chosen))} is among the files at {where}; "
            f"bands found: {', '.join(present)}"
        )
    return wanted


def searched(paths: Paths) -> Iterator[tuple[str, int | None]]:
    """The local folders that `find_files` looks through, and how many folders deep; None: all of them.

    Files, addresses and GDAL paths are looked for nowhere else than where they say.
    """
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        text = str(path)
        if _is_one_file(text):
            continue
        root, pattern = _split_pattern(text)
        yield str(root.absolute()), None if not pattern or "**" in pattern else len(pattern) - 1


def folders_below(folder: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, in order, into linked folders, too; none is entered twice, nor that of indexes."""
    entered: set[tuple[int, int]] = set()
    is_new(folder, entered)
    for inside, inner, files in os.walk(folder, onerror=_cannot_look, followlinks=True):
        inner[:] = sorted(
            name
            for name in inner
            if name != INDEX_FOLDER and is_new(os.path.join(inside, name), entered)  # noqa: PTH118
        )
        yield inside, inner, files


def natural(name: str) -> list[tuple[int, int | str]]:
    """A key that sorts names with numbers in them by the numbers: B2 before B10."""
    return [(0, int(p)) if p.isdigit() else (1, p) for p in re.split(r"(\d+)", name) if p]


def expanded(paths: Sequence[str | Path]) -> list[str | Path]:
    """Paths with shell patterns expanded: by numbers, B2 before B10; all others as they are, in their order.

    Raises:
        DatasetError: no file matches a pattern; the message says what is there.
    """
    files: list[str | Path] = []
    for path in paths:
        root, pattern = _split_pattern(str(path))
        if not pattern:
            files.append(path)
            continue
        matches = sorted(_matching(root, pattern), key=natural)
        if not matches:
            raise DatasetError(f"no file matches {path} (from {Path.cwd()})")
        files += matches
    return files


def is_new(folder: str, entered: set[tuple[int, int]]) -> bool:
    """Whether a folder was not met before, which `entered` learns; one linked below itself has no end."""
    try:
        status = os.stat(folder)  # noqa: PTH116 - one of many
    except (OSError, ValueError):
        return True  # os.walk says so
    key = status.st_dev, status.st_ino
    if key in entered:
        return False
    entered.add(key)
    return True


def where(paths: Paths) -> str:
    """The paths, for messages: the first few of them."""
    listed = [paths] if isinstance(paths, (str, Path)) else list(paths)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(str(p) for p in listed[:_NAMED]) + more


def _siblings(
    names: Sequence[FileName], naming: Naming, bands: Sequence[str]
) -> Iterator[FileName]:
    """Local files beside those named that belong to their scenes and hold bands which these lack."""
    bands_of: dict[str, set[str | None]] = {}
    for name in names:
        bands_of.setdefault(name.scene, set()).add(name.band)
    lacking = {scene for scene, has in bands_of.items() if not has.issuperset(bands)}
    starts: dict[str, set[str]] = {}
    for name in names:
        if name.scene in lacking and not is_remote(name.uri) and "/vsi" not in name.uri:
            # What comes before the band, date and all: nothing else there has to be understood.
            folder, _ = os.path.split(name.uri)
            starts.setdefault(folder, set()).add(os.path.basename(name.scene).partition("*")[0])  # noqa: PTH119
    for folder, beginnings in starts.items():
        for file in sorted(os.listdir(folder or ".")):  # noqa: PTH208 - per file, a Path costs more
            if not file.startswith(tuple(beginnings)):
                continue
            name_of_file = naming.parse(os.path.join(folder, file))  # noqa: PTH118 - as above
            if (
                name_of_file is None
                or name_of_file.scene not in lacking
                or name_of_file.band not in bands
            ):
                continue
            if name_of_file.band not in bands_of[name_of_file.scene]:
                bands_of[name_of_file.scene].add(name_of_file.band)
                yield name_of_file


def _cannot_look(error: OSError) -> None:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return  # no folder at all: nothing is left out, and where nothing is found the error says so
    log.warning("a folder cannot be looked into, so what is there is left out: %s", error)


def _is_one_file(text: str) -> bool:
    return text.startswith("/vsi") or "://" in text or Path(text).is_file()


def _files_at(path: str | Path, filename_glob: str, suffixes: frozenset[str]) -> Iterator[str]:
    text = str(path)
    root, pattern = _split_pattern(text)
    if _is_one_file(text):
        files = [text]
    elif pattern:
        files = sorted(_matching(root, pattern))
    else:
        files = _files_under(text, suffixes if filename_glob == "*" else None)
    if filename_glob == "*":
        yield from files
    else:
        yield from (uri for uri in files if fnmatch(os.path.basename(uri), filename_glob))  # noqa: PTH119


def _files_under(folder: str, suffixes: frozenset[str] | None) -> list[str]:
    """All files below a folder, sorted; with one of the suffixes, unless any will do."""
    listed = []
    for inside, _, files in folders_below(folder):
        start = str(Path(inside, "_"))[:-1]
        listed += [
            start + name
            for name in sorted(files)
            if suffixes is None or os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122
        ]
    return listed


def _matching(root: Path, pattern: tuple[str, ...]) -> Iterator[str]:
    if "**" not in pattern:
        matches = (f for f in root.glob(str(Path(*pattern))) if INDEX_FOLDER not in f.parts)
        yield from (str(file) for file in matches if file.is_file())
        return
    for file in _files_under(str(root), None):  # Path.glob would not enter linked folders
        if _fits(Path(file).relative_to(root).parts, pattern):
            yield file


def _fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path's parts follow a pattern's; `**` stands for any number of them."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[i:], pattern[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatch(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _split_pattern(text: str) -> tuple[Path, tuple[str, ...]]:
    """The folder before the first wildcard, and the pattern below it; none where there is no wildcard."""
    parts = Path(text).parts
    for i, part in enumerate(parts):
        if glob.has_magic(part) and not Path(*parts[: i + 1]).exists():
            return Path(*parts[:i]), parts[i:]
    return Path(text), ()


def _nothing_found(paths: Sequence[str | Path], filename_glob: str) -> str:
    missing = [str(p) for p in paths if not Path(p).exists() and not glob.has_magic(str(p))]
    if missing:
        beside = [p.name for p in Path(missing[0]).parent.glob("*")]
        near = difflib.get_close_matches(Path(missing[0]).name, beside, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{missing[0]} does not exist (from {Path.cwd()}){hint}"
    there = [f.name for p in paths if Path(p).is_dir() for f in Path(p).rglob("*") if f.is_file()]
    near = difflib.get_close_matches(filename_glob, there, n=1, cutoff=0.3) or there[:1]
    hint = f", such as {near[0]!r}; set filename_glob to what fits" if near else ""
    return (
        f"no file at {where(paths)} matches filename_glob {filename_glob!r}: "
        f"{len(there)} other files are there{hint}"
    )
