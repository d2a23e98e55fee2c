"""Reads a file's blocks through a small cache, by several threads, and prints what memory the process used.

    python cache_memory.py PATH BOUND_BYTES BLOCK_PX

Stands alone, so that nothing but the reading is measured: prints the largest growth of anonymous memory,
bytes, and the bytes of the blocks decoded. A read takes a few rows of one block, so that each thread has one
block in hand besides the cache's, whenever it is stopped.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import product
from pathlib import Path

import numpy as np

from geoloom.core.grid import PixelWindow, window_grid
from geoloom.io.blocks.cache import CACHE
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read

THREADS = 4


def anonymous_bytes() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def main() -> None:
    path, bound, block_px = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    header = read_header(path)
    height, width = header.grid.shape
    corners = list(product(range(0, height, block_px), range(0, width, block_px)))
    CACHE.resize(bound)

    def work(turn: int) -> None:
        for top, left in np.random.default_rng(turn).permutation(corners[turn::THREADS]).tolist():
            grid = window_grid(header.grid, PixelWindow(top, left, 4, block_px))
            for band in range(1, header.count + 1):
                read(header, grid, bands=[band], engine="direct")
            assert CACHE.bytes <= bound

    work(0)  # what loads once: compiled loops, codecs, buffers, the map of the file
    CACHE.clear()
    before, largest = anonymous_bytes(), 0
    with ThreadPoolExecutor(THREADS) as pool:
        going = [pool.submit(work, turn) for turn in range(THREADS)]
        while wait(going, timeout=1e-3).not_done:
            largest = max(largest, anonymous_bytes() - before)
        for done in going:
            done.result()  # raises what failed there
    largest = max(largest, anonymous_bytes() - before)
    pixels = height * width * header.count
    sys.stdout.write(f"{largest} {pixels * np.dtype(header.dtypes[0]).itemsize}\n")


if __name__ == "__main__":
    main()
