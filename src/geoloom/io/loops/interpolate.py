"""Compiled loops that interpolate: bilinear and cubic, as wide as the shrinking asks.

Values are taken from a window as they are stored, and computed with in float32 (exact for integers of up to
16 bits) or float64. An unobserved value never takes part: its weight goes to the others. A pixel is observed
where the source pixel under its centre is.

Legend: C bands, H x W the grid, h x w the source window; `valid` is uint8, 1 = observed.
"""

from __future__ import annotations

import numpy as np

from .bilinear_simd import bilinear_row
from .jit import address_of, compiled, line_of
from .polynomials import SNAP_PX, fill_places, index_pixels
from .rounding import HALF

_LEAST_WEIGHT = 1e-6
"""GDAL's: a kernel of which less is observed says nothing."""

_MOST_NUMBERED = 1 << 31
"""Source pixels of a band that an int32 can number."""


@compiled
def warp_smooth(
    source: np.ndarray,
    window: tuple[int, int, int, int],
    cells: np.ndarray,
    coefs: np.ndarray,
    exact: np.ndarray,
    cubic: bool,
    span: tuple[int, int],
    nodata: np.ndarray,
    tagged: np.ndarray,
    fill: np.ndarray,
    working: np.ndarray,
    limits: tuple[float, float],
    out: np.ndarray,
    valid: np.ndarray,
) -> None:
    """Interpolated values at each centre.

    Args:
        source: (C, h, w), as stored.
        window: First row and column of `source` in the raster, and the raster's rows and columns.
        cells, coefs, exact: The coordinate map, see `coordinates.fill_places`, of all cells.
        cubic: Keys' cubic (a = -0.5), else bilinear.
        span: Columns and rows by which the kernel is widened.
        nodata: (C,), in the dtype of `source`.
        tagged: (C,) bool, whether a band's nodata counts.
        fill: (C,) in the dtype of `out`, where there is no value.
        working: Empty, of the dtype to compute in: float32 or float64.
        limits: Least and greatest value of the stored integers, to which values are rounded; equal for
            floats, which are not.
        out: (C, H, W).
        valid: uint8 (H, W).
    """
    holes = find_holes(source, nodata, tagged)
    width = source.shape[2]
    plane = source.shape[1] * width
    radius = 2 if cubic else 1
    simple = not cubic and span[0] == 1 and span[1] == 1 and source.shape[1] > 1 and width > 1
    simple &= plane < _MOST_NUMBERED
    whole = find_whole(source, nodata, tagged, holes if simple else np.zeros_like(holes))
    gaps = holes.any()
    for number in range(cells.shape[0]):
        cell = cells[number]
        count = cell[3] - cell[2]
        cols, rows = np.empty(count), np.empty(count)
        index, corner = np.empty(count, np.int64), np.zeros(count, np.int32)
        right, lower = np.empty(count, working.dtype), np.empty(count, working.dtype)
        across = np.empty((count, 2 * radius * span[0]), working.dtype)
        down = np.empty((count, 2 * radius * span[1]), working.dtype)
        linear = np.empty((2, 2), working.dtype)
        buffer, observed = np.empty(count, working.dtype), np.empty(count, np.uint8)
        inner = np.zeros(count, np.uint8)
        picks, weighed = np.empty(count, np.int64), np.empty(count, np.uint8)
        for row in range(cell[0], cell[1]):
            fill_places(cell, coefs[number], exact, row, cols, rows)
            begin = row * out.shape[2] + cell[2]
            seen = line_of(address_of(valid), begin, count, valid)
            for i in range(count):
                seen[i] = 1
            first, after, rest = 0, 0, count
            if simple:
                first, after, rest = _corners(
                    cols, rows, window, width, corner, right, lower, inner
                )
                bilinear_row(source, corner, first, after, right, lower, out, begin)
                if not gaps and rest == 0:
                    _clear_ends(first, after, count, begin, fill, out, seen)
                    continue
            index_pixels(cols, rows, window, width, 0.0, index)
            rim = _pick_rim(index, inner, picks)
            for i in range(count):
                seen[i] = index[i] >= 0
            weighed[:] = 0
            for band in range(source.shape[0]):
                place = band * out.shape[1] * out.shape[2] + begin
                line = line_of(address_of(out), place, count, out)
                empty = fill[band]
                for i in range(count):
                    line[i] = line[i] if index[i] >= 0 else empty
                pick_count = rim
                if holes[band] and simple:
                    pick_count = _add_broken(inner, corner, whole, band * plane, picks, rim)
                if pick_count == 0:
                    continue
                _weigh_picks(cols, rows, picks, pick_count, cubic, span, across, down, weighed)
                values = line_of(address_of(source), band * plane, plane, source)
                _kernel_row(
                    values, width, window, cols, rows, index, picks, pick_count, cubic, across, down, linear,
                    nodata[band], tagged[band], buffer, observed,
                )  # fmt: skip
                _write_picks(picks, pick_count, buffer, observed, limits, empty, line, seen)


