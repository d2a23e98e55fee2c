"""What a setting may be: checks that a config makes of its own fields, with messages that name them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf
from numbers import Integral, Real
from typing import Any

from ..errors import ConfigError, suggest
from .configs import Config


def check_choice(config: Config, choices: Mapping[str, Collection[Any]]) -> None:
    """Refuse a setting that is none of its choices; None, where the default is None, is one.

    Raises:
        ConfigError: a value is another; the message names the setting.
    """
    for name, known in choices.items():
        value = getattr(config, name)
        if value not in known and not (value is None and _is_optional(config, name)):
            raise ConfigError(f"{name} is {value!r}{suggest(str(value), known)}")


def check_whole(config: Config, ranges: Mapping[str, tuple[int, int]], unit: str = "") -> None:
    """Refuse a setting that is no whole number from least to most; None, where the default is None, is one.

    Raises:
        ConfigError: a value is another; the message names the setting.
    """
    for name, (least, most) in ranges.items():
        value = getattr(config, name)
        if value is None and _is_optional(config, name):
            continue
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or not least <= value <= most:
            raise ConfigError(
                f"{name} is {value!r}; give a whole number, at least {least}{unit} and at most {most}{unit}"
            )


def check_positive(config: Config, names: Collection[str], unit: str = "finite") -> None:
    """Refuse a setting that is no finite number above 0; None, where the default is None, is one.

    Raises:
        ConfigError: a value is another; the message names the setting.
    """
    for name in names:
        value = getattr(config, name)
        if value is None and _is_optional(config, name):
            continue
        if not _is_number(value) or not 0 < float(value) < inf:
            raise ConfigError(f"{name} is {value!r}; give a number above 0 ({unit})")


def check_share(config: Config, name: str, advice: str, *, whole: bool = True) -> None:
    """Refuse a setting that is no share from 0 to 1; 1 itself is refused unless `whole`.

    Raises:
        ConfigError: it is another value; the message names the setting and ends with the advice.
    """
    value = getattr(config, name)
    if not _is_number(value) or not (0 <= value < 1 or (whole and value == 1)):
        raise ConfigError(f"{name} is {value!r}; {advice}")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_optional(config: Config, name: str) -> bool:
    return config.__dataclass_fields__[name].default is None
