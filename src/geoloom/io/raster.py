"""Reading any raster onto any grid, in one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.errors import GridError, ReadError, suggest
from geoloom.core.grid import require_area
from geoloom.core.resampling import RESAMPLINGS, Resampling, default_resampling

from .engines import EngineName, read_with
from .geometry.overviews import coarser
from .headers.header import Header, read_header

__all__ = ["Raster", "Resampling", "read"]


@dataclass(frozen=True, slots=True)
class Raster:
    """Pixels that know where they lie and which of them were observed."""

    values: NDArray[Any]
    """(C, H, W), the file's dtype, float32 where scaled, or float64 where unrounded integers."""
    valid: NDArray[np.bool_]
    """(H, W), True = observed in every band."""
    grid: GeoBox
    """Shape (H, W), affine and CRS."""
    bands: tuple[str, ...]
    """C names: each band's description in the file, else its number."""


def read(
    source: str | Path | Header,
    grid: GeoBox | None = None,
    *,
    bands: Sequence[int | str] | None = None,
    resampling: Resampling | None = None,
    nodata: float | None = None,
    scaled: bool = False,
    assume_crs: str | None = None,
    overviews: bool = False,
    unrounded: bool = False,
    engine: EngineName = "auto",
) -> Raster:
    """Read a raster onto a grid: a copy where the lattices agree, else exactly one resampling.

    Guarantee: values are those of an exact warp straight onto the grid's pixel centres, and do not depend
    on how a grid is cut: `read(s, g)` at a window of `g` equals `read(s, g[window])`. Unobserved pixels
    never take part in a value.

    Args:
        source: Path, GDAL path, or a header read before.
        grid: The pixels wanted; None means the file's own.
        bands: Numbers (from 1) or names, in the order wanted; None means all but alpha.
        resampling: How to resample; None means `nearest` for palettes and named classes, else `bilinear`.
            When shrinking, `bilinear` and `cubic` widen with the shrinkage, so that nothing aliases.
        nodata: Stored value to treat as unobserved instead of the file's own.
        scaled: Apply the bands' scale and offset; values become float32.
        assume_crs: CRS to use instead of the file's missing or wrong one.
        overviews: Read a grid of much coarser pixels from the file's overviews, where it has some: far less
            to read, but only as right as these are. They were averaged, or merely thinned out, by the file's
            writer, and lie up to half a pixel off where sides are not a multiple of the reduction. At
            least two pixels of an overview go into each of the grid's. Classes never come from overviews.
        unrounded: Give stored integers as float64, interpolated without rounding: what lies between 2 and
            3 is 2.5, where it would be 3 otherwise.
        engine: Which reader to use; all give equal answers.

    Returns:
        The raster on `grid`. A pixel is valid where the source pixel under its centre is observed (for
        `average` and `mode`: where any source pixel that it covers is). Values that no
        observation supports are the band's nodata, or 0; with `scaled` they are that number scaled, which
        means nothing: only `valid` counts.

    Raises:
        ReadError: the file cannot be read, placed, or transformed to the grid's CRS.
        BandError: a band is not in the file.
        GridError: the grid has no CRS, no pixels, or pixels without a size.

    Example:
        >>> read("scene.tif", grid, bands=["red", "nir"]).values.shape  # doctest: +SKIP
        (2, 256, 256)
    """
    header = _header(source, assume_crs)
    target = header.grid if grid is None else grid
    if not isinstance(target, GeoBox):
        raise GridError(f"grid is {target!r}; give a GeoBox(shape, affine, crs)")
    if target.crs is None or target.is_empty():
        raise GridError(
            f"grid {target!r} has no CRS or no pixels; build it with GeoBox(shape, affine, crs)"
        )
    require_area(target)
    numbers = header.find(bands)
    if resampling is None:
        resampling = default_resampling(categorical=header.categorical)
    elif not isinstance(resampling, str) or resampling not in RESAMPLINGS:
        raise ReadError(f"no resampling is called {resampling!r}{suggest(resampling, RESAMPLINGS)}")
    if nodata is not None and not isinstance(nodata, Real):
        raise ReadError(f"nodata is {nodata!r}; give a number (NaN is one), as the file stores it")
    if overviews:
        header = coarser(header, target, resampling)
    values, valid = read_with(
        engine, header, target, numbers, resampling, nodata, unrounded=unrounded
    )
    if scaled:
        values = _scale(values, header, numbers)
    names = tuple(header.band_names[number - 1] for number in numbers)
    return Raster(values, valid, target, names)


def _header(source: str | Path | Header, crs: str | None) -> Header:
    if not isinstance(source, Header):
        return read_header(source, crs=crs)
    return source if crs is None else read_header(source.uri, crs=crs)


def _scale(values: NDArray[Any], header: Header, bands: tuple[int, ...]) -> NDArray[np.float32]:
    scales = np.array([header.scales[band - 1] for band in bands]).reshape(-1, 1, 1)
    offsets = np.array([header.offsets[band - 1] for band in bands]).reshape(-1, 1, 1)
    physical: NDArray[np.float32] = (values * scales + offsets).astype(np.float32)
    return physical
