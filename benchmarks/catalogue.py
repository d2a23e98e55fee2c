"""How near an epoch of numbered samples comes to a plain read of the same bytes.

    python -m benchmarks.catalogue [--samples 100000] [--epoch 10000] [--runs 3]

Makes, in a temporary folder (4 GB), rows of HDF5 files like So2Sat's (32 x 32 pixels, 10 channels, uint16),
in one piece and in packed chunks of a row, and a layout of files (64 x 64 pixels, 4 channels, uint8, TIFF).
An epoch draws some of the samples by chance, in batches of 64. Prints a Markdown table: the time to open the
dataset (which finds all samples), the epoch, the plain read of the same bytes by the same number of threads
(h5py's rows; whole files), and the read's share of the epoch. Runs take turns; the best of each counts.
Files are in the system's cache.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

import geoloom as gl
from geoloom.core.bands import Band
from geoloom.datasets import SampleDataset
from geoloom.datasets.declare import Hdf5Layout, Hdf5Rows, Listing, PatternLayout, Pictures
from geoloom.io.threads import usable_cpus

BATCH = 64
_HDF5 = {
    "HDF5, in one piece": {},
    "HDF5, packed": {"chunks": (1, 32, 32, 10), "compression": "lzf"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--epoch", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    drawn = np.random.default_rng(0).choice(given.samples, min(given.epoch, given.samples), False)
    print("| | open | epoch | plain read | share | MB/s |\n|---|---|---|---|---|---|")
    for kind, options in _HDF5.items():
        with tempfile.TemporaryDirectory() as folder:
            make_rows(Path(folder) / "a.h5", given.samples, options)
            measure(kind, lambda: open_rows(Path(folder)), drawn, by_h5py, given.runs)
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), given.samples)
        measure("a file a sample", lambda: open_files(Path(folder)), drawn, by_files, given.runs)


def make_rows(path: Path, count: int, options: dict[str, Any]) -> None:
    """Noise of few bits, so that packing has something to do."""
    rng = np.random.default_rng(0)
    some = rng.integers(0, 1 << 10, (1000, 32, 32, 10), dtype=np.uint16)
    with h5py.File(path, "w") as file:
        rows = file.create_dataset("x", (count, 32, 32, 10), np.uint16, **options)
        for start in range(0, count, len(some)):
            rows[start : start + len(some)] = some[: count - start]


def make_files(folder: Path, count: int) -> None:
    """In a hundred folders; each has its own number in its first pixel."""
    rng = np.random.default_rng(0)
    memory = BytesIO()
    Image.fromarray(rng.integers(0, 255, (64, 64, 4), dtype=np.uint8)).save(memory, "TIFF")
    content = memory.getvalue()
    for part in range(100):
        (folder / "images" / f"{part:02}").mkdir(parents=True)
    for number in range(count):
        (folder / "images" / f"{number % 100:02}" / f"{number:06}.tif").write_bytes(content)


def open_rows(folder: Path) -> SampleDataset:
    source = Hdf5Rows(_bands(10), "x", "HWC", (32, 32), "uint16")
    return SampleDataset(Hdf5Layout({"": "a.h5"}, "x").find(folder, None), source, size=32)


def open_files(folder: Path) -> SampleDataset:
    found: Listing = PatternLayout("images/{part}/{name}.tif").find(folder, None)
    return SampleDataset(found, Pictures(_bands(4)), size=64)


def _bands(count: int) -> tuple[Band, ...]:
    return tuple(Band(f"B{number}") for number in range(count))


def measure(
    kind: str,
    opened: Callable[[], SampleDataset],
    drawn: np.ndarray,
    plain: Callable[[SampleDataset, Sequence[int]], int],
    runs: int,
) -> None:
    """Open, read and print."""
    start = time.perf_counter()
    dataset = opened()
    took = time.perf_counter() - start
    some = dataset.subset(drawn)
    check(some, dataset, drawn)
    epochs, reads, came = [], [], 0
    for _ in range(runs):
        start = time.perf_counter()
        seen = sum(len(batch["image"]) for batch in gl.loader(some, batch_size=BATCH, shuffle=True))
        epochs.append(time.perf_counter() - start)
        if seen != len(drawn):
            raise SystemExit(f"{kind}: the epoch has {seen} samples, expected {len(drawn)}")
        start = time.perf_counter()
        came = plain(dataset, drawn.tolist())
        reads.append(time.perf_counter() - start)
    epoch, read = min(epochs), min(reads)
    print(
        f"| {kind} | {took:.2f} s | {epoch:.2f} s | {read:.2f} s | {read / epoch:.0%} | "
        f"{came / epoch / 1e6:.0f} |",
        flush=True,
    )


def check(some: SampleDataset, dataset: SampleDataset, drawn: np.ndarray) -> None:
    """The samples drawn are those of these numbers; also loads what is loaded once."""
    for k in (0, len(drawn) - 1):
        if not np.array_equal(some[k]["image"], dataset[int(drawn[k])]["image"]):
            raise SystemExit(f"sample {k} of the epoch is not number {drawn[k]}")


def by_h5py(dataset: SampleDataset, rows: Sequence[int]) -> int:
    """Bytes of the rows, read by h5py, which reads in one thread at a time."""
    with h5py.File(dataset.listing.path(0)) as file:
        array = file["x"]
        return sum(array[row].nbytes for row in rows)


def by_files(dataset: SampleDataset, rows: Sequence[int]) -> int:
    """Bytes of the files."""
    paths = [dataset.listing.path(row) for row in rows]
    with ThreadPoolExecutor(usable_cpus()) as pool:
        return sum(map(len, pool.map(lambda path: Path(path).read_bytes(), paths, chunksize=64)))


if __name__ == "__main__":
    main()
