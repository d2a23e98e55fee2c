"""Networks made by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import torch
from torch import Tensor, nn

from ..core.bands import Band
from ..core.errors import MissingExtraError, ModelError, suggest
from ..core.outputs import Outputs
from .adapt import Missing
from .listing import get_spec, list_models
from .pretrained.beginning import Beginning
from .specs import PHRASES, unwrapped

_OWN = __name__.removesuffix("registry")

_NAMED = 6
"""How many networks a message lists."""


def create_model(
    name: str,
    in_channels: int,
    num_classes: int | None = None,
    *,
    outputs: Outputs | None = None,
    weights: str | Path | None = None,
    bands: Sequence[Band | str] | None = None,
    missing_bands: Missing = "mean",
    weights_bands: Sequence[Band | str] | None = None,
    **options: Any,
) -> nn.Module:
    """A network by name, with fresh weights unless some are given.

    Only pretrained weights that are given by their name are ever fetched, once (`GEOLOOM_OFFLINE=1` forbids
    it).

    Args:
        name: One of `list_models()`, or any other network of a family, such as `timm/resnet34`.
        in_channels: Bands of the input (of each date), at least 1.
        num_classes: Classes or values that it shall tell, at least 1.
        outputs: In place of `num_classes`, what it shall give; a network that cannot give it is refused.
        weights: One of `list_weights()`; `imagenet`, for what timm's network or smp's encoder is usually
            started from, or timm's full name of weights, such as `timm/resnet18.a1_in1k`; or a model folder
            or a file of weights (safetensors, or what torch writes) of such a network. The last layer is
            taken where it tells as much.
        bands: What the input's channels are: their filters are found among those of the weights by role
            (`red`), else by name. None: the bands of the weights, in their order.
        missing_bands: What a band gets that the weights do not know: `mean`, the mean of all their filters;
            `zeros`; or `fresh`, random ones.
        weights_bands: What the filters of a file of weights are of; None: of the input's channels. Model
            folders and weights by name know it.
        options: What the network's builder declares, such as `width` and `dropout`; see `model_options`.

    Returns:
        Module from float32 (B, in_channels, H, W) to raw answers: (B, K, H, W) per pixel, (B, K) per image,
        as `get_spec(name)` says.

    Raises:
        ModelError: the name or an option is unknown (the nearest right one is named), a value does not fit,
            the network gives something else, or the weights are another network's.
        BandError: the weights know none of the bands.
        ReadError: pretrained weights cannot be fetched.
        MissingExtraError: the library that the network is built with is not installed.

    Example:
        >>> model = create_model("unet", in_channels=6, num_classes=3, width=0.125)
        >>> sum(p.numel() for p in model.parameters())
        486787
    """
    begin = Beginning.of(weights, name, in_channels, bands, missing_bands, weights_bands, options)
    network = _build(name, in_channels, num_classes, outputs, begin.options)
    begin.put_into(network, partial(_counts, name, begin.options), outputs)
    return network


def begin_model(
    name: str, in_channels: int, outputs: Outputs, begin: Beginning
) -> tuple[nn.Module, str | None]:
    """As `create_model`: the network, and what it began with, for its card; None for random weights."""
    network = _build(name, in_channels, None, outputs, begin.options)
    return network, begin.put_into(network, partial(_counts, name, begin.options), outputs)


def _build(
    name: str,
    in_channels: int,
    num_classes: int | None,
    outputs: Outputs | None,
    options: Mapping[str, Any],
) -> nn.Module:
    spec = get_spec(name)
    check_options(name, options)
    if (num_classes is None) == (outputs is None):
        raise ModelError(
            f"num_classes is {num_classes} and outputs are {outputs}; give one of the two"
        )
    if outputs is not None:
        check_gives(name, outputs)
    count = num_classes if outputs is None else outputs.channels
    for what, number in (("in_channels", in_channels), ("num_classes", count)):
        if number is None or number < 1:
            raise ModelError(f"{what} is {number}; a network needs at least 1")
    try:
        if outputs is None or outputs.gives != "features":
            return spec.build(in_channels, count, **options)
        assert spec.encode is not None  # the spec gives features
        network = spec.encode(in_channels, **options)
    except ImportError as error:
        if spec.extra is None:
            raise
        raise MissingExtraError(error.name or f"what {name!r} is built with", spec.extra) from error
    if network.head_hidden_size != count:
        raise ModelError(
            f"{name} gives {network.head_hidden_size} features, {count} were asked for; give "
            f"outputs=FeatureOutputs({network.head_hidden_size})"
        )
    return network


def _counts(
    name: str, options: Mapping[str, Any], in_channels: int, out_channels: int
) -> Mapping[str, Tensor]:
    """The weights that a network of so many bands and outputs would have, without their memory."""
    return _without_memory(name, partial(_build, name, in_channels, out_channels, None, options))


def check_gives(name: str, outputs: Outputs) -> None:
    """Refuse a network that gives something else than is wanted.

    Raises:
        ModelError: it does; the message says what it gives, and which networks give what is wanted.
    """
    spec = get_spec(name)
    masks = getattr(outputs, "masks", False)
    if outputs.gives in spec.gives and (spec.masks or not masks):
        return
    able = [
        other
        for other in list_models(gives=outputs.gives, takes=spec.takes)
        if get_spec(other).masks or not masks
    ]
    given = " or ".join(PHRASES[gives] for gives in spec.gives)
    wanted = f"{PHRASES[outputs.gives]}{' with outlines' if masks else ''}"
    raise ModelError(
        f"{name} gives {given}, not {wanted}, which {outputs.short} need; choose another model, such as "
        f"{_some(able) or 'one of your own (register_model)'}"
    )


def _some(names: Iterable[str]) -> str:
    """The first names, those of no family before others."""
    ordered = sorted(names, key=lambda name: ("/" in name, name))
    return ", ".join(ordered[:_NAMED]) + (", ..." if len(ordered) > _NAMED else "")


def outline(
    name: str, in_channels: int, outputs: Outputs, options: dict[str, Any]
) -> Mapping[str, Tensor]:
    """The weights that `create_model` with these arguments would make: names, shapes and types, no memory.

    A network of the user's own is built as it is: its program is trusted, and may not do without memory.

    Raises:
        ModelError: as `create_model`; or the network would be larger than any memory.
    """
    try:
        return _without_memory(name, partial(_build, name, in_channels, None, outputs, options))
    except (RuntimeError, OverflowError, TypeError) as error:
        raise ModelError(
            f"model {name!r} with {options} would be larger than any memory ({error}); make it smaller"
        ) from error


def _without_memory(name: str, build: Callable[[], nn.Module]) -> Mapping[str, Tensor]:
    """The weights of a network that is built for them alone."""
    if not built_in(name):
        return build().state_dict()
    try:
        with torch.device("meta"):
            return build().state_dict()
    except NotImplementedError:  # a few of timm's compute with their first weights
        return build().state_dict()


def count_parameters(name: str, in_channels: int, out_channels: int) -> int:
    """How many numbers are trained, of a network with its own options.

    Example:
        >>> count_parameters("fc_ef", 3, 2)
        1350578
    """
    made = partial(_build, name, in_channels, out_channels, None, {})
    try:
        with torch.device("meta"):  # no memory for them
            network = made()
    except NotImplementedError:  # a few of timm compute with their first weights
        network = made()
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def built_in(name: str) -> bool:
    """Whether a network is made by geoloom's own program, and not by one that a user registered."""
    home = getattr(unwrapped(get_spec(name).build), "__module__", None) or ""
    return home.startswith(_OWN)


