"""Small files for tests."""

from __future__ import annotations

import numpy as np
import rasterio
from affine import Affine

CRS = "EPSG:32722"
TRANSFORM = Affine(30, 0, 500_000, 0, -30, 9_000_000)


def save(path, values, *, transform=TRANSFORM, crs=CRS, names=None, **options):
    """A GeoTIFF of an array (C, H, W) or (H, W)."""
    image = values if values.ndim == 3 else values[None]
    with rasterio.open(
        path, "w", driver="GTiff", count=len(image), height=image.shape[1], width=image.shape[2],
        dtype=image.dtype, crs=crs, transform=transform, **options,
    ) as file:  # fmt: skip
        file.write(image)
        if names:
            file.descriptions = names
    return path


def load(path):
    """Values (C, H, W) and the open file's profile."""
    with rasterio.open(path) as file:
        return file.read(), file.profile


def ramp(shape, start=0, dtype="int16"):
    return (np.arange(np.prod(shape)).reshape(shape) + start).astype(dtype)
