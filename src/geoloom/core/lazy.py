"""Names of a package that are imported from its modules when they are first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from opcode import opmap
from types import FrameType
from typing import Any

from .hints.torchgeo import hint_of_name

_IMPORT_FROM = opmap["IMPORT_FROM"]


def lazy_names(
    package: str,
    homes: Mapping[str, Iterable[str]],
    *,
    own: Iterable[str] = (),
    subpackages: Iterable[str] = (),
    others: str | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """The `__getattr__`, `__dir__` and `__all__` of a package that imports nothing until a name is used.

    Type checkers read the same names as imports under `if TYPE_CHECKING:`, each `as` itself, which makes it
    public; what stands here stands in the `else:` of that, so that they still notice a name that is wrong.

    Args:
        package: `__name__` of the package.
        homes: Module, as an import statement in the package has it (`.config`), -> names that it defines.
            None of them is the name of a submodule: once imported, Python puts the module in its place.
        own: Further public names, which the package itself defines.
        subpackages: Packages inside it that become its attributes without being imported first.
        others: A module for names that are not known here, such as those that plugins bring: its
            `named(name)` gives what has a name, or None; its `names()` lists them.

    Returns:
        `__getattr__`, which raises AttributeError for unknown names, and ImportError where a name of
        TorchGeo's is imported, with a hint; `__dir__`; and `__all__`, sorted, without the subpackages.
    """
    home_of = {name: home for home, names in homes.items() for name in names}
    inside = frozenset(subpackages)
    public = sorted([*home_of, *own])

    def get(name: str) -> Any:
        if name in home_of:
            return getattr(import_module(home_of[name], package), name)
        if name in inside:
            return import_module(f".{name}", package)
        if others is not None and name[:1] != "_":
            known = import_module(others, package).named(name)
            if known is not None:
                return known
        hint = hint_of_name(name)
        if hint is not None and _imports(sys._getframe(1)):
            raise ImportError(f"cannot import name {name!r} from {package!r}: {hint}", name=package)
        raise AttributeError(
            f"module {package!r} has no attribute {name!r}" + (f": {hint}" if hint else ""),
            name=name,
            obj=sys.modules[package],
        )

    def names() -> list[str]:
        more = [] if others is None else import_module(others, package).names()
        return sorted([*public, *inside, *more])

    return get, names, public


def _imports(caller: FrameType) -> bool:
    """Whether the caller is at a `from ... import`, which replaces an AttributeError's text by its own."""
    return caller.f_lasti >= 0 and caller.f_code.co_code[caller.f_lasti] == _IMPORT_FROM
