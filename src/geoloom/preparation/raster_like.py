"""A raster written block by block, with the names, scales and colours of the one it is made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.grid import block_windows, window_grid
from ..io.engines.gdal_window import common_dtype
from ..io.headers.header import Header
from ..io.raster import Raster
from ..io.write.cog import CogWriter
from .nodata import fill_unobserved


def write_like(
    like: Header,
    out: str | Path,
    grid: GeoBox,
    read_block: Callable[[GeoBox], Raster],
    *,
    inputs: Sequence[str | Path],
    names: Sequence[str] | None = None,
    scaling: Sequence[tuple[float, float]] | None = None,
    units: Sequence[str | None] | None = None,
    dtype: np.dtype[Any] | None = None,
    nodata: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a raster in blocks; memory does not grow with it.

    Args:
        like: What is not given is as this raster has it; of one band, colours and class names too.
        out: File to write.
        grid: Its pixels.
        read_block: The values on a part of the grid.
        inputs: What it is made from, which it never replaces.
        names: One for each band.
        scaling: Scale and offset of each band.
        units: Of each band's physical values.
        dtype: Of the values.
        nodata: What unobserved pixels are saved as.
        overwrite: Replace the file.

    Raises:
        WriteError: the file exists, or is an input.
    """
    if names is None:
        names = [like.band_names[n - 1] for n in like.data_bands]
    nodata = like.nodata[0] if nodata is None else nodata
    single = len(names) == 1
    with CogWriter(
        out,
        grid,
        count=len(names),
        dtype=common_dtype(like, like.data_bands) if dtype is None else dtype,
        nodata=nodata,
        descriptions=names,
        scaling=like.scaling if scaling is None else scaling,
        units=like.data_units if units is None else units,
        colormap=like.colormap if single else None,
        class_names=like.class_names if single else None,
        inputs=inputs,
        overwrite=overwrite,
    ) as writer:
        for window in block_windows(grid.shape):
            raster = read_block(window_grid(grid, window))
            values = raster.values.astype(writer.dtype, copy=False)
            writer.write(fill_unobserved(values, raster.valid, nodata), window.row, window.col)
    return Path(out)
