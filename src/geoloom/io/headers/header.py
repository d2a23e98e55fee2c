"""What a raster file says about itself, read once."""

from __future__ import annotations

import logging
import os
import stat
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError  # what some attributes raise; it has no public name
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError
from rasterio.windows import Window

from geoloom.core.bands import find_bands
from geoloom.core.errors import BandError, ReadError
from geoloom.core.grid import as_crs, crs_name

from ..access.handles import Stamp, open_handle, stamp_of
from ..access.paths import path_text
from ..access.remote import is_remote, remotely, web_address, without_query
from ..access.servers import check_ranges
from .categories import category_names, transparent_codes
from .place import grid_of, is_map, is_on_earth, without_place
from .tiff_directory import Directory, read_directory
from .vrt import check_raw_sources, is_vrt

log = logging.getLogger(__name__)

ValidityRule = Literal["all", "nodata", "mask", "alpha"]
"""Where a band says which of its pixels are observed: nowhere, a value, a mask band, an alpha band."""

_NO_SIDECARS = ((0, 0), (0, 0))
_KINDS: dict[tuple[Hashable, str | None, int, bool], Header] = {}
"""One header that GDAL read of each kind of TIFF, CRS given instead of its own, bands known, and whether it
must have a place."""
_KINDS_KEPT = 4096
MOST_BANDS = 10_000
"""Of one file: a few damaged bytes can claim 65,535, for which GDAL takes seconds at each read."""
_LOOKS = (0.5, 0.25, 0.75)
"""Where, as shares of the sides, a band is looked at."""
_LOOK_PX = 128
_TOLD: set[str] = set()
"""Folders of which the log says that a band tagged as transparency is data."""


