"""What is known of a network before it is built: what it takes, what it gives, which options it has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_origin

from ..core.errors import ModelError, suggest
from ..core.gives import Gives

if TYPE_CHECKING:
    from torch import nn

Builder: TypeAlias = "Callable[..., nn.Module]"
"""`build(in_channels, out_channels, *, option=default, ...) -> nn.Module`. Its keyword parameters are the
options a user may give; the second parameter may also be called `num_classes`."""

Takes = Literal["BCHW", "BTCHW", "BTC"]
"""Shape of the image tensor: one date, a series of images, a series of pixels."""

Dates = int | Literal["any"]

InputKey = Literal["image", "times", "valid_series", "aux"]
"""Keys of a sample that a network may ask for."""

PHRASES: dict[Gives, str] = {
    "pixels": "one answer per pixel",
    "image": "one answer per image",
    "boxes": "boxes",
    "features": "a vector of features per image",
}
"""What a network gives, for messages: (B, K, H, W) at the image's own size, (B, K), boxes, or (B, D)."""

SHAPES: dict[Takes, str] = {
    "BCHW": "one image (B, C, H, W)",
    "BTCHW": "a series of images (B, T, C, H, W)",
    "BTC": "a series of each pixel (B, T, C)",
}
"""What a network takes, for people."""

_SECOND = ("out_channels", "num_classes")
_DATES = ("dates", "embedding_dates")
"""Options that say for how many dates a network is built."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A network as it can be asked for.

    Raises:
        ModelError: the builder does not take `(in_channels, out_channels, *, option=default, ...)`, or a
            value is none of those that are known.

    Example:
        >>> from geoloom.models.networks.unet import UNet
        >>> spec = ModelSpec(UNet, "U-Net")
        >>> spec.gives, spec.options()["depth"]
        (('pixels',), 4)
    """

    build: Builder
    """Called as `build(in_channels, out_channels, **options)`."""
    about: str = ""
    """What it is, in one line."""
    gives: tuple[Gives, ...] = ("pixels",)
    """What it can be built to give; more than one where the last layer decides."""
    inputs: tuple[InputKey, ...] = ()
    """The keys of a sample that `forward` takes by keyword; empty where it takes the image alone, by
    position."""
    takes: Takes = "BCHW"
    dates: Dates = 1
    """How many dates it sees at once; `any` also where an option says how many: see `dates_of`."""
    extra: str | None = None
    """The extra of geoloom that brings the library it needs; None where the core does."""
    source: str = ""
    """Where it is published: authors, year, number."""
    masks: bool = False
    """Whether boxes come with the outlines of what is in them."""
    encode: Callable[..., nn.Module] | None = None
    """Called as `encode(in_channels, **options)` where features (B, D) are wanted: a module with the
    attribute `head_hidden_size`, D. Needed by those that give `features`."""

    def __post_init__(self) -> None:
        if not isinstance(self.build, Imported):
            declared_options(self.build, "the builder")
        known = (("gives", self.gives, Gives), ("inputs", self.inputs, InputKey))
        for name, values, kinds in (*known, ("takes", (self.takes,), Takes)):
            for value in values:
                if value not in get_args(kinds):
                    raise ModelError(f"{name} is {value!r}{suggest(value, get_args(kinds))}")
        if ("features" in self.gives) != (self.encode is not None):
            raise ModelError(
                f"the network gives {', '.join(self.gives)} and encode is {self.encode}; one that gives "
                "features needs encode(in_channels, **options), and no other"
            )
        dates = 1 if self.takes == "BCHW" else "any"
        counted = isinstance(self.dates, int) and self.dates >= 1
        if not (self.dates == dates or (self.takes != "BCHW" and counted)):
            raise ModelError(
                f"a network that takes {self.takes} has dates={self.dates!r}; one date is BCHW with dates=1, "
                "series are BTCHW or BTC with a number of dates or 'any'"
            )

    def options(self) -> dict[str, Any]:
        """The options and their defaults."""
        declared = declared_options(self.build, "the builder")
        return {key: parameter.default for key, parameter in declared.items()}

    def dates_of(self, options: Mapping[str, Any]) -> Dates:
        """How many dates the network sees that is built with some options.

        Example:
            >>> from geoloom.models.listing import get_spec
            >>> get_spec("unet_late").dates_of({"dates": 3}), get_spec("utae").dates_of({})
            (3, 'any')
        """
        given = {**self.options(), **options}
        counts = [count for key in _DATES if (count := given.get(key)) is not None]
        return int(counts[0]) if counts and self.dates == "any" else self.dates

    def hints(self) -> dict[str, Any]:
        """The annotated types of the options, as far as they can be resolved."""
        builder: Any = unwrapped(self.build)
        made = isinstance(builder, type)
        function = inspect.getattr_static(builder, "__init__") if made else builder
        known = getattr(inspect.unwrap(function), "__globals__", {})
        hints: dict[str, Any] = {}
        for key, parameter in inspect.signature(builder).parameters.items():
            hint = parameter.annotation
            try:
                hints[key] = eval(hint, known) if isinstance(hint, str) else hint
            except (NameError, AttributeError, TypeError, SyntaxError):
                continue  # a user's builder may be annotated with names we cannot resolve
        return {key: hint for key, hint in hints.items() if hint is not inspect.Parameter.empty}


def option_kind(hint: Any) -> str:
    """What an option may be, in words, by its annotation; empty where that does not say.

    Example:
        >>> option_kind(Literal["same", "paper"]), option_kind(float)
        ('same or paper', 'number')
    """
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if get_args(hint) and type(None) in get_args(hint):
        return " or ".join(
            "None" if kind is type(None) else option_kind(kind) for kind in get_args(hint)
        )
    return {float: "number", int: "whole number", bool: "true or false", str: "text"}.get(hint, "")


@dataclass(frozen=True, slots=True)
class Imported:
    """A builder that is imported when it is first asked for, so that networks are listed without torch.

    Example:
        >>> Imported("math:sqrt")(9.0)
        3.0
    """

    where: str
    """`package.module:attribute`."""

    def load(self) -> Callable[..., Any]:
        """The builder itself."""
        module, _, attribute = self.where.partition(":")
        builder: Callable[..., Any] = getattr(import_module(module), attribute)
        return builder

    def __call__(self, *args: Any, **options: Any) -> Any:
        """What the builder makes."""
        return self.load()(*args, **options)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.load())


def unwrapped(builder: Builder) -> Builder:
    """The function inside a `functools.partial`, imported."""
    if isinstance(builder, Imported):
        return builder.load()
    return unwrapped(builder.func) if isinstance(builder, partial) else builder


def declared_options(builder: Builder, what: str) -> dict[str, inspect.Parameter]:
    """The parameters of a builder behind the first two.

    Raises:
        ModelError: it cannot be called as `(in_channels, out_channels)`.
    """
    parameters = dict(inspect.signature(builder).parameters)
    first, second = [*list(parameters)[:2], "", ""][:2]
    if first != "in_channels" or second not in _SECOND:
        raise ModelError(
            f"{what} takes ({', '.join(parameters)}); expected (in_channels, out_channels, *, "
            "option=default, ...)"
        )
    options = {key: p for key, p in parameters.items() if key not in (first, second)}
    bare = [key for key, p in options.items() if p.default is inspect.Parameter.empty]
    if bare:
        raise ModelError(f"{what} gives no default for {', '.join(bare)}; give each option one")
    return options
