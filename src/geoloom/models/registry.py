"""Networks by name."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..core.errors import ModelError, suggest
from ..core.registry import Registry
from . import networks
from .networks.fcn import fcn8s, fcn16s, fcn32s
from .networks.unet import unet

Builder = Callable[..., nn.Module]
"""`build(in_channels, num_classes, *, option=default, ...) -> nn.Module`, whose forward takes float32 images
(B, C, H, W) and answers logits (B, K, H, W). Its keyword parameters are the options a user may give."""

MODELS: Registry[Builder] = Registry(
    "model",
    {
        "fcn8s": fcn8s,
        "fcn16s": fcn16s,
        "fcn32s": fcn32s,
        "unet": unet,
    },
    error=ModelError,
    hint=". One of your own must be made known first, with register_model(name, builder)",
)


def list_models() -> tuple[str, ...]:
    """Names that `create_model` knows, sorted.

    Example:
        >>> list_models()
        ('fcn16s', 'fcn32s', 'fcn8s', 'unet')
    """
    return MODELS.list()


def register_model(name: str, builder: Builder, *, overwrite: bool = False) -> None:
    """Make a network of your own known by name, to `create_model`, `train` and saved model folders.

    Args:
        name: What users will call it.
        builder: Called as `builder(in_channels, num_classes, **options)`; its further parameters, each with a
            default, are the options.
        overwrite: Replace a network of that name.

    Raises:
        ModelError: the name is taken, or the builder does not take `(in_channels, num_classes)`.
    """
    _declared(name, builder)
    again = name in MODELS and MODELS.get(name) is builder
    MODELS.register(name, builder, overwrite=overwrite or again)


def create_model(name: str, in_channels: int, num_classes: int, **options: Any) -> nn.Module:
    """A network with fresh weights.

    Args:
        name: One of `list_models()`.
        in_channels: Bands of the input, at least 1.
        num_classes: Outputs a pixel, at least 1.
        options: What the network's builder declares, such as `width` and `dropout`; see `model_options`.

    Returns:
        Module from float32 (B, in_channels, H, W), any H and W, to logits (B, num_classes, H, W).

    Raises:
        ModelError: the name or an option is unknown (the nearest right one is named), or a value does
            not fit.

    Example:
        >>> model = create_model("unet", in_channels=6, num_classes=3, width=0.125)
        >>> sum(p.numel() for p in model.parameters())
        486787
    """
    builder = MODELS.get(name)
    check_options(name, options)
    for what, count in (("in_channels", in_channels), ("num_classes", num_classes)):
        if count < 1:
            raise ModelError(f"{what} is {count}; a network needs at least 1")
    return builder(in_channels, num_classes, **options)


def outline(name: str, in_channels: int, num_classes: int, **options: Any) -> dict[str, Tensor]:
    """The weights that `create_model` with these arguments would make: names, shapes and types, no memory.

    A network of the user's own is built as it is: its program is trusted, and may not do without memory.

    Raises:
        ModelError: as `create_model`; or the network would be larger than any memory.
    """
    home = getattr(MODELS.get(name), "__module__", None) or ""
    if not home.startswith(f"{networks.__name__}."):
        return create_model(name, in_channels, num_classes, **options).state_dict()
    try:
        with torch.device("meta"):
            return create_model(name, in_channels, num_classes, **options).state_dict()
    except (RuntimeError, OverflowError, TypeError) as error:
        raise ModelError(
            f"model {name!r} with {options} would be larger than any memory ({error}); make it smaller"
        ) from error


def model_options(name: str) -> dict[str, Any]:
    """The options of a network and their defaults.

    Example:
        >>> model_options("fcn8s")
        {'width': 1.0, 'dropout': 0.5, 'batch_norm': True}
    """
    return {key: parameter.default for key, parameter in _declared(name, MODELS.get(name)).items()}


def check_options(name: str, options: dict[str, Any]) -> None:
    """Raise ModelError where an option is not the network's, or its value has the wrong type or sign."""
    builder = MODELS.get(name)
    declared = _declared(name, builder)
    try:
        hints = typing.get_type_hints(builder)
    except (NameError, TypeError):  # a user's builder may be annotated with names we cannot resolve
        hints = {}
    for key, value in options.items():
        if key not in declared:
            raise ModelError(f"model {name!r} has no option {key!r}{suggest(key, declared)}")
        wanted = hints.get(key)
        if not _fits(value, wanted):
            raise ModelError(
                f"option {key!r} of model {name!r} is {value!r}; expected a value such as "
                f"{declared[key].default!r} ({getattr(wanted, '__name__', wanted)})"
            )
    if "width" in options and not 0 < options["width"] < math.inf:
        raise ModelError(
            f"width is {options['width']!r}; it multiplies channel counts: give more than 0, such as 0.25"
        )
    if "dropout" in options and not 0 <= options["dropout"] < 1:
        raise ModelError(
            f"dropout is {options['dropout']!r}; it is a chance: give 0 or more, less than 1"
        )


def _fits(value: object, wanted: object) -> bool:
    """Whether a value is of the annotated plain type; other annotations are for the builder to judge."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if wanted is float:
        return number
    if wanted is int:
        return isinstance(value, int) and number
    if wanted is bool or wanted is str:
        return isinstance(value, wanted)
    return True


def _declared(name: str, builder: Builder) -> dict[str, inspect.Parameter]:
    parameters = dict(inspect.signature(builder).parameters)
    if list(parameters)[:2] != ["in_channels", "num_classes"]:
        raise ModelError(
            f"the builder of {name!r} takes ({', '.join(parameters)}); "
            "expected (in_channels, num_classes, *, option=default, ...)"
        )
    options = {k: p for k, p in parameters.items() if k not in ("in_channels", "num_classes")}
    bare = [k for k, p in options.items() if p.default is inspect.Parameter.empty]
    if bare:
        raise ModelError(
            f"the builder of {name!r} gives no default for {', '.join(bare)}; give each option one"
        )
    return options