@dataclass(frozen=True, slots=True)
class Header:
    """A raster's georeference, bands and conventions, without its pixels.

    Band numbers count from 1, as GDAL does; tuples over bands are in that order.
    """

    uri: str
    """Absolute path, or GDAL path."""
    driver: str
    """GDAL's short name of the format, such as `GTiff`."""
    grid: GeoBox
    """The native lattice: shape, affine, CRS; of a picture without a place its pixels, and no CRS."""
    count: int
    """Number of bands, alpha included."""
    dtypes: tuple[str, ...]
    """numpy names, one per band."""
    nodata: tuple[float | None, ...]
    """Stored value that means unobserved, one per band; None where there is none."""
    descriptions: tuple[str | None, ...]
    """Band names as the file declares them; None where it does not."""
    scales: tuple[float, ...]
    """Physical value = stored value * scale + offset."""
    offsets: tuple[float, ...]
    validity: tuple[ValidityRule, ...]
    """Where each band says what is observed."""
    alpha: int | None
    """Number of the alpha band, which is not a measurement; None where there is none.

    GDAL tags the fourth of four bands of bytes so by default: a band so tagged whose values
    are mostly neither closed nor open is a measurement."""
    colormap: Mapping[int, tuple[int, int, int, int]] | None = field(hash=False)
    """Stored value -> red, green, blue, alpha (0-255) of the first band; None where unpaletted."""
    class_names: Mapping[int, str] | None = field(hash=False)
    """Stored value -> category name of the first band; None where it has none."""
    tags: Mapping[str, str] = field(hash=False, repr=False)
    """The file's free metadata."""
    stamp: Stamp = field(repr=False, compare=False, default=())
    """Modification time and size when it was read; empty for what is not a local file."""
    units: tuple[str | None, ...] = ()
    """Unit of each band's physical values as the file declares it, such as `K`; empty where unknown."""
    colors: tuple[str, ...] = ()
    """What each band shows as its file tags it: `red`, `gray`, `alpha`, `undefined` and the like."""
    level: int | None = None
    """Number of the overview, from 0, whose pixels `grid` places; None for the full resolution."""

    @property
    def band_names(self) -> tuple[str, ...]:
        """A different name for each band: its description, else its number; a description that several bands
        share has the band's number behind it, as `ndvi (2)`."""
        plain = [name or str(i) for i, name in enumerate(self.descriptions, 1)]
        count = Counter(plain)
        if len(count) == len(plain):
            return tuple(plain)
        apart = [f"{n} ({i})" if count[n] > 1 else n for i, n in enumerate(plain, 1)]
        if len(set(apart)) == len(apart):
            return tuple(apart)
        return tuple(str(i) for i in range(1, len(plain) + 1))  # such as `a`, `a`, `a (1)`

    @property
    def data_bands(self) -> tuple[int, ...]:
        """Numbers of the bands that measure something: all but alpha."""
        return tuple(i for i in range(1, self.count + 1) if i != self.alpha)

    @property
    def scaling(self) -> tuple[tuple[float, float], ...]:
        """Scale and offset of each band that measures something, in the order of `data_bands`."""
        return tuple((self.scales[n - 1], self.offsets[n - 1]) for n in self.data_bands)

    @property
    def data_units(self) -> tuple[str | None, ...]:
        """The file's own unit of each band that measures something, in the order of `data_bands`."""
        return tuple((self.units[n - 1] or None) if self.units else None for n in self.data_bands)

    @property
    def categorical(self) -> bool:
        """Whether values are classes, as a palette or category names show."""
        return self.colormap is not None or self.class_names is not None

    def find(self, bands: Sequence[int | str] | None) -> tuple[int, ...]:
        """Numbers of the bands wanted, by number (from 1) or name; None means all but alpha.

        Raises:
            BandError: the file has no such band; the message says which it has.
        """
        if bands is None:
            return self.data_bands
        if isinstance(bands, str | int) or not isinstance(bands, Iterable):
            raise BandError(f"bands must be a sequence, got {bands!r}; write [{bands!r}]")
        numbers = tuple(self._number(band) for band in bands)
        if not numbers:
            raise BandError(
                f"no band asked of {without_query(self.uri)}; give at least one, or None for all"
            )
        return numbers

    def _number(self, band: int | str) -> int:
        if not isinstance(band, (str, int, np.integer)) or isinstance(band, bool):
            raise BandError(f"{band!r} is not a band; give numbers from 1, or names")
        if isinstance(band, str):
            return find_bands([band], self.band_names, where=without_query(self.uri))[0] + 1
        if not 1 <= band <= self.count:
            raise BandError(
                f"{without_query(self.uri)} has bands 1 to {self.count} (counted from 1), not {band}"
            )
        return int(band)


def read_header(
    uri: str | Path, *, crs: str | None = None, measured: int = 0, placed: bool = True
) -> Header:
    """The header of any raster that GDAL reads and an affine map places on a body.

    Cached until the file (or its mask or metadata sidecar) changes.

    Args:
        uri: Path or GDAL path.
        crs: CRS to use instead of the file's missing or wrong one, such as `EPSG:32718`.
        measured: How many bands, from the first, are known to be measurements: none of them is the alpha
            band, even where it is tagged as such.
        placed: False takes a raster without a georeference, too.

    Raises:
        GridError: `crs` is not a CRS.
        ReadError: the file is missing, damaged, or not georeferenced by an affine map and a CRS (ground
            control points or rational polynomials alone are refused); the message says what to do.
    """
    name = path_text(uri, ReadError)
    stamp = stamp_of(name)
    if crs is not None:
        crs = _known_name(crs)
    if stamp and stamp[0][1] == 0:
        _require_file(name)
    if stamp and not os.path.isabs(name):  # noqa: PTH117 - per file, a Path costs more
        name = str(Path(name).absolute())
    return _read_header(name, crs, measured, placed, stamp)


def _require_file(name: str) -> None:
    """Refuse a pipe or device, which may have no end, or wait for ever for a writer."""
    mode = Path(name).stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISBLK(mode)):
        raise ReadError(f"{name} is a pipe or a device, not a file; save what it gives to a file")


