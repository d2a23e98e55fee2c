"""How inner loops are compiled: without the GIL, kept on disk, and compiled again when they change.

Modules of compiled loops are imported only where pixels are read: importing numba takes a third of a second.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it publishes no types
from numba import carray, types
from numba.core.errors import NumbaError
from numba.extending import intrinsic

from .jit_cache import kept

log = logging.getLogger(__name__)

_UNBUILT = (NumbaError, AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What numba and llvmlite raise where they no longer build something."""

_Loop = TypeVar("_Loop", bound=Callable[..., Any])


def compiled(loop: _Loop) -> _Loop:
    """Compile on first use, per argument types; later processes load what an earlier one compiled."""
    return cast(_Loop, kept(loop, nogil=True, error_model="numpy"))


def fused(loop: _Loop) -> _Loop:
    """`compiled`, where a product and a sum may become one operation, which rounds once."""
    return cast(_Loop, kept(loop, nogil=True, error_model="numpy", fastmath={"contract"}))


def builds(trial: Callable[..., Any], *arguments: Any) -> bool:
    """Whether a compiled loop that goes beneath numba's own language can be built, and then gives True.

    What it stands for then has a plain equivalent: numba and llvmlite promise their language, not what they
    make of it.
    """
    try:
        return bool(trial(*arguments))
    except _UNBUILT as error:
        log.info("%s: done plainly, as it cannot be built: %s", trial.__name__, error)
        return False


@intrinsic  # type: ignore[untyped-decorator]
def pointer(typing_context: Any, address: Any) -> Any:
    """An integer address as the pointer that `carray` takes.

    Source: https://numba.readthedocs.io/en/stable/extending/high-level.html#implementing-intrinsics
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def _ask_for(typing_context: Any, address: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place, word = context.get_value_type(types.voidptr), ir.IntType(32)
        call = ir.FunctionType(ir.VoidType(), [place, word, word, word])
        ask = builder.module.declare_intrinsic("llvm.prefetch.p0", (), call)
        to_read, keep, data = (ir.Constant(word, n) for n in (0, 3, 1))
        builder.call(ask, [builder.inttoptr(args[0], place), to_read, keep, data])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@compiled
def _prefetching(address: int) -> bool:
    _ask_for(address)
    return True


@compiled
def _ask_not(address: int) -> None:
    """Nothing."""


prefetch = _ask_for if builds(_prefetching, 0) else _ask_not
"""Asks for the memory at an address, which need not exist, before it is needed."""


@compiled
def address_of(array: np.ndarray) -> int:
    """Where an array's first value lies in memory."""
    return array.ctypes.data


@compiled
def line_of(origin: int, place: int, width: int, like: np.ndarray) -> np.ndarray:
    """`width` values of the dtype of `like`, `place` values after the address `origin`.

    A slice of an array counts references, atomically, each time that it is made; this does not.
    """
    line: np.ndarray = carray(pointer(origin + place * like.itemsize), (width,), like.dtype)
    return line
