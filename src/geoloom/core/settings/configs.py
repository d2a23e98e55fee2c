"""Settings as one value: made of a config and of settings by name, knowing which of them were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from functools import partial
from typing import Any, ClassVar, Protocol, Self, TypeVar

from ..errors import ConfigError, suggest


class Config(Protocol):
    """A frozen dataclass each of whose fields has a default."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


Kind = TypeVar("Kind", bound=Config)


class GivenSettings:
    """Base of a config that tells a setting that was given from one that was left out.

    A default that is given, as in `TrainConfig(epochs=50)`, is given all the same. Equality asks for the
    values alone. `configured` keeps what was given; `dataclasses.replace` makes all of it given.
    """

    __slots__ = ("given",)

    given: frozenset[str]
    """Names of the settings that were given; the others have their defaults."""

    def __new__(cls, **settings: Any) -> Self:
        """Note the names; the dataclass takes the values."""
        made = super().__new__(cls)
        object.__setattr__(made, "given", frozenset(settings))  # frozen
        return made

    def __reduce__(self) -> tuple[partial[Self], tuple[()]]:
        """As it was made, so that a copy knows the same."""
        return partial(type(self), **given_settings(self)), ()


def given_settings(config: Any) -> dict[str, Any]:
    """The settings that a config was given, with their values; all of them, where it does not tell."""
    names = [field.name for field in fields(config)]
    if isinstance(config, GivenSettings):
        names = [name for name in names if name in config.given]
    return {name: getattr(config, name) for name in names}


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
    own = {} if config is None else given_settings(config)
    return kind(**{**own, **settings})


def changed(config: Config) -> list[str]:
    """Names of the settings whose value is not the default, in order of declaration."""
    return [f.name for f in fields(config) if not _alike(getattr(config, f.name), f.default)]


def _alike(value: Any, default: Any) -> bool:
    # Values that compare element by element, such as tables, are no defaults.
    return type(value) is type(default) and bool(value == default)
