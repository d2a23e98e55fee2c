"""Rasters whose value says where it lies, so that every read can be checked against pyproj."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer


@dataclass(frozen=True, slots=True)
class Truth:
    """Where each pixel centre of a grid falls in a source, by pyproj alone."""

    cols: NDArray[np.float64]
    """(H, W) source column coordinate; 0.5 is the centre of the first column. NaN where no place is."""
    rows: NDArray[np.float64]
    """(H, W) source row coordinate."""
    shape: tuple[int, int]
    """(rows, columns) of the source."""

    def inside(self, margin_px: float = 0.0) -> NDArray[np.bool_]:
        """(H, W) bool, True where the centre lies in the source, at least this far from its edges."""
        height, width = self.shape
        with np.errstate(invalid="ignore"):
            return (
                (self.cols >= margin_px)
                & (self.cols <= width - margin_px)
                & (self.rows >= margin_px)
                & (self.rows <= height - margin_px)
            )

    def off_ties(self, margin_px: float = 1e-5) -> NDArray[np.bool_]:
        """(H, W) bool, True where the nearest source pixel is the nearest by at least this much."""
        with np.errstate(invalid="ignore"):
            to_edge = [abs(at - np.round(at)) for at in (self.cols, self.rows)]
            return np.minimum(*to_edge) > margin_px

    def nearest(self, values: NDArray[Any], fill: float = 0) -> NDArray[Any]:
        """(H, W) the source's value (of (rows, columns)) under each centre; `fill` outside."""
        inside = self.inside()
        rows = np.where(inside, self.rows, 0).astype(int).clip(0, self.shape[0] - 1)
        cols = np.where(inside, self.cols, 0).astype(int).clip(0, self.shape[1] - 1)
        return np.where(inside, values[rows, cols], np.asarray(fill, values.dtype))


def ramp(grid: GeoBox, dtype: str = "float64") -> NDArray[Any]:
    """(2, H, W): each pixel's own column and row, counted from 0.

    Bilinear and cubic reads of it give `truth.cols - 0.5` and `truth.rows - 0.5`, nearest ones the
    whole number below `truth.cols` and `truth.rows`.
    """
    height, width = grid.shape
    rows, cols = np.mgrid[:height, :width]
    return np.stack([cols, rows]).astype(dtype)


def write_raster(
    path: Path,
    values: NDArray[Any],
    grid: GeoBox,
    *,
    nodata: float | None = None,
    valid: NDArray[np.bool_] | None = None,
    descriptions: tuple[str, ...] | None = None,
) -> Path:
    """Write (C, H, W) values as a plain GeoTIFF, with rasterio alone; returns the path.

    Args:
        path: File to make; replaced if there is one.
        values: Stored as they are.
        grid: Any lattice: rotated and south-up ones too.
        nodata: Tagged on all bands.
        valid: (H, W), written as an internal mask; True = observed.
        descriptions: Band names.
    """
    count, height, width = values.shape
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=width,
            height=height,
            count=count,
            dtype=values.dtype,
            crs=rasterio.crs.CRS.from_wkt(grid.crs.to_wkt()),
            transform=grid.affine,
            nodata=nodata,
        ) as file,
    ):
        file.write(values)
        if valid is not None:
            file.write_mask(valid)
        if descriptions is not None:
            file.descriptions = descriptions
    return path


def write_ramp(path: Path, grid: GeoBox, dtype: str = "float64") -> Path:
    """Write `ramp(grid)` as a GeoTIFF; returns the path."""
    return write_raster(path, ramp(grid, dtype), grid)


def truth(source: GeoBox, grid: GeoBox) -> Truth:
    """Where pyproj says that the grid's pixel centres fall in the source.

    Independent of geoloom's own coordinate code. A geographic source is met across the antimeridian on
    whichever side it is.
    """
    height, width = grid.shape
    cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = grid.affine * (cols, rows)
    if source.crs != grid.crs:
        source_crs = CRS.from_wkt(source.crs.to_wkt())
        change = Transformer.from_crs(CRS.from_wkt(grid.crs.to_wkt()), source_crs, always_xy=True)
        x, y = change.transform(x, y)
        x, y = np.where(np.isfinite(x), x, np.nan), np.where(np.isfinite(y), y, np.nan)
    if source.crs.geographic:
        middle, _ = source.affine * (source.shape[1] / 2, source.shape[0] / 2)
        x = x - 360 * np.round((x - middle) / 360)
    at_cols, at_rows = ~source.affine * (x, y)
    return Truth(at_cols, at_rows, (source.shape[0], source.shape[1]))
