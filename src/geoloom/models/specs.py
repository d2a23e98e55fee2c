"""What is known of a network before it is built: what it takes, what it gives, which options it has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from torch import nn

from ..core.errors import ModelError, suggest
from ..core.outputs import Gives

Builder = Callable[..., nn.Module]
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

_SECOND = ("out_channels", "num_classes")


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
    """How many dates it sees at once."""
    extra: str | None = None
    """The extra of geoloom that brings the library it needs; None where the core does."""
    encode: Callable[..., nn.Module] | None = None
    """Called as `encode(in_channels, **options)` where features (B, D) are wanted: a module with the
    attribute `head_hidden_size`, D. Needed by those that give `features`."""

    def __post_init__(self) -> None:
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

    def hints(self) -> dict[str, Any]:
        """The annotated types of the options, as far as they can be resolved."""
        try:
            parameters = inspect.signature(unwrapped(self.build), eval_str=True).parameters
        except (
            NameError,
            TypeError,
        ):  # a user's builder may be annotated with names we cannot resolve
            return {}
        return {
            key: parameter.annotation
            for key, parameter in parameters.items()
            if parameter.annotation is not inspect.Parameter.empty
        }


def unwrapped(builder: Builder) -> Builder:
    """The function inside a `functools.partial`."""
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
