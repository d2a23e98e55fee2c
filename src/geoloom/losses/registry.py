"""Losses by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from torch import Tensor

from ..core.errors import ConfigError, suggest
from .overlap import avg_generalized_dice, avg_soft_dice, bin_iou, crossentropy_dice, dice
from .pixel import cross_entropy, focal, weighted_cross_entropy

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""`loss(logits_BKHW, target_BHW, class_weights_K or None) -> scalar`; pixels whose target is IGNORE_INDEX
must not count. The names of DeepGeo's losses are kept."""

_LOSSES: dict[str, Loss] = {
    "crossentropy": cross_entropy,
    "weighted_cross_entropy": weighted_cross_entropy,
    "focal": focal,
    "dice": dice,
    "avg_soft_dice": avg_soft_dice,
    "avg_generalized_dice": avg_generalized_dice,
    "bin_iou": bin_iou,
    "crossentropy_dice": crossentropy_dice,
}


def list_losses() -> tuple[str, ...]:
    """Names that `get_loss` knows, sorted."""
    return tuple(sorted(_LOSSES))


def get_loss(name: str) -> Loss:
    """A loss by name.

    Raises:
        ConfigError: there is none; the message names the nearest.
    """
    if name not in _LOSSES:
        raise ConfigError(f"no loss is named {name!r}{suggest(name, _LOSSES)}")
    return _LOSSES[name]


def register_loss(name: str, loss: Callable[..., Tensor], *, overwrite: bool = False) -> None:
    """Make a loss of your own known by name.

    Args:
        name: What users will call it.
        loss: `loss(logits_BKHW, target_BHW)`, or with a third argument, class weights (float (K,) or None).
        overwrite: Replace a loss of that name.

    Raises:
        ConfigError: the name is taken.

    Example:
        >>> register_loss("half", lambda logits, target: get_loss("crossentropy")(logits, target, None) / 2)
        >>> "half" in list_losses()
        True
    """
    if name in _LOSSES and not overwrite:
        raise ConfigError(
            f"a loss named {name!r} is registered already; choose another name or overwrite=True"
        )
    if len(inspect.signature(loss).parameters) >= 3:
        _LOSSES[name] = loss
        return

    def without_weights(
        logits_BKHW: Tensor, target_BHW: Tensor, _class_weights_K: Tensor | None
    ) -> Tensor:
        return loss(logits_BKHW, target_BHW)

    _LOSSES[name] = without_weights
