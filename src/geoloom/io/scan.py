"""From files to scenes: names and headers are read once, pixels are not touched."""

from __future__ import annotations

import difflib
import glob
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal, get_args

from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ..core.bands import Band, Role
from ..core.errors import BandError, DatasetError, suggest
from ..core.grid import footprints
from ..core.query import Asset, Scene
from .header import Header, read_header
from .naming import FileName, Naming

log = logging.getLogger(__name__)

Paths = str | Path | Sequence[str | Path]
Calibrate = Callable[[Band, str], Band]
"""(band, uri) -> the band with what the provider's naming tells of its scale, offset and nodata."""
Progress = Callable[[int, int], None]
"""Told (done, total), counts of the same thing."""

RASTER_SUFFIXES = frozenset({
    ".tif", ".tiff", ".gtiff", ".jp2", ".j2k", ".vrt", ".img", ".nc", ".hdf", ".h5", ".he5", ".hgt",
    ".dem", ".asc", ".bil", ".bip", ".bsq", ".dat", ".png", ".jpg", ".jpeg", ".webp", ".grd", ".rst",
    ".sdat", ".kea", ".ntf", ".nitf",
})  # fmt: skip
INDEX_FOLDER = ".geoloom"
"""Holds indexes beside the data, and is not looked through."""
Footprints = Literal["grid", "valid"]
"""What a scene covers: all of its grid, or what lies around the pixels that were observed."""
_ROLES: frozenset[str] = frozenset(get_args(Role))
_NAMED = 3
_THREADS = 16
_AT_ONCE = 64
"""Headers that a thread reads before it reports: most take less time than handing over their names."""


def find_files(
    paths: Paths, filename_glob: str = "*", suffixes: frozenset[str] = RASTER_SUFFIXES
) -> tuple[str, ...]:
    """Files at the paths, sorted: folders are searched through, patterns expanded.

    Args:
        paths: Files, folders or shell patterns; GDAL paths and addresses are taken as they are.
        filename_glob: Names wanted; with `*`, those files in folders that have one of the suffixes.
        suffixes: Lower case, with the dot.

    Raises:
        DatasetError: nothing matches; the message says where it looked and what is there.
    """
    listed = [paths] if isinstance(paths, (str, Path)) else list(paths)
    found = dict.fromkeys(
        uri for path in listed for uri in _files_at(path, filename_glob, suffixes)
    )
    if not found:
        raise DatasetError(_nothing_found(listed, filename_glob))
    return tuple(found)


def scan(
    paths: Paths,
    naming: Naming,
    *,
    bands: Sequence[Band] = (),
    extra: Sequence[Band] = (),
    wanted: Sequence[str] | None = None,
    calibrate: Calibrate | None = None,
    crs: str | None = None,
    progress: Progress | None = None,
) -> tuple[Scene, ...]:
    """The scenes in files, in the order of their names; all have the same bands. The log tells the rate.

    Args:
        paths: Files, folders or shell patterns.
        naming: How the files are named.
        bands: The provider's bands, in file order; empty means: as the files say.
        extra: Bands that the provider also offers, taken only when wanted.
        wanted: Bands by name, in order; None means `bands`, less those that no scene has.
        calibrate: Completes a band from its file's address.
        crs: CRS to use in place of the files' missing or wrong one.
        progress: Told (files read, files in all).

    Raises:
        DatasetError: nothing matches, or scenes differ in their bands; the message names both.
        BandError: a wanted band is unknown; the message names the nearest.
        ReadError: a file cannot be read or placed.
    """
    names = matching_names(paths, naming)
    known = [band.name for band in (*bands, *extra)]
    for name in wanted or ():
        if known and name not in known:
            raise BandError(f"no band is called {name!r}{suggest(name, known)}")
    if naming.separate_files:
        names = names_of_bands(names, wanted or [band.name for band in bands], _where(paths))
    headers = read_headers([name.uri for name in names], crs=crs, progress=progress)
    finish = calibrate or (lambda band, _: band)
    if naming.separate_files:
        return _gather(names, headers, (*bands, *extra), wanted, finish)
    outlines = footprints([headers[name.uri].grid for name in names])
    scenes = tuple(
        _whole(name, headers[name.uri], outline, (*bands, *extra), wanted, finish)
        for name, outline in zip(names, outlines, strict=True)
    )
    _same_bands(scenes)
    return scenes


