"""What a training takes where labels are few, unless one says otherwise: which settings, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .ground import LabelledGround

MOST_PLACES = 100
MOST_PIXELS = 100_000
MOST_SHARE = 0.5
NETWORK = "unet"
"""The network that the settings were chosen for."""
STEPS = 60
"""Batches of the whole training."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting, and why it helps."""

    value: Any
    why: str


def is_sparse(ground: LabelledGround | None) -> bool:
    """Whether labels are few: fewer than 100 places, of at most 100,000 pixels, on less than half of the
    ground that the chips show.

    Args:
        ground: None where more than `MOST_PIXELS` are labelled.
    """
    return ground is not None and ground.places < MOST_PLACES and ground.share < MOST_SHARE


def choices(chips: int, batch_size: int, *, background: bool) -> dict[str, Choice]:
    """The recipe, by setting; `depth` is an option of the network.

    Args:
        chips: To learn from, an epoch.
        batch_size: As of `train`.
        background: Whether one of the classes is all that is none of the others.

    Example:
        >>> choices(chips=60, batch_size=16, background=True)["epochs"].value  # of three whole batches each
        20
    """
    steps_per_epoch = max(chips // batch_size, 1)
    recipe = {
        "depth": Choice(1, "a network that sees little around a pixel learns no places by heart"),
        "epochs": Choice(math.ceil(STEPS / steps_per_epoch), f"no more than some {STEPS} steps"),
        "average": Choice(0.25, "the mean of the weights over the last quarter of the steps"),
        "keep": Choice("last", "few validation labels would choose an epoch by luck"),
        "jitter": Choice(0.3, "another light for each chip"),
    }
    if not background:
        # Plots with a background are labelled throughout: the shares of their classes are those of the land.
        why = "the sizes of a few polygons do not say how much land is of a class"
        recipe["class_weights"] = Choice("balanced", why)
    return recipe
