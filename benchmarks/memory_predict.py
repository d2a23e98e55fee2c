"""Peak memory of predicting a whole scene, for 6,000 x 6,000 and 12,000 x 12,000 pixels of 6 bands.

Run with `python benchmarks/memory_predict.py`. Needs 2 GB of disk. The bar: under 3 GB, and the large scene
within 10 % of the small one.

Each prediction runs in a fresh process, whose peak is the kernel's own count of its resident memory (VmHWM);
pages that the system caches for files are not in it. The engine starts no other process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BANDS, STRIP = 6, 512
MOST_MB, MOST_RATIO = 3000, 1.1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[6000, 12000])
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--dtype", choices=["uint8", "uint16"], default="uint16")
    parser.add_argument(
        "--folder", type=Path, help="where to work; a temporary folder if not given"
    )
    parser.add_argument("--probabilities", action="store_true", help="write them too")
    parser.add_argument("--scene", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.scene:
        return predict_one(options)
    print(f"{'pixels':>15} {'peak MB':>8} {'seconds':>8}")
    peaks = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for size in options.sizes:
            scene = write_scene(Path(folder) / f"scene{size}.tif", size, options.dtype)
            command = [sys.executable, __file__, *sys.argv[1:], "--scene", str(scene)]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            peak, seconds = json.loads(done.stdout)
            print(f"{size:>6} x {size:<6} {peak:>8.0f} {seconds:>8.1f}")
            peaks.append(peak)
            scene.unlink()
    ratio = peaks[-1] / peaks[0]
    passed = peaks[-1] < MOST_MB and ratio < MOST_RATIO
    print(
        f"largest / smallest: {ratio:.3f}. Bar: < {MOST_MB} MB and < {MOST_RATIO}: "
        f"{'met' if passed else 'MISSED'}"
    )
    return 0 if passed else 1


def write_scene(path: Path, size: int, dtype: str) -> Path:
    """A tiled, compressed scene of waves and noise with a nodata edge, written strip by strip."""
    import numpy as np
    import rasterio
    from affine import Affine
    from rasterio.windows import Window

    cols, rng = np.arange(size), np.random.default_rng(0)
    with rasterio.open(
        path, "w", driver="GTiff", width=size, height=size, count=BANDS, dtype=dtype, nodata=0,
        crs="EPSG:32722", transform=Affine(30, 0, 300_000, 0, -30, 9_000_000), tiled=True,
        blockxsize=STRIP, blockysize=STRIP, compress="deflate", zlevel=1,
    ) as out:  # fmt: skip
        for top in range(0, size, STRIP):
            rows = np.arange(top, min(top + STRIP, size))[:, None]
            seen = cols + rows // 4 > size // 20
            strip = np.empty((BANDS, len(rows), size), dtype)
            for band in range(BANDS):
                wave = np.sin(cols / (90 + 7 * band)) * np.cos(rows / (110 - 5 * band))
                noise = rng.integers(0, 16, strip.shape[1:], dtype=np.uint8)
                strip[band] = np.where(seen, 120 + 100 * wave + noise, 0)
            out.write(strip, window=Window(0, top, size, len(rows)))
    return path


def predict_one(options: argparse.Namespace) -> int:
    """Predict in this process and print its peak and the seconds, as JSON."""
    from geoloom.inference.predict import predict

    started = time.monotonic()
    out = options.scene.with_name("map.tif")
    predict(
        one_layer(options.classes),
        options.scene,
        out,
        probabilities=out.with_name("p.tif") if options.probabilities else None,
        overwrite=True,
    )
    print(json.dumps([peak_mb(), time.monotonic() - started]))
    return 0


def one_layer(count: int) -> Any:
    """A network of one 1 x 1 convolution, as a predictor."""
    import torch

    from geoloom.core.classes import Classes

    class OneLayer(torch.nn.Conv2d):
        bands = ()
        classes = Classes.of([f"class {i}" for i in range(count)])

        def forward(self, image: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
            return super().forward(image).softmax(dim=1)

    torch.manual_seed(0)
    return OneLayer(BANDS, count, 1)


def peak_mb() -> float:
    """Largest resident memory of this program so far; ru_maxrss would count what started it as well."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise SystemExit("no VmHWM in /proc/self/status: this benchmark needs Linux")


if __name__ == "__main__":
    raise SystemExit(main())
