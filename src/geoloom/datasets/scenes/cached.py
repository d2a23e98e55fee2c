"""An index that is kept between runs: where it lies, and what makes it stale."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from ...core.bands import Band, find_bands
from ...core.errors import DatasetError, ReadError
from ...core.query import Scene
from ...io.access.finding import INDEX_FOLDER, scene_names, searched
from ...io.access.naming import FileName, Naming
from ...io.access.paths import cache_folder
from ...io.headers.scan import Footprints, OnError
from .changes import State, absolute, changed_folders, folder_states, is_elsewhere
from .table import SavedScenes, opened_index, save_scenes, with_channels

log = logging.getLogger(__name__)

IndexPlace = str | Path | bool | None
"""A file; True: beside the data; `"cache"`: in the user's cache folder; None or False: nowhere."""

Scan = Callable[[tuple[str, ...], Sequence[str] | None], Sequence[Scene]]
"""(paths, bands wanted) -> the scenes there."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides what a scan finds, apart from the files."""

    paths: tuple[str, ...]
    naming: Naming
    bands: tuple[Band, ...]
    """Those that a scan takes unless others are wanted; empty: as the files say."""
    extra: tuple[Band, ...]
    """Those that it takes when they are wanted."""
    wanted: tuple[str, ...] | None
    crs: str | None
    """Instead of the files' own."""
    sensor: str
    """Whose calibration the bands have; also the start of the index's name."""
    footprints: Footprints
    optional: tuple[str, ...] = ()
    """Those of `bands` that are left out where no scene has them."""
    on_error: OnError = "raise"
    nodata: float | None = None
    """What counts as unobserved in footprints, instead of what files and providers say."""

    def digest(self) -> str:
        """Of the options: of all but the paths and the bands wanted."""
        reading = self.naming, self.bands, self.extra, self.crs, self.sensor
        settings = reading, self.footprints, self.nodata, self.optional, self.on_error
        return _digest(repr(settings))


def index_path(place: str | Path | Literal[True], recipe: Recipe) -> Path:
    """The file that keeps the index.

    One beside the data, or in the cache, bears a name made of all that decides what it holds: datasets of
    other options or bands have files of their own.

    Raises:
        DatasetError: beside the data is nowhere: the paths have no local folder in common.
    """
    if isinstance(place, Path) or (isinstance(place, str) and place != "cache"):
        return Path(place)
    if place == "cache":
        folder = cache_folder() / "scenes"
        paths = [absolute(path) for path in recipe.paths]
    else:
        folder = _common_folder(recipe.paths) / INDEX_FOLDER
        paths = _relative(recipe.paths, folder)
    about = recipe.digest(), recipe.wanted, paths
    name = re.sub(r"\W", "", recipe.sensor.rpartition(".")[2]).lower()
    return folder / f"{name}-{_digest(repr(about))[:16]}.parquet"


def kept_scenes(place: IndexPlace, recipe: Recipe, scan: Scan) -> Sequence[Scene]:
    """The scenes of a kept index where there is one, brought up to date; else of a scan, which is kept.

    Guarantee: those that a scan would find now. Folders are looked at for files that came or went, each
    file for its time and size; scenes of which nothing changed are not scanned.

    Args:
        place: Where the index is kept.
        recipe: What decides what is found.
        scan: Finds scenes at paths.

    Raises:
        DatasetError: the place is none; a file is there that is not an index, or was not made by a scan; or
            as `scan`. A damaged index is made again, as the log says.
        BandError: a wanted band is in none of the files.
    """
    if place is None or place is False:
        return scan(recipe.paths, recipe.wanted)
    if not isinstance(place, (str, Path, bool)):
        raise DatasetError(f"index is {place!r}; give True, 'cache', or the file to keep it in")
    path = index_path(place, recipe)
    saved = _opened(path, recipe)
    if saved is None:
        return _made(path, recipe, scan)
    return _current(saved, recipe, scan)


def _opened(path: Path, recipe: Recipe) -> SavedScenes | None:
    """The index with the bands wanted; None where there is none, or one of another recipe."""
    if not path.exists():
        return None
    saved = opened_index(path)
    if saved is None:
        return None
    if not isinstance(saved.record, dict) or "options" not in saved.record:
        raise DatasetError(
            f"{path} does not record how its scenes were found, so a scan must not replace it; name another "
            "file as the index"
        )
    if not _understood(saved.record):
        log.warning("%s does not describe its contents as it should: scanning again", path)
        return None
    known = {band.name for band in recipe.extra}
    has_bands = saved.record["wanted"] is None or recipe.wanted is not None
    unknown = set(recipe.wanted or ()) - set(saved.band_names)
    if saved.record["options"] != recipe.digest() or saved.record["paths"] != _digest(
        repr(_relative(recipe.paths, path.absolute().parent))
    ):
        log.info("%s holds the result of other paths or options: scanning again", path)
        return None
    if not has_bands or unknown & known or (unknown and saved.record["wanted"] is not None):
        log.info("%s holds other bands: scanning again", path)
        return None
    return saved if recipe.wanted is None else saved.with_bands(recipe.wanted)


def _understood(record: Mapping[str, Any]) -> bool:
    """Whether a record has what `_record` writes."""
    wanted, folders = record.get("wanted"), record.get("folders")
    return (
        (wanted is None or (isinstance(wanted, list) and all(isinstance(n, str) for n in wanted)))
        and isinstance(folders, dict)
        and all(isinstance(state, list) and len(state) == 2 for state in folders.values())
        and isinstance(record.get("paths"), str)
    )


