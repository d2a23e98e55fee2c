"""Burn patches with TorchGeo in a fresh process of its own environment; prints one line of JSON.

Stands alone: nothing of geoloom is installed there.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import time
from pathlib import Path

import numpy as np
from torchgeo.datasets import VectorDataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layer", type=Path)
    parser.add_argument("corners", type=Path)
    parser.add_argument("field")
    parser.add_argument("queries", type=int)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    asked = json.loads(given.corners.read_text())
    size_m, res = asked["size_px"] * asked["res_m"], asked["res_m"]
    before, started = peak_mb(), time.perf_counter()
    dataset = VectorDataset(str(given.layer), res=(res, res), label_name=given.field)
    loaded = time.perf_counter() - started
    when = dataset.bounds[2]
    times, labelled = [], []
    for left, top in asked["corners"][: given.queries]:
        query = slice(left, left + size_m), slice(top - size_m, top), when
        started = time.perf_counter()
        mask = dataset[query]["mask"]
        times.append(time.perf_counter() - started)
        labelled.append(float((mask > 0).float().mean()))
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