@compiled
def find_holes(source: np.ndarray, nodata: np.ndarray, tagged: np.ndarray) -> np.ndarray:
    """(C,) bool, whether a band of the window (C, h, w) has an unobserved pixel."""
    holes = np.zeros(source.shape[0], np.bool_)
    plane = source.shape[1] * source.shape[2]
    for band in range(source.shape[0]):
        values = line_of(address_of(source), band * plane, plane, source)
        unobserved, holds = nodata[band], tagged[band]
        count = 0
        for i in range(plane):
            count += (values[i] != values[i]) | (holds & (values[i] == unobserved))
        holes[band] = count > 0
    return holes


@compiled
def find_whole(
    source: np.ndarray, nodata: np.ndarray, tagged: np.ndarray, holes: np.ndarray
) -> np.ndarray:
    """Whether each pixel and its neighbours to the right, below and across are all observed.

    Returns:
        uint8, one a value of `source` (C, h, w), set for bands that have holes; empty where none has.
    """
    if not holes.any():
        return np.empty(0, np.uint8)
    width = source.shape[2]
    plane = source.shape[1] * width
    whole = np.empty(source.size, np.uint8)
    for band in range(source.shape[0]):
        if not holes[band]:
            continue
        values = line_of(address_of(source), band * plane, plane, source)
        seen = line_of(address_of(whole), band * plane, plane, whole)
        unobserved, holds = nodata[band], tagged[band]
        for i in range(plane):
            seen[i] = np.uint8(not ((values[i] != values[i]) | (holds & (values[i] == unobserved))))
        for i in range(plane - width - 1):
            seen[i] &= seen[i + 1] & seen[i + width] & seen[i + width + 1]
    return whole


@compiled
def _corners(
    cols: np.ndarray,
    rows: np.ndarray,
    window: tuple[int, int, int, int],
    width: int,
    corner: np.ndarray,
    right: np.ndarray,
    lower: np.ndarray,
    inner: np.ndarray,
) -> tuple[int, int, int]:
    """Upper left of the four pixels around each place, and the shares of the right and lower ones.

    At the raster's edge, where there are but two or one, those have the whole share.

    Returns:
        First of the places in the raster, the one after the first run of them, where `inner` is 1, and how
        many are in the raster beyond that run. The rest of `corner` means nothing.
    """
    last_col, last_row = window[3] - 2.0, window[2] - 2.0
    within = 0
    for i in range(cols.size):
        at_col, at_row = np.floor(cols[i] + SNAP_PX), np.floor(rows[i] + SNAP_PX)
        inside = (at_col >= 0) & (at_col < window[3]) & (at_row >= 0) & (at_row < window[2])
        col, row = cols[i] - 0.5, rows[i] - 0.5
        left = min(max(np.floor(col), 0.0), last_col)
        top = min(max(np.floor(row), 0.0), last_row)
        right[i], lower[i] = min(max(col - left, 0.0), 1.0), min(max(row - top, 0.0), 1.0)
        place = (top - window[0]) * width + (left - window[1])
        corner[i] = np.int32(place if inside else 0.0)
        inner[i] = np.uint8(inside)
        within += inside
    first = 0
    while first < inner.size and not inner[first]:
        first += 1
    after = first
    while after < inner.size and inner[after]:
        after += 1
    inner[after:] = 0
    return first, after, within - (after - first)


@compiled
def _clear_ends(
    first: int,
    after: int,
    count: int,
    begin: int,
    fill: np.ndarray,
    out: np.ndarray,
    seen: np.ndarray,
) -> None:
    """Fill a row before `first` and from `after` on, in all bands: there is nothing."""
    layer = out.shape[1] * out.shape[2]
    for start, stop in ((0, first), (after, count)):
        if start == stop:
            continue
        for i in range(start, stop):
            seen[i] = 0
        for band in range(out.shape[0]):
            line = line_of(address_of(out), band * layer + begin + start, stop - start, out)
            for i in range(stop - start):
                line[i] = fill[band]


@compiled
def _pick_rim(index: np.ndarray, inner: np.ndarray, picks: np.ndarray) -> int:
    """Number the places in the raster that `bilinear_row` left out; returns how many."""
    pick_count = 0
    for i in range(index.size):
        if index[i] >= 0 and not inner[i]:
            picks[pick_count] = i
            pick_count += 1
    return pick_count


@compiled
def _add_broken(
    inner: np.ndarray,
    corner: np.ndarray,
    whole: np.ndarray,
    origin: int,
    picks: np.ndarray,
    pick_count: int,
) -> int:
    """Number also the places that have four pixels but not all observed; returns how many in all."""
    for i in range(inner.size):
        if inner[i] and not whole[origin + corner[i]]:
            picks[pick_count] = i
            pick_count += 1
    return pick_count


