"""What a function of an item's properties says, as text: equal for functions that answer alike for sure."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date, time, timedelta
from typing import Any

_PLAIN = (type(None), bool, int, float, complex, str, bytes, date, time, timedelta, type(Ellipsis))


def function_text(function: Any) -> str | None:
    """A function's code with all plain values that it uses; None where it uses what has no such text.

    Two functions of one text give the same answers: names and addresses do not count, but the code of this
    version of Python, defaults, values from around it, and globals, functions among them, do.

    Example:
        >>> low, high = 10, 20
        >>> function_text(lambda item: item["cloud"] < 10) == function_text(lambda item: item["cloud"] < 10)
        True
        >>> function_text(lambda item: item["cloud"] < 10) == function_text(lambda item: item["cloud"] < 20)
        False
    """
    try:
        return repr(_plain(function, ()))
    except _NoTextError:
        return None


class _NoTextError(Exception):
    """A value has no text that stands for it."""


def _plain(value: Any, within: tuple[Any, ...]) -> Any:
    """Plain data, in which order and type show, that stands for a value."""
    if any(value is outer for outer in within):
        return "again", next(i for i, outer in enumerate(within) if outer is value)
    inner = (*within, value)
    if isinstance(value, _PLAIN):
        return type(value).__name__, repr(value)
    if isinstance(value, types.CodeType):
        return _code(value, inner)
    if isinstance(value, types.ModuleType):
        return "module", value.__name__
    if isinstance(value, types.BuiltinFunctionType | type) and _is_public(value):
        return "named", value.__module__, value.__qualname__
    if isinstance(value, types.FunctionType):
        return "function", *(_plain(part, inner) for part in _parts(value))
    if isinstance(value, Mapping):
        return "mapping", sorted(
            repr((_plain(k, inner), _plain(v, inner))) for k, v in value.items()
        )
    if isinstance(value, Set):
        return "set", sorted(repr(_plain(member, inner)) for member in value)
    if isinstance(value, list | tuple):
        return type(value).__name__, [_plain(member, inner) for member in value]
    raise _NoTextError


def _is_public(value: Any) -> bool:
    """Whether a type or builtin is what its name says, and bound to nothing of the user's."""
    owner = getattr(value, "__self__", None)
    return value.__module__ in ("builtins", "math", "operator", "datetime", "re") and (
        owner is None or isinstance(owner, types.ModuleType)
    )


def _parts(function: types.FunctionType) -> Iterator[Any]:
    yield function.__code__
    yield function.__defaults__
    yield function.__kwdefaults__
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError as error:  # not filled yet
            raise _NoTextError from error
    yield {
        name: function.__globals__[name]
        for name in sorted(set(_names(function.__code__)))
        if name in function.__globals__
    }


def _names(code: types.CodeType) -> Iterator[str]:
    """Names that a function and those inside it look up; attributes among them, which does no harm."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _code(code: types.CodeType, within: tuple[Any, ...]) -> tuple[Any, ...]:
    constants: Sequence[Any] = [_plain(constant, within) for constant in code.co_consts]
    return (
        code.co_code.hex(), constants, code.co_names, code.co_varnames, code.co_freevars,
        code.co_cellvars, code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount, code.co_flags,
    )  # fmt: skip
