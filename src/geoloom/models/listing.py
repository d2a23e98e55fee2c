"""Networks by name: which there are, what each takes and gives, and users' own. Loads no torch.

Legend: B batch, T dates, C bands, K outputs, H rows, W columns.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Any, TypeVar, get_args

from ..core.errors import ModelError, suggest
from ..core.gives import Gives
from ..core.registry import Registry
from ..core.registry.plugins import load_known_plugins
from .families.family import Family
from .known import NETWORKS
from .specs import Builder, ModelSpec, Takes, declared_options

_HOME = __name__.removesuffix("listing")

MODELS: Registry[ModelSpec] = Registry("model", NETWORKS, error=ModelError)

FAMILIES: Registry[Family] = Registry(
    "family of models",
    {
        "smp": f"{_HOME}families.smp:FAMILY",
        "timm": f"{_HOME}families.timm:FAMILY",
        "torchvision": f"{_HOME}families.torchvision:FAMILY",
    },
    error=ModelError,
)
"""Their networks are named `family/name`."""

_Built = TypeVar("_Built", bound=Callable[..., Any])


def list_models(
    pattern: str | None = None, *, gives: Gives | None = None, takes: Takes | None = None
) -> tuple[str, ...]:
    """Names that `create_model` knows, sorted; nothing heavy is loaded for them.

    Args:
        pattern: Such as `*net*` or `timm/*`, for all names that match. None for our own, the registered, and
            the usual ones of each family.
        gives: Only those that can give `pixels`, `image`, `boxes` or `features`.
        takes: Only those that take `BCHW`, `BTCHW` (series of images) or `BTC` (series of pixels).

    Raises:
        ModelError: the pattern is that of an unknown family, or a word is none of these.

    Example:
        >>> list_models("fc*", takes="BTCHW")
        ('fc_ef', 'fc_siam_conc', 'fc_siam_diff', 'fcn8s_aux', 'fcn8s_early', 'fcn8s_late')
    """
    for name, value, words in (("gives", gives, Gives), ("takes", takes, Takes)):
        if value is not None and value not in get_args(words):
            raise ModelError(f"{name} is {value!r}{suggest(value, get_args(words))}")
    chosen = _names(pattern)
    if gives is None and takes is None:
        return chosen
    specs = {name: get_spec(name) for name in chosen}
    return tuple(
        name
        for name, spec in specs.items()
        if (gives is None or gives in spec.gives) and (takes is None or takes == spec.takes)
    )


def _names(pattern: str | None) -> tuple[str, ...]:
    load_known_plugins()
    families = {name: FAMILIES.get(name) for name in FAMILIES}
    usual = [f"{name}/{member}" for name, family in families.items() for member in family.usual]
    if pattern is None:
        return tuple(sorted([*MODELS.list(), *usual]))
    prefix, slash, _ = pattern.partition("/")
    known: list[str] = list(MODELS.list())
    if slash and not any(name.startswith(f"{prefix}/") for name in known):
        known = [f"{prefix}/{member}" for member in FAMILIES.get(prefix).names()]
    elif not slash:
        known += usual
    return tuple(sorted(fnmatch.filter(known, pattern)))


def get_spec(name: str) -> ModelSpec:
    """What a network takes and gives.

    Raises:
        ModelError: the name is unknown; the nearest right one is named.

    Example:
        >>> get_spec("unet").gives
        ('pixels',)
    """
    if name not in MODELS and isinstance(name, str):
        family, slash, member = name.partition("/")
        if slash and family in FAMILIES:
            return FAMILIES.get(family).spec(member)
        load_known_plugins()
        if name not in MODELS:
            raise ModelError(
                f"no model is named {name!r}{suggest(name, list_models())}. One of your own must be made "
                "known first: register_model(name, builder), or --plugin FILE with the file that does so"
            )
    return MODELS.get(name)


def register_model(
    name: str, model: Builder | ModelSpec | None = None, *, overwrite: bool = False, **declared: Any
) -> Any:
    """Make a network of your own known by name: to `create_model`, `train`, and saved model folders.

    As a decorator, `@register_model("my_net")`, of a class or function; or called with it.

    Args:
        name: What users will call it.
        model: Called as `builder(in_channels, out_channels, **options)`, whose further parameters, each with
            a default, are the options. Its network takes an image (B, C, H, W) and gives an answer per pixel
            (B, K, H, W); any other is described by a `ModelSpec`. None makes a decorator.
        overwrite: Replace a network of that name.
        declared: Of the decorator: what `ModelSpec` has under `about`, `gives`, `takes`, `dates`, `inputs`.

    Returns:
        The decorator, which gives the class or function back; None where a model was given.

    Raises:
        ModelError: the name is taken, or the builder does not take `(in_channels, out_channels)`.

    Example:
        >>> from torch import nn
        >>> @register_model("linear", about="a linear function of every pixel")
        ... def linear(in_channels, out_channels, *, bias: bool = True):
        ...     return nn.Conv2d(in_channels, out_channels, 1, bias=bias)
        >>> get_spec("linear").options()
        {'bias': True}
    """
    if model is None:

        def decorate(builder: _Built) -> _Built:
            register_model(name, _spec(name, builder, declared), overwrite=overwrite)
            return builder

        return decorate
    spec = model if isinstance(model, ModelSpec) else _spec(name, model, declared)
    again = name in MODELS and MODELS.get(name) == spec
    MODELS.register(name, spec, overwrite=overwrite or again)
    return None


def _spec(name: str, builder: Builder, declared: dict[str, Any]) -> ModelSpec:
    declared_options(builder, f"the builder of {name!r}")
    return ModelSpec(builder, **declared)