@compiled
def _weigh_picks(
    cols: np.ndarray,
    rows: np.ndarray,
    picks: np.ndarray,
    pick_count: int,
    cubic: bool,
    span: tuple[int, int],
    across: np.ndarray,
    down: np.ndarray,
    weighed: np.ndarray,
) -> None:
    """A kernel's weights along both axes for the first `pick_count` places, unless `weighed` has them."""
    for pick in range(pick_count):
        i = picks[pick]
        if not weighed[i]:
            _weigh(cols[i], cubic, span[0], across, i)
            _weigh(rows[i], cubic, span[1], down, i)
            weighed[i] = 1


@compiled
def _write_picks(
    picks: np.ndarray,
    pick_count: int,
    buffer: np.ndarray,
    observed: np.ndarray,
    limits: tuple[float, float],
    empty: float,
    line: np.ndarray,
    seen: np.ndarray,
) -> None:
    """Values and validity of the first `pick_count` places picked."""
    for pick in range(pick_count):
        i = picks[pick]
        if observed[i]:
            line[i] = finished(buffer, i, limits)
        else:
            line[i] = empty
            seen[i] = 0


@compiled
def finished(buffer: np.ndarray, i: int, limits: tuple[float, float]) -> float:
    """One value, rounded (halves up) and limited where it stands for an integer."""
    value: float = buffer[i]
    if limits[0] != limits[1]:
        value = min(max(np.floor(buffer[i] + buffer.dtype.type(HALF)), limits[0]), limits[1])
    return value


@compiled
def _weigh(at: float, cubic: bool, span: int, weights: np.ndarray, i: int) -> None:
    """A kernel's weights along one axis, (N, 2 * radius * span), of the pixels around the place `i`."""
    reach = weights.shape[1] // 2
    share = at - 0.5 - np.floor(at - 0.5)
    for tap in range(weights.shape[1]):
        distance = abs(tap + 1 - reach - share) / span
        if not cubic:
            weight = max(1.0 - distance, 0.0)
        elif distance <= 1.0:
            weight = (1.5 * distance - 2.5) * distance * distance + 1.0
        elif distance < 2.0:
            weight = ((2.5 - 0.5 * distance) * distance - 4.0) * distance + 2.0
        else:
            weight = 0.0
        weights[i, tap] = weight


@compiled
def _kernel_row(
    values: np.ndarray,
    width: int,
    window: tuple[int, int, int, int],
    cols: np.ndarray,
    rows: np.ndarray,
    index: np.ndarray,
    picks: np.ndarray,
    pick_count: int,
    cubic: bool,
    across: np.ndarray,
    down: np.ndarray,
    linear: np.ndarray,
    unobserved: float,
    tagged: bool,
    buffer: np.ndarray,
    observed: np.ndarray,
) -> None:
    """Weighted means of the observed ones of the pixels around the first `pick_count` places picked.

    As GDAL has it, a cubic kernel that is not widened and lacks one of its 16 pixels gives way to bilinear.
    """
    lone = cubic and across.shape[1] == 4 and down.shape[1] == 4
    for pick in range(pick_count):
        i = picks[pick]
        buffer[i] = 0
        observed[i] = 0
        centre = values[index[i]]
        if centre != centre or (tagged and centre == unobserved):
            continue
        left, top = int(np.floor(cols[i] - 0.5)), int(np.floor(rows[i] - 0.5))
        total, weights, missing = _weighted(
            values, width, window, left, top, across[i], down[i], unobserved, tagged
        )
        if lone and missing:
            _weigh(cols[i], False, 1, linear, 0)
            _weigh(rows[i], False, 1, linear, 1)
            total, weights, missing = _weighted(
                values, width, window, left, top, linear[0], linear[1], unobserved, tagged
            )
        observed[i] = 1
        buffer[i] = total / weights if weights >= _LEAST_WEIGHT else centre


@compiled
def _weighted(
    values: np.ndarray,
    width: int,
    window: tuple[int, int, int, int],
    left: int,
    top: int,
    across: np.ndarray,
    down: np.ndarray,
    unobserved: float,
    tagged: bool,
) -> tuple[float, float, bool]:
    """Sum of weighted values, sum of weights, and whether a pixel of the kernel is missing.

    `left` and `top` are the pixel before the kernel's middle.
    """
    first_col, first_row = left + 1 - across.size // 2, top + 1 - down.size // 2
    y_start, y_stop = max(-first_row, 0), min(window[2] - first_row, down.size)
    x_start, x_stop = max(-first_col, 0), min(window[3] - first_col, across.size)
    missing = y_stop - y_start < down.size or x_stop - x_start < across.size
    total, weights = 0.0, 0.0
    for y in range(y_start, y_stop):
        start = (first_row + y - window[0]) * width + first_col - window[1]
        for x in range(x_start, x_stop):
            value = values[start + x]
            if value != value or (tagged and value == unobserved):
                missing = True
                continue
            weight = across[x] * down[y]
            total += weight * value
            weights += weight
    return total, weights, missing
