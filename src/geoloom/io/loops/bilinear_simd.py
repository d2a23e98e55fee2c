"""Bilinear values of eight pixels at once: the one loop that the compiler does not vectorise by itself.

Neighbours on a grid mostly come from neighbours in the source: eight pixels in a row fall into one run of
source pixels, or two where the row steps up or down. Then their 32 loads are a few wide ones, of the stored
values as they are, and one look at the places serves all bands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it publishes no types
from numba import types
from numba.extending import intrinsic

from .jit import address_of, builds, compiled
from .rounding import HALF

LANES = 8

_LANE_NUMBERS = list(range(LANES))


def _splat(builder: Any, value: Any) -> Any:
    """A vector that holds a value in all lanes."""
    vector = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    for lane in _LANE_NUMBERS:
        vector = builder.insert_element(vector, value, ir.Constant(ir.IntType(32), lane))
    return vector


def _load(builder: Any, element: Any, size: int, address: Any) -> Any:
    vector = ir.VectorType(element, LANES)
    return builder.load(builder.inttoptr(address, vector.as_pointer()), align=size)


@intrinsic  # type: ignore[untyped-decorator]
def _strays(typing_context: Any, address: Any, origin: Any) -> Any:
    """A bit for each of the eight int32 at an address that is not `origin` plus its lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = ir.IntType(32)
        word_loaded = _load(builder, word, 4, args[0])
        lanes = ir.Constant(word_loaded.type, _LANE_NUMBERS)
        stray = builder.icmp_signed("!=", builder.sub(word_loaded, lanes), _splat(builder, args[1]))
        return builder.zext(builder.bitcast(stray, ir.IntType(LANES)), ir.IntType(64))

    return types.int64(types.intp, types.int32), generate


