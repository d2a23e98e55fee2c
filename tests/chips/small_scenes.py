"""Small scenes with labels in another CRS and resolution, whose every pixel says where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

CODES = {1: "forest", 2: "clearing", 5: "water"}


@dataclass(frozen=True)
class SmallScene:
    image: Path
    labels: Path
    values: np.ndarray
    codes: np.ndarray


def write_scene(folder, name="scene", shape=(150, 170), origin=(500_000.0, 9_000_000.0), seed=0):
    """Two int16 bands (row and column), nodata in the lower left corner; labels on the same lattice."""
    height, width = shape
    rows, cols = np.mgrid[:height, :width]
    values = np.stack([rows + 1, cols + 1]).astype(np.int16)
    values[:, height - 30 :, :30] = -1
    codes = np.where(cols < width // 2, 1, 2).astype(np.uint8)
    codes[40:60] = 5
    codes[:8] = 0
    profile = {"driver": "GTiff", "height": height, "width": width, "crs": "EPSG:32722"}
    profile["transform"] = Affine(30, 0, origin[0], 0, -30, origin[1])
    image, labels = folder / f"{name}.tif", folder / f"{name}_labels.tif"
    with rasterio.open(image, "w", count=2, dtype="int16", nodata=-1, **profile) as file:
        file.write(values)
        file.descriptions = ("row", "col")
    with rasterio.open(labels, "w", count=1, dtype="uint8", nodata=0, **profile) as file:
        file.write(codes, 1)
    return SmallScene(image, labels, values, codes)
