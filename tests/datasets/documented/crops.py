"""Crops on tiles of Sentinel-2, as they are documented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from documented.layout import Layout

CV4A_DATES = (
    "20190606", "20190701", "20190706", "20190711", "20190721", "20190805", "20190815", "20190825",
    "20190909", "20190919", "20190924", "20191004", "20191103",
)  # fmt: skip
BANDS = (
    "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12", "CLD",
)  # fmt: skip
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


BENIN_DAYS = (
    "20191105", "20191110", "20191115", "20191120", "20191130", "20191205", "20191210", "20191215",
    "20191220", "20191225", "20191230", "20200104", "20200109", "20200114", "20200119", "20200124",
    "20200129", "20200208", "20200213", "20200218", "20200223", "20200228", "20200304", "20200309",
    "20200314", "20200319", "20200324", "20200329", "20200403", "20200408", "20200413", "20200418",
    "20200423", "20200428", "20200503", "20200508", "20200513", "20200518", "20200523", "20200528",
    "20200602", "20200607", "20200612", "20200617", "20200622", "20200627", "20200702", "20200707",
    "20200712", "20200717", "20200722", "20200727", "20200801", "20200806", "20200811", "20200816",
    "20200821", "20200826", "20200831", "20200905", "20200910", "20200915", "20200920", "20200925",
    "20200930", "20201010", "20201015", "20201020", "20201025", "20201030",
)  # fmt: skip
TALL, BROAD = 1186, 1122


def benin(root: Path) -> None:
    """Date d, band b holds 20 d + b + 1; areas of class 1 and 6 in the upper left, of 0 beside them."""
    for d, day in enumerate(BENIN_DAYS):
        for b, band in enumerate(BANDS):
            value = np.full((TALL, BROAD), 20 * d + b + 1, np.uint16)
            path = root / "imagery" / "00" / f"00_{day}" / f"00_{day}_{band}_10m.tif"
            plane(path, value, "EPSG:32631")
    areas = [(1, 0, 0, 50), (6, 50, 0, 50), (0, 100, 0, 50)]
    features = [
        {
            "type": "Feature",
            "properties": {"class": code},
            "geometry": {"type": "Polygon", "coordinates": [ring(row, col, side)]},
        }
        for code, row, col, side in areas
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    labels = {"type": "FeatureCollection", "crs": crs, "features": features}
    (root / "labels").mkdir(exist_ok=True)
    (root / "labels" / "00.geojson").write_text(json.dumps(labels), encoding="utf-8")


def ring(row: int, col: int, side: int) -> list[list[float]]:
    """Of a square of pixels, in metres."""
    left, top = EAST + 10 * col, NORTH - 10 * row
    right, bottom = left + 10 * side, top - 10 * side
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def benin_window(number: int) -> dict[str, Any]:
    """Windows of 512 pixels: three rows of three, the last of each moved back to the tile's edge."""
    rows = min(512 * (number // 3), TALL - 512) + np.arange(512)[:, None].repeat(512, 1)
    cols = min(512 * (number % 3), BROAD - 512) + np.arange(512)[None].repeat(512, 0)
    inside = (rows < 100) & (cols < 50)
    return {
        "pixel": [[20 * d + b + 1 for b in range(13)] for d in range(70)],
        "mask": np.where(inside & (rows >= 50), 5, 0),
        "valid": inside,
    }


LAYOUTS["beninsmallholdercashews"] = Layout(
    benin,
    {},
    {},
    {"": [benin_window(number) for number in range(9)]},
    13, (512, 512), "float32", dates=70, choices={"chip_size": "512"},
)  # fmt: skip
