"""Things that users name: made known, listed, looked up, and the nearest name where one is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from ..errors import ConfigError, GeoloomError, suggest
from .plugins import load_known_plugins

T = TypeVar("T")


class Registry(Generic[T]):
    """Values by name.

    An entry may be given as text, `"package.module:attribute"`: it is imported when it is first looked up.
    Where a name is not known, the plugins of installed packages are loaded, which may register it.

    Args:
        noun: What an entry is, for messages, such as `loss`.
        entries: Those known from the start.
        error: What is raised about names.
        hint: A sentence that ends the message about an unknown name.

    Example:
        >>> losses = Registry("loss", {"dice": min, "root": "math:sqrt"})
        >>> losses.register("focal", max)
        >>> losses.list(), losses.get("root")(9.0)
        (('dice', 'focal', 'root'), 3.0)
    """

    def __init__(
        self,
        noun: str,
        entries: Mapping[str, T | str] | None = None,
        *,
        error: type[GeoloomError] = ConfigError,
        hint: str = "",
    ) -> None:
        self._noun = noun
        self._entries: dict[str, Any] = dict(entries or {})
        self._error = error
        self._hint = hint

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        """The names in the order in which they came."""
        return iter(tuple(self._entries))

    def list(self) -> tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(self._entries))

    def get(self, name: str) -> T:
        """The entry of a name.

        Raises:
            GeoloomError: as the registry's `error`: there is none; the message names the nearest.
        """
        if isinstance(name, str) and name not in self._entries:
            load_known_plugins()
        try:
            entry: T | str = self._entries[name]
        except (KeyError, TypeError):  # a list, say, is not a name
            raise self._error(
                f"no {self._noun} is named {name!r}{suggest(name, self.list())}{self._hint}"
            ) from None
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            loaded: T = getattr(import_module(module), attribute)
            self._entries[name] = loaded
            return loaded
        return entry

    def register(self, name: str, entry: T | str, *, overwrite: bool = False) -> None:
        """Make an entry known by name.

        Raises:
            GeoloomError: as the registry's `error`: the name is taken, and `overwrite` is False.
        """
        if name in self._entries and not overwrite:
            raise self._error(
                f"the {self._noun} {name!r} is registered already; choose another name or overwrite=True"
            )
        self._entries[name] = entry
