"""Where compiled loops are kept on disk, and what makes a kept one stale.

numba watches the one file that a loop stands in. Here each loop is watched with the helpers that it calls and
the constants that are compiled into it, wherever these stand, and with nothing else.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from functools import cached_property
from hashlib import blake2b
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import njit

log = logging.getLogger(__name__)

_PACKAGE = __name__.partition(".")[0]
_CONSTANTS = (bool, int, float, complex, str, bytes, type(None), np.generic)


def kept(loop: Callable[..., Any], **options: Any) -> Any:
    """The loop compiled by numba on first use, and kept on disk for later processes.

    Without a place that may be written (numba tries `NUMBA_CACHE_DIR`, the package's folder, the user's
    cache), each process compiles again; so too should a numba keep its files in a way unknown here, for a
    loop that is kept without its helpers being watched may be wrong.
    """
    try:
        dispatcher = njit(cache=True, **options)(loop)
    except RuntimeError as error:
        _say_once(f"compiled loops are not kept: {error}; NUMBA_CACHE_DIR names a place for them")
        return njit(**options)(loop)
    cache: Any = getattr(dispatcher, "_cache", None)
    files: Any = getattr(cache, "_cache_file", None)
    if not (hasattr(files, "_source_stamp") and hasattr(cache, "save_overload")):
        _say_once("compiled loops are not kept: this version of numba is not known to geoloom")
        return njit(**options)(loop)
    files._source_stamp = Stamp(loop, repr(sorted(options.items())))
    cache.save_overload = _without_failing(cache.save_overload, cache)
    return dispatcher


class Stamp:
    """What a loop is compiled from, computed when it is first compared: its helpers may stand below it."""

    def __init__(self, loop: Callable[..., Any], options: str) -> None:
        self._loop, self._options = loop, options

    @cached_property
    def text(self) -> str:
        """A digest of the code and the constants of the loop and of all that it calls."""
        digest = blake2b(self._options.encode(), digest_size=16)
        for part in _function(self._loop, set()):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return str(other) == self.text

    __hash__ = None  # type: ignore[assignment]  # compared, never looked up

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (self.text,)


def _without_failing(save: Callable[..., None], cache: Any) -> Callable[..., None]:
    def attempt(signature: Any, compiled: Any) -> None:
        try:
            save(signature, compiled)
        except OSError as error:  # a full disk does not stop a read
            cache.disable()
            _say_once(f"compiled loops are not kept: {error}")

    return attempt


_SAID: set[str] = set()


def _say_once(text: str) -> None:
    if not _SAID:
        log.warning("%s; each process compiles them again", text)
    _SAID.add(text)


def _function(function: Any, seen: set[CodeType]) -> Iterator[str]:
    """What a Python function is made of, with the functions of this package that it names."""
    if function.__code__ in seen:
        return
    seen.add(function.__code__)
    yield f"{function.__module__}.{function.__qualname__}{function.__defaults__!r}"
    for cell in function.__closure__ or ():
        yield from _value(cell.cell_contents, seen)
    yield from _code(function.__code__, function.__globals__, seen)


def _code(code: CodeType, names: dict[str, Any], seen: set[CodeType]) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant, names, seen)
        else:
            yield from _value(constant, seen)
    for name in code.co_names:
        if name in names:
            yield name
            yield from _value(names[name], seen)


def _value(value: Any, seen: set[CodeType]) -> Iterator[str]:
    """A global name's meaning: a helper's code, a constant's value, else where it comes from."""
    inner = inspect.unwrap(value) if callable(value) else value
    if isinstance(inner, FunctionType) and inner.__module__.partition(".")[0] == _PACKAGE:
        yield from _function(inner, seen)
    elif isinstance(inner, np.ndarray):
        yield f"{inner.dtype} {inner.shape} {inner.tobytes().hex()}"
    elif isinstance(inner, (tuple, list)):
        for item in inner:
            yield from _value(item, seen)
    elif isinstance(inner, frozenset):
        yield repr(sorted(map(repr, inner)))  # their order differs from process to process
    elif isinstance(inner, _CONSTANTS):
        yield repr(inner)
    elif isinstance(inner, ModuleType):
        yield inner.__name__
    else:
        yield f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', type(inner).__name__)}"
