"""Classes of files that hold bare codes: names and colours said beside them, in one spelling everywhere."""

from __future__ import annotations

from collections.abc import Mapping

from .classes import Classes
from .errors import ConfigError, suggest

CodeNames = Mapping[int, str]
"""Class name by stored code, 0..255: `{1: "cropland", 2: "forest"}`; `--class 1=cropland`."""
ClassColors = Mapping[str, str]
"""`#rrggbb`, or `transparent`, by class name; `--color cropland=#f2b134`."""


def named_classes(names: CodeNames, colors: ClassColors | None = None) -> Classes:
    """Classes of codes, by rising code.

    Args:
        names: Name by code.
        colors: Of some of the classes; the others get fitting ones.

    Raises:
        ConfigError: a colour is given for a class that there is not.
        ModelError: a code is outside 0..255, or two have one name.

    Example:
        >>> named_classes({7: "water", 2: "rest"}, {"rest": "transparent"}).codes
        (2, 7)
    """
    by_code = dict(sorted(names.items()))
    return recolored(Classes.of(list(by_code.values()), list(by_code)), colors)


def as_classes(given: Classes | CodeNames | None) -> Classes | None:
    """Classes, or names by code as classes; None stays.

    Raises:
        ModelError: as `named_classes`.
    """
    return given if given is None or isinstance(given, Classes) else named_classes(given)


def recolored(classes: Classes, colors: ClassColors | None) -> Classes:
    """The classes with other colours for some of them, by name; those not named keep theirs.

    Raises:
        ConfigError: a colour is given for a class that there is not.
        ModelError: a colour is not `#rrggbb`.
    """
    if not colors:
        return classes
    for name in colors:
        if name not in classes.names:
            raise ConfigError(f"colors: no class is named {name!r}{suggest(name, classes.names)}")
    own = dict(zip(classes.names, classes.colors, strict=True))
    own.update(dict.fromkeys(classes.transparent, "transparent"))
    own.update(colors)
    return Classes.of(
        classes.names,
        classes.codes,
        [own[name] for name in classes.names],
        before=classes.before,
        after=classes.after,
    )
