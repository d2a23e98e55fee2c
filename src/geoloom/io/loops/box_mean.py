"""Compiled loop of the mean over the box of source pixels that a pixel covers, as `area` defines it."""

from __future__ import annotations

import numpy as np

from .interpolate import finished
from .jit import address_of, compiled, line_of
from .polynomials import fill_corners
from .thresholds import LEAST_SHARE


@compiled
def warp_boxmean(
    source: np.ndarray,
    window: tuple[int, int, int, int],
    cells: np.ndarray,
    coefs: np.ndarray,
    nodata: np.ndarray,
    tagged: np.ndarray,
    fill: np.ndarray,
    limits: tuple[float, float],
    out: np.ndarray,
    valid: np.ndarray,
) -> None:
    """Means of the observed source pixels in each pixel's box, weighted by the shares that lie in it.

    Arguments as of `smooth.warp_smooth`; no cell may be exact.
    """
    width = source.shape[2]
    plane = source.shape[1] * width
    for number in range(cells.shape[0]):
        cell = cells[number]
        count = cell[3] - cell[2]
        upper_cols, upper_rows = np.empty(count + 1), np.empty(count + 1)
        lower_cols, lower_rows = np.empty(count + 1), np.empty(count + 1)
        left, right, top, bottom = np.empty((4, count))
        buffer = np.empty(count, np.float64)
        for row in range(cell[0], cell[1]):
            fill_corners(cell, coefs[number], row, upper_cols, upper_rows)
            fill_corners(cell, coefs[number], row + 1, lower_cols, lower_rows)
            _box(upper_cols, lower_cols, left, right)
            _box(upper_rows, lower_rows, top, bottom)
            seen = line_of(address_of(valid), row * out.shape[2] + cell[2], count, valid)
            for i in range(count):
                seen[i] = 1
            for band in range(source.shape[0]):
                values = line_of(address_of(source), band * plane, plane, source)
                place = (band * out.shape[1] + row) * out.shape[2] + cell[2]
                line = line_of(address_of(out), place, count, out)
                for i in range(count):
                    buffer[i] = _mean(
                        values, width, window, left[i], right[i], top[i], bottom[i],
                        nodata[band], tagged[band],
                    )  # fmt: skip
                for i in range(count):
                    if buffer[i] == buffer[i]:
                        line[i] = finished(buffer, i, limits)
                    else:
                        line[i] = fill[band]
                        seen[i] = 0


@compiled
def _box(upper: np.ndarray, lower: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Each pixel's least and greatest place along one axis: those of the middles of two opposite sides."""
    for i in range(low.size):
        left, right = (upper[i] + lower[i]) / 2, (upper[i + 1] + lower[i + 1]) / 2
        above, below = (upper[i] + upper[i + 1]) / 2, (lower[i] + lower[i + 1]) / 2
        if abs(right - left) >= abs(below - above):
            low[i], high[i] = min(left, right), max(left, right)
        else:
            low[i], high[i] = min(above, below), max(above, below)


@compiled
def _mean(
    values: np.ndarray,
    width: int,
    window: tuple[int, int, int, int],
    left: float,
    right: float,
    top: float,
    bottom: float,
    unobserved: float,
    tagged: bool,
) -> float:
    """The mean over one box; NaN where less than its least share is observed."""
    whole = (right - left) * (bottom - top)
    left, right = max(left, 0.0), min(right, float(window[3]))
    top, bottom = max(top, 0.0), min(bottom, float(window[2]))
    if not (left < right and top < bottom):
        return np.nan
    total, weights = 0.0, 0.0
    for row in range(int(np.floor(top)), int(np.ceil(bottom))):
        tall = min(bottom, row + 1.0) - max(top, float(row))
        start = (row - window[0]) * width - window[1]
        for col in range(int(np.floor(left)), int(np.ceil(right))):
            value = values[start + col]
            if value != value or (tagged and value == unobserved):
                continue
            weight = tall * (min(right, col + 1.0) - max(left, float(col)))
            total += weight * value
            weights += weight
    return total / weights if weights > LEAST_SHARE * whole else np.nan