def model_options(name: str) -> dict[str, Any]:
    """The options of a network and their defaults.

    Example:
        >>> model_options("fcn8s")
        {'width': 1.0, 'dropout': 0.5, 'batch_norm': True, 'padding': 'same'}
    """
    return get_spec(name).options()


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise ModelError where an option is not the network's, or its value has the wrong type or sign."""
    spec = get_spec(name)
    declared, hints = spec.options(), spec.hints()
    for key, value in options.items():
        if key not in declared:
            raise ModelError(f"model {name!r} has no option {key!r}{suggest(key, declared)}")
        wanted = hints.get(key)
        if not _fits(value, wanted):
            if get_origin(wanted) is Literal:
                raise ModelError(
                    f"option {key!r} of model {name!r} is {value!r}{suggest(value, get_args(wanted))}"
                )
            raise ModelError(
                f"option {key!r} of model {name!r} is {value!r}; expected a value such as "
                f"{declared[key]!r} ({getattr(wanted, '__name__', wanted)})"
            )
    if "width" in options and not 0 < options["width"] < math.inf:
        raise ModelError(
            f"width is {options['width']!r}; it multiplies channel counts: give more than 0, such as 0.25"
        )
    counts = [key for key in options if hints.get(key) is int and key != "seed"]
    for key in counts if built_in(name) else ():
        if options[key] < 1 or (key.startswith("kernel") and options[key] % 2 == 0):
            odd = "an odd number, " if key.startswith("kernel") else ""
            raise ModelError(f"{key} is {options[key]}; give {odd}at least 1")
    for key in ("dropout", "drop_rate", "drop_path_rate"):
        if key in options and not 0 <= options[key] < 1:
            raise ModelError(
                f"{key} is {options[key]!r}; it is a chance: give 0 or more, less than 1"
            )


def _fits(value: object, wanted: object) -> bool:
    """Whether a value is of the annotated plain type; other annotations are for the builder to judge."""
    optional = get_args(wanted)
    if len(optional) == 2 and type(None) in optional:
        return value is None or any(
            _fits(value, kind) for kind in optional if kind is not type(None)
        )
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if get_origin(wanted) is Literal:
        return value in get_args(wanted)
    if wanted is float:
        return number
    if wanted is int:
        return isinstance(value, int) and number
    if wanted is bool or wanted is str:
        return isinstance(value, wanted)
    return True
