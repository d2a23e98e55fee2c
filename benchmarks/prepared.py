"""How fast prepared chips are read back, against a plain copy of the same bytes; and what packing costs.

    python -m benchmarks.prepared [--chips 1024] [--scenes 12]

Prints a Markdown table. Rates are chips per second of processor time, of all threads together, so that
other work on the machine does not count; the best of several epochs, in a fresh random order each. From
disk they are by the clock, once. The first run makes the data.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import zarr

import geoloom as gl
from geoloom.chips.store import ChipStore
from geoloom.chips.zarr import layout
from geoloom.datasets.base import GeoDataset
from geoloom.datasets.sensors.cdl import CDL
from geoloom.datasets.sensors.landsat import Landsat8
from geoloom.samplers import RandomGeoSampler

from .loader import data
from .loader.queries import BATCH, SIZE_PX

EPOCHS = 5
PACKINGS = {**layout.CODECS, "deflate": ("zlib", 6)}
"""DEFLATE, as GeoTIFFs have it, is measured for comparison alone: no option of ours."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chips", type=int, default=1024)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--folder", type=Path, default=data.OUT)
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    layout.CODECS.update(PACKINGS)  # type: ignore[typeddict-item]
    root = data.make(given.folder, "plain", data.Size(given.scenes))
    dataset = Landsat8(root / "landsat", bands=data.BANDS) & CDL(root / "cdl")
    limit = copy_rate(given.chips)
    print(f"Copies of rows of a memory map into a batch: {limit:,.0f} chips per second.\n")
    print(
        "| compress | MB | times smaller | written | stored type | float32 | of a copy | from disk |"
    )
    print("|---|---|---|---|---|---|---|---|")
    plain = 0.0
    write_rate(
        dataset, given.folder / "prepared-none.zarr", BATCH, "none"
    )  # compiles what is not yet
    for packing in PACKINGS:
        path = given.folder / f"prepared-{packing}.zarr"
        written = write_rate(dataset, path, given.chips, packing)
        store = ChipStore.open(path)
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
        plain = plain or size
        stored, native = read_rate(store, "stored"), read_rate(store, "native")
        print(
            f"| {packing} | {size:,.0f} | {plain / size:.2f} | {written:,.0f} | {stored:,.0f} | "
            f"{native:,.0f} | {native / limit:.0%} | {cold_rate(store):,.0f} |",
            flush=True,
        )
    plain_store = given.folder / "prepared-none.zarr"
    print(f"\nThe same arrays through zarr-python: {zarr_rate(plain_store):,.0f} chips per second.")


def zarr_rate(path: Path, chips: int = 64) -> float:
    """Chips per second through zarr-python, one after the other, as stored, from the page cache."""
    group = zarr.open_group(path, mode="r")
    planes = [group[name] for name in ("image", "mask", "valid", "observed")]

    def read() -> Iterator[None]:
        for chip in range(chips):
            for plane in planes:
                plane[chip]
            yield

    return rate(chips, read)


def write_rate(dataset: GeoDataset, path: Path, chips: int, packing: str) -> float:
    """Chips materialized a second."""
    sampler = RandomGeoSampler(dataset, SIZE_PX, chips, generator=0)
    started = time.process_time()
    gl.materialize(dataset, sampler, path, compress=packing, overwrite=True)  # type: ignore[arg-type]
    return chips / (time.process_time() - started)


def read_rate(store: ChipStore, dtype: str) -> float:
    """Chips per second out of `gl.loader`, in random order, from the page cache."""
    batches = gl.loader(store.dataset(dtype=dtype), batch_size=BATCH, shuffle=True)  # type: ignore[arg-type]
    return rate(len(store), lambda: batches)


def cold_rate(store: ChipStore) -> float:
    """As `read_rate`, by the clock, none of it in the page cache."""
    batches = gl.loader(store.dataset(), batch_size=BATCH, shuffle=True)
    os.sync()
    for path in store.path.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    started = time.perf_counter()
    for _ in batches:
        pass
    return len(store) / (time.perf_counter() - started)


def copy_rate(chips: int) -> float:
    """Chips per second at which their float32 images and int64 masks can be copied, row by row, warm."""
    shapes = ((7, SIZE_PX, SIZE_PX), "float32"), ((SIZE_PX, SIZE_PX), "int64")
    path = data.OUT / "rows.bin"
    path.parent.mkdir(exist_ok=True)
    sources = []
    for number, (shape, dtype) in enumerate(shapes):
        rows = np.memmap(
            path.with_suffix(f".{number}"), dtype, "w+", shape=(min(chips, 512), *shape)
        )
        rows[:] = 1
        sources.append((rows, np.empty((BATCH, *shape), dtype)))
    order = np.random.default_rng(0).integers(0, min(chips, 512), chips)

    def copies() -> Iterator[None]:
        for place, row in enumerate(order):
            for rows, batch in sources:
                batch[place % BATCH] = rows[row]
            yield

    found = rate(chips, copies)
    for number in range(len(shapes)):
        path.with_suffix(f".{number}").unlink()
    return found


def rate(chips: int, epoch: Callable[[], Iterator[object]]) -> float:
    """Chips per second of the best epoch."""
    best = float("inf")
    for _ in range(EPOCHS):
        started = time.process_time()
        for _ in epoch():
            pass
        best = min(best, time.process_time() - started)
    return chips / best


if __name__ == "__main__":
    main()
