"""One epoch through geoloom, in a fresh process; prints one line of JSON."""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import time
from pathlib import Path

import numpy as np
import torch
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from torch.utils.data import DataLoader

from geoloom.core.query import Query
from geoloom.datasets.loader import loader
from geoloom.datasets.sensors.cdl import CDL
from geoloom.datasets.sensors.landsat import Landsat8

from .data import BANDS, GSD_M
from .queries import SIZE_PX

# What each compiled loop or library call does, by the name under which a profile shows it.
WORK = {
    "copy_window": "copying tiles",
    "read_window": "copying tiles",
    "warp_smooth": "interpolating images",
    "warp_nearest": "picking labels",
    "mark_observed": "validity",
    "decompress": "decoding",
    "sum_differences": "decoding",
    "transform": "coordinates (PROJ)",
    "fit_cell": "coordinates (polynomials)",
    "cell_points": "coordinates (polynomials)",
    "bound_cells": "coordinates (polynomials)",
}


class Batches:
    """A sampler that yields given batches."""

    batch_size = 64

    def __init__(self, batches: list[list[Query]]) -> None:
        self.batches = batches

    def __iter__(self):  # noqa: ANN204 - an iterator of lists
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def load(root: Path, asked: Path) -> DataLoader:
    """The loader that a user would make, over the queries given; it loads compiled loops, as imports do."""
    dataset = Landsat8(root / "landsat", bands=BANDS) & CDL(root / "cdl")
    given = json.loads(asked.read_text())
    crs = CRS(given["crs"])
    batches = [
        [
            Query(GeoBox((SIZE_PX, SIZE_PX), Affine(GSD_M, 0, left, 0, -GSD_M, top), crs))
            for left, _, _, top in batch
        ]
        for batch in given["batches"]
    ]
    return loader(dataset, Batches(batches))


def copy_limit(batches: int = 32) -> float:
    """Samples per second at which the bytes of samples can be copied, by one thread, warm."""
    shapes = ((64, 7, SIZE_PX, SIZE_PX), "float32"), ((64, SIZE_PX, SIZE_PX), "int64")
    pairs = [(np.ones(shape, dtype), np.ones(shape, dtype)) for shape, dtype in shapes]
    started = time.perf_counter()
    for _ in range(batches):
        for source, target in pairs:
            np.copyto(target, source)
    return batches * 64 / (time.perf_counter() - started)


def epoch(batches: DataLoader) -> tuple[int, float, float, dict]:
    """Samples, seconds, the clock at the first batch, and the last batch."""
    count, first = 0, 0.0
    started = time.perf_counter()
    for batch in batches:
        first = first or time.perf_counter()
        count += len(batch["image"])
    return count, time.perf_counter() - started, first, batch


def shares(batches: DataLoader, seconds: float) -> dict[str, float]:
    """Fraction of a warm epoch's time spent in each kind of work.

    A profiler slows Python down and lets compiled loops be: it shows how long those take, and Python's is the
    rest of the time without it.
    """
    profile = cProfile.Profile()
    profile.runcall(epoch, batches)
    spent: dict[str, float] = {}
    for (_, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        for key, work in WORK.items():
            if key in name:
                spent[work] = spent.get(work, 0.0) + own
                break
    spent["Python around it"] = max(seconds - sum(spent.values()), 0.0)
    return {
        kind: round(own / seconds, 3) for kind, own in sorted(spent.items(), key=lambda i: -i[1])
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument(
        "--workers", type=int, default=0, help="ignored: threads are one a processor"
    )
    parser.add_argument("--dump", type=Path)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    batches = load(given.root, given.queries)
    count, seconds, first, batch = epoch(batches)
    assert batch["image"].dtype == torch.float32
    assert batch["mask"].dtype == torch.int64
    result = {"samples": count, "seconds": seconds, "first": first}
    if given.profile:
        result["seconds"] = warm = min(epoch(batches)[1] for _ in range(2))
        result["shares"] = shares(batches, warm)
        result["limit"] = copy_limit()
    if given.dump is not None:
        np.savez(given.dump, image=batch["image"].numpy(), mask=batch["mask"].numpy())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
