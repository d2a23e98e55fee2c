"""GDAL's block cache, bounded while a product is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import rasterio
from rasterio.env import get_gdal_config, set_gdal_config

from ..access.handles import open_handle
from .header import Header

DEFAULT_MB = 128
MOST_MB = 1024


@contextmanager
def gdal_cache(megabytes: int) -> Iterator[None]:
    """Bound the memory of GDAL's block cache, for all threads; the bound before comes back after.

    GDAL's own bound is 5 % of the machine's memory, which would be most of what a prediction takes.
    """
    with rasterio.Env():
        # rasterio hands an integer on as bytes, whatever GDAL's own setting means by small numbers; and it
        # does not restore this one setting where environments are nested.
        before = get_gdal_config("GDAL_CACHEMAX")
        set_gdal_config("GDAL_CACHEMAX", megabytes * 2**20)
        try:
            yield
        finally:
            set_gdal_config("GDAL_CACHEMAX", before)


def cache_for_rows(header: Header, rows: int) -> int:
    """Megabytes with which windows along a band of `rows` rows decode each of the file's blocks once.

    Square blocks need few, for a window meets few of them. A file stored in lines has blocks as wide as
    the scene: each window of a row of windows decodes the same ones, so the cache must hold them all.
    """
    handle = open_handle(header.uri)
    height, width = (int(side) for side in handle.block_shapes[0])
    if width < handle.width or width <= 4096:
        return DEFAULT_MB
    pixel = sum(np.dtype(dtype).itemsize for dtype in header.dtypes)
    needed = (rows + 2 * height) * width * pixel // 1_000_000 + 16
    return int(min(max(needed, DEFAULT_MB), MOST_MB))
