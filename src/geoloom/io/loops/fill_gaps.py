"""Compiled loops that fill what one source left unobserved from the next.

Legend: C bands, H x W the grid; `valid` and `seen` are uint8, 1 = observed.
"""

from __future__ import annotations

import numpy as np

from .jit import address_of, compiled, line_of


@compiled
def gap_of(valid: np.ndarray) -> tuple[int, int, int, int]:
    """First row, row after the last, first column, column after the last of the window of all gaps.

    All 0 where `valid` (H, W) has none.
    """
    height, width = valid.shape
    top, bottom, left, right = height, 0, width, 0
    for row in range(height):
        line = line_of(address_of(valid), row * width, width, valid)
        observed = 0
        for col in range(width):
            observed += line[col]
        if observed == width:
            continue
        top, bottom = min(top, row), row + 1
        first, after = 0, width
        while line[first]:
            first += 1
        while line[after - 1]:
            after -= 1
        left, right = min(left, first), max(right, after)
    if bottom == 0:
        return 0, 0, 0, 0
    return top, bottom, left, right


@compiled
def fill_gap(
    values: np.ndarray,
    seen: np.ndarray,
    at: tuple[int, int],
    out: np.ndarray,
    valid: np.ndarray,
) -> None:
    """Put observed values where there are none yet.

    Args:
        values: (C, h, w), in the dtype of `out`.
        seen: (h, w), where they are observed.
        at: Row and column of `out` where their window lies.
        out: (C, H, W).
        valid: (H, W); gains what was put.
    """
    bands, rows, width = values.shape
    for row in range(rows):
        place = (at[0] + row) * out.shape[2] + at[1]
        fresh = line_of(address_of(seen), row * width, width, seen)
        known = line_of(address_of(valid), place, width, valid)
        for band in range(bands):
            new = line_of(address_of(values), (band * rows + row) * width, width, values)
            layer = band * out.shape[1] * out.shape[2]
            line = line_of(address_of(out), layer + place, width, out)
            for col in range(width):
                line[col] = new[col] if fresh[col] > known[col] else line[col]
        for col in range(width):
            known[col] |= fresh[col]
