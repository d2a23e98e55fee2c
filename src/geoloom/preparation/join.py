"""Several rasters joined into one file: as a mosaic, band beside band, or date after date."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.composite import CompositeRule
from ..core.errors import BandError, ConfigError, ReadError
from ..io.access.finding import natural
from ..io.geometry.overlap import WHOLE, covered, share_covered
from ..io.headers.header import Header, read_header
from ..io.mosaic import read_many
from ..io.raster import Raster, read
from .extents import enclosing_grid
from .nodata import free_nodata
from .raster_like import write_like

log = logging.getLogger(__name__)

Files = Sequence[str | Path]


def join_mosaic(
    images: Files,
    out: str | Path,
    *,
    rule: CompositeRule = "first",
    nodata: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Join rasters, in any CRSs, into one on the lattice of the first, as large as all of them.

    Where the files have no nodata value in common and pixels are left that none observes, the mosaic has a
    type with room for one that no value can have: NaN, or of integers the next wider type.

    Args:
        images: In order of priority.
        out: File to write.
        rule: Where they overlap: `first` takes the first that is observed there, `mean` averages.
        nodata: Stored value that means unobserved, instead of the files' own.
        overwrite: Replace the file.

    Raises:
        ReadError: there is no image, or one cannot be read.
        BandError: the images have different numbers of bands.
        ConfigError: there is no wider type; `nodata` says which value is free.
        WriteError: the file exists, or is an input.
    """
    headers = _headers(images)
    first = headers[0]
    grid = enclosing_grid(first.grid, [header.grid for header in headers])
    gaps = covered(grid, [header.grid for header in headers]) < WHOLE
    dtype, fill = free_nodata(headers, nodata, gaps=gaps)

    def read_block(part: GeoBox) -> Raster:
        return read_many(headers, part, rule=rule, nodata=nodata)

    return write_like(
        first, out, grid, read_block, inputs=images, dtype=dtype, nodata=fill, overwrite=overwrite
    )


def join_bands(
    images: Files, out: str | Path, *, nodata: float | None = None, overwrite: bool = False
) -> Path:
    """Put the bands of several files into one, on the lattice of the first.

    Files on other lattices are resampled once; a pixel is valid where it is in all of them, and nodata, of a
    value that no band has (see `join_mosaic`), elsewhere. Bands of one name get their file's before it.

    Args:
        images: In the order of the bands.
        out: File to write.
        nodata: Stored value that means unobserved, instead of the files' own.
        overwrite: Replace the file.

    Raises:
        ReadError: there is no image, or one cannot be read.
        GridError: one does not overlap the first.
        WriteError: the file exists, or is an input.
    """
    headers = _headers(images)
    _warn_of_order([Path(image).name for image in images])
    return _stack(headers, names_of_bands(headers), out, nodata, overwrite=overwrite)


