"""The engine that reads everything GDAL reads, with GDAL's own warper."""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from geoloom.core.errors import ReadError
from geoloom.core.grid import PixelWindow, crs_name, lattice_window

from .handles import open_handle
from .header import Header
from .plan import Kernel, Span, cells, reach_px, source_window
from .validity import fill_values, observed


class GdalEngine:
    """Window copies and exact warps through rasterio."""

    name = "gdal"

    def can_read(
        self, header: Header, grid: GeoBox, bands: tuple[int, ...], kernel: Kernel
    ) -> bool:
        """Always: what has a header, GDAL reads."""
        return True

    def read(
        self,
        header: Header,
        grid: GeoBox,
        bands: tuple[int, ...],
        kernel: Kernel,
        nodata: float | None,
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values (C, H, W) and where all bands are observed (H, W); see `Engine.read`."""
        window = lattice_window(header.grid, grid)
        if window is not None:
            values, seen = read_window(header, window, bands, nodata)
        else:
            values, seen = _warp(header, grid, bands, kernel, nodata)
        valid: NDArray[np.bool_] = np.logical_and.reduce(seen, axis=0)
        return values, valid


def read_window(
    header: Header, window: PixelWindow, bands: tuple[int, ...], nodata: float | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Stored values (C, H, W) of a window that may lie outside the raster, and where each is observed.

    Inside the raster values are bit for bit as stored, also where unobserved; outside they are the fill.

    Raises:
        ReadError: the file is damaged there.
    """
    height, width = header.grid.shape
    top, bottom = max(window.row, 0), min(window.row + window.height, height)
    left, right = max(window.col, 0), min(window.col + window.width, width)
    inside = top < bottom and left < right
    part = Window(left, top, right - left, bottom - top) if inside else None
    stored, seen_part = _read_inside(header, part, bands, nodata) if part else (None, None)
    if stored is not None and stored.shape[1:] == (window.height, window.width):
        assert seen_part is not None  # read together with `stored`
        return stored, seen_part
    shape = (len(bands), window.height, window.width)
    values = np.empty(shape, dtype=_dtype(header, bands))
    values[:] = np.asarray(fill_values(header, bands, nodata)).reshape(-1, 1, 1)
    seen = np.zeros(shape, dtype=np.bool_)
    if stored is not None:
        rows = slice(top - window.row, bottom - window.row)
        cols = slice(left - window.col, right - window.col)
        values[:, rows, cols] = stored
        seen[:, rows, cols] = seen_part
    return values, seen


def _read_inside(
    header: Header, window: Window, bands: tuple[int, ...], nodata: float | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    handle = open_handle(header.uri)
    masked = any(header.validity[band - 1] in ("mask", "alpha") for band in bands)
    try:
        values = handle.read(list(bands), window=window, out_dtype=_dtype(header, bands))
        masks = handle.read_masks(list(bands), window=window) if masked else None
    except RasterioError as error:
        raise ReadError(
            f"{header.uri} is damaged within {window}: {error.__cause__ or error}; fetch it again, or "
            "read a part that avoids the damage"
        ) from error
    return values, observed(values, masks, header, bands, nodata)


def _dtype(header: Header, bands: tuple[int, ...]) -> np.dtype[Any]:
    return np.result_type(*(np.dtype(header.dtypes[band - 1]) for band in bands))


def _warp(
    header: Header, grid: GeoBox, bands: tuple[int, ...], kernel: Kernel, nodata: float | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    values = np.empty((len(bands), *grid.shape), dtype=_dtype(header, bands))
    values[:] = np.asarray(fill_values(header, bands, nodata)).reshape(-1, 1, 1)
    seen = np.zeros(values.shape, dtype=np.bool_)
    for rows, cols, span in cells(header.grid, grid):
        part = np.s_[:, rows, cols]
        _warp_cell(header, grid[rows, cols], bands, kernel, nodata, span, values[part], seen[part])
    return values, seen


def _warp_cell(
    header: Header,
    grid: GeoBox,
    bands: tuple[int, ...],
    kernel: Kernel,
    nodata: float | None,
    span: Span,
    values: NDArray[Any],
    seen: NDArray[np.bool_],
) -> None:
    """Warp onto one cell, writing into `values` and `seen` where something was observed."""
    window = source_window(header.grid, grid, reach_px(kernel, span))
    if window is None:
        return
    stored, stored_seen = read_window(header, window, bands, nodata)
    place = header.grid.affine * Affine.translation(window.col, window.row)
    crs = crs_name(header.grid.crs)
    # One mask for all bands is one warp; bands that miss different pixels are warped each on its own, so that
    # a band's values never depend on which others are read with it.
    alike = (stored_seen == stored_seen[:1]).all()
    groups = [slice(0, len(bands))] if alike else [slice(i, i + 1) for i in range(len(bands))]
    for group in groups:
        mask = stored_seen[group][0]
        warped, ok = _warp_staged(stored[group], mask, place, crs, grid, kernel, span)
        seen[group] = ok
        np.copyto(values[group], warped, where=ok)


def _warp_staged(
    values: NDArray[Any],
    seen: NDArray[np.bool_],
    place: Affine,
    crs: str,
    grid: GeoBox,
    kernel: Kernel,
    span: Span,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    count, height, width = values.shape
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": count,
        "dtype": values.dtype.name,
        "crs": CRS.from_user_input(crs),
        "transform": place,
        "interleave": "band",
    }
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), MemoryFile() as memory:
        with memory.open(**profile) as stage:
            stage.write(np.where(seen, values, values.dtype.type(0)))
            stage.write_mask(seen)
        with (
            memory.open() as stage,
            WarpedVRT(
                stage,
                crs=CRS.from_user_input(crs_name(grid.crs)),
                transform=grid.affine,
                width=grid.shape[1],
                height=grid.shape[0],
                resampling=Resampling[kernel],
                tolerance=1e-6,
                add_alpha=True,
                XSCALE=1 / span[0],
                YSCALE=1 / span[1],
                SOURCE_EXTRA=max(height, width),
            ) as warped,
        ):
            result = warped.read()
    return result[:-1], result[-1] > 0
