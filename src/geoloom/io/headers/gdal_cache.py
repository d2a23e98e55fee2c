"""GDAL's block cache, bounded while a product is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import rasterio
from rasterio.env import get_gdal_config, set_gdal_config

from ..access.handles import open_handle
from ..access.remote import is_remote

DEFAULT_MB = 128
MOST_MB = 1024
MOST_LOOKED_AT = 8


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


def cache_for_files(files: Sequence[str], rows: int) -> int:
    """Megabytes with which windows along a band of `rows` rows decode each of the files' blocks once.

    Square blocks need few, for a window meets few of them. A file stored in lines has blocks as wide as
    the scene: each window of a row of windows decodes the same ones, so the cache must hold them all.

    Args:
        files: That lie over one another. Of many, which lie side by side, the first are looked at.
        rows: Rows of a band of windows.
    """
    needed = sum(_for_rows(file, rows) for file in files[:MOST_LOOKED_AT])
    return int(min(max(needed, DEFAULT_MB), MOST_MB))


def _for_rows(file: str, rows: int) -> int:
    if is_remote(file):
        return 0
    handle = open_handle(file)
    height, width = (int(side) for side in handle.block_shapes[0])
    if width < handle.width or width <= 4096:
        return 0
    pixel = sum(np.dtype(dtype).itemsize for dtype in handle.dtypes)
    return int((rows + 2 * height) * width * pixel // 1_000_000 + 16)