def join_dates(
    images: Files,
    out: str | Path,
    *,
    dates: Sequence[str] | None = None,
    nodata: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Put images of several dates into one file, date after date, on the lattice of the first.

    Args:
        images: One for each date, of equally many bands, in order of time.
        out: File to write.
        dates: Names of the dates, which begin the bands' names; None counts them: `t1_red`.
        nodata: Stored value that means unobserved, instead of the files' own.
        overwrite: Replace the file.

    Raises:
        GridError: one does not overlap the first.
        BandError: the images have different numbers of bands.
        ConfigError: there are not as many dates as images.
        WriteError: the file exists, or is an input.
    """
    headers = _headers(images)
    return _stack(headers, names_of_dates(headers, dates), out, nodata, overwrite=overwrite)


def _warn_of_order(names: Sequence[str]) -> None:
    """Say so where files come as a shell sorts a pattern, which puts B10 before B2: their order is kept."""
    if list(names) == sorted(names) != sorted(names, key=natural):
        log.warning(
            "bands are joined in the order of the files given, %s, which is that of a shell, not of their "
            "numbers; give the pattern in quotes for %s, or list the files",
            ", ".join(names),
            ", ".join(sorted(names, key=natural)),
        )


def names_of_bands(headers: Sequence[Header]) -> list[str]:
    """Names of the bands of files that are put beside one another, each different."""
    names = [name for header in headers for name in _band_names(header)]
    files = [Path(header.uri).stem for header in headers for _ in header.data_bands]
    return _distinct(names, files)


def names_of_dates(headers: Sequence[Header], dates: Sequence[str] | None = None) -> list[str]:
    """Names of the bands of files of one date each: the date's name, `t1` if not given, and the band's.

    Raises:
        BandError: the files have different numbers of bands.
        ConfigError: there are not as many dates as files.
    """
    counts = {len(header.data_bands) for header in headers}
    if len(counts) > 1:
        raise BandError(
            f"images of different dates have {sorted(counts)} bands; expected equally many"
        )
    when = [f"t{i}" for i in range(1, len(headers) + 1)] if dates is None else list(dates)
    if len(when) != len(headers):
        raise ConfigError(f"{len(when)} dates for {len(headers)} images; give one each")
    return [
        f"{date}_{header.band_names[number - 1]}"
        for date, header in zip(when, headers, strict=True)
        for number in header.data_bands
    ]


def _headers(images: Files) -> list[Header]:
    if isinstance(images, str | Path) or not images:
        raise ReadError(f"expected a list of image files, found {images!r}")
    return [read_header(image) for image in images]


def _band_names(header: Header) -> list[str]:
    """Names of the measuring bands; files without names give theirs, so that stacks stay readable."""
    stem = Path(header.uri).stem
    many = len(header.data_bands) > 1
    return [
        header.descriptions[n - 1] or (f"{stem}_{n}" if many else stem) for n in header.data_bands
    ]


def _distinct(names: Sequence[str], files: Sequence[str]) -> list[str]:
    """The names, with the file's before those that occur more than once, and a number where that is not
    enough."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if not repeated:
        return list(names)
    distinct: list[str] = []
    for name, file in zip(names, files, strict=True):
        wanted = f"{file}_{name}" if name in repeated else name
        count = 1 + sum(
            1 for other in distinct if other == wanted or other.startswith(f"{wanted}#")
        )
        distinct.append(wanted if count == 1 else f"{wanted}#{count}")
    log.warning(
        "several bands are called %s: they are written as %s",
        ", ".join(repeated),
        ", ".join(new for old, new in zip(names, distinct, strict=True) if old in repeated),
    )
    return distinct


def _stack(
    headers: Sequence[Header],
    names: Sequence[str],
    out: str | Path,
    nodata: float | None,
    *,
    overwrite: bool,
) -> Path:
    first = headers[0]
    shares = shares_covered(headers)
    dtype, fill = free_nodata(headers, nodata, gaps=min(shares) < WHOLE)

    def read_block(part: GeoBox) -> Raster:
        rasters = [read(header, part, nodata=nodata) for header in headers]
        values = np.concatenate([raster.values.astype(dtype) for raster in rasters])
        valid = np.logical_and.reduce([raster.valid for raster in rasters])
        return Raster(values, valid, part, tuple(names))

    return write_like(
        first,
        out,
        first.grid,
        read_block,
        inputs=[header.uri for header in headers],
        names=names,
        scaling=[pair for header in headers for pair in header.scaling],
        units=[unit for header in headers for unit in header.data_units],
        dtype=dtype,
        nodata=fill,
        overwrite=overwrite,
    )


def shares_covered(headers: Sequence[Header]) -> list[float]:
    """How much of the first file's grid each file covers; a warning where that is not all of it.

    Raises:
        GridError: one covers nothing of it.
    """
    return [_share(headers[0], header) for header in headers]


def _share(first: Header, header: Header) -> float:
    fix = ", on whose grid the files are put together; check the CRS of both, or make a mosaic"
    share = share_covered(first, header, fix)
    if share < WHOLE:
        log.warning(
            "%s covers %.1f %% of %s; the rest is nodata in all bands",
            header.uri,
            100 * share,
            first.uri,
        )
    return share