def _known_name(crs: Any) -> str:
    """The text that names a CRS, which PROJ must know.

    Raises:
        GridError: it does not.
    """
    if isinstance(crs, str):
        _check_name(crs)
        return crs
    return crs_name(as_crs(crs))


@lru_cache(maxsize=64)
def _check_name(crs: str) -> None:
    as_crs(crs)


@lru_cache(maxsize=4096)
def _read_header(uri: str, crs: str | None, measured: int, placed: bool, stamp: Stamp) -> Header:
    if is_vrt(uri) and not is_remote(uri) and stamp:
        check_raw_sources(uri)
    directory = read_directory(uri) if _stands_alone(uri, stamp) else None
    kind = None if directory is None else (directory.kind, crs, measured, placed)
    known = None if kind is None else _KINDS.get(kind)
    if directory is not None and known is not None:
        grid = _grid_like(known.grid, directory)
        if grid is not None:
            tags = {**known.tags, **directory.texts}
            return replace(known, uri=uri, grid=grid, tags=tags, stamp=stamp)
    asked = uri, crs, measured, placed, stamp
    header, looked = remotely(_ask_gdal, *asked) if is_remote(uri) else _ask_gdal(*asked)
    if directory is not None and kind is not None and not looked and _agree(directory, header):
        if len(_KINDS) >= _KINDS_KEPT:
            _KINDS.clear()
        _KINDS[kind] = header
    return header


def _grid_like(known: GeoBox, directory: Directory) -> GeoBox | None:
    """The grid of a file of a known kind; None where GDAL is to be asked."""
    if directory.affine is None:
        return without_place(directory.shape)
    if not is_map(directory.affine, directory.shape):
        return None
    grid = GeoBox(directory.shape, Affine(*directory.affine), known.crs)
    return grid if is_on_earth(grid) else None


def _stands_alone(uri: str, stamp: Stamp) -> bool:
    """Whether a local file has neither a mask nor metadata beside it, in any spelling that GDAL knows."""
    return stamp[1:] == _NO_SIDECARS and not os.path.exists(uri + ".MSK")  # noqa: PTH110 - as above


def _agree(directory: Directory, header: Header) -> bool:
    """Whether GDAL understood the file as `read_directory` did: then its kind is understood."""
    return (
        header.driver == "GTiff"
        and directory.shape == tuple(header.grid.shape)
        and directory.affine == (None if header.grid.crs is None else tuple(header.grid.affine[:6]))
        and directory.texts.items() <= header.tags.items()
    )


