"""The engine that reads everything GDAL reads, with GDAL's own warper."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.grid import PixelWindow
from geoloom.core.resampling import Resampling

from ..headers.header import Header
from ..loops.rounding import given_dtype
from .gdal_window import empty, read_window
from .windowed import Pixels, WindowedRaster, put_on_grid


class GdalEngine:
    """Window copies and exact warps through rasterio."""

    name = "gdal"

    def can_read(
        self, header: Header, grid: GeoBox, bands: tuple[int, ...], resampling: Resampling
    ) -> bool:
        """Always: what has a header, GDAL reads."""
        return True

    def read(
        self,
        header: Header,
        grid: GeoBox,
        bands: tuple[int, ...],
        resampling: Resampling,
        nodata: float | None,
        *,
        unrounded: bool = False,
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values (C, H, W) and where all bands are observed (H, W); see `Engine.read`."""
        fill, _ = empty(header, bands, nodata, (1, 1))
        dtype = given_dtype(fill.dtype, unrounded=unrounded)

        def stored(window: PixelWindow) -> Pixels:
            values, seen = read_window(header, window, bands, nodata)
            return values.astype(dtype, copy=False), seen

        source = WindowedRaster(header.grid, stored, fill.astype(dtype, copy=False))
        values, seen = put_on_grid(source, grid, resampling)
        valid: NDArray[np.bool_] = np.logical_and.reduce(seen, axis=0)
        return values, valid