def read_headers(
    uris: Sequence[str], *, crs: str | None = None, progress: Progress | None = None
) -> dict[str, Header]:
    """The headers of files, in their order, read by threads; the log tells how many a second.

    Args:
        uris: Paths or GDAL paths.
        crs: As `read_header`.
        progress: Told (files read, files in all), by the calling thread.

    Raises:
        ReadError: a file cannot be read or placed.
    """
    threads = min(_THREADS, 4 * (os.cpu_count() or 1))
    step = max(1, min(_AT_ONCE, len(uris) // (4 * threads)))
    began = time.perf_counter()
    headers: dict[str, Header] = {}
    with ThreadPoolExecutor(threads) as pool:
        some = [uris[i : i + step] for i in range(0, len(uris), step)]
        for read in pool.map(lambda part: [read_header(uri, crs=crs) for uri in part], some):
            headers.update(zip(uris[len(headers) :], read, strict=False))
            if progress is not None:
                progress(len(headers), len(uris))
    seconds = time.perf_counter() - began
    log.info(
        "%d headers read in %.2f s: %.0f files/s",
        len(uris),
        seconds,
        len(uris) / max(seconds, 1e-9),
    )
    return headers


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
            f"{len(files)} files at {_where(paths)} match filename_glob {naming.filename_glob!r}, but none "
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
    found = [name for name in names if not chosen or name.band in chosen]
    if not found:
        held = sorted({str(name.band) for name in names}, key=_natural)
        raise DatasetError(
            f"none of the bands {', '.join(sorted(chosen))} is among the files at {where}; "
            f"bands found: {', '.join(held)}"
        )
    return found


def searched(paths: Paths) -> Iterator[tuple[str, int | None]]:
    """The local folders that `find_files` looks through, and how many folders deep; None: all of them.

    Files, addresses and GDAL paths are looked for nowhere else than where they say.
    """
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        text = str(path)
        if text.startswith("/vsi") or "://" in text or Path(text).is_file():
            continue
        if glob.has_magic(text) and not Path(text).is_dir():
            root, pattern = _split_pattern(text)
            deep = "**" in Path(pattern).parts
            yield str(root.absolute()), None if deep else len(Path(pattern).parts) - 1
        else:
            yield str(Path(text).absolute()), None


def file_band(band: Band, header: Header, index: int) -> Band:
    """The band with the file's own scale, offset and nodata where the file tells them."""
    scale, offset = header.scales[index - 1], header.offsets[index - 1]
    if (scale, offset) == (1.0, 0.0):
        scale, offset = band.scale, band.offset
    nodata = header.nodata[index - 1]
    if nodata is None and header.validity[index - 1] == "all":
        nodata = band.nodata
    if (scale, offset, nodata) == (band.scale, band.offset, band.nodata):
        return band
    return replace(band, scale=scale, offset=offset, nodata=nodata)


def _files_at(path: str | Path, filename_glob: str, suffixes: frozenset[str]) -> Iterator[str]:
    text = str(path)
    if text.startswith("/vsi") or "://" in text or Path(text).is_file():
        found = [text]
    elif Path(text).is_dir():
        found = _files_under(text, suffixes if filename_glob == "*" else None)
    elif glob.has_magic(text):
        root, pattern = _split_pattern(text)
        matches = (f for f in root.glob(pattern) if INDEX_FOLDER not in f.parts)
        found = sorted(str(found) for found in matches if found.is_file())
    else:
        found = []
    if filename_glob == "*":
        yield from found
    else:
        yield from (uri for uri in found if fnmatch(os.path.basename(uri), filename_glob))  # noqa: PTH119


def _files_under(folder: str, suffixes: frozenset[str] | None) -> list[str]:
    """All files below a folder, sorted; with one of the suffixes, unless any will do."""
    found = []
    for inside, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if name != INDEX_FOLDER)
        start = str(Path(inside, "_"))[:-1]
        found += [
            start + name
            for name in sorted(files)
            if suffixes is None or os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122
        ]
    return found


def _split_pattern(text: str) -> tuple[Path, str]:
    """The folder before the first wildcard, and the pattern below it."""
    parts = Path(text).parts
    first = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first]), str(Path(*parts[first:]))


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
        f"no file at {_where(paths)} matches filename_glob {filename_glob!r}: "
        f"{len(there)} other files are there{hint}"
    )


