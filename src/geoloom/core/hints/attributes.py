"""Attributes that other libraries have, and what they are here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar


class HintsAttributes:
    """Says of attributes that are not there how they are written.

    Example:
        >>> class Mine(HintsAttributes):
        ...     attribute_hints = {"root": "it is path"}
        >>> Mine().root
        Traceback (most recent call last):
        AttributeError: 'Mine' object has no attribute 'root': it is path
    """

    attribute_hints: ClassVar[Mapping[str, str]] = {}
    """By name."""

    if not TYPE_CHECKING:  # else every attribute would seem to be there

        def __getattr__(self, name: str) -> Any:
            hint = type(self).attribute_hints.get(name)
            if hint is None:
                return object.__getattribute__(self, name)  # raises as it did, also for properties
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}: {hint}",
                name=name,
                obj=self,
            )
