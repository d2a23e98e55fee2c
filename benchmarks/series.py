"""How fast series of dates are read, against reading the same windows with rasterio.

    python -m benchmarks.series [--dates 23] [--chips 32] [--folder FOLDER]

Prints a Markdown table of milliseconds of processor time a series, the least of several rounds, in turn in
one process; both end with a tensor (T, C, H, W) and where each date is observed. Rasterio reads files that
stay open, its best case, and files that are opened for each window. Every round asks for the same chips, so
that blocks are decoded: what is compared is the way from there to the sample. With `--folder`, files of
one's own, with dates `_YYYYMMDD` or `_YYYY-MM-DD_YYYY-MM-DD` in their names.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import rasterio
import torch
from affine import Affine
from rasterio.windows import Window

from geoloom.datasets import RasterDataset
from geoloom.datasets.reading.collate import collate

ROUNDS = 7
SIZE_PX = 224
SIDE_PX = 1024
NODATA = -9999
LAYOUTS = {
    "tiles": {"tiled": True, "blockxsize": 256, "blockysize": 256},
    "tiles, deflate": {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"},
    "strips of 4 rows, deflate": {"blockysize": 4, "compress": "deflate"},
}
NAMES = r".*_(?P<date>\d{8})\D|.*_(?P<start>\d{4}-\d\d-\d\d)_(?P<stop>\d{4}-\d\d-\d\d)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=int, default=23)
    parser.add_argument("--chips", type=int, default=32)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| files | ours | ours, in batches | rasterio, kept open | rasterio, opened | ratios |")
    print("|---|---|---|---|---|---|")
    if given.folder is not None:
        print(row(given.folder.name, given.folder, given.chips))
        return
    for name, layout in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), given.dates, layout)
            print(row(name, Path(folder), given.chips))


def write(folder: Path, dates: int, layout: dict[str, object]) -> None:
    """Smooth 16-bit values with noise and gaps, as vegetation indices have them."""
    rng = np.random.default_rng(0)
    slope = np.linspace(1000, 8000, SIDE_PX)
    for number in range(dates):
        values = (slope + slope[:, None] + rng.normal(0, 60, (SIDE_PX, SIDE_PX))).astype("int16")
        values[rng.random(values.shape) < 0.05] = NODATA
        day = date(2019, 1, 1) + timedelta(days=16 * number)
        with rasterio.open(
            folder / f"s_{day:%Y%m%d}.tif", "w", driver="GTiff", width=SIDE_PX, height=SIDE_PX,
            count=1, dtype="int16", nodata=NODATA, crs="EPSG:32633",
            transform=Affine(30, 0, 600_000, 0, -30, 4_500_000), **layout,
        ) as file:  # fmt: skip
            file.write(values, 1)


def row(name: str, folder: Path, chips: int) -> str:
    """One line of the table."""
    named = "%Y-%m-%d" if "-" in min(folder.glob("*.tif")).stem[-22:] else "%Y%m%d"
    dataset = RasterDataset(folder / "*.tif", filename_regex=NAMES, date_format=named)
    series, uris = dataset.series(), [scene.assets[0].uri for scene in dataset.scenes]
    frame = series.regions[0].frame
    assert frame is not None  # rasters have one
    low = np.random.default_rng(0).integers(0, np.array(frame.shape) - SIZE_PX, (chips, 2))
    corners = [(int(r), int(c)) for r, c in low]
    grids = [frame[r : r + SIZE_PX, c : c + SIZE_PX] for r, c in corners]
    nodata = dataset.bands[0].nodata
    opened = [rasterio.open(uri) for uri in uris]

    def ours() -> None:
        for grid in grids:
            series[grid]

    def batches() -> None:
        for start in range(0, chips, 16):
            collate(series.__getitems__(grids[start : start + 16]))

    def theirs(read: Callable[[int, Window], np.ndarray]) -> None:
        for r, c in corners:
            window = Window(c, r, SIZE_PX, SIZE_PX)
            values = np.stack([read(i, window) for i in range(len(uris))])
            torch.from_numpy(values), torch.from_numpy((values != nodata).all(axis=1))

    def read_anew(i: int, window: Window) -> np.ndarray:
        with rasterio.open(uris[i]) as file:
            return file.read(window=window)

    runs = [
        ours,
        batches,
        lambda: theirs(lambda i, window: opened[i].read(window=window)),
        lambda: theirs(read_anew),
    ]
    least = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        for i, run in enumerate(runs):
            before = time.process_time()
            run()
            least[i] = min(least[i], (time.process_time() - before) / chips * 1e3)
    for file in opened:
        file.close()
    cells = " | ".join(f"{ms:.2f} ms" for ms in least)
    return f"| {name} | {cells} | {least[2] / least[1]:.2f}, {least[3] / least[1]:.1f} |"


if __name__ == "__main__":
    main()
