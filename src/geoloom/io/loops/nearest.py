"""Compiled loops that move pixels unchanged: window copies, and the nearest pixel of each place.

Legend: C bands, H x W the grid, h x w the source window; `valid` is uint8, 1 = observed.
"""

from __future__ import annotations

import numpy as np

from .jit import address_of, compiled, line_of, prefetch
from .polynomials import fill_places, in_doubt, index_pixels

_ROWS_AHEAD = 8
"""Rows of a block lie a page or so apart, where the processor does not see by itself what comes next."""

_CACHE_LINE = 64


@compiled
def copy_window(
    addresses: np.ndarray,
    samples: np.ndarray,
    like: np.ndarray,
    block: tuple[int, int, int],
    first: tuple[int, int],
    shape: tuple[int, int],
    at: tuple[int, int],
    fill: np.ndarray,
    out: np.ndarray,
) -> None:
    """Copy a window out of blocks into `out`, converting to its dtype.

    Args:
        addresses: int64 (C, block rows, block columns), of the blocks that the window touches; 0 where a
            block was never written, which reads as `fill`.
        samples: int64 (C,), position of each band inside a pixel.
        like: Empty array of the stored dtype.
        block: Rows, columns and values per pixel of a block.
        first: Row and column of the window inside the first block.
        shape: Rows and columns of the window.
        at: Row and column of `out` where the window goes.
        fill: (C,) in the stored dtype.
        out: (C, H, W).
    """
    block_rows, block_cols, step = block
    row_step = block_cols * step
    origin = address_of(out)
    for band in range(addresses.shape[0]):
        sample = samples[band]
        for block_row in range(addresses.shape[1]):
            top = max(first[0] - block_row * block_rows, 0)
            bottom = min(first[0] + shape[0] - block_row * block_rows, block_rows)
            for block_col in range(addresses.shape[2]):
                left = max(first[1] - block_col * block_cols, 0)
                right = min(first[1] + shape[1] - block_col * block_cols, block_cols)
                width = right - left
                out_col = at[1] + block_col * block_cols + left - first[1]
                out_row = at[0] + block_row * block_rows - first[0]
                address = addresses[band, block_row, block_col]
                if address == 0:
                    for row in range(top, bottom):
                        place = (band * out.shape[1] + out_row + row) * out.shape[2] + out_col
                        line = line_of(origin, place, width, out)
                        for col in range(width):
                            line[col] = fill[band]
                    continue
                stored = line_of(address, 0, bottom * row_step, like)
                bytes_wide = width * step * like.itemsize
                for row in range(top, bottom):
                    start = row * row_step + left * step + sample
                    ahead = address + (start + _ROWS_AHEAD * row_step) * like.itemsize
                    for line_ahead in range(ahead, ahead + bytes_wide, _CACHE_LINE):
                        prefetch(line_ahead)
                    place = (band * out.shape[1] + out_row + row) * out.shape[2] + out_col
                    line = line_of(origin, place, width, out)
                    if step == 1:
                        near = line_of(address, start, width, like)
                        for col in range(width):
                            line[col] = near[col]
                    else:
                        for col in range(width):
                            line[col] = stored[start + col * step]


@compiled
def mark_observed(
    values: np.ndarray,
    nodata: np.ndarray,
    tagged: np.ndarray,
    at: tuple[int, int],
    shape: tuple[int, int],
    valid: np.ndarray,
) -> None:
    """Clear `valid` (H, W) where some band of `values` (C, H, W) is nodata or NaN, inside a window.

    Args:
        values: Any dtype that holds the stored values exactly.
        nodata: (C,) in the dtype of `values`.
        tagged: (C,) bool, whether a band's nodata counts.
        at: First row and column of the window.
        shape: Its rows and columns.
        valid: uint8 (H, W).
    """
    width = shape[1]
    for band in range(values.shape[0]):
        unobserved, holds = nodata[band], tagged[band]
        for row in range(at[0], at[0] + shape[0]):
            place = (band * values.shape[1] + row) * values.shape[2] + at[1]
            line = line_of(address_of(values), place, width, values)
            seen = line_of(address_of(valid), row * values.shape[2] + at[1], width, valid)
            for col in range(width):
                value = line[col]
                seen[col] &= np.uint8(not ((value != value) | (holds & (value == unobserved))))