def _where(paths: Paths) -> str:
    listed = [paths] if isinstance(paths, (str, Path)) else list(paths)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(str(p) for p in listed[:_NAMED]) + more


def _whole(
    name: FileName,
    header: Header,
    outline: BaseGeometry,
    declared: Sequence[Band],
    wanted: Sequence[str] | None,
    finish: Calibrate,
) -> Scene:
    """The scene of one file that holds all its bands."""
    if declared:
        if len(declared) > header.count:
            raise DatasetError(
                f"{name.uri} has {header.count} bands, expected the {len(declared)} bands "
                f"{', '.join(b.name for b in declared)}; set all_bands to what the file holds"
            )
        numbered = {band.name: (band, i) for i, band in enumerate(declared, 1)}
    else:
        numbered = {
            header.band_names[i - 1]: (_plain(header.band_names[i - 1]), i)
            for i in header.data_bands
        }
    for band in wanted or ():
        if band not in numbered:
            raise BandError(f"{name.uri} has no band {band!r}{suggest(band, numbered)}")
    chosen = [numbered[band] for band in (wanted or numbered)]
    return Scene(
        name=name.scene,
        grid=header.grid,
        when=name.when,
        bands=tuple(finish(file_band(band, header, i), name.uri) for band, i in chosen),
        assets=tuple(Asset(name.uri, i) for _, i in chosen),
        footprint=outline,
    )


def _gather(
    names: Sequence[FileName],
    headers: dict[str, Header],
    declared: Sequence[Band],
    wanted: Sequence[str] | None,
    finish: Calibrate,
) -> tuple[Scene, ...]:
    """Scenes of files that hold one band each."""
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        files = groups.setdefault(name.scene, {})
        band = str(name.band)
        if band not in files or _coarser(headers[files[band]], headers[name.uri]):
            files[band] = name.uri
    whens = {name.scene: name.when for name in names}
    known = {band.name: band for band in declared}
    held = {band for files in groups.values() for band in files}
    order = list(wanted or [b for b in known if b in held] or sorted(held, key=_natural))
    finest: list[GeoBox] = []
    for key, files in groups.items():
        lacking = [band for band in order if band not in files]
        if lacking:
            raise DatasetError(
                f"scene {Path(key).name} lacks the bands {', '.join(lacking)}: no such file beside "
                f"{next(iter(files.values()))}; add the files or choose others with bands=[...]"
            )
        finest.append(min((headers[files[band]] for band in order), key=_pixel_area).grid)
    scenes = []
    for (key, files), grid, outline in zip(groups.items(), finest, footprints(finest), strict=True):
        read = [headers[files[band]] for band in order]
        bands = [file_band(known.get(b, _plain(b)), h, 1) for b, h in zip(order, read, strict=True)]
        scenes.append(
            Scene(
                name=Path(key).name,
                grid=grid,
                when=whens[key],
                bands=tuple(finish(b, files[b.name]) for b in bands),
                assets=tuple(Asset(files[band]) for band in order),
                footprint=outline,
            )
        )
    return tuple(scenes)


def _coarser(one: Header, other: Header) -> bool:
    return _pixel_area(one) > _pixel_area(other)


def _pixel_area(header: Header) -> float:
    return abs(float(header.grid.affine.determinant))


def _plain(name: str) -> Band:
    """A band known by its name alone; a name that is a role, such as `red`, is taken as one."""
    role = name.lower()
    return Band(name, role=role) if role in _ROLES else Band(name)  # type: ignore[arg-type]


def _same_bands(scenes: Sequence[Scene]) -> None:
    first = [band.name for band in scenes[0].bands]
    for scene in scenes[1:]:
        names = [band.name for band in scene.bands]
        if names != first:
            raise DatasetError(
                f"files differ in their bands: {scenes[0].assets[0].uri} has {', '.join(first)} and "
                f"{scene.assets[0].uri} has {', '.join(names)}; choose common ones with bands=[...] or "
                "narrow filename_glob"
            )


def _natural(name: str) -> list[tuple[int, int | str]]:
    return [(0, int(p)) if p.isdigit() else (1, p) for p in re.split(r"(\d+)", name) if p]
