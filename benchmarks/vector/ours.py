"""Load a layer and burn patches in a fresh process; prints one line of JSON."""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import pyogrio  # noqa: F401 - loaded before memory is first looked at
import rasterio.features  # noqa: F401 - the same
import torch  # noqa: F401 - the same
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from geoloom.datasets import VectorDataset

from .data import CRS, FIELD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layer", type=Path)
    parser.add_argument("corners", type=Path)
    parser.add_argument("--crs", default=CRS, help="of the patches")
    given = parser.parse_args()
    asked = json.loads(given.corners.read_text())
    size, res = asked["size_px"], asked["res_m"]
    before, started = peak_mb(), time.perf_counter()
    dataset = VectorDataset(given.layer, class_field=FIELD)
    loaded = time.perf_counter() - started
    move = Transformer.from_crs(CRS, given.crs, always_xy=True).transform
    times, labelled = [], []
    for left, top in asked["corners"]:
        x, y = move(left, top)
        grid = GeoBox((size, size), Affine(res, 0, x, 0, -res, y), given.crs)
        started = time.perf_counter()
        sample = dataset[grid]
        times.append(time.perf_counter() - started)
        labelled.append(float(sample["valid"].float().mean()))
    print(
        json.dumps(
            {
                "load_s": loaded,
                "first_ms": times[0] * 1e3,
                "median_ms": float(np.median(times[1:])) * 1e3,
                "p95_ms": float(np.quantile(times[1:], 0.95)) * 1e3,
                "memory_mb": peak_mb() - before,
                "labelled": labelled,
            }
        )
    )


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
