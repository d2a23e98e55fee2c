"""Networks by name."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from ..core.bands import Band
from ..core.errors import MissingExtraError, ModelError, suggest
from ..core.outputs import Outputs
from ..core.registry import Registry
from .adapt import Missing
from .families.family import Family
from .identity import WEIGHTS_FILE
from .pretrained.fetch import download_weights
from .pretrained.start import check_start, start_from
from .pretrained.table import named_weights
from .specs import PHRASES, Builder, ModelSpec, declared_options, unwrapped
from .weights import load_weights

_OWN = __name__.removesuffix("registry")

MODELS: Registry[ModelSpec] = Registry(
    "model",
    {
        "fcn8s": f"{_OWN}networks.fcn:FCN8S",
        "fcn16s": f"{_OWN}networks.fcn:FCN16S",
        "fcn32s": f"{_OWN}networks.fcn:FCN32S",
        "unet": f"{_OWN}networks.unet:UNET",
    },
    error=ModelError,
)

FAMILIES: Registry[Family] = Registry(
    "family of models", {"timm": f"{_OWN}families.timm:FAMILY"}, error=ModelError
)
"""Their networks are named `family/name`."""


def list_models(pattern: str | None = None) -> tuple[str, ...]:
    """Names that `create_model` knows, sorted.

    Args:
        pattern: Such as `*net*` or `timm/*`, for all names that match. None for our own, the registered, and
            the usual ones of each family.

    Raises:
        ModelError: the pattern is that of an unknown family.

    Example:
        >>> [name for name in list_models() if not name.startswith("timm/")]
        ['fcn16s', 'fcn32s', 'fcn8s', 'unet']
    """
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
        raise ModelError(
            f"no model is named {name!r}{suggest(name, list_models())}. One of your own must be made known "
            "first, with register_model(name, builder)"
        )
    return MODELS.get(name)


def register_model(name: str, model: Builder | ModelSpec, *, overwrite: bool = False) -> None:
    """Make a network of your own known by name, to `create_model`, `train` and saved model folders.

    Args:
        name: What users will call it.
        model: A function called as `builder(in_channels, out_channels, **options)`, whose further
            parameters, each with a default, are the options. Its network takes an image (B, C, H, W) and
            gives an answer per pixel (B, K, H, W); any other is described by a `ModelSpec`.
        overwrite: Replace a network of that name.

    Raises:
        ModelError: the name is taken, or the builder does not take `(in_channels, out_channels)`.
    """
    if isinstance(model, ModelSpec):
        spec = model
    else:
        declared_options(model, f"the builder of {name!r}")
        spec = ModelSpec(model)
    again = name in MODELS and MODELS.get(name) == spec
    MODELS.register(name, spec, overwrite=overwrite or again)


def create_model(
    name: str,
    in_channels: int,
    num_classes: int | None = None,
    *,
    outputs: Outputs | None = None,
    weights: str | Path | None = None,
    bands: Sequence[Band | str] | None = None,
    missing: Missing = "mean",
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
        weights: One of `list_weights()`; or a model folder or a safetensors file that holds the weights of
            this very network.
        bands: What the input's channels are, where pretrained weights are given by name: their filters are
            found by role (`red`), else by name. None: the bands of the weights, in their order.
        missing: What a band gets that the weights do not know: `mean`, the mean of all their filters;
            `zeros`; or `fresh`, random ones.
        options: What the network's builder declares, such as `width` and `dropout`; see `model_options`.

    Returns:
        Module from float32 (B, in_channels, H, W) to raw answers: (B, K, H, W) per pixel, (B, K) per image,
        as `get_spec(name)` says.

    Raises:
        ModelError: the name or an option is unknown (the nearest right one is named), a value does not fit,
            the network gives something else, or the weights are another network's.
        BandError: pretrained weights know none of the bands.
        ReadError: pretrained weights cannot be fetched.
        MissingExtraError: the library that the network is built with is not installed.

    Example:
        >>> model = create_model("unet", in_channels=6, num_classes=3, width=0.125)
        >>> sum(p.numel() for p in model.parameters())
        486787
    """
    entry = named_weights(weights)
    if entry is None:
        network = _build(name, in_channels, num_classes, outputs, options)
    else:
        given = check_start(entry, name, in_channels, bands)
        network = _build(name, in_channels, num_classes, outputs, {**entry.options, **options})
        start_from(network, entry, download_weights(entry), bands=given, missing=missing)
    if weights is not None and entry is None:
        file = Path(weights) / WEIGHTS_FILE if Path(weights).is_dir() else Path(weights)
        expected = network.state_dict()
        network.load_state_dict(load_weights(file, expected, f"{name!r} with {options}"))
    return network