def _made(path: Path, recipe: Recipe, scan: Scan) -> Sequence[Scene]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning("no index can be kept at %s (%s): scanning each time", path, error)
        return scan(recipe.paths, recipe.wanted)
    record = _record(path, recipe)  # before the scan: what comes meanwhile must count as a change
    scenes = scan(recipe.paths, recipe.wanted)
    try:
        save_scenes(path, scenes, record)
    except (OSError, UnicodeEncodeError) as error:  # a name of a file may be no text
        log.warning("no index can be kept at %s (%s): scanning each time", path, error)
    else:
        log.info("%d scenes saved to %s", len(scenes), path)
    return scenes


def _current(saved: SavedScenes, recipe: Recipe, scan: Scan) -> Sequence[Scene]:
    """The saved scenes, those scanned again that changed or are new, without those that are gone."""
    saved_record = saved.record or {}
    base, wanted = saved.path.parent, saved_record["wanted"]
    folders = {
        os.path.normpath(base / name): state for name, state in saved_record["folders"].items()
    }
    stale, changed = saved.stale(), changed_folders(folders, saved.path)
    if not stale and not changed:
        log.info("%d scenes from %s, none of them scanned again", len(saved), saved.path)
        return saved
    record = _record(saved.path, recipe)
    chosen = wanted or [band.name for band in recipe.bands]
    names = scene_names(recipe.paths, recipe.naming, chosen)
    order, again = _sorted_out(names, saved, set(stale), changed)
    fresh = _scanned_again(scan, again, wanted, recipe.on_error)
    alike = all([b.name for b in scene.bands] == list(saved.band_names) for scene in fresh)
    if not alike or len(fresh) != len(again):
        log.info("files in %s now give other bands: scanning all again", base)
        return _made(saved.path, recipe, scan)
    scanned = iter(fresh)
    scenes = [next(scanned) if row is None else row for row in order]
    log.info("%d scenes from %s, %d of them scanned again", len(scenes), saved.path, len(again))
    return _rewritten(saved, scenes, record, recipe)


def _scanned_again(
    scan: Scan, again: Sequence[Sequence[str]], wanted: Sequence[str] | None, on_error: OnError
) -> Sequence[Scene]:
    try:
        return scan(tuple(file for files in again for file in files), wanted) if again else ()
    except (ReadError, DatasetError):
        if on_error == "raise":
            raise
        return ()  # none of them can be read: a scan of all leaves them out


def _sorted_out(
    names: Sequence[FileName], saved: SavedScenes, stale: set[int], changed: set[str]
) -> tuple[list[int | None], list[list[str]]]:
    """The scenes that the files make, in order: saved ones by position, or None and their files.

    A saved scene stays when none of its files changed, and no file joined or left it: its folders are
    unchanged, or its files are just those of the scene.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        key = name.uri if name.band is None else name.scene
        groups.setdefault(key, []).append(absolute(name.uri))
    files, owners = saved.files()
    row_of = dict(zip(files, owners.tolist(), strict=True))
    order: list[int | None] = []
    again = []
    for members in groups.values():
        rows = {row_of[file] for file in members if file in row_of}
        row = rows.pop() if len(rows) == 1 else None
        known = sum(file in row_of for file in members)
        settled = known == len(members) or not any(
            os.path.dirname(file) in changed  # noqa: PTH120 - per file, a Path costs more
            for file in members
        )
        if row is None or row in stale or not settled:
            order.append(None)
            again.append(members)
        else:
            order.append(row)
    return order, again


def _rewritten(
    saved: SavedScenes, scenes: Sequence[int | Scene], record: Mapping[str, Any], recipe: Recipe
) -> Sequence[Scene]:
    try:
        return SavedScenes(saved.rewrite(scenes, record), recipe.wanted)
    except (OSError, UnicodeEncodeError) as error:
        log.warning("the index %s cannot be brought up to date: %s", saved.path, error)
    names = saved.band_names
    picked = find_bands(recipe.wanted or names, names, where=f"the index {saved.path}")
    fresh = iter(with_channels([scene for scene in scenes if isinstance(scene, Scene)], picked))
    return tuple(saved[scene] if isinstance(scene, int) else next(fresh) for scene in scenes)


def _record(path: Path, recipe: Recipe) -> dict[str, Any]:
    """What decides later whether an index is still what a scan would find."""
    base = path.absolute().parent
    states: Mapping[str, State] = folder_states(recipe.paths, path.absolute())
    return {
        "options": recipe.digest(),
        "paths": _digest(repr(_relative(recipe.paths, base))),
        "wanted": None if recipe.wanted is None else list(recipe.wanted),
        "folders": {os.path.relpath(folder, base): state for folder, state in states.items()},
    }


def _common_folder(paths: Sequence[str]) -> Path:
    """The innermost folder that holds everything at the paths."""
    local = [path for path in paths if not is_elsewhere(path)]
    if len(local) < len(paths):
        raise DatasetError(
            "index=True keeps the index beside the data, but some of it is remote; give a file, or "
            "index='cache'"
        )
    roots = [folder for folder, _ in searched(local)]
    named = [str(Path(path).absolute().parent) for path in local if Path(path).is_file()]
    try:
        return Path(os.path.commonpath([*roots, *named]))
    except ValueError as error:
        raise DatasetError(
            f"index=True keeps the index beside the data, but the paths share no folder ({error}); give a "
            "file, or index='cache'"
        ) from error


def _relative(paths: Sequence[str], base: Path) -> list[str]:
    return [path if is_elsewhere(path) else os.path.relpath(path, base) for path in paths]


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
