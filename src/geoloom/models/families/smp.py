"""The decoders of segmentation_models_pytorch on its encoders, for any number of bands, always untrained."""

from __future__ import annotations

import difflib
from functools import partial
from typing import TYPE_CHECKING

from ...core.errors import ModelError, suggest
from ..specs import ModelSpec
from .family import Family

if TYPE_CHECKING:
    from torch import nn

PREFIX = "smp"

_DECODERS = {
    "deeplabv3": "DeepLabV3 (Chen et al. 2017, arXiv 1706.05587)",
    "deeplabv3plus": "DeepLabV3+ (Chen et al. 2018, arXiv 1802.02611)",
    "fpn": "FPN (Kirillov et al. 2019, arXiv 1901.02446)",
    "linknet": "LinkNet (Chaurasia and Culurciello 2017, arXiv 1707.03718)",
    "manet": "MA-Net (Fan et al. 2020, IEEE Access 8)",
    "pan": "PAN (Li et al. 2018, arXiv 1805.10180)",
    "pspnet": "PSPNet (Zhao et al. 2017, arXiv 1612.01105)",
    "segformer": "SegFormer (Xie et al. 2021, arXiv 2105.15203)",
    "unet": "U-Net (Ronneberger et al. 2015, arXiv 1505.04597)",
    "unetplusplus": "UNet++ (Zhou et al. 2018, arXiv 1807.10165)",
    "upernet": "UPerNet (Xiao et al. 2018, arXiv 1807.10221)",
}
"""By the name that the library gives an architecture; known without importing it, which takes seconds."""

_MULTIPLE = 32
_MULTIPLES = {"pan": 128}  # it halves the features at stride 16 three times more
"""Of the sides that a decoder takes, where it isn't the usual one."""

_NEAR = 5
"""How many encoders a message lists: the library has hundreds."""


def build(
    decoder: str, in_channels: int, out_channels: int, *, encoder: str = "resnet34"
) -> nn.Module:
    """A network of the library with fresh weights.

    Args:
        decoder: The library's name of the architecture.
        in_channels: Bands of the input.
        out_channels: Numbers a pixel: classes to tell apart, or values.
        encoder: The library's name of an encoder, such as `resnet34`, `efficientnet-b0` or `mit_b0`; or of
            timm's network, as `tu-convnext_tiny`.

    Raises:
        ModelError: there is no such encoder, or the decoder cannot be built on it.
    """
    import segmentation_models_pytorch as smp

    from .smp_network import SmpNetwork
    from .unreached import freeze_unreached

    known = smp.encoders.get_encoder_names()
    if encoder not in known and not encoder.startswith("tu-"):
        near = difflib.get_close_matches(encoder, known, n=_NEAR, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else "."
        raise ModelError(
            f"segmentation_models_pytorch has no encoder named {encoder!r}{hint} A network of timm is "
            "'tu-' and its name"
        )
    try:
        network = smp.create_model(
            decoder, encoder, encoder_weights=None, in_channels=in_channels, classes=out_channels
        )
    except (ValueError, RuntimeError, KeyError, AssertionError, NotImplementedError) as error:
        raise ModelError(
            f"segmentation_models_pytorch cannot build {decoder!r} on the encoder {encoder!r} ({error}); "
            "choose another encoder"
        ) from error
    whole = SmpNetwork(network, _MULTIPLES.get(decoder, _MULTIPLE))
    freeze_unreached(whole, in_channels)
    return whole


def spec(name: str) -> ModelSpec:
    """What a decoder takes and gives.

    Raises:
        ModelError: there is none of this name; the nearest is named.
    """
    if name not in _DECODERS:
        raise ModelError(
            f"segmentation_models_pytorch has no decoder named {name!r}{suggest(name, _DECODERS)}"
        )
    title, _, source = _DECODERS[name].partition(" (")
    return ModelSpec(
        build=partial(build, name),
        about=f"{title} on an encoder of choice",
        source=source.removesuffix(")"),
    )


def names() -> tuple[str, ...]:
    """All decoders, sorted."""
    return tuple(_DECODERS)


FAMILY = Family(
    about="decoders of segmentation_models_pytorch on any of its encoders, untrained",
    usual=names(),
    names=names,
    spec=spec,
)
