"""Checking the paper-compatible params dicts: an unknown key is named with the nearest right one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..core.errors import ConfigError, suggest


def check_keys(params: Mapping[str, Any], known: Iterable[str], *, where: str) -> dict[str, Any]:
    """A copy of `params`, once every key is known.

    Raises:
        ConfigError: a key is unknown, or `params` is not a dict.

    Example:
        >>> check_keys({"min": 0}, ["min", "max"], where="norm_range")
        {'min': 0}
    """
    names = tuple(known)
    if not isinstance(params, Mapping):
        raise ConfigError(
            f"{where} takes a dict with the keys {', '.join(names)}; found {params!r}"
        )
    for key in params:
        if key not in names and not names:
            raise ConfigError(f"{where} takes no parameters; found {key!r}")
        if key not in names:
            raise ConfigError(f"{where} has no parameter {key!r}{suggest(key, names)}")
    return dict(params)
