"""Rasters cropped to an area of interest: to its extent, or to its polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from odc.geo.geobox import GeoBox

from ..io.headers.header import read_header
from ..io.raster import Raster, read
from ..io.vector.areas import RoiSource, features_of
from .extents import grid_around
from .nodata import free_nodata
from .raster_like import write_like


def crop_to_extent(
    image: str | Path, layer: RoiSource, out: str | Path, *, overwrite: bool = False
) -> Path:
    """Crop a raster to the rectangle around an area of interest, in whole pixels of the raster.

    Args:
        image: Raster.
        layer: Vector layer, in any CRS, or an area in any other form; see `core.roi.RoiLike`.
        out: File to write.
        overwrite: Replace the file.

    Raises:
        GridError: the layer lies outside the raster.
        WriteError: the file exists, or is an input.
    """
    header = read_header(image)
    features = features_of(layer)
    grid = grid_around(header, features, features.source)

    def read_block(part: GeoBox) -> Raster:
        return read(header, part)

    return write_like(
        header, out, grid, read_block, inputs=_files(image, layer), overwrite=overwrite
    )


def crop_to_polygons(
    image: str | Path,
    layer: RoiSource,
    out: str | Path,
    *,
    all_touched: bool = False,
    nodata: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Crop a raster to the polygons of an area of interest: pixels outside all of them become nodata.

    Args:
        image: Raster.
        layer: Polygons, in any CRS, or an area in any other form; see `core.roi.RoiLike`.
        out: File to write.
        all_touched: Keep every pixel that a polygon touches, not only those with their centre inside.
        nodata: What pixels outside are saved as; None takes the raster's own, else one that no value can
            have: NaN, or of integers one of the next wider type.
        overwrite: Replace the file.

    Raises:
        GridError: no polygon lies on the raster.
        WriteError: the file exists, or is an input.
    """
    header = read_header(image)
    features = features_of(layer)
    grid = grid_around(header, features, features.source)
    dtype, fill = free_nodata([header], nodata, gaps=True)

    def read_block(part: GeoBox) -> Raster:
        raster = read(header, part)
        inside = features.burn(part, all_touched=all_touched) > 0
        return Raster(raster.values, raster.valid & inside, part, raster.bands)

    return write_like(
        header,
        out,
        grid,
        read_block,
        inputs=_files(image, layer),
        dtype=dtype,
        nodata=fill,
        overwrite=overwrite,
    )


def _files(*given: Any) -> list[str | Path]:
    return [one for one in given if isinstance(one, str | Path)]
