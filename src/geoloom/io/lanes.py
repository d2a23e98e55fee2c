"""Bilinear values of eight pixels at once: the one loop that the compiler does not vectorise by itself.

Neighbours on a grid mostly come from neighbours in the source: eight pixels in a row fall into one run of
source pixels, or two where the row steps up or down. Then their sixteen loads are a few wide ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it publishes no types
from numba import types
from numba.extending import intrinsic

from .compiled import address_of, compiled

LANES = 8


def _lerp(runs: int) -> Callable[..., Any]:
    """An intrinsic that interpolates eight pixels which come from so many runs of source pixels.

    Its arguments are an array of the values' dtype, then addresses and sizes in bytes: of the upper left
    pixel of the first and the last lane's run (counted back to the first lane), how far below the lower
    pixels lie, the first lane of the second run, the shares of the right and lower pixels, and the output.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def lerp(
        typing_context: Any,
        like: Any,
        first: Any,
        second: Any,
        below: Any,
        split: Any,
        right: Any,
        lower: Any,
        out: Any,
    ) -> Any:
        wide = like.dtype == types.float64
        number, size = (ir.DoubleType(), 8) if wide else (ir.FloatType(), 4)
        vector = ir.VectorType(number, LANES)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _, first, second, below, split, right, lower, out = args

            def load(address: Any, offset: int = 0) -> Any:
                at = builder.add(address, ir.Constant(address.type, offset))
                return builder.load(builder.inttoptr(at, vector.as_pointer()), align=size)

            def between(start: Any, end: Any, share: Any) -> Any:
                return builder.fadd(start, builder.fmul(share, builder.fsub(end, start)))

            share, drop = load(right), load(lower)

            def run(address: Any) -> Any:
                under = builder.add(address, below)
                upper = between(load(address), load(address, size), share)
                return between(upper, between(load(under), load(under, size), share), drop)

            result = run(first)
            if runs == 2:
                lane = ir.VectorType(split.type, LANES)
                numbers = ir.Constant(lane, list(range(LANES)))
                splits = ir.Constant(lane, ir.Undefined)
                for i in range(LANES):
                    splits = builder.insert_element(splits, split, ir.Constant(ir.IntType(32), i))
                before = builder.icmp_signed("<", numbers, splits)
                result = builder.select(before, result, run(second))
            builder.store(result, builder.inttoptr(out, vector.as_pointer()), align=size)
            return context.get_dummy_value()

        return types.void(like, *(types.intp,) * 7), generate

    return lerp  # type: ignore[no-any-return]


_lerp_one, _lerp_two = _lerp(1), _lerp(2)


@compiled
def find_runs(corner: np.ndarray, start: int, stop: int, last: int, splits: np.ndarray) -> None:
    """How each eight of the pixels from `start` up to `stop` come from the source.

    Args:
        corner: uint64 (N,), flat numbers of the upper left source pixels.
        start, stop: Which of them.
        last: Greatest flat number that may be loaded as an upper left pixel.
        splits: int64, at least (stop - start) // 8: the first lane of the second run, 8 where there is one
            run, -1 where there are more.
    """
    for group in range((stop - start) // LANES):
        origin = start + group * LANES
        first = np.int64(corner[origin])
        back = np.int64(corner[origin + LANES - 1]) - (LANES - 1)
        split = LANES
        for lane in range(LANES):
            at = np.int64(corner[origin + lane])
            if split == LANES and at != first + lane:
                split = lane
            if split < LANES and at != back + lane:
                split = -1
                break
        if first + LANES - 1 > last or (split != LANES and back < 0):
            split = -1
        splits[group] = split


@compiled
def bilinear_row(
    values: np.ndarray,
    width: int,
    corner: np.ndarray,
    start: int,
    stop: int,
    splits: np.ndarray,
    right: np.ndarray,
    lower: np.ndarray,
    buffer: np.ndarray,
) -> None:
    """Bilinear values of the places from `start` up to `stop` of a row, which have all four pixels.

    Args:
        values: (n,) float32 or float64, a window of the source.
        width: Its columns.
        corner, start, stop, splits: See `find_runs`.
        right, lower: (N,), shares of the right and of the lower pixels.
        buffer: (N,), the result.
    """
    size = values.itemsize
    source, shares = address_of(values), address_of(right)
    drops, out = address_of(lower), address_of(buffer)
    groups = (stop - start) // LANES
    for group in range(groups):
        here, split = start + group * LANES, splits[group]
        offset = here * size
        first = source + np.int64(corner[here]) * size
        if split == LANES:
            _lerp_one(
                values, first, first, width * size, split,
                shares + offset, drops + offset, out + offset,
            )  # fmt: skip
        elif split > 0:
            second = source + (np.int64(corner[here + LANES - 1]) - (LANES - 1)) * size
            _lerp_two(
                values, first, second, width * size, split,
                shares + offset, drops + offset, out + offset,
            )  # fmt: skip
        else:
            _bilinear_some(values, width, corner, right, lower, buffer, here, here + LANES)
    _bilinear_some(values, width, corner, right, lower, buffer, start + groups * LANES, stop)


@compiled
def _bilinear_some(
    values: np.ndarray,
    width: int,
    corner: np.ndarray,
    right: np.ndarray,
    lower: np.ndarray,
    buffer: np.ndarray,
    start: int,
    stop: int,
) -> None:
    beside, below, across = np.uint64(1), np.uint64(width), np.uint64(width + 1)
    for i in range(start, stop):
        at, share = corner[i], right[i]
        above = values[at] + share * (values[at + beside] - values[at])
        under = values[at + below] + share * (values[at + across] - values[at + below])
        buffer[i] = above + lower[i] * (under - above)