def _ask_gdal(
    uri: str, crs: str | None, measured: int, placed: bool, stamp: Stamp
) -> tuple[Header, bool]:
    """The header, and whether it also depends on the file's pixels."""
    # Inside an Env what GDAL has to say goes to logging, not to the terminal. It looks for sidecars by
    # name: listing a folder of thousands of files at each of them takes longer than all the rest.
    options = {} if is_remote(uri) else {"GDAL_DISABLE_READDIR_ON_OPEN": True}
    with rasterio.Env(**options):
        handle = open_handle(uri)
        shown = without_query(uri)
        if handle.count == 0:
            inside = ", ".join(handle.subdatasets[:5]) or "none"
            raise ReadError(f"{shown} holds no band; open one of its subdatasets instead: {inside}")
        if handle.count > MOST_BANDS:
            raise ReadError(
                f"{shown} claims {handle.count} bands; at most {MOST_BANDS} of one file are read: it is "
                "damaged, or is to be split first: gdal_translate -b 1 -b 2 ... in.tif out.tif"
            )
        # What a call finds wrong, rasterio may raise in the next one, once: only the second time counts.
        address = web_address(uri)
        if address is not None and handle.compression is None:
            stored = sum(np.dtype(d).itemsize for d in handle.dtypes) * handle.width * handle.height
            check_ranges(address, stored // 2)
        with suppress(RasterioError, CPLE_BaseError):
            return _header_of(handle, uri, crs, measured, placed, stamp)
        try:
            return _header_of(handle, uri, crs, measured, placed, stamp)
        except (RasterioError, CPLE_BaseError) as error:
            raise ReadError(f"{shown} has a damaged header ({error}); fetch it again") from error


def _header_of(
    handle: Any, uri: str, crs: str | None, measured: int, placed: bool, stamp: Stamp
) -> tuple[Header, bool]:
    tagged = [i for i, c in enumerate(handle.colorinterp, 1) if c == ColorInterp.alpha]
    looked = bool(tagged) and tagged[0] > measured
    alpha = tagged[0] if looked and _is_alpha(handle, tagged[0], without_query(uri)) else None
    rules = (_rule(flags) for flags in handle.mask_flag_enums)
    header = Header(
        uri=uri,
        driver=handle.driver,
        grid=_grid(handle, without_query(uri), crs, placed),
        count=handle.count,
        dtypes=tuple(handle.dtypes),
        nodata=tuple(handle.nodatavals),
        descriptions=tuple(handle.descriptions),
        scales=tuple(handle.scales),
        offsets=tuple(handle.offsets),
        validity=tuple("all" if alpha is None and r == "alpha" else r for r in rules),
        alpha=alpha,
        colormap=_colormap(handle),
        class_names=category_names(uri, handle.tags(1)),
        tags=dict(handle.tags()),
        stamp=stamp,
        units=tuple(handle.units),
        colors=tuple(color.name for color in handle.colorinterp),
    )
    return header, looked


def _grid(handle: Any, uri: str, crs: str | None, placed: bool) -> GeoBox:
    try:
        return grid_of(handle, uri, crs)
    except ReadError:
        if placed:
            raise
    return without_place(handle.shape)


def _is_alpha(handle: Any, band: int, shown: str) -> bool:
    """Whether a band tagged as transparency is that: at least half of what one sees is closed or open."""
    dtype = np.dtype(handle.dtypes[band - 1])
    full = np.iinfo(dtype).max if dtype.kind in "iu" else 1
    extreme = looked_at = 0
    for down, across in zip(_LOOKS, _LOOKS, strict=True):
        place = (int(across * handle.width), int(down * handle.height))
        window = Window(*place, _LOOK_PX, _LOOK_PX)  # what of it lies in the file
        with suppress(RasterioError):  # a damaged block is reported when its pixels are read
            values = handle.read(band, window=window)
            extreme += int(np.isin(values, (0, full)).sum())
            looked_at += values.size
    if 2 * extreme >= looked_at:
        return True
    if os.path.dirname(shown) not in _TOLD:  # noqa: PTH120 - also of addresses
        _TOLD.add(os.path.dirname(shown))  # noqa: PTH120 - as above
        log.warning(
            "%s: band %d is tagged as transparency, but most of its values are neither 0 nor %s: it is read "
            "as data, here and in its folder; declare the bands (all_bands=[...]) to settle it",
            shown,
            band,
            full,
        )
    return False


def _rule(flags: Sequence[MaskFlags]) -> ValidityRule:
    if MaskFlags.alpha in flags:
        return "alpha"
    if MaskFlags.per_dataset in flags:
        return "mask"
    if MaskFlags.nodata in flags:
        return "nodata"
    # GDAL also calls a mask of one band's own simply 0: neither all valid, nor nodata, nor shared.
    return "all" if MaskFlags.all_valid in flags else "mask"


def _colormap(handle: Any) -> dict[int, tuple[int, int, int, int]] | None:
    try:
        colors = dict(handle.colormap(1))
    except ValueError:
        return None
    clear = transparent_codes(handle.tags(1)) & colors.keys()
    return {**colors, **{code: (*colors[code][:3], 0) for code in clear}}
