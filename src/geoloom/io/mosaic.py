"""Several rasters on one grid, as one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from geoloom.core.composite import COMPOSITE_RULES, CompositeRule, composite
from geoloom.core.errors import BandError, ReadError, suggest
from geoloom.core.resampling import Resampling, default_resampling

from .engines import EngineName
from .engines.gdal_window import common_dtype
from .headers.header import Header, read_header
from .loops.rounding import as_dtype
from .raster import Raster, read


def read_many(
    sources: Sequence[str | Path | Header],
    grid: GeoBox,
    *,
    rule: CompositeRule = "first",
    bands: Sequence[int | str] | None = None,
    resampling: Resampling | None = None,
    nodata: float | None = None,
    scaled: bool = False,
    crs: str | None = None,
    engine: EngineName = "auto",
) -> Raster:
    """Read overlapping rasters, in any CRSs, onto one grid, each pixel from where it was observed.

    Guarantee: every source is read straight onto the grid, so nothing is resampled twice; a value of 0 is
    a value; sources after the one that fills the last gap are not read.

    Args:
        sources: In order of priority.
        grid: The pixels wanted.
        rule: `first` takes each pixel from the first source in which all bands are observed; `newest` is
            the same, for sources given newest first; `mean` averages over the sources that observed it.
        bands: Numbers (from 1) or names, looked up in each source; None means all but alpha.
        resampling: See `read`; None means `nearest` if any source holds classes, else `bilinear`.
        nodata: Stored value to treat as unobserved instead of the files' own.
        scaled: Apply each source's scale and offset; values become float32.
        crs: CRS to use instead of the files' missing or wrong ones.
        engine: See `read`.

    Returns:
        The mosaic, in the sources' common dtype (means of integers rounded), with the first source's band
        names. Where nothing was observed: not valid, and the first source's nodata, or 0.

    Raises:
        ReadError: there are no sources, or one cannot be read.
        BandError: a source lacks a band, or their number differs from the first's.
    """
    if not isinstance(rule, str) or rule not in COMPOSITE_RULES:
        raise ReadError(f"no mosaic rule is called {rule!r}{suggest(rule, COMPOSITE_RULES)}")
    if not sources:
        raise ReadError("no sources to make a mosaic of; give at least one")
    headers = [_header(source, crs) for source in sources]
    numbers = [header.find(bands) for header in headers]
    _check_counts(headers, numbers)
    if resampling is None:
        resampling = default_resampling(categorical=any(header.categorical for header in headers))
    parts = (
        read(
            header,
            grid,
            bands=own,
            resampling=resampling,
            nodata=nodata,
            scaled=scaled,
            engine=engine,
        )
        for header, own in zip(headers, numbers, strict=True)
    )
    stored = (common_dtype(header, own) for header, own in zip(headers, numbers, strict=True))
    dtype = np.dtype(np.float32) if scaled else np.result_type(*stored)
    return _composed(parts, rule, dtype)


def _header(source: str | Path | Header, crs: str | None) -> Header:
    if isinstance(source, Header) and crs is None:
        return source
    return read_header(source.uri if isinstance(source, Header) else source, crs=crs)


def _check_counts(headers: Sequence[Header], numbers: Sequence[tuple[int, ...]]) -> None:
    for header, own in zip(headers, numbers, strict=True):
        if len(own) != len(numbers[0]):
            raise BandError(
                f"{header.uri} has {len(own)} bands, {headers[0].uri} has {len(numbers[0])}: a mosaic needs "
                "the same ones of each; choose them with bands="
            )


def _composed(parts: Iterator[Raster], rule: CompositeRule, dtype: np.dtype[Any]) -> Raster:
    top = next(parts)
    arrays = ((part.values, part.valid) for part in itertools.chain([top], parts))
    values, valid = composite(arrays, rule, cast=lambda means: as_dtype(means, dtype))
    return Raster(values.astype(dtype, copy=False), valid, top.grid, top.bands)
