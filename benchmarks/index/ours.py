"""Scan, open or look up in a fresh process; prints one line of JSON."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.interval import Interval
from geoloom.core.query import Query
from geoloom.datasets import RasterDataset

from .data import REGEX

LOOK_UPS, BATCH, SIZE_PX = 2000, 64, 224


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--look-up", action="store_true")
    given = parser.parse_args()
    started, cpu = time.perf_counter(), time.process_time()
    dataset = RasterDataset(given.files, filename_regex=REGEX, index=given.index)
    result = {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "scenes": len(dataset.scenes),
    }
    if given.look_up:
        result |= look_up(dataset)
    print(json.dumps(result))


def look_up(dataset: RasterDataset) -> dict[str, float]:
    """Median microseconds a query: one by one, in batches, and up to the plan of what is to be read.

    Grids are chips at random in the scenes, each another one; half of the queries ask for a year.
    """
    rng = np.random.default_rng(0)
    queries = [_query(dataset, rng) for _ in range(3 * LOOK_UPS)]
    index = dataset._index
    index.find(queries[-1].grid, queries[-1].when)  # makes the tree
    alone = [_timed(lambda q=q: index.find(q.grid, q.when)) for q in queries[:LOOK_UPS]]
    batches = [queries[i : i + BATCH] for i in range(LOOK_UPS, 2 * LOOK_UPS, BATCH)]
    together = [
        _timed(lambda b=b: index.find_many([(q.grid, q.when) for q in b])) / len(b) for b in batches
    ]
    ordered = [
        _timed(lambda b=b: dataset._found(b)) / len(b)
        for b in (queries[i : i + BATCH] for i in range(2 * LOOK_UPS, 3 * LOOK_UPS, BATCH))
    ]
    found = [len(index.find(q.grid, q.when)) for q in queries[:200]]
    return {
        "single_us": float(np.median(alone)) * 1e6,
        "batch_us": float(np.median(together)) * 1e6,
        "dataset_us": float(np.median(ordered)) * 1e6,
        "found": float(np.mean(found)),
    }


def _query(dataset: RasterDataset, rng: np.random.Generator) -> Query:
    scene = dataset.scenes[int(rng.integers(len(dataset.scenes)))]
    row, col = rng.integers(0, scene.grid.shape[0] - SIZE_PX, 2)
    affine = scene.grid.affine @ Affine.translation(int(col), int(row))
    grid = GeoBox((SIZE_PX, SIZE_PX), affine, scene.grid.crs)
    if rng.random() < 0.5:
        return Query(grid)
    return Query(grid, Interval.of(str(int(rng.integers(2013, 2022)))))


def _timed(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
