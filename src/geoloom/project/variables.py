"""Variables of a project file: `${name}` inside any text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..core.errors import ConfigError, suggest
from .plain_yaml import MOST_CHARACTERS

MOST_LINKS = 40
"""Variables that lead from one to the next."""

_REFERENCE = re.compile(r"\$\{([^}]*)\}")


def resolve(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with the references among them filled in.

    Raises:
        ConfigError: a reference names no variable, or two refer to each other.

    Example:
        >>> resolve({"root": "data", "scene": "${root}/a.tif"})["scene"]
        'data/a.tif'
    """
    done: dict[str, Any] = {}

    def value(name: str, path: tuple[str, ...]) -> Any:
        if len(path) > MOST_LINKS:
            raise ConfigError(f"variables refer to each other over more than {MOST_LINKS} links")
        if name in path:
            raise ConfigError(
                f"variables refer to each other: {' -> '.join((*path[path.index(name) :], name))}"
            )
        if name not in done:
            wanted = references(variables[name])
            _check(wanted, variables)
            inner = {other: value(other, (*path, name)) for other in wanted}
            done[name] = fill(variables[name], inner)
        return done[name]

    return {name: value(name, ()) for name in variables}


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """`value` with every `${name}` in its texts replaced, at any depth.

    A text that is nothing but one reference takes the variable's own type: `epochs: ${epochs}` is a number.

    Raises:
        ConfigError: a reference names no variable, of which the message names the nearest; or a text grows
            beyond what any setting needs.

    Example:
        >>> fill({"size": "${size}", "out": "${out}/map.tif"}, {"size": 256, "out": "work"})
        {'size': 256, 'out': 'work/map.tif'}
    """
    if isinstance(value, dict):
        return {key: fill(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value
    _check(references(value), variables)
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return variables[whole[1].strip()]
    grown = len(value) + sum(len(str(variables[name])) for name in references(value))
    if grown > MOST_CHARACTERS:
        raise ConfigError(
            f"{value[:40]!r} grows to more than {MOST_CHARACTERS} characters with its variables filled in"
        )
    return _REFERENCE.sub(lambda match: str(variables[match[1].strip()]), value)


def references(value: Any) -> list[str]:
    """Names that a text refers to, in order; none for anything but a text."""
    return [name.strip() for name in _REFERENCE.findall(value)] if isinstance(value, str) else []


def _check(names: list[str], variables: Mapping[str, Any]) -> None:
    for name in names:
        if name not in variables:
            raise ConfigError(f"${{{name}}} is not a variable{suggest(name, variables)}")
