"""Small rasters on known grids."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.testing.ramps import write_raster

UTM = GeoBox((60, 80), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")


@pytest.fixture
def utm():
    """60 x 80 pixels of 30 m in UTM zone 33 north."""
    return UTM


@pytest.fixture
def raster(tmp_path):
    """Writes a raster: a number fills it, an array of (C, H, W) or (H, W) is stored as it is."""

    def make(name, values, grid=UTM, *, bands=1, dtype="int16", **options):
        if np.ndim(values) == 0:
            values = np.full((bands, *grid.shape), values, dtype=dtype)
        values = np.asarray(values)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_raster(path, values[None] if values.ndim == 2 else values, grid, **options)

    return make
