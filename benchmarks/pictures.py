"""How fast pictures without a place are decoded, beside Pillow and rasterio on the same files.

    python -m benchmarks.pictures [--files 200] [--side 256]

Prints a Markdown table: milliseconds of processor time per file, from its path to an array (C, H, W), the
best of several runs. The pictures are crops of a simulated scene, as JPEG, PNG and TIFF; a fourth kind are
georeferenced chips of 13 bands. Values are compared before anything is timed: those of PNG and TIFF must
equal rasterio's, those of JPEG Pillow's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from PIL import Image

from geoloom.io import read_picture
from geoloom.testing import simulated_scene

RUNS = 5
CHIPS = "GeoTIFF, 13 bands of 64 x 64, uint16"
Reader = Callable[[Path], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--side", type=int, default=256)
    given = parser.parse_args()
    warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
    with tempfile.TemporaryDirectory() as folder:
        kinds = make(Path(folder), given.files, given.side)
        print("| | geoloom | Pillow | rasterio |\n|---|---|---|---|")
        for kind, files in kinds.items():
            readers: dict[str, Reader | None] = {
                "geoloom": by_geoloom,
                "Pillow": None if kind == CHIPS else by_pillow,
                "rasterio": by_rasterio,
            }
            check(kind, files[:20], readers)
            with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED=False):
                cells = [milliseconds(read, files) if read else "-" for read in readers.values()]
            print(f"| {kind} | {' | '.join(cells)} |")


def make(folder: Path, count: int, side: int) -> dict[str, list[Path]]:
    """Files of each kind."""
    made = simulated_scene(folder / "scene", size_px=4 * side)
    with rasterio.open(made.scene) as scene:
        bands = scene.read()[:3]
    low, high = np.percentile(bands, (2, 98))
    shown = np.clip((bands.astype(float) - low) / (high - low) * 255, 0, 255).astype("uint8")
    rng = np.random.default_rng(0)
    kinds: dict[str, list[Path]] = {}
    for number in range(count):
        row, col = rng.integers(0, 3 * side, 2)
        crop = shown[:, row : row + side, col : col + side].transpose(1, 2, 0)
        image = Image.fromarray(np.ascontiguousarray(crop))
        for kind, ending, options in (
            ("JPEG, RGB", "jpg", {"quality": 90}),
            ("PNG, RGB", "png", {}),
            ("TIFF, RGB, uncompressed", "tif", {}),
        ):
            path = folder / f"{number}.{ending}"
            image.save(path, **options)
            kinds.setdefault(kind, []).append(path)
        path = folder / f"{number}-13.tif"
        write_chip(path, rng.integers(0, 4000, (13, 64, 64)).astype("uint16"), number)
        kinds.setdefault(CHIPS, []).append(path)
    return kinds


def write_chip(path: Path, values: np.ndarray, number: int) -> None:
    profile = {"driver": "GTiff", "count": 13, "height": 64, "width": 64, "dtype": "uint16"}
    place = Affine(10, 0, 500_000 + 640 * number, 0, -10, 5_000_000)
    with rasterio.open(path, "w", **profile, crs="EPSG:32632", transform=place) as file:
        file.write(values)


def by_geoloom(path: Path) -> np.ndarray:
    return read_picture(path).values


def by_pillow(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def by_rasterio(path: Path) -> np.ndarray:
    with rasterio.open(path, sharing=False) as file:
        return file.read()


def check(kind: str, files: Sequence[Path], readers: dict[str, Reader | None]) -> None:
    """Compare values, and do what is done at the first use alone: imports, compiled loops."""
    peer = by_pillow if kind.startswith("JPEG") else by_rasterio
    for path in files:
        if not np.array_equal(by_geoloom(path), peer(path)):
            raise SystemExit(f"{path}: geoloom and {peer.__name__} read different values")
    for read in filter(None, readers.values()):
        read(files[0])


def milliseconds(read: Reader, files: Sequence[Path]) -> str:
    best = float("inf")
    for _ in range(RUNS):
        began = time.process_time()
        for path in files:
            read(path)
        best = min(best, (time.process_time() - began) / len(files))
    return f"{1000 * best:.2f}"


if __name__ == "__main__":
    main()
