"""Whether a TIFF that GDAL has made is whole: on a full disk it drops blocks, and reports no error."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import rasterio
from rasterio.enums import Interleaving
from rasterio.io import DatasetReader

from ...core.errors import WriteError
from ...core.files import hint_if_full


def check_whole(made: Path, product: Path) -> None:
    """Refuse a file that lacks blocks.

    Each block must lie inside the file. Where the disk has less room left than the file took, it may have
    been full on the way: then all blocks are read as well, whose compression has a checksum.

    Args:
        made: The file, as GDAL left it.
        product: Named in the message.

    Raises:
        WriteError: a block is missing.
        RasterioError: the file cannot be read.
    """
    size = made.stat().st_size
    suspicious = shutil.disk_usage(made.parent).free < size
    for file in _levels(made):
        shared = file.interleaving is Interleaving.pixel
        for number in (1,) if shared else file.indexes:
            for (row, col), window in file.block_windows(number):
                start, length = (
                    int(file.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=number) or 0)
                    for what in ("OFFSET", "SIZE")
                )
                if not length or start + length > size:
                    raise WriteError(
                        f"cannot write {product}: GDAL left out parts of it{hint_if_full(made.parent)}"
                    )
                if suspicious:
                    file.read(number, window=window)


def _levels(made: Path) -> Iterator[DatasetReader]:
    """The file at full resolution, and each of its overviews."""
    with rasterio.open(made) as file:
        yield file
        count = len(file.overviews(1))
    for level in range(count):
        with rasterio.open(made, overview_level=level) as file:
            yield file
