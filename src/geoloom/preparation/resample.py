"""A raster on larger or smaller pixels of the same ground."""

from __future__ import annotations

from pathlib import Path

from affine import Affine
from odc.geo.geobox import GeoBox

from ..core.errors import ConfigError
from ..io.headers.header import Header, read_header
from ..io.raster import Raster, read
from .nodata import free_nodata
from .raster_like import write_like

_MOST_DEGREES = 1.0
"""Larger pixels in degrees were meant as metres."""
_FINEST = 16.0
"""Times that a side may be cut: finer pixels hold nothing new and fill the disk."""


def resample(
    image: str | Path,
    resolution: float,
    out: str | Path,
    *,
    nodata: float | None = None,
    crs: str | None = None,
    overwrite: bool = False,
) -> Path:
    """A raster with pixels of another size, from the same corner; antialiased where they are larger.

    Args:
        image: Raster.
        resolution: Side of the new pixels, in units of its CRS.
        out: File to write.
        nodata: Stored value that means unobserved, instead of the raster's own.
        crs: Instead of its missing or wrong one.
        overwrite: Replace the file.

    Raises:
        ConfigError: the resolution is of another unit, or of more than the raster.
        WriteError: the file exists, or is an input.
    """
    header = read_header(image, crs=crs)
    grid = coarser_grid(header, resolution)
    dtype, fill = free_nodata([header], nodata, gaps=False)

    def read_block(part: GeoBox) -> Raster:
        return read(header, part, nodata=nodata)

    return write_like(
        header,
        out,
        grid,
        read_block,
        inputs=[image],
        dtype=dtype,
        nodata=fill,
        overwrite=overwrite,
    )


def coarser_grid(header: Header, resolution: float) -> GeoBox:
    """The grid of a raster with pixels of another size: every centre lies on the raster.

    Raises:
        ConfigError: the resolution is of another unit, or of more than the raster.
    """
    grid = header.grid
    across, down = (abs(side) for side in (grid.resolution.x, grid.resolution.y))
    named = f"{header.uri} has pixels of {across:.6g} x {down:.6g}"
    if grid.crs.geographic and resolution >= _MOST_DEGREES:
        raise ConfigError(
            f"resolution is {resolution:g}, and {named} degrees: give degrees (30 m are about 0.00027), or "
            "bring the scene into a CRS of metres first: gdalwarp -t_srs"
        )
    height, width = grid.shape
    rows, cols = round(height * down / resolution), round(width * across / resolution)
    if min(rows, cols) < 1:
        raise ConfigError(f"resolution is {resolution:g}, larger than the scene; {named}")
    if min(across, down) / resolution > _FINEST:
        raise ConfigError(
            f"resolution is {resolution:g}, and {named}: pixels that small hold nothing new; is it given in "
            "units of the CRS?"
        )
    scale = Affine.scale(resolution / across, resolution / down)
    return GeoBox((rows, cols), grid.affine @ scale, grid.crs)
