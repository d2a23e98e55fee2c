"""uint16 values as float32, written past the processor's caches.

A batch is larger than the caches. A plain store fetches each line before it overwrites it; this does without,
which pays for part of a chip's checksum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it publishes no types
from numba import types
from numba.extending import intrinsic

from ...io.loops.jit import address_of, builds, compiled

_LINE_BYTES = 64
_LINE = _LINE_BYTES // 4
"""float32 values of one line of cache."""


@intrinsic  # type: ignore[untyped-decorator]
def _widen_line(typing_context: Any, source: Any, target: Any) -> Any:
    """One line, from any address to one that is a multiple of the line's bytes.

    Source: https://llvm.org/docs/LangRef.html#store-instruction, of `!nontemporal`.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        stored = ir.VectorType(ir.IntType(16), _LINE)
        given = ir.VectorType(ir.FloatType(), _LINE)
        line = builder.load(builder.inttoptr(args[0], stored.as_pointer()), align=2)
        place = builder.inttoptr(args[1], given.as_pointer())
        store = builder.store(builder.uitofp(line, given), place, align=_LINE_BYTES)
        one = ir.Constant(ir.IntType(32), 1)
        store.set_metadata("nontemporal", builder.module.add_metadata([one]))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def _settle(typing_context: Any) -> Any:
    """Let what was written past the caches be seen before what is written later."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


@compiled
def _past_the_caches(source: np.ndarray, target: np.ndarray) -> None:
    """uint16 (n,) as float32 (n,), both contiguous."""
    start, end = address_of(source), address_of(target)
    i = 0
    while i < source.size and (end + 4 * i) % _LINE_BYTES:
        target[i] = source[i]
        i += 1
    while i + _LINE <= source.size:
        _widen_line(start + 2 * i, end + 4 * i)
        i += _LINE
    while i < source.size:
        target[i] = source[i]
        i += 1
    _settle()


@compiled
def _is_right() -> bool:
    source = np.arange(65_400, 65_536).astype(np.uint16)
    target = np.zeros(source.size, np.float32)
    _past_the_caches(source, target)
    return bool((target == source).all())


def _plainly(source: np.ndarray, target: np.ndarray) -> None:
    np.copyto(target, source, casting="unsafe")


widen = _past_the_caches if builds(_is_right) else _plainly
"""`target[...] = source`; uint16 (n,) and float32 (n,), both contiguous; float32 holds each exactly."""
