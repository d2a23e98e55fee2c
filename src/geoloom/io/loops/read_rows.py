"""A compiled loop that reads windows of plain pixels from open files, without Python's lock."""

from __future__ import annotations

import os
import threading

import numpy as np
from numba import types

from .jit import address_of, builds, compiled, line_of, pointer

_GAP_BYTES = 8192
"""Rows of which so much need not be read are read one by one: so much is copied in the time of a call."""

_SCRATCH_BYTES = 1 << 18
"""Rows are read in pieces of this size, which stay in the processor's cache until they are copied on."""

# numba takes C functions by name: https://numba.readthedocs.io/en/stable/reference/types.html
_pread = types.ExternalFunction(
    "pread", types.int64(types.int32, types.voidptr, types.uint64, types.int64)
)


@compiled
def _take(descriptor: int, address: int, size: int, start: int) -> bool:
    """Fill memory from a file; False where it ends too early or cannot be read."""
    taken = 0
    while taken < size:
        more = _pread(descriptor, pointer(address + taken), size - taken, start + taken)
        if more <= 0:
            return False
        taken += more
    return True


@compiled
def read_window(
    descriptors: np.ndarray,
    offsets: np.ndarray,
    samples: np.ndarray,
    like: np.ndarray,
    block: tuple[int, int, int],
    first: tuple[int, int],
    shape: tuple[int, int],
    at: tuple[int, int],
    fill: np.ndarray,
    scratch: np.ndarray,
    out: np.ndarray,
) -> int:
    """Read a window out of blocks of plain values into `out`, converting to its dtype.

    Args:
        descriptors: int64 (C,), of the open files.
        offsets: int64 (C, block rows, block columns), where the blocks that the window touches lie in their
            files; 0 where a block was never written, which reads as `fill`.
        samples: int64 (C,), position of each band inside a pixel.
        like: Empty array of the stored dtype.
        block: Rows, columns and values per pixel of a block.
        first: Row and column of the window inside the first block.
        shape: Rows and columns of the window.
        at: Row and column of `out` where the window goes.
        fill: (C,) in the stored dtype.
        scratch: uint8 memory that holds at least one row of the window, aligned as `like`.
        out: (C, H, W).

    Returns:
        -1, or the band whose file could not be read.
    """
    block_rows, block_cols, step = block
    pitch = block_cols * step * like.itemsize
    origin, room = address_of(out), address_of(scratch)
    for block_row in range(offsets.shape[1]):
        top = max(first[0] - block_row * block_rows, 0)
        bottom = min(first[0] + shape[0] - block_row * block_rows, block_rows)
        out_row = at[0] + block_row * block_rows - first[0]
        for block_col in range(offsets.shape[2]):
            left = max(first[1] - block_col * block_cols, 0)
            right = min(first[1] + shape[1] - block_col * block_cols, block_cols)
            width = right - left
            out_col = at[1] + block_col * block_cols + left - first[1]
            wanted = width * step * like.itemsize
            piece = 1 if pitch - wanted > _GAP_BYTES else max(scratch.size // pitch, 1)
            for start in range(top, bottom, piece):
                stop = min(start + piece, bottom)
                size = (stop - start - 1) * pitch + wanted
                buffered, buffered_at = np.int64(-1), np.int64(-1)
                for band in range(offsets.shape[0]):
                    offset = offsets[band, block_row, block_col]
                    place = offset + start * pitch + left * step * like.itemsize
                    # Bands of one pixel lie side by side: what was read for one serves all.
                    if offset != 0 and (descriptors[band] != buffered or place != buffered_at):
                        if not _take(descriptors[band], room, size, place):
                            return band
                        buffered, buffered_at = descriptors[band], place
                    for row in range(start, stop):
                        to = (band * out.shape[1] + out_row + row) * out.shape[2] + out_col
                        line = line_of(origin, to, width, out)
                        if offset == 0:
                            for col in range(width):
                                line[col] = fill[band]
                            continue
                        since = (row - start) * block_cols * step
                        if step == 1:
                            near = line_of(room, since, width, like)
                            for col in range(width):
                                line[col] = near[col]
                        else:
                            stored = line_of(room, since, width * step, like)
                            sample = samples[band]
                            for col in range(width):
                                line[col] = stored[col * step + sample]
    return -1


class _Scratch(threading.local):
    """Memory of each thread."""

    def __init__(self) -> None:
        self.memory = np.empty(_SCRATCH_BYTES, np.uint8)


_SCRATCH = _Scratch()


def scratch_for(row_bytes: int) -> np.ndarray:
    """Memory for `read_window`, of the calling thread: valid until it asks again."""
    if row_bytes > _SCRATCH_BYTES:
        return np.empty(row_bytes, np.uint8)
    return _SCRATCH.memory


@compiled
def _reads(descriptor: int, address: int) -> bool:
    _take(descriptor, address, 1, 0)
    return True


READS = hasattr(os, "pread") and builds(_reads, -1, 0)
"""Whether compiled loops can read files here; without, blocks are read one by one and kept decoded."""
