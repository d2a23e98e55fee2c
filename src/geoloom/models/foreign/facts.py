"""What has to be known of a network that someone else made: declared here alone, wherever it is stated.

Commands take the fields as options, Python as keywords, project files and files beside a network as keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import isfinite
from numbers import Integral, Real
from typing import Any, Literal, Self, TypeAlias, TypedDict, get_args

import numpy as np

from ...core.bands import parse_unit
from ...core.classes import Classes
from ...core.errors import BandError, ConfigError, ModelError
from ...core.settings.checks import check_choice, check_whole

Names: TypeAlias = str | Sequence[str | int]
"""A list, or a text with commas."""
Numbers: TypeAlias = float | str | Sequence[float]
"""One for all bands; or one for each, as a list or a text with commas."""
ClassList: TypeAlias = str | Sequence[str] | Mapping[int, str] | Mapping[str, str] | Classes
"""Names in the order of the network's answers; with codes as `0=clear`, or a mapping from code to name."""

Activation = Literal["softmax", "sigmoid", "none", "positions"]
Layout = Literal["NCHW", "NHWC"]

_MOST_PX = 65_536


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """How a network of someone else's is fed, and what it gives. None is for what is not stated.

    A pixel reaches the network as `(stored * scale + offset - mean) / std`, each of its own band; where any
    band was not observed, all are 0.

    Raises:
        ConfigError: a value cannot be; the message names it.

    Example:
        >>> facts = NetworkFacts(bands="red,nir", scale=1e-4, classes="0=land,1=water")
        >>> facts.bands, facts.scale, facts.classes.codes
        (('red', 'nir'), (0.0001,), (0, 1))
    """

    bands: Names | None = None
    """The scene's bands that the network reads, in its order: names, what they measure (`red`), or numbers
    from 1."""
    scale: Numbers | None = None
    """What stored numbers are multiplied with first, for all bands or for each."""
    offset: Numbers | None = None
    """What is added then; 0 where a scale is stated alone."""
    mean: Numbers | None = None
    """What is subtracted from the scaled numbers; 0 where the network takes them as they are."""
    std: Numbers | None = None
    """What the difference is divided by; 1 likewise."""
    model_unit: str | Sequence[str] | None = None
    """What the scaled numbers are, such as `surface_reflectance`: in place of `scale` where the scene's own
    tags (or `unit`) say how its numbers become that."""
    classes: ClassList | None = None
    """Names of the classes in the order of the network's answers, with codes (`0=clear`) or without (1, 2,
    ...)."""
    values: Names | None = None
    """Of a network that gives numbers: a name for each, with its unit (`height=m`) or without."""
    activation: Activation | None = None
    """What makes probabilities of the answers: `softmax` or `sigmoid`; `none` where they are probabilities,
    or values; `positions` where each is the number of a class, from 0."""
    input_size: int | None = None
    """Side of the images that the network takes, pixels, where the file does not fix it."""
    layout: Layout | None = None
    """`NCHW`, bands before rows, or `NHWC`, bands last."""
    answer: str | None = None
    """Which output is meant, where there are several."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__  # frozen: all forms of a value become one
        for name in ("bands", "values"):
            set_(self, name, _names(name, getattr(self, name)))
        numbers = {n: _numbers(n, getattr(self, n)) for n in ("scale", "offset", "mean", "std")}
        for name, value in numbers.items():
            set_(self, name, value)
        if any(number <= 0 for number in numbers["std"] or ()):
            raise ConfigError(f"std is {self.std}; give numbers above 0, 1 for no change")
        if 0 in (numbers["scale"] or ()):
            raise ConfigError(f"scale is {self.scale}; give other numbers than 0, 1 for no change")
        set_(self, "model_unit", _units(self.model_unit))
        set_(self, "classes", _classes(self.classes))
        if self.classes is not None and self.values is not None:
            raise ConfigError("classes and values are stated; a network gives one of them")
        check_choice(self, {"activation": get_args(Activation), "layout": get_args(Layout)})
        check_whole(self, {"input_size": (1, _MOST_PX)}, " px")

    @property
    def stated(self) -> dict[str, Any]:
        """Those that are stated, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(NetworkFacts)}
        return {name: value for name, value in named.items() if value is not None}

    def over(self, other: NetworkFacts) -> Self:
        """These, and those of another for what is not stated here. Of the two that exclude each other,
        classes and values, these win."""
        known = other.stated
        for name, rival in (("classes", "values"), ("values", "classes")):
            if getattr(self, name) is not None:
                known.pop(rival, None)
        return replace(self, **{**known, **self.stated})

    def to_dict(self) -> dict[str, Any]:
        """Those that are stated, as JSON values."""
        return {
            name: value.to_dict() if isinstance(value, Classes) else _plain(value)
            for name, value in self.stated.items()
        }


