"""The backbones of timm: classifiers, regressors and encoders for any number of bands, always untrained."""

from __future__ import annotations

import difflib
import warnings
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from ...core.errors import ModelError
from ..specs import ModelSpec
from .family import Family

if TYPE_CHECKING:
    from torch import nn

PREFIX = "timm"

_USUAL = ("convnext_tiny", "efficientnet_b0", "resnet18", "resnet50")
"""Known without asking timm, whose import takes seconds."""

_NEAR = 5
"""How many names a message lists: timm has more than a thousand."""


def build(
    name: str,
    in_channels: int,
    out_channels: int,
    *,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
    img_size: int | None = None,
) -> nn.Module:
    """A network of timm with fresh weights.

    Args:
        name: timm's name.
        in_channels: Bands of the input.
        out_channels: Numbers an image; 0 for the features before the last layer.
        drop_rate: Chance that a feature before the last layer is left out of a training step.
        drop_path_rate: Chance that a whole block is left out, the last block's; of the others, less.
        img_size: Side of the images, pixels, for networks that are built for one size, such as vision
            transformers; None takes timm's own.

    Raises:
        ModelError: the network has no such option, or cannot be built with such values.
    """
    import timm

    given = {"drop_rate": drop_rate, "drop_path_rate": drop_path_rate, "img_size": img_size}
    options: dict[str, Any] = {key: value for key, value in given.items() if value}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of overwritten and deprecated names inside timm
            network: nn.Module = timm.create_model(
                name, pretrained=False, in_chans=in_channels, num_classes=out_channels, **options
            )
    except (TypeError, ValueError, AssertionError) as error:
        raise ModelError(
            f"timm cannot build {name!r} for {in_channels} bands with {options or 'its own options'} "
            f"({error}); leave the option out, or choose another network"
        ) from error
    return network


def encode(name: str, in_channels: int, **options: Any) -> nn.Module:
    """The network without its last layer: features (B, D), where D is its `head_hidden_size`."""
    network = build(name, in_channels, 0, **options)
    if not hasattr(network, "head_hidden_size"):
        network.head_hidden_size = network.num_features
    return network


def spec(name: str) -> ModelSpec:
    """What timm's network of a name takes and gives.

    Raises:
        ModelError: timm has none of this name; the nearest are named.
    """
    if name not in _USUAL and name not in _known():
        architecture, tag, _ = name.partition(".")
        if tag and architecture in _known():
            raise ModelError(
                f"'{PREFIX}/{name}' names pretrained weights, and the network is '{PREFIX}/{architecture}': "
                f"give weights='{PREFIX}/{name}' (--weights) to begin with them"
            )
        near = difflib.get_close_matches(name, _known(), n=_NEAR, cutoff=0.5)
        hint = f"; did you mean {' or '.join(f'{PREFIX}/{n}' for n in near)}?" if near else "."
        raise ModelError(
            f"timm has no network named {name!r}{hint} list_models('{PREFIX}/*') lists all"
        )
    return ModelSpec(
        build=partial(build, name),
        about=f"timm's {name}",
        source="https://huggingface.co/docs/timm",
        gives=("image", "features"),
        encode=partial(encode, name),
    )


def names() -> tuple[str, ...]:
    """Names of all networks that timm declares, sorted."""
    return tuple(sorted(_known()))


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    import timm

    return frozenset(timm.list_models())


FAMILY = Family(
    about="any backbone of timm, untrained, for any number of bands",
    usual=_USUAL,
    names=names,
    spec=spec,
)