@compiled
def warp_nearest(
    source: np.ndarray,
    window: tuple[int, int, int, int],
    cells: np.ndarray,
    coefs: np.ndarray,
    exact: np.ndarray,
    doubt: float,
    nodata: np.ndarray,
    tagged: np.ndarray,
    fill: np.ndarray,
    out: np.ndarray,
    valid: np.ndarray,
    doubtful: np.ndarray,
) -> int:
    """Put the source pixel under each centre onto the grid.

    Args:
        source: (C, h, w) stored values.
        window: First row and column of `source` in the raster, and the raster's rows and columns.
        cells, coefs, exact: The coordinate map, see `coordinates.fill_places`, of all cells.
        doubt: How much the map may err, in pixels.
        nodata, tagged: See `mark_observed`.
        fill: (C,) in the dtype of `out`, where there is no value.
        out: (C, H, W).
        valid: uint8 (H, W).
        doubtful: int64, takes the flat numbers of pixels whose centre is so close to an edge that the map
            cannot decide the side.

    Returns:
        How many are doubtful, also where `doubtful` could not take all.
    """
    doubtful_count = 0
    for number in range(cells.shape[0]):
        cell = cells[number]
        count = cell[3] - cell[2]
        cols, rows = np.empty(count), np.empty(count)
        index = np.empty(count, np.int64)
        for row in range(cell[0], cell[1]):
            fill_places(cell, coefs[number], exact, row, cols, rows)
            lost, near = index_pixels(cols, rows, window, source.shape[2], doubt, index)
            pick_row(source, index, lost, nodata, tagged, fill, row, int(cell[2]), out, valid)
            if cell[4] == 1 or near == 0:
                continue
            for i in range(count):
                if in_doubt(cols[i], rows[i], doubt):
                    if doubtful_count < doubtful.size:
                        doubtful[doubtful_count] = row * out.shape[2] + cell[2] + i
                    doubtful_count += 1
    return doubtful_count


@compiled
def pick_pixels(
    source: np.ndarray,
    window: tuple[int, int, int, int],
    pixels: np.ndarray,
    cols: np.ndarray,
    rows: np.ndarray,
    nodata: np.ndarray,
    tagged: np.ndarray,
    fill: np.ndarray,
    out: np.ndarray,
    valid: np.ndarray,
) -> None:
    """Put the source pixel under each of some places onto the grid's pixels of these flat numbers."""
    index = np.empty(pixels.size, np.int64)
    index_pixels(cols, rows, window, source.shape[2], 0.0, index)
    for i in range(pixels.size):
        row, col = int(pixels[i]) // out.shape[2], int(pixels[i]) % out.shape[2]
        lost = int(index[i] < 0)
        pick_row(source, index[i : i + 1], lost, nodata, tagged, fill, row, col, out, valid)


@compiled
def pick_row(
    source: np.ndarray,
    index: np.ndarray,
    lost: int,
    nodata: np.ndarray,
    tagged: np.ndarray,
    fill: np.ndarray,
    row: int,
    first: int,
    out: np.ndarray,
    valid: np.ndarray,
) -> None:
    """Fill one row of `out` and `valid`, from column `first`, with the source pixels numbered by `index`."""
    count = index.size
    plane = source.shape[1] * source.shape[2]
    seen = line_of(address_of(valid), row * out.shape[2] + first, count, valid)
    for i in range(count):
        seen[i] = 1
    for band in range(source.shape[0]):
        place = (band * out.shape[1] + row) * out.shape[2] + first
        line = line_of(address_of(out), place, count, out)
        values = line_of(address_of(source), band * plane, plane, source)
        unobserved, empty, holds = nodata[band], fill[band], tagged[band]
        if lost:
            for i in range(count):
                if index[i] < 0:
                    line[i] = empty
                    seen[i] = 0
                    continue
                value = values[np.uint64(index[i])]
                observed = not ((value != value) | (holds & (value == unobserved)))
                line[i] = value if observed else empty
                seen[i] &= np.uint8(observed)
        else:
            for i in range(count):
                value = values[np.uint64(index[i])]
                observed = not ((value != value) | (holds & (value == unobserved)))
                line[i] = value if observed else empty
                seen[i] &= np.uint8(observed)
