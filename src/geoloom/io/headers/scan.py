"""From files to scenes: names and headers are read once, pixels are not touched."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ...core.bands import Band, unit_of
from ...core.errors import BandError, DatasetError, ReadError, suggest
from ...core.outline import footprints
from ...core.progress import Progress
from ...core.query import Asset, Scene
from ..access.finding import Paths, find_files, natural, scene_names
from ..access.handles import close_handles
from ..access.naming import FileName, Naming
from .header import Header, read_header
from .vrt import check_sources, is_vrt

__all__ = ["Footprints", "OnError", "file_band", "find_files", "read_headers", "scan"]

log = logging.getLogger(__name__)

Calibrate = Callable[[Band, str], Band]
"""(band, uri) -> the band with the provider's unit, scale, offset and nodata, as its naming implies."""

Footprints = Literal["grid", "valid"]
"""What a scene covers: all of its grid, or what lies around the pixels that were observed."""
OnError = Literal["raise", "skip"]
"""What becomes of a file that cannot be read: an error, or its scene is left out, with a count in the log."""
_THREADS = 16
_AT_ONCE = 64
"""Headers that a thread reads before it reports: most take less time than handing over their names."""


def scan(
    paths: Paths,
    naming: Naming,
    *,
    bands: Sequence[Band] = (),
    extra: Sequence[Band] = (),
    optional: Sequence[str] = (),
    wanted: Sequence[str] | None = None,
    calibrate: Calibrate | None = None,
    crs: str | None = None,
    named: Paths | None = None,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> tuple[Scene, ...]:
    """The scenes in files, in the order of their names; all have the same bands. The log shows the rate.

    Args:
        paths: Files, folders or shell patterns.
        naming: How the files are named.
        bands: The provider's bands, in file order; empty means: as the files say.
        extra: Bands that the provider also offers, taken only when wanted.
        optional: Those of `bands` that are left out where no scene has them.
        wanted: Bands by name, in order; None means `bands`.
        calibrate: Completes a band from its file's address.
        crs: CRS to use instead of the files' missing or wrong one.
        named: Paths as the user gave them, by default `paths`. VRTs among them may refer to anything; others
            that are found only to files below their own folder.
        on_error: What becomes of scenes with a file that cannot be read: `skip` leaves them out, and the log
            says how many.
        progress: Called with (files read, files in all).

    Raises:
        DatasetError: nothing matches, scenes differ in their bands, or one lacks a band; the message names
            them.
        BandError: a wanted band is unknown; the message names the nearest.
        ReadError: a file cannot be read or placed; with `skip`, none can.
    """
    known = [band.name for band in (*bands, *extra)]
    for name in wanted or ():
        if known and name not in known:
            raise BandError(f"no band is called {name!r}{suggest(name, known)}")
    declared = [band.name for band in bands]
    names = scene_names(paths, naming, wanted or declared)
    measured = 0 if naming.separate_files else len(declared)
    uris = [name.uri for name in names]
    headers = read_headers(
        uris,
        crs=crs,
        measured=measured,
        named=paths if named is None else named,
        on_error=on_error,
        progress=progress,
    )
    finish = calibrate or (lambda band, _: band)
    if naming.separate_files:
        order = wanted or _in_order(names, declared, optional)
        return _gather(names, headers, (*bands, *extra), order, finish)
    names = [name for name in names if name.uri in headers]
    outlines = footprints([headers[name.uri].grid for name in names])
    scenes = tuple(
        _whole(name, headers[name.uri], outline, (*bands, *extra), wanted, finish, measured)
        for name, outline in zip(names, outlines, strict=True)
    )
    _same_bands(scenes)
    return scenes


def read_headers(
    uris: Sequence[str],
    *,
    crs: str | None = None,
    measured: int = 0,
    named: Paths = (),
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> dict[str, Header]:
    """The headers of files, in their order, read by threads; the log shows how many per second.

    Files are closed again at once, so that thousands need no more descriptors than there are threads.

    Args:
        uris: Paths or GDAL paths.
        crs, measured: As `read_header`.
        named: As `scan`.
        on_error: `skip` leaves out files that cannot be read, and the log says how many.
        progress: Called with (files read, files in all), by the calling thread.

    Raises:
        ReadError: a file cannot be read or placed; with `skip`, none can.
    """
    threads = min(_THREADS, 4 * (os.cpu_count() or 1))
    step = max(1, min(_AT_ONCE, len(uris) // (4 * threads)))
    began = time.perf_counter()
    headers: dict[str, Header] = {}
    unreadable: list[ReadError] = []
    chosen = {str(path) for path in ([named] if isinstance(named, (str, Path)) else named)}

    def read(part: Sequence[str]) -> list[Header | ReadError]:
        return [_header_or_error(uri, crs, measured, uri in chosen, on_error) for uri in part]

    with ThreadPoolExecutor(threads) as pool:
        parts = [uris[i : i + step] for i in range(0, len(uris), step)]
        for part, answers in zip(parts, pool.map(read, parts), strict=True):
            for uri, answer in zip(part, answers, strict=True):
                if isinstance(answer, ReadError):
                    unreadable.append(answer)
                else:
                    headers[uri] = answer
            if progress is not None:
                progress(len(headers) + len(unreadable), len(uris))
    report_left_out(unreadable, len(uris), "files")
    seconds = max(time.perf_counter() - began, 1e-9)
    log.info("%d headers read in %.2f s: %.0f files/s", len(uris), seconds, len(uris) / seconds)
    return headers


def report_left_out(errors: Sequence[ReadError], count: int, what: str) -> None:
    """Log what could not be read of many, and is left out.

    Args:
        errors: One for each that could not be read.
        count: How many there were.
        what: Their name.

    Raises:
        ReadError: the first of the errors, where nothing could be read.
    """
    if errors and len(errors) == count:
        raise errors[0]
    if errors:
        log.warning(
            "%d of %d %s cannot be read and are left out (on_error='skip'), the first because: %s",
            len(errors), count, what, errors[0],
        )  # fmt: skip


def _header_or_error(
    uri: str, crs: str | None, measured: int, chosen: bool, on_error: OnError
) -> Header | ReadError:
    try:
        if is_vrt(uri) and not chosen:
            check_sources(uri)
        return read_header(uri, crs=crs, measured=measured)
    except ReadError as error:
        if on_error == "raise":
            raise
        return error
    finally:
        close_handles()


def file_band(band: Band, header: Header, index: int) -> Band:
    """The band with the file's own unit, scale, offset and nodata where the file declares them."""
    unit = (unit_of(header.units[index - 1]) if header.units else None) or band.unit
    scale, offset = header.scales[index - 1], header.offsets[index - 1]
    if (scale, offset) == (1.0, 0.0):
        scale, offset = band.scale, band.offset
    nodata = header.nodata[index - 1]
    if nodata is None and header.validity[index - 1] == "all":
        nodata = band.nodata
    if (unit, scale, offset, nodata) == (band.unit, band.scale, band.offset, band.nodata):
        return band
    return replace(band, unit=unit, scale=scale, offset=offset, nodata=nodata)


def own_bands(header: Header, numbers: Sequence[int] | None = None) -> tuple[Band, ...]:
    """Bands as a file describes them by itself.

    Args:
        header: The file's.
        numbers: Which, counted from 1; None for all that measure something.
    """
    chosen = header.data_bands if numbers is None else numbers
    return tuple(file_band(Band.named(header.band_names[n - 1]), header, n) for n in chosen)


def _whole(
    name: FileName,
    header: Header,
    outline: BaseGeometry,
    declared: Sequence[Band],
    wanted: Sequence[str] | None,
    finish: Calibrate,
    measured: int,
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
            header.band_names[i - 1]: (Band.named(header.band_names[i - 1]), i)
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
        assets=tuple(
            Asset(name.uri, i, header.grid, measured, header.dtypes[i - 1]) for _, i in chosen
        ),
        footprint=outline,
    )


def _in_order(
    names: Sequence[FileName], declared: Sequence[str], optional: Sequence[str]
) -> list[str]:
    """The bands that each scene must have."""
    present = {str(name.band) for name in names}
    absent = [band for band in optional if band not in present]
    if absent:
        log.info("no file holds the bands %s, which some products lack", ", ".join(absent))
    return [b for b in declared if b not in absent] or sorted(present, key=natural)


def _gather(
    names: Sequence[FileName],
    headers: dict[str, Header],
    declared: Sequence[Band],
    order: Sequence[str],
    finish: Calibrate,
) -> tuple[Scene, ...]:
    """Scenes of files that hold one band each, less those with a file that could not be read."""
    groups: dict[str, dict[str, str]] = {}
    broken = {name.scene for name in names if name.uri not in headers}
    for name in names:
        if name.scene in broken:
            continue
        files = groups.setdefault(name.scene, {})
        band = str(name.band)
        if band not in files or _coarser(headers[files[band]], headers[name.uri]):
            files[band] = name.uri
    if broken:
        log.warning(
            "%d of %d scenes are left out, as a file of theirs cannot be read",
            len(broken),
            len(broken) + len(groups),
        )
        if not groups:
            raise DatasetError(
                f"each of the {len(broken)} scenes has a file that cannot be read, such as "
                f"{next(name.uri for name in names if name.uri not in headers)}; fetch them again"
            )
    whens = {name.scene: name.when for name in names}
    known = {band.name: band for band in declared}
    finest: list[GeoBox] = []
    for key, files in groups.items():
        lacking = [band for band in order if band not in files]
        if lacking:
            raise DatasetError(_what_is_lacking(key, files, order, lacking))
        finest.append(min((headers[files[band]] for band in order), key=_pixel_area).grid)
    scenes = []
    for (key, files), grid, outline in zip(groups.items(), finest, footprints(finest), strict=True):
        read = [headers[files[band]] for band in order]
        bands = [
            file_band(known.get(b, Band.named(b)), h, 1) for b, h in zip(order, read, strict=True)
        ]
        # Equal grids are one object: it is compared at once, and pickled once.
        grids = [grid if h.grid == grid else h.grid for h in read]
        dtypes = [header.dtypes[0] for header in read]
        scenes.append(
            Scene(
                name=Path(key).name,
                grid=grid,
                when=whens[key],
                bands=tuple(finish(b, files[b.name]) for b in bands),
                assets=tuple(
                    Asset(files[b], 1, g, dtype=dtype)
                    for b, g, dtype in zip(order, grids, dtypes, strict=True)
                ),
                footprint=outline,
            )
        )
    return tuple(scenes)


def _what_is_lacking(
    scene: str, files: Mapping[str, str], order: Sequence[str], lacking: Sequence[str]
) -> str:
    there = [band for band in order if band in files]
    choice = f"choose those that are there with bands={there}" if there else "choose others"
    return (
        f"scene {Path(scene).name} lacks the bands {', '.join(lacking)}: no such file beside "
        f"{next(iter(files.values()))}; add the files, or {choice}"
    )


def _coarser(one: Header, other: Header) -> bool:
    return _pixel_area(one) > _pixel_area(other)


def _pixel_area(header: Header) -> float:
    return abs(float(header.grid.affine.determinant))


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