@intrinsic  # type: ignore[untyped-decorator]
def _lowest_bit(typing_context: Any, bits: Any) -> Any:
    """The number of the lowest bit that is set."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), generate


def _lerp(runs: int) -> Callable[..., Any]:
    """An intrinsic that interpolates eight pixels which come from so many runs of source pixels.

    Its arguments are arrays of the dtypes of the stored values, of the shares and of the output; then
    addresses and sizes in bytes: of the upper left pixel of the first and the last lane's run (counted back
    to the first lane), how far below the lower pixels lie, the first lane of the second run, the shares of
    the right and lower pixels, and the output. Stored integers are rounded.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def lerp(
        typing_context: Any,
        stored: Any,
        share: Any,
        given: Any,
        first: Any,
        second: Any,
        below: Any,
        split: Any,
        right: Any,
        lower: Any,
        out: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _, _, _, first, second, below, split, right, lower, out = args
            kind, number = (context.get_value_type(a.dtype) for a in (stored, share))
            size, step = (a.dtype.bitwidth // 8 for a in (share, stored))
            floats = ir.VectorType(number, LANES)

            lanes = ir.Constant(ir.VectorType(split.type, LANES), _LANE_NUMBERS)
            is_first = builder.icmp_signed("<", lanes, _splat(builder, split))

            def load(offset: Any) -> Any:
                values = _load(builder, kind, step, builder.add(first, offset))
                if runs == 2:
                    others = _load(builder, kind, step, builder.add(second, offset))
                    values = builder.select(is_first, values, others)
                if isinstance(stored.dtype, types.Float):
                    return values if kind == number else builder.fpext(values, floats)
                convert = builder.sitofp if stored.dtype.signed else builder.uitofp
                return convert(values, floats)

            def between(start: Any, end: Any, share: Any) -> Any:
                return builder.fadd(start, builder.fmul(share, builder.fsub(end, start)))

            here, beside = (ir.Constant(below.type, offset) for offset in (0, step))
            across, down = (_load(builder, number, size, a) for a in (right, lower))
            upper = between(load(here), load(beside), across)
            under = between(load(below), load(builder.add(below, beside)), across)
            result = between(upper, under, down)
            if isinstance(stored.dtype, types.Integer):
                half = _splat(builder, ir.Constant(number, HALF))
                name = f"llvm.floor.v{LANES}{number.intrinsic_name}"
                call = ir.FunctionType(floats, [floats])
                floor = builder.module.declare_intrinsic(name, (), call)
                result = builder.call(floor, [builder.fadd(result, half)])
            result = _converted(builder, result, share.dtype, given.dtype, context)
            target = builder.inttoptr(out, result.type.as_pointer())
            builder.store(result, target, align=given.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(stored, share, given, *(types.intp,) * 7), generate

    return lerp  # type: ignore[no-any-return]


def _converted(builder: Any, values: Any, of: Any, to: Any, context: Any) -> Any:
    """A vector of floats in another dtype; what an integer cannot hold wraps around."""
    kind = ir.VectorType(context.get_value_type(to), LANES)
    if isinstance(to, types.Float):
        if of.bitwidth == to.bitwidth:
            return values
        return (builder.fpext if of.bitwidth < to.bitwidth else builder.fptrunc)(values, kind)
    # Enough for what is stored: 16 bits are interpolated in float32, 32 in float64.
    whole = builder.fptosi(values, ir.VectorType(ir.IntType(of.bitwidth), LANES))
    if of.bitwidth == to.bitwidth:
        return whole
    return (builder.sext if of.bitwidth < to.bitwidth else builder.trunc)(whole, kind)


_lerp_one, _lerp_two = _lerp(1), _lerp(2)


@compiled
def rounds(source: np.ndarray) -> bool:
    """Whether the dtype is an integer's, so that its values come out rounded."""
    whole: bool = source.dtype.type(0.5) == 0
    return whole


@compiled
def split_of(corner: np.ndarray, here: int, last: int) -> int:
    """How eight pixels of a row come from the source.

    Args:
        corner: int32 (N,), flat numbers of the upper left source pixels.
        here: The first of the eight.
        last: Greatest flat number that may be loaded as an upper left pixel.

    Returns:
        The first lane of the second run; 8 where there is one run, -1 where there are more.
    """
    at, first = address_of(corner) + here * corner.itemsize, corner[here]
    if first + (LANES - 1) > last:
        return -1
    ahead = _strays(at, first)
    if ahead == 0:
        return LANES
    back = corner[here + LANES - 1] - (LANES - 1)
    split: int = _lowest_bit(ahead)
    if back < 0 or _strays(at, np.int32(back)) >> split:
        return -1
    return split


@compiled
def _one_by_one(
    source: np.ndarray,
    corner: np.ndarray,
    start: int,
    stop: int,
    right: np.ndarray,
    lower: np.ndarray,
    out: np.ndarray,
    place: int,
) -> None:
    """As `_eight_at_once`."""
    width, number = source.shape[2], right.dtype.type
    lines = out.reshape(out.shape[0], out.shape[1] * out.shape[2])
    values = source.reshape(source.shape[0], source.shape[1] * width)
    for band in range(source.shape[0]):
        for i in range(start, stop):
            at, share = corner[i], right[i]
            above, beside = number(values[band, at]), number(values[band, at + 1])
            below, across = number(values[band, at + width]), number(values[band, at + width + 1])
            upper = above + share * (beside - above)
            value = upper + lower[i] * (below + share * (across - below) - upper)
            if rounds(source):
                value = np.floor(value + number(HALF))
            lines[band, place + i] = value


@compiled
def _eight_at_once(
    source: np.ndarray,
    corner: np.ndarray,
    start: int,
    stop: int,
    right: np.ndarray,
    lower: np.ndarray,
    out: np.ndarray,
    place: int,
) -> None:
    """Bilinear values, in all bands, of the places from `start` up to `stop` of a row.

    Args:
        source: (C, h, w) of any dtype up to 32 bits, or float64; integers come out rounded, halves up.
        corner: int32 (N,), flat numbers, in a band's window, of the upper left of four pixels that all exist.
        start, stop: Which of them.
        right, lower: (N,), shares of the right and of the lower pixels, in the dtype to compute in.
        out: (C, H, W).
        place: Flat number, in a band of `out`, where the row begins.
    """
    bands, height, width = source.shape
    last = height * width - width - 2
    near, far = source.itemsize, out.itemsize
    plane, layer = height * width * near, out.shape[1] * out.shape[2] * far
    values, line = address_of(source), address_of(out) + place * far
    shares, drops = address_of(right), address_of(lower)
    # The last eight overlap the eight before them where the row is not a multiple of eight.
    for begin in range(start, stop, LANES) if stop - start >= LANES else range(0):
        here = min(begin, stop - LANES)
        split = split_of(corner, here, last)
        if split < 0:
            _one_by_one(source, corner, here, here + LANES, right, lower, out, place)
            continue
        first = values + corner[here] * near
        second = values + (corner[here + LANES - 1] - (LANES - 1)) * near
        across, down = shares + here * right.itemsize, drops + here * right.itemsize
        target = line + here * far
        if split == LANES:
            for band in range(bands):
                _lerp_one(
                    source, right, out, first + band * plane, first + band * plane, width * near,
                    split, across, down, target + band * layer,
                )  # fmt: skip
        else:
            for band in range(bands):
                _lerp_two(
                    source, right, out, first + band * plane, second + band * plane, width * near,
                    split, across, down, target + band * layer,
                )  # fmt: skip
    if stop - start < LANES:
        _one_by_one(source, corner, start, stop, right, lower, out, place)


@compiled
def _eight_are_right() -> bool:
    """Whether eight at once, in one run and in two, are what they are one by one."""
    source = np.arange(36).astype(np.uint8).reshape(1, 3, 12)
    corner = np.array([0, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 14, 15, 16, 17, 18], dtype=np.int32)
    right = np.linspace(0, 0.9, 16).astype(np.float32)
    lower = right[::-1].copy()
    at_once, singly = np.zeros((1, 1, 16), np.uint8), np.zeros((1, 1, 16), np.uint8)
    _eight_at_once(source, corner, 0, 16, right, lower, at_once, 0)
    _one_by_one(source, corner, 0, 16, right, lower, singly, 0)
    return bool((at_once == singly).all())


bilinear_row = _eight_at_once if builds(_eight_are_right) else _one_by_one
"""Bilinear values of a row's places; see `_eight_at_once`."""
