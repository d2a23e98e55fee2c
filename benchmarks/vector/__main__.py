"""Compare burning patches of a large vector layer with TorchGeo's.

    python -m benchmarks.vector [--quick] [--repeats 3]

Patches of 224 pixels of 10 m at random in a GeoPackage of a million polygons, each system in a fresh process
on one processor, in turn. Writes `benchmarks/out/vector.json`. The first run makes the layer (290 MB) and
the peer's own environment (5.4 GB).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks import fresh, report
from benchmarks.loader import peer

from . import data

OUT = Path(__file__).resolve().parents[1] / "out"
SIZE_PX, RES_M = 224, 10.0
QUERIES, PEER_QUERIES = 300, 12
"""The peer reads the file for each patch, which takes seconds."""
ELSEWHERE = "EPSG:3035"
"""The CRS of patches onto which polygons are reprojected; the peer can give those of the layer alone."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the polygons")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    peer.python()
    count = 100_000 if given.quick else 1_000_000
    layer = data.make(OUT, count)
    asked = OUT / f"corners-{count}.json"
    corners = data.corners(count, QUERIES, SIZE_PX * RES_M)
    asked.write_text(json.dumps({"size_px": SIZE_PX, "res_m": RES_M, "corners": corners}))
    runs = [
        (
            fresh.run("ours", "vector", layer, asked),
            fresh.run("peer", "vector", layer, asked, data.FIELD, PEER_QUERIES),
            fresh.run("ours", "vector", layer, asked, "--crs", ELSEWHERE),
        )
        for _ in range(given.repeats)
    ]
    ours, theirs, elsewhere = ([run[i] for run in runs] for i in range(3))
    shares = [run["labelled"][:PEER_QUERIES] for run in (*ours, *theirs)]
    assert np.ptp(shares, axis=0).max() < 0.005  # the same patches are burned
    named = {
        "median_ms": ("median", "ms", "under 5"),
        "p95_ms": ("95 of 100", "ms", ""),
        "first_ms": ("the first", "ms", ""),
    }
    results = [
        report.Result(
            f"a patch of {count} polygons, {name}",
            unit,
            [result[key] for result in ours],
            [result[key] for result in theirs],
            floor,
        )
        for key, (name, unit, floor) in named.items()
    ]
    medians = [result["median_ms"] for result in elsewhere]
    results += [
        report.Result(
            f"the same, reprojected to {ELSEWHERE}, median", "ms", medians, floor="under 5"
        ),
        *(
            report.Result(name, unit, [t[key] for t in ours], [t[key] for t in theirs])
            for key, name, unit in (
                ("load_s", "opening the layer", "s"),
                ("memory_mb", "memory that opening and burning take", "MB"),
            )
        ),
    ]
    print(report.table(results))
    report.write(OUT / "vector.json", results)


if __name__ == "__main__":
    main()
