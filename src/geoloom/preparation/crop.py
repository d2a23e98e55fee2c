"""Rasters cropped to a vector layer: to its extent, or to its polygons."""

from __future__ import annotations

from pathlib import Path

from odc.geo.geobox import GeoBox

from ..io.headers.header import read_header
from ..io.raster import Raster, read
from ..io.vector.layers import read_features
from .extents import grid_around
from .nodata import free_nodata
from .raster_like import write_like


def crop_to_extent(
    image: str | Path, layer: str | Path, out: str | Path, *, overwrite: bool = False
) -> Path:
    """Crop a raster to the rectangle around a vector layer, in whole pixels of the raster.

    Args:
        image: Raster.
        layer: Vector layer, in any CRS.
        out: File to write.
        overwrite: Replace the file.

    Raises:
        GridError: the layer lies outside the raster.
        WriteError: the file exists, or is an input.
    """
    header = read_header(image)
    grid = grid_around(header, read_features(layer), layer)

    def read_block(part: GeoBox) -> Raster:
        return read(header, part)

    return write_like(header, out, grid, read_block, inputs=(image, layer), overwrite=overwrite)


def crop_to_polygons(
    image: str | Path,
    layer: str | Path,
    out: str | Path,
    *,
    all_touched: bool = False,
    nodata: float | None = None,
    overwrite: bool = False,
) -> Path:
    """Crop a raster to the polygons of a vector layer: pixels outside all of them become nodata.

    Args:
        image: Raster.
        layer: Polygons, in any CRS.
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
    features = read_features(layer)
    grid = grid_around(header, features, layer)
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
        inputs=(image, layer),
        dtype=dtype,
        nodata=fill,
        overwrite=overwrite,
    )
