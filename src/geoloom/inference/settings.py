"""Settings of a verb: declared once as a frozen dataclass, given as one, by name, or both."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import Field, fields, replace
from math import inf
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol, TypeVar

from ..core.errors import ConfigError, suggest


class Config(Protocol):
    """A frozen dataclass each of whose fields has a default."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Kind = TypeVar("Kind", bound=Config)


def configured(kind: type[Kind], config: Kind | None, settings: Mapping[str, Any]) -> Kind:
    """A config, or the default one, with the settings that are given by name in place of its own.

    Raises:
        ConfigError: there is no such setting, or `config` is something else.
    """
    if config is not None and not isinstance(config, kind):
        raise ConfigError(
            f"found {config!r:.80}; expected a {kind.__name__}, or settings by their names"
        )
    known = [field.name for field in fields(kind)]
    for name in settings:
        if name not in known:
            raise ConfigError(f"there is no setting {name!r}{suggest(name, known)}")
    return replace(config, **settings) if config is not None else kind(**settings)


def changed(config: Config) -> list[str]:
    """Names of the settings whose value is not the default, in order of declaration."""
    return [f.name for f in fields(config) if not _alike(getattr(config, f.name), f.default)]


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


def check_positive(config: Config, names: Collection[str], unit: str) -> None:
    """Refuse a setting that is no finite number above 0; None, where the default is None, is one.

    Raises:
        ConfigError: a value is another; the message names the setting.
    """
    for name in names:
        value = getattr(config, name)
        if value is None and _is_optional(config, name):
            continue
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < inf:
            raise ConfigError(f"{name} is {value!r}; give a number above 0 ({unit})")


def _is_optional(config: Config, name: str) -> bool:
    return config.__dataclass_fields__[name].default is None


def _alike(value: Any, default: Any) -> bool:
    # Values that compare element by element, such as tables, are no defaults.
    return type(value) is type(default) and bool(value == default)
