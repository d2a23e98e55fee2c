"""The detectors of torchvision: boxes, and outlines, in images of any number of bands, always untrained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from ...core.errors import ModelError, suggest
from ..specs import ModelSpec
from .family import Family

if TYPE_CHECKING:
    from torch import nn

PREFIX = "torchvision"

Backbone = Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is said of a detector without importing it."""

    about: str
    source: str
    masks: bool = False


_DETECTORS = {
    "fasterrcnn": _Known("Faster R-CNN: boxes in two stages", "Ren et al. 2015, arXiv 1506.01497"),
    "fcos": _Known("FCOS: boxes without anchors", "Tian et al. 2019, arXiv 1904.01355"),
    "maskrcnn": _Known("Mask R-CNN: boxes and outlines", "He et al. 2017, arXiv 1703.06870", True),
    "retinanet": _Known("RetinaNet: boxes in one stage", "Lin et al. 2017, arXiv 1708.02002"),
}
"""All on a feature pyramid."""


def build(
    name: str, in_channels: int, out_channels: int, *, backbone: Backbone = "resnet50"
) -> nn.Module:
    """A detector with fresh weights, on a feature pyramid over a residual network.

    Args:
        name: As in `torchvision/NAME`.
        in_channels: Bands of the input.
        out_channels: Classes of things; the background is none of them.
        backbone: torchvision's residual network.
    """
    from .detector import build_detector

    return build_detector(name, in_channels, out_channels, backbone)


def spec(name: str) -> ModelSpec:
    """What a detector takes and gives.

    Raises:
        ModelError: there is none of this name; the nearest is named.
    """
    if name not in _DETECTORS:
        raise ModelError(
            f"no detector of torchvision is named {name!r}{suggest(name, _DETECTORS)}; its networks for "
            "images are in timm too, as timm/NAME"
        )
    known = _DETECTORS[name]
    return ModelSpec(
        build=partial(build, name),
        about=known.about,
        gives=("boxes",),
        masks=known.masks,
        source=known.source,
    )


def names() -> tuple[str, ...]:
    """All detectors, sorted."""
    return tuple(_DETECTORS)


FAMILY = Family(
    about="detectors of torchvision, untrained, for any number of bands",
    usual=names(),
    names=names,
    spec=spec,
)
