"""Label rasters and layers with known classes, written with rasterio and geopandas alone."""

from __future__ import annotations

import geopandas
import numpy as np
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.testing.ramps import write_raster

UTM = GeoBox((900, 700), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
RARE = 7


def with_rare_class(shape=UTM.shape, *, ponds=7, seed=3):
    """(H, W) uint8: 1 and 2 side by side, ponds of 9 x 10 pixels of class 7 (0.1 %), no label above."""
    codes = np.full(tuple(shape), 1, np.uint8)
    codes[:, shape[1] // 2 :] = 2
    rng = np.random.default_rng(seed)
    for row, col in rng.integers((60, 0), (shape[0] - 9, shape[1] - 10), (ponds, 2)):
        codes[row : row + 9, col : col + 10] = RARE
    codes[:50] = 0
    return codes


def write_codes(path, codes, grid=UTM):
    return write_raster(path, codes[None], grid, nodata=0)


def write_image(path, grid=UTM, nodata_corner=0):
    """One band of ones, with a corner of zeros, which are not data."""
    values = np.ones((1, *grid.shape), "uint8")
    values[:, :nodata_corner, :nodata_corner] = 0
    return write_raster(path, values, grid, nodata=0)


def write_polygons(path, polygons, names, grid=UTM):
    """Polygons given in pixels (col, row) of the grid, with a field `class`."""
    moved = [
        shapely.transform(p, lambda xy: np.column_stack(grid.affine @ (xy[:, 0], xy[:, 1])))
        for p in polygons
    ]
    table = geopandas.GeoDataFrame({"class": names}, geometry=moved, crs=grid.crs.to_wkt())
    table.to_file(path)
    return path
