"""Crops on tiles of Sentinel-2, as they are documented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from documented.layout import Layout

CV4A_DATES = [
    "20190606",
    "20190701",
    "20190706",
    "20190711",
    "20190721",
    "20190805",
    "20190815",
    "20190825",
    "20190909",
    "20190919",
    "20190924",
    "20191004",
    "20191103",
]
BANDS = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12", "CLD"]
HIGH, WIDE = 3035, 2016
EAST, NORTH = 500_000, 100_000


def plane(path: Path, values: np.ndarray, crs: str = "EPSG:32636") -> None:
    """A GeoTIFF in tiles; those of one value take little."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=values.shape[0], width=values.shape[1],
        dtype=values.dtype, crs=crs, transform=Affine(10, 0, EAST, 0, -10, NORTH), tiled=True,
        blockxsize=256, blockysize=256, compress="zstd", zstd_level=1,
    ) as file:  # fmt: skip
        file.write(values, 1)


def cv4a(root: Path) -> None:
    """Tile t, date d, band b holds 1000 t + 20 d + b + 1; the label is 7 in the first 100 rows, else 0."""
    for tile in range(4):
        folder = root / "data" / str(tile)
        for d, day in enumerate(CV4A_DATES):
            for b, band in enumerate(BANDS):
                value = np.full((HIGH, WIDE), 1000 * tile + 20 * d + b + 1, np.uint16)
                plane(folder / day / f"{tile}_{band}_{day}.tif", value)
        label = np.zeros((HIGH, WIDE), np.uint8)
        label[:100] = 7
        plane(folder / f"{tile}_label.tif", label)
        plane(folder / f"{tile}_field_id.tif", label.astype(np.uint16) * 100)
    (root / "data" / "FieldIds.csv").write_text("fieldid\n700\n", encoding="utf-8")


def window(tile: int, number: int) -> dict[str, Any]:
    """Windows of 512 pixels: six rows of four, the last of each moved back to the tile's edge."""
    rows = min(512 * (number // 4), HIGH - 512) + np.arange(512)[:, None].repeat(512, 1)
    pixel = [[1000 * tile + 20 * d + b + 1 for b in range(13)] for d in range(13)]
    return {
        "pixel": pixel,
        "mask": np.where(rows < 100, 6, 0),
        "valid": rows < 100,
        "mask:field": np.where(rows < 100, 700, 0),
        "times": [
            np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}", "s").astype(float) for d in CV4A_DATES
        ],
    }


LAYOUTS = {
    "cv4akenyacroptype": Layout(
        cv4a,
        {},
        {},
        {"": [window(tile, number) for tile in range(4) for number in range(24)]},
        13, (512, 512), "float32", dates=13, choices={"chip_size": "512"},
    ),
}  # fmt: skip