class NetworkFactSettings(TypedDict, total=False):
    """The fields of `NetworkFacts` as arguments by name; a test compares the two."""

    bands: Names | None
    scale: Numbers | None
    offset: Numbers | None
    mean: Numbers | None
    std: Numbers | None
    model_unit: str | Sequence[str] | None
    classes: ClassList | None
    values: Names | None
    activation: Activation | None
    input_size: int | None
    layout: Layout | None
    answer: str | None


FACTS = tuple(field.name for field in fields(NetworkFacts))
"""Names of the fields."""


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return list(value) if isinstance(value, Sequence) else [value]


def _names(name: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    entries = _listed(value)
    plain = tuple(str(entry) for entry in entries)
    wrong = [e for e in entries if isinstance(e, bool) or not isinstance(e, str | Integral)]
    if wrong or not plain or not all(plain):
        raise ConfigError(f"{name} is {value!r}; give names, as a list or with commas between them")
    return plain


def _numbers(name: str, value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        entries = [float(e) if isinstance(e, str) else e for e in _listed(value)]
    except ValueError:
        entries = []
    good = [isinstance(e, Real) and not isinstance(e, bool) and _is_float32(e) for e in entries]
    if not entries or not all(good):
        raise ConfigError(
            f"{name} is {value!r}; give one finite number of float32, or one for each band, as a list or "
            "with commas"
        )
    return tuple(map(float, entries))


def _is_float32(value: Any) -> bool:
    """Whether a number is finite, and 0 or not, also as networks compute."""
    with np.errstate(over="ignore", under="ignore"):
        narrow = np.float32(value)
    return bool(isfinite(narrow)) and (value == 0) == (narrow == 0)


def _units(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = _names("model_unit", value) or ()
    try:
        units = [parse_unit(name) for name in names]
    except BandError as error:
        raise ConfigError(f"model_unit: {error}") from error
    if None in units:
        raise ConfigError(
            f"model_unit is {value!r}; give a unit, or leave it out and state the scale"
        )
    return tuple(str(unit) for unit in units)


def _classes(value: Any) -> Classes | None:
    if value is None or isinstance(value, Classes):
        return value
    pairs: list[tuple[Any, Any]]
    if isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        texts = _names("classes", value) or ()
        split = [text.partition("=") for text in texts]
        pairs = [
            (code if equals else None, name if equals else code) for code, equals, name in split
        ]
    codes = [None if code is None else str(code).strip() for code, _ in pairs]
    plain = [code for code in codes if code is None]
    names = [name.strip() if isinstance(name, str) else "" for _, name in pairs]
    if not pairs or not all(names) or len(plain) not in (0, len(pairs)):
        raise ConfigError(
            f"classes is {value!r}; give names (clear,cloud), or all with codes (0=clear,1=cloud)"
        )
    if any(code is not None and not code.isdecimal() for code in codes):
        raise ConfigError(f"classes is {value!r}; codes are whole numbers from 0 to 255")
    try:
        return Classes.of(names, None if plain else [int(code or 0) for code in codes])
    except ModelError as error:
        raise ConfigError(f"classes: {error}") from error
