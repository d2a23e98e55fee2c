"""Small folders of class folders, whose pixels say which picture they are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from PIL import Image

PLACE = Affine(10, 0, 500_000, 0, -10, 5_000_000)


def pixels(number: int, height: int = 12, width: int = 10) -> np.ndarray:
    """(H, W, 3) bytes; the first of each pixel is the picture's number."""
    values = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype="uint8")
    values[..., 0] = number
    return values


def write(root: Path, counts: dict[str, int], *, ending: str = "png", **size: int) -> Path:
    """So many pictures in each folder, numbered through."""
    number = 0
    for name, count in counts.items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(count):
            Image.fromarray(pixels(number, **size)).save(folder / f"{i:02}.{ending}")
            number += 1
    return root


def write_placed(
    root: Path,
    counts: dict[str, int],
    *,
    side: int = 16,
    bands: int = 13,
    name: str = "{folder}_{number}",
    step: int = 160,
) -> Path:
    """Georeferenced chips of uint16, each on its own place, as EuroSAT has them."""
    number = 0
    profile = {"driver": "GTiff", "count": bands, "height": side, "width": side, "dtype": "uint16"}
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            path = root / folder / (name.format(folder=folder, number=i) + ".tif")
            place = PLACE @ Affine.translation(number * step / 10, 0)
            with rasterio.open(path, "w", **profile, crs="EPSG:32632", transform=place) as file:
                file.write(np.full((bands, side, side), 1000 + number, "uint16"))
            number += 1
    return root
