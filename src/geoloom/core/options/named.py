"""Names with options, as users write them: `tversky:alpha=0.3,beta=0.7`, and weighted sums of such."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from ..errors import ConfigError, suggest

_PLUS = re.compile(r"(?<![\d.][eE])\+|\+(?!\d)")
"""Between the terms of a sum; not that of `1e+3`."""


@dataclass(frozen=True, slots=True)
class Named:
    """A name and the options written after it."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """As written, before anyone has said of which types they are."""

    @classmethod
    def parse(cls, text: str, noun: str) -> Named:
        """What `name` or `name:key=value,key=value` says.

        Args:
            text: As a user writes it; spaces around the parts do not matter.
            noun: What is named, for messages.

        Raises:
            ConfigError: it has another form, or an option is there twice.

        Example:
            >>> Named.parse("tversky:alpha=0.3,beta=0.7", "loss")
            Named(name='tversky', options={'alpha': '0.3', 'beta': '0.7'})
        """
        name, colon, rest = text.partition(":")
        options: dict[str, str] = {}
        for part in rest.split(",") if colon else ():
            key, equals, value = (piece.strip() for piece in part.partition("="))
            if not (key and equals and value):
                raise ConfigError(
                    f"the {noun} {text!r} has the option {part.strip()!r}; expected "
                    f"{name.strip() or 'name'}:key=value,key=value"
                )
            if key in options:
                raise ConfigError(f"the {noun} {text!r} has the option {key!r} twice; keep one")
            options[key] = value
        if not name.strip():
            raise ConfigError(f"found {text!r} where a {noun} is named; expected name:key=value")
        return cls(name.strip(), options)

    def __str__(self) -> str:
        listed = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}:{listed}" if listed else self.name


def parse_sum(text: str, noun: str) -> tuple[tuple[float, Named], ...]:
    """The weight and name of each term of a sum such as `ce+0.5*dice`.

    Raises:
        ConfigError: a term is empty, a weight is no number above 0, or a name has another form.

    Example:
        >>> [(weight, str(named)) for weight, named in parse_sum("ce + 0.5*dice", "loss")]
        [(1.0, 'ce'), (0.5, 'dice')]
    """
    return tuple(_term(term, text, noun) for term in _PLUS.split(text))


def _term(term: str, text: str, noun: str) -> tuple[float, Named]:
    factor, times, named = term.rpartition("*")
    try:
        weight = float(factor) if times else 1.0
    except ValueError:
        weight = -1.0
    if not term.strip() or not (isfinite(weight) and weight > 0):
        raise ConfigError(
            f"the {noun} {text!r} has the term {term.strip()!r}; expected NAME or WEIGHT*NAME, the weight a "
            "number above 0, such as ce+0.5*dice"
        )
    return weight, Named.parse(named, noun)


def typed_options(
    function: Callable[..., Any], named: Named, noun: str, *, but: Collection[str] = ()
) -> dict[str, Any]:
    """The options of a name as the function or dataclass that it stands for takes them.

    Args:
        function: Whose parameters with defaults are the options; their types are those of its annotations.
        named: The options, as text or as values of their types.
        noun: What is named, for messages.
        but: Parameters that are no options.

    Raises:
        ConfigError: there is no such option, or its value is of another type; the message says which.

    Example:
        >>> def focal(logits, target, *, gamma: float = 2.0): ...
        >>> typed_options(focal, Named("focal", {"gamma": "3"}), "loss")
        {'gamma': 3.0}
    """
    known = {
        p.name: p
        for p in inspect.signature(function).parameters.values()
        if p.default is not p.empty and p.name not in but
    }
    for key in named.options:
        if key not in known:
            raise ConfigError(
                f"the {noun} {named.name!r} has no option {key!r}{suggest(key, known)}"
            )
    return {
        key: _typed(value, known[key], f"the {noun} {named.name!r}: its option {key}")
        for key, value in named.options.items()
    }


def _typed(value: Any, parameter: inspect.Parameter, what: str) -> Any:
    annotation = parameter.annotation
    if annotation is parameter.empty:
        annotation = type(parameter.default)
    kinds = set(re.findall(r"\w+", getattr(annotation, "__name__", str(annotation))))
    if "None" in kinds and value in (None, "none"):
        return None
    if not isinstance(value, str):
        allowed = tuple(_PLAIN[kind][0] for kind in kinds if kind in _PLAIN)
        fits = isinstance(value, allowed) or (isinstance(value, int) and "float" in kinds)
        if allowed and (not fits or (isinstance(value, bool) and "bool" not in kinds)):
            raise ConfigError(f"{what} is {value!r}; expected {_expected(kinds)}")
        return float(value) if "float" in kinds and not isinstance(value, bool) else value
    for kind in ("bool", "int", "float"):
        if kind in kinds:
            try:
                return _PLAIN[kind][1](value)
            except (ValueError, KeyError):
                continue
    if kinds & {"bool", "int", "float"} and "str" not in kinds:
        raise ConfigError(f"{what} is {value!r}; expected {_expected(kinds)}")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


_PLAIN: dict[str, tuple[type, Callable[[str], Any]]] = {
    "bool": (bool, lambda text: {"true": True, "false": False}[text.lower()]),
    "int": (int, int),
    "float": (float, _finite),
    "str": (str, str),
}
_WORDS = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}


def _expected(kinds: set[str]) -> str:
    return " or ".join(word for kind, word in _WORDS.items() if kind in kinds)
