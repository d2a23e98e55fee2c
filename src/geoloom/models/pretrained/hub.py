"""Weights of ImageNet and its like, as timm and segmentation_models_pytorch name them: where, and fed what.

Their own downloads are not used: weights come by `io.download`, so that one cache, one switch for working
offline and one refusal of programs in files hold for all weights.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ...core.bands import Role
from ...core.errors import ModelError
from ..listing import get_spec
from .table import IMAGENET, TIMM, InputBand, PretrainedWeights

_SMP = "smp/"

_HUB = "https://huggingface.co"
_FILE = "model.safetensors"
_NEAR = 5
_RGB: tuple[tuple[str, Role], ...] = (("R", "red"), ("G", "green"), ("B", "blue"))
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures in 0..1, as nearly all networks are trained with them."""
_USUAL_ENCODERS = (
    "densenet", "efficientnet-", "mit_", "mobilenet_v2", "resnet", "resnext", "se_resn", "senet", "vgg",
)  # fmt: skip
"""Beginnings of smp's encoders whose weights were trained with these."""


def imagenet_weights(network: str, options: Mapping[str, Any]) -> PretrainedWeights:
    """The weights that a network is usually started from: of timm, its default; of smp, its encoder's.

    Args:
        network: As `create_model` takes it.
        options: Of the network; `encoder` decides.

    Raises:
        ModelError: none are known for it, or what they want to be fed is not.
    """
    if network.startswith(TIMM):
        return timm_weights(network)
    if not network.startswith(_SMP):
        raise ModelError(
            f"no weights of ImageNet are known for {network!r}; choose a network of timm (timm/resnet18), or "
            "a decoder on such an encoder (smp/unet)"
        )
    encoder = options.get("encoder") or _default_encoder(network)
    if encoder.startswith("tu-"):
        known = timm_weights(TIMM + encoder.removeprefix("tu-"))
        return _for_encoder(known, network, encoder, "tu_encoder")
    return _smp_weights(network, encoder)


@lru_cache
def timm_weights(name: str) -> PretrainedWeights:
    """What timm knows of weights by their full name, such as `timm/resnet18.a1_in1k`.

    Args:
        name: Without a tag, those that timm takes for the network by default.

    Raises:
        ModelError: there are none of this name, or they are not of RGB images.
    """
    from timm.models import get_pretrained_cfg, list_pretrained

    member = name.removeprefix(TIMM)
    architecture, _, tag = member.partition(".")
    known = list_pretrained(f"{architecture}.*")
    config = get_pretrained_cfg(member) if known and (not tag or member in known) else None
    if config is None:
        near = known or difflib.get_close_matches(member, list_pretrained(), n=_NEAR, cutoff=0.5)
        hint = f"; known: {', '.join(TIMM + n for n in near)}" if near else ""
        raise ModelError(f"timm knows no pretrained weights named {name!r}{hint}")
    given = PretrainedWeights(
        f"{TIMM}{architecture}.{config.tag}" if config.tag else name,
        str(config.url or ""),
        sensor="RGB photographs",
        method=f"timm's {config.tag}" if config.tag else "timm's",
        licence=config.license,
        citation=config.paper_ids if isinstance(config.paper_ids, str) else None,
        home=f"{_HUB}/{config.hf_hub_id}" if config.hf_hub_id else config.origin_url,
        architecture=TIMM + architecture,
        options={},
        layout="timm",
        size=config.input_size[1],
        num_classes=config.num_classes or None,
    )
    if config.input_size[0] != len(_RGB):
        return replace(
            given, refused=f"they are of images of {config.input_size[0]} bands, not of RGB"
        )
    given = replace(given, bands=_photograph(config.mean, config.std), dtype="uint8")
    if not config.hf_hub_id:
        return given
    repository, _, revision = config.hf_hub_id.partition("@")
    return replace(
        given, url=_address(repository, revision or "main", config.hf_hub_filename or _FILE)
    )


def list_timm(pattern: str) -> tuple[str, ...]:
    """Full names of the weights that timm knows, such as `timm/resnet18.*` means."""
    from timm.models import list_pretrained

    return tuple(TIMM + name for name in list_pretrained(pattern.removeprefix(TIMM)))


def _smp_weights(network: str, encoder: str) -> PretrainedWeights:
    """Weights of ImageNet of an encoder of segmentation_models_pytorch, by its own table."""
    from segmentation_models_pytorch.encoders import encoders

    settings = encoders.get(encoder, {}).get("pretrained_settings", {}).get(IMAGENET)
    if settings is None or not encoder.startswith(_USUAL_ENCODERS):
        what = "what they want to be fed is" if settings else "weights of ImageNet are"
        raise ModelError(
            f"{what} not known for the encoder {encoder!r}; choose another, such as resnet34 or mit_b0, or "
            "one of timm's, as tu-resnet34"
        )
    if "repo_id" not in settings:  # before its hub
        raise ModelError(
            f"segmentation_models_pytorch is too old to say where weights of {encoder!r} are; upgrade it"
        )
    repository, revision = settings["repo_id"], settings["revision"]
    known = PretrainedWeights(
        f"{repository}@{revision[:8]}",
        _address(repository, revision, _FILE),
        sensor="RGB photographs",
        method="supervised on ImageNet",
        home=f"{_HUB}/{repository}",
        options={},
        bands=_photograph(_MEAN, _STD),
        dtype="uint8",
    )
    return _for_encoder(known, network, encoder, "smp_encoder")


def _for_encoder(
    known: PretrainedWeights, network: str, encoder: str, layout: str
) -> PretrainedWeights:
    return replace(known, architecture=network, options={"encoder": encoder}, layout=layout)


def _photograph(mean: tuple[float, ...], std: tuple[float, ...]) -> tuple[InputBand, ...]:
    """Red, green and blue as 8-bit numbers; the libraries have mean and deviation of numbers in 0..1."""
    return tuple(
        InputBand(name, role, None, round(255 * center, 6), round(255 * scale, 6))
        for (name, role), center, scale in zip(_RGB, mean, std, strict=True)
    )


def _address(repository: str, revision: str, file: str) -> str:
    return f"{_HUB}/{repository}/resolve/{revision}/{file}"


def _default_encoder(network: str) -> str:
    return str(get_spec(network).options()["encoder"])