def _build(
    name: str,
    in_channels: int,
    num_classes: int | None,
    outputs: Outputs | None,
    options: dict[str, Any],
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


def check_gives(name: str, outputs: Outputs) -> None:
    """Refuse a network that gives something else than is wanted.

    Raises:
        ModelError: it does; the message says what it gives, and which networks give what is wanted.
    """
    spec = get_spec(name)
    if outputs.gives in spec.gives:
        return
    able = [n for n in list_models() if outputs.gives in get_spec(n).gives]
    raise ModelError(
        f"{name} gives {' or '.join(PHRASES[gives] for gives in spec.gives)}, not "
        f"{PHRASES[outputs.gives]}, which {outputs.short} need; choose another model, such as "
        f"{', '.join(able) or 'one of your own (register_model)'}"
    )


def outline(
    name: str, in_channels: int, outputs: Outputs, options: dict[str, Any]
) -> dict[str, Tensor]:
    """The weights that `create_model` with these arguments would make: names, shapes and types, no memory.

    A network of the user's own is built as it is: its program is trusted, and may not do without memory.

    Raises:
        ModelError: as `create_model`; or the network would be larger than any memory.
    """
    if not built_in(name):
        return _build(name, in_channels, None, outputs, options).state_dict()
    try:
        with torch.device("meta"):
            return _build(name, in_channels, None, outputs, options).state_dict()
    except NotImplementedError:  # a few of timm's compute with their first weights
        return _build(name, in_channels, None, outputs, options).state_dict()
    except (RuntimeError, OverflowError, TypeError) as error:
        raise ModelError(
            f"model {name!r} with {options} would be larger than any memory ({error}); make it smaller"
        ) from error


def built_in(name: str) -> bool:
    """Whether a network is made by geoloom's own program, and not by one that a user registered."""
    home = getattr(unwrapped(get_spec(name).build), "__module__", None) or ""
    return home.startswith(_OWN)


def model_options(name: str) -> dict[str, Any]:
    """The options of a network and their defaults.

    Example:
        >>> model_options("fcn8s")
        {'width': 1.0, 'dropout': 0.5, 'batch_norm': True}
    """
    return get_spec(name).options()


def check_options(name: str, options: dict[str, Any]) -> None:
    """Raise ModelError where an option is not the network's, or its value has the wrong type or sign."""
    spec = get_spec(name)
    declared, hints = spec.options(), spec.hints()
    for key, value in options.items():
        if key not in declared:
            raise ModelError(f"model {name!r} has no option {key!r}{suggest(key, declared)}")
        wanted = hints.get(key)
        if not _fits(value, wanted):
            raise ModelError(
                f"option {key!r} of model {name!r} is {value!r}; expected a value such as "
                f"{declared[key]!r} ({getattr(wanted, '__name__', wanted)})"
            )
    if "width" in options and not 0 < options["width"] < math.inf:
        raise ModelError(
            f"width is {options['width']!r}; it multiplies channel counts: give more than 0, such as 0.25"
        )
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
    if wanted is float:
        return number
    if wanted is int:
        return isinstance(value, int) and number
    if wanted is bool or wanted is str:
        return isinstance(value, wanted)
    return True
