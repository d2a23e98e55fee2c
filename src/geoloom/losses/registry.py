"""Losses by name, and sums of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

from torch import Tensor

from ..core.errors import ConfigError, suggest
from ..core.options.named import Named, parse_sum, typed_options
from ..core.outputs import Kind
from ..core.registry import Registry
from . import binary, lovasz_extension, overlap, pixel, value
from .own import OwnLoss
from .summed import Loss, SummedLoss, WeightedSum, batch_by_batch, chip_by_chip, sum_of

# The names of DeepGeo's losses are kept.
_OF_CLASSES: Registry[Loss] = Registry(
    "loss for classes",
    {
        "crossentropy": pixel.cross_entropy,
        "weighted_cross_entropy": pixel.weighted_cross_entropy,
        "focal": pixel.focal,
        "dice": overlap.dice,
        "avg_soft_dice": overlap.avg_soft_dice,
        "avg_generalized_dice": overlap.avg_generalized_dice,
        "jaccard": overlap.jaccard,
        "bin_iou": overlap.bin_iou,
        "tversky": overlap.tversky,
        "focal_tversky": overlap.focal_tversky,
        "lovasz": lovasz_extension.lovasz,
        "crossentropy_dice": overlap.crossentropy_dice,
    },
)
_OF_VALUES: Registry[Loss] = Registry(
    "loss for values",
    {"mse": value.mse, "mae": value.mae, "huber": value.huber, "quantile": value.quantile},
)
_OF_SEVERAL: Registry[Loss] = Registry(
    "loss for several classes at once",
    {
        "bce": binary.bce,
        "focal": binary.binary_focal,
        "dice": binary.binary_dice,
        "jaccard": binary.binary_jaccard,
        "tversky": binary.binary_tversky,
        "focal_tversky": binary.binary_focal_tversky,
        "lovasz": lovasz_extension.lovasz_hinge,
    },
)

LOSSES: dict[Kind, Registry[Loss]] = {
    "classes": _OF_CLASSES,
    "multilabel": _OF_SEVERAL,
    "values": _OF_VALUES,
}
"""By what a network gives."""

_SHORT = {"ce": "crossentropy"}

_KNOWN: dict[Any, SummedLoss] = {
    **pixel.SUMMED,
    **overlap.SUMMED,
    **lovasz_extension.SUMMED,
    **binary.SUMMED,
    **value.SUMMED,
}


def full_name(name: str) -> str:
    """The name that a short one stands for; any other as it is.

    Example:
        >>> full_name("ce"), full_name("dice")
        ('crossentropy', 'dice')
    """
    return _SHORT.get(name, name)


def list_losses(kind: Kind | None = "classes") -> tuple[str, ...]:
    """Names that `get_loss` knows, sorted; None lists those of every kind.

    Example:
        >>> list_losses("values")
        ('huber', 'mae', 'mse', 'quantile')
    """
    if kind is None:
        return tuple(sorted({name for known in LOSSES.values() for name in known.list()}))
    return _of(kind).list()


def get_loss(name: str, kind: Kind = "classes") -> Loss:
    """A loss by name, with options after a colon; or a sum of several, each times a weight.

    Args:
        name: One of `list_losses(kind)`, such as `dice`; `tversky:alpha=0.3,beta=0.7`; `ce+0.5*dice`. `ce` is
            short for `crossentropy`.
        kind: What the network gives.

    Raises:
        ConfigError: there is none, or it has no such option; the message names the nearest.

    Example:
        >>> import torch
        >>> logits, target = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, dtype=torch.int64)
        >>> each = [get_loss(name)(logits, target, None) for name in ("ce", "dice", "ce+0.5*dice")]
        >>> bool(each[0] + 0.5 * each[1] == each[2])
        True
    """
    terms = tuple((weight, _loss(term, kind)) for weight, term in parse_sum(name, "loss"))
    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else WeightedSum(terms)


def check_loss(name: str, kind: Kind | None) -> None:
    """Refuse what `get_loss` would, for outputs of a kind; None: for outputs of any kind.

    Raises:
        ConfigError: as `get_loss`.
    """
    if kind is not None:
        get_loss(name, kind)
        return
    names = [full_name(term.name) for _, term in parse_sum(name, "loss")]
    for one in names:
        if one not in list_losses(None):
            raise ConfigError(f"no loss is named {one!r}{suggest(one, list_losses(None))}")
    able: list[Kind] = [kind for kind, known in LOSSES.items() if all(n in known for n in names)]
    if not able:
        raise ConfigError(
            f"the loss {name!r} is a sum of losses that no outputs have in common; choose those of "
            f"{', '.join(LOSSES)}"
        )
    get_loss(name, able[0])


def _loss(named: Named, kind: Kind) -> Loss:
    name, losses = full_name(named.name), _of(kind)
    others = [other for other, known in LOSSES.items() if known is not losses and name in known]
    if name not in losses and others:
        raise ConfigError(
            f"the loss {name!r} is for {' and '.join(others)}, and {kind} are learned here; choose one of "
            f"{', '.join(losses.list())}"
        )
    loss = losses.get(name)
    asked = loss.function if isinstance(loss, OwnLoss) else loss
    others_give = {p for p in signature(asked).parameters if "weight" in p or p == "ignore_index"}
    options = typed_options(asked, named, "loss", but=others_give)
    return partial(loss, **options) if options else loss


def _of(kind: Kind) -> Registry[Loss]:
    if kind not in LOSSES:
        raise ConfigError(
            f"losses of {kind} come with the network that gives them; losses by name are there for "
            f"{', '.join(LOSSES)}"
        )
    return LOSSES[kind]


def summed_loss(loss: Loss) -> SummedLoss:
    """A loss over many batches: our own from their sums, any other as the mean over single chips."""
    if isinstance(loss, WeightedSum):
        return sum_of(tuple((weight, summed_loss(term)) for weight, term in loss.terms))
    function = loss.func if isinstance(loss, partial) else loss
    if isinstance(function, OwnLoss) and function.whole_batch:
        return batch_by_batch(loss, function.name)
    own = _KNOWN.get(function)
    if isinstance(loss, partial) and own is not None and not loss.args:
        parts, value_of = (_with_options(step, loss.keywords) for step in (own.parts, own.value))
        return SummedLoss(parts, value_of, own.count)
    return chip_by_chip(loss) if own is None or isinstance(loss, partial) else own


def _with_options(step: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    """A step of a loss with the options that are its own."""
    own = {key: value for key, value in options.items() if key in signature(step).parameters}
    return partial(step, **own) if own else step


def register_loss(
    name: str,
    loss: Callable[..., Tensor],
    *,
    kind: Kind = "classes",
    whole_batch: bool = False,
    overwrite: bool = False,
) -> None:
    """Make a loss of your own known by name.

    It is given what its signature names: class weights (float (K,) or None) as third argument, where that
    has no default or `weight` in its name; `ignore_index`; and those of its other parameters, which need
    defaults, that are written after its name (`mine:gamma=3`).

    Args:
        name: What users will call it.
        loss: `loss(logits_BKHW, target_BHW)` and the like.
        kind: What it judges: `classes` (target int64, IGNORE_INDEX where unknown), `multilabel` (target as of
            `bce`) or `values` (target float, NaN where unknown).
        whole_batch: False: a batch's loss is the mean over its samples, each judged alone and weighed by
            what is known of it, so that the gradient is the same however a batch is divided among devices.
            True: it compares samples with each other; trainings on several devices are refused.
        overwrite: Replace a loss of that name.

    Raises:
        ConfigError: the name is taken or holds what separates names, or the loss needs more arguments than
            it will be given.

    Example:
        >>> register_loss("half", lambda logits, target: get_loss("crossentropy")(logits, target, None) / 2)
        >>> "half" in list_losses()
        True
    """
    if not name or set(name) & set("+*:,= "):
        raise ConfigError(
            f"a loss cannot be named {name!r}: + * : , = and spaces separate names and options"
        )
    _of(kind).register(name, as_loss(loss, name, whole_batch=whole_batch), overwrite=overwrite)


def as_loss(loss: Callable[..., Tensor], name: str = "", *, whole_batch: bool = False) -> Loss:
    """A function as a loss: one of ours as it is, a user's by its signature; see `register_loss`.

    Raises:
        ConfigError: it needs more arguments than it will be given.
    """
    function = loss.func if isinstance(loss, partial) else loss
    if isinstance(function, WeightedSum | OwnLoss) or function in _KNOWN:
        return loss
    label = name or getattr(function, "__name__", type(function).__name__)
    return OwnLoss.of(label, loss, whole_batch=whole_batch)
