"""How inner loops are compiled: without the GIL, kept on disk, and made anew when any of them changes.

Modules of compiled loops are imported only where pixels are read: importing numba takes a third of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it publishes no types
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_Loop = TypeVar("_Loop", bound=Callable[..., Any])


def _stamp() -> tuple[float, int]:
    """One mark for the state of all compiled sources."""
    sources = [path.stat() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return max(s.st_mtime for s in sources), sum(s.st_size for s in sources)


_STAMP = _stamp()


def compiled(loop: _Loop) -> _Loop:
    """Compile on first use, per argument types; later processes load what an earlier one compiled."""
    return cast(_Loop, _kept(njit(nogil=True, cache=True, error_model="numpy")(loop)))


def fused(loop: _Loop) -> _Loop:
    """`compiled`, where a product and a sum may become one operation, which rounds once."""
    quick = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})(loop)
    return cast(_Loop, _kept(quick))


def _kept(dispatcher: Any) -> Any:
    # numba only watches the file that a function stands in, so that a change in a helper of another
    # file would go unseen: https://numba.readthedocs.io/en/stable/developer/caching.html
    kept = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if kept is not None and hasattr(kept, "_source_stamp"):
        kept._source_stamp = _STAMP
    return dispatcher


@intrinsic  # type: ignore[untyped-decorator]
def pointer(typing_context: Any, address: Any) -> Any:
    """An integer address as the pointer that `carray` takes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, address: Any) -> Any:
    """Ask for the memory at an address, which need not exist, before it is needed."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = [cgutils.voidptr_t, *(ir.IntType(32),) * 3]
        call = ir.FunctionType(ir.VoidType(), kinds)
        ask = cgutils.get_or_insert_function(builder.module, call, "llvm.prefetch.p0")
        to_read, keep, data = (ir.Constant(ir.IntType(32), n) for n in (0, 3, 1))
        builder.call(ask, [builder.inttoptr(args[0], cgutils.voidptr_t), to_read, keep, data])
        return context.get_dummy_value()

    return types.void(types.intp), generate


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
