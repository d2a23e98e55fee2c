"""Reads a file's blocks through a small cache, by several threads, and prints what memory the process used.

    python cache_memory.py PATH BOUND_BYTES ROWS

Stands alone, so that nothing but the reading is measured: prints the largest growth of anonymous memory,
bytes, and the bytes of the blocks decoded.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np

from geoloom.io.blocks.cache import CACHE
from geoloom.io.headers.header import read_header
from geoloom.io.raster import read

THREADS = 4


def anonymous_bytes() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def main() -> None:
    path, bound, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    header = read_header(path)
    height, width = header.grid.shape
    tops = list(range(0, height, rows))
    CACHE.resize(bound)

    def work(turn: int) -> None:
        for top in np.random.default_rng(turn).permutation(tops[turn::THREADS]):
            for band in range(1, header.count + 1):
                read(header, header.grid[top : top + 4, :], bands=[band], engine="direct")
        assert CACHE.bytes <= bound

    work(0)  # what loads once: compiled loops, codecs, buffers, the map of the file
    CACHE.clear()
    before, largest = anonymous_bytes(), 0
    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(THREADS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        largest = max(largest, anonymous_bytes() - before)
    largest = max(largest, anonymous_bytes() - before)
    pixels = height * width * header.count
    sys.stdout.write(f"{largest} {pixels * np.dtype(header.dtypes[0]).itemsize}\n")


if __name__ == "__main__":
    main()
