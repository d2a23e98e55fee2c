"""Compare scanning with TorchGeo's, then open and ask an index of a hundred thousand scenes.

    python -m benchmarks.index [--quick] [--repeats 3]

Every figure comes from a fresh process on one processor, with warm caches; both systems take turns. Writes
`benchmarks/out/index.json`. The first run makes the files (500 MB) and the peer's own environment (5.4 GB).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks import fresh, report
from benchmarks.loader import peer

from . import data

OUT = Path(__file__).resolve().parents[1] / "out"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the scenes to open")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    peer.python()
    few = data.make(OUT, 2000, zones=2)
    many = data.make(OUT, 10_000 if given.quick else 100_000, zones=20)
    results = [*scanning(few, given.repeats), *opening(many, given.repeats)]
    print(report.table(results))
    report.write(OUT / "index.json", results)


def scanning(files: Path, repeats: int) -> list[report.Result]:
    """An index of 2,000 files made again."""
    fresh.run("ours", "index", files)  # brings the headers into the page cache
    pairs = [
        (fresh.run("ours", "index", files), fresh.run("peer", "index", files, data.REGEX))
        for _ in range(repeats)
    ]
    ours, theirs = ([run[i] for run in pairs] for i in (0, 1))
    assert all(result["scenes"] == 2000 for result in (*ours, *theirs))
    return [
        report.Result(
            f"index of 2000 files, {name}", unit, result(ours), result(theirs), "5 times faster"
        )
        for name, unit, result in (
            ("by the clock", "s", lambda runs: [run["seconds"] for run in runs]),
            ("of processor time", "s", lambda runs: [run["cpu"] for run in runs]),
        )
    ]


def opening(files: Path, repeats: int) -> list[report.Result]:
    """A large index saved, opened, checked against its files, and asked."""
    index = OUT / "index" / "scenes.parquet"
    shutil.rmtree(index.parent, ignore_errors=True)
    scanned = fresh.run("ours", "index", files)
    made = fresh.run("ours", "index", files, "--index", index)
    opened = [
        fresh.run("ours", "index", files, "--index", index, "--look-up") for _ in range(repeats)
    ]
    count = made["scenes"]
    assert all(result["scenes"] == count for result in opened)
    named = {
        "seconds": (f"{count} scenes opened and their files checked", "s", "under 1"),
        "cpu": (f"{count} scenes opened and checked, processor time", "s", "under 1"),
        "single_us": (f"look-up among {count}, one query", "us", "under 50"),
        "batch_us": (f"look-up among {count}, a query of a batch", "us", "under 50"),
        "dataset_us": ("the same, sorted for the mosaic", "us", "under 50"),
        "found": ("scenes found by a query", "", ""),
    }
    rates = [count / scanned["cpu"]]
    saving = [made["cpu"] - scanned["cpu"]]
    return [
        report.Result(f"scan of {count} files", "files/s of processor time", rates),
        report.Result("and saving them", "s of processor time", saving),
        *(
            report.Result(name, unit, [result[key] for result in opened], floor=floor)
            for key, (name, unit, floor) in named.items()
        ),
    ]


if __name__ == "__main__":
    main()
