"""Losses by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from ..core.errors import ConfigError
from ..core.outputs import Kind
from ..core.registry import Registry
from . import binary, overlap, pixel, value
from .binary import bce
from .overlap import avg_generalized_dice, avg_soft_dice, bin_iou, crossentropy_dice, dice
from .pixel import cross_entropy, focal, weighted_cross_entropy
from .summed import Loss, SummedLoss, chip_by_chip
from .value import huber, mae, mse

# The names of DeepGeo's losses are kept.
_OF_CLASSES: Registry[Loss] = Registry(
    "loss for classes",
    {
        "crossentropy": cross_entropy,
        "weighted_cross_entropy": weighted_cross_entropy,
        "focal": focal,
        "dice": dice,
        "avg_soft_dice": avg_soft_dice,
        "avg_generalized_dice": avg_generalized_dice,
        "bin_iou": bin_iou,
        "crossentropy_dice": crossentropy_dice,
    },
)
_OF_VALUES: Registry[Loss] = Registry("loss for values", {"mse": mse, "mae": mae, "huber": huber})
_OF_SEVERAL: Registry[Loss] = Registry("loss for several classes at once", {"bce": bce})

LOSSES: dict[Kind, Registry[Loss]] = {
    "classes": _OF_CLASSES,
    "multilabel": _OF_SEVERAL,
    "values": _OF_VALUES,
}
"""By what a network gives."""


def list_losses(kind: Kind | None = "classes") -> tuple[str, ...]:
    """Names that `get_loss` knows, sorted; None lists those of every kind.

    Example:
        >>> list_losses("values")
        ('huber', 'mae', 'mse')
    """
    if kind is None:
        return tuple(sorted(name for known in LOSSES.values() for name in known.list()))
    return _of(kind).list()


def get_loss(name: str, kind: Kind = "classes") -> Loss:
    """A loss by name.

    Args:
        name: One of `list_losses(kind)`.
        kind: What the network gives.

    Raises:
        ConfigError: there is none; the message names the nearest.
    """
    losses = _of(kind)
    others = [other for other, known in LOSSES.items() if known is not losses and name in known]
    if name not in losses and others:
        raise ConfigError(
            f"the loss {name!r} is for {' and '.join(others)}, and {kind} are learned here; choose one of "
            f"{', '.join(losses.list())}"
        )
    return losses.get(name)


def _of(kind: Kind) -> Registry[Loss]:
    if kind not in LOSSES:
        raise ConfigError(
            f"losses of {kind} come with the network that gives them; losses by name are there for "
            f"{', '.join(LOSSES)}"
        )
    return LOSSES[kind]


def summed_loss(loss: Loss) -> SummedLoss:
    """A loss over many batches: our own from their sums, any other as the mean over single chips."""
    known: dict[Any, SummedLoss] = {
        **pixel.SUMMED,
        **overlap.SUMMED,
        **binary.SUMMED,
        **value.SUMMED,
    }
    if isinstance(loss, partial) and loss.func in known and not loss.args:
        own = known[loss.func]
        return SummedLoss(partial(own.parts, **loss.keywords), own.value)
    return known.get(loss) or chip_by_chip(loss)


def register_loss(
    name: str, loss: Callable[..., Tensor], *, kind: Kind = "classes", overwrite: bool = False
) -> None:
    """Make a loss of your own known by name.

    Args:
        name: What users will call it.
        loss: `loss(logits_BKHW, target_BHW)`; or with class weights (float (K,) or None) as third argument,
            which has no default, or `weight` in its name. Other parameters keep their defaults.
        kind: What it judges: `classes` (target int64, IGNORE_INDEX where unknown), `multilabel` (target as of
            `bce`) or `values` (target float, NaN where unknown).
        overwrite: Replace a loss of that name.

    Raises:
        ConfigError: the name is taken, or the loss needs more arguments than it will be given.

    Example:
        >>> register_loss("half", lambda logits, target: get_loss("crossentropy")(logits, target, None) / 2)
        >>> "half" in list_losses()
        True
    """
    if _takes_weights(name, loss):
        _of(kind).register(name, loss, overwrite=overwrite)
        return

    def without_weights(
        logits_BKHW: Tensor, target_BHW: Tensor, class_weights_K: Tensor | None
    ) -> Tensor:
        if class_weights_K is not None:
            raise ConfigError(
                f"the loss {name!r} takes no class weights; leave class_weights out, or register it with a "
                "third parameter class_weights"
            )
        return loss(logits_BKHW, target_BHW)

    _of(kind).register(name, without_weights, overwrite=overwrite)


def _takes_weights(name: str, loss: Callable[..., Tensor]) -> bool:
    """Whether the third parameter is meant for class weights."""
    parameters = list(inspect.signature(loss).parameters.values())
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    third = places[2] if len(places) > 2 else None
    wanted = third is not None and (third.default is third.empty or "weight" in third.name)
    given = 3 if wanted else 2
    named = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    left = [p.name for p in (*places[given:], *named) if p.default is p.empty]
    if left or (len(places) < 2 and not any(p.kind is p.VAR_POSITIONAL for p in parameters)):
        raise ConfigError(
            f"the loss {name!r} takes ({', '.join(p.name for p in parameters)}); expected (logits, target) "
            "or (logits, target, class_weights), and a default for everything else"
        )
    return wanted
