"""The form of a family: networks by name that are listed and built only when one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..specs import ModelSpec


@dataclass(frozen=True, slots=True)
class Family:
    """Networks that another library declares."""

    about: str
    """What they are, in one line."""
    usual: tuple[str, ...]
    """Some of the names, to list without importing the library."""
    names: Callable[[], tuple[str, ...]]
    """All names, without the family's prefix; imports the library."""
    spec: Callable[[str], ModelSpec]
    """The spec of a name. Raises ModelError, which names the nearest, where there is none."""
