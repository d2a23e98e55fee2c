"""Class weights from pixel counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from ..core.errors import ConfigError, suggest
from ..core.options.named import Named, typed_options

_NOUN = "rule for class weights"

WeightRule = Literal[
    "balanced",
    "mean_proportion",
    "sqrt",
    "one_minus_proportion",
    "inv_squared_proportion",
    "effective_number",
]


def class_weights(pixels: Sequence[int], rule: str) -> tuple[float, ...]:
    """Weights that make up for unequal classes; a class without pixels gets 0.

    Args:
        pixels: Labelled training pixels of each class.
        rule: `balanced`: all pixels / (classes * pixels of the class), so that classes weigh alike;
            `mean_proportion` is DeepGeo's name of it: mean share / share.
            `sqrt`: the square root of that, for classes so rare that the full weight would rule.
            `one_minus_proportion`: 1 - share. `inv_squared_proportion`: 1 / share^2, scaled to a mean of 1.
            `effective_number`: (1 - beta) / (1 - beta^n), n the pixels of the class, scaled to a mean of 1
            (Cui et al. 2019, arXiv 1901.05555, equation 4). `effective_number:beta=0.9999` gives beta;
            left out, it is (N - 1) / N, as section 3.2 has it, N all labelled pixels: with a fixed beta all
            classes of more than a few times 1 / (1 - beta) pixels would weigh alike.

    Raises:
        ConfigError: the rule is unknown, or there are no pixels.

    Example:
        >>> class_weights([30, 10], "balanced")
        (0.6666666666666666, 2.0)
    """
    named = check_weight_rule(rule)
    counts = np.asarray(pixels, dtype=np.float64)
    present = counts > 0
    if not present.any():
        raise ConfigError("class weights need labelled pixels; the training split has none")
    share = counts / counts.sum()
    inverse = np.divide(1.0, share, out=np.zeros_like(share), where=present)
    balanced = inverse / present.sum()
    if named.name in ("balanced", "mean_proportion"):
        weights = balanced
    elif named.name == "sqrt":
        weights = np.sqrt(balanced)
    elif named.name == "one_minus_proportion":
        weights = np.where(present, 1 - share, 0.0)
    elif named.name == "inv_squared_proportion":
        weights = inverse**2 / (inverse**2)[present].mean()
    else:
        effective = _effective(counts[present], **named.options)
        weights = np.zeros_like(share)
        weights[present] = 1 / effective / (1 / effective).mean()
    return tuple(weights.tolist())


def check_weight_rule(rule: str) -> Named:
    """A rule and its options, of their types.

    Raises:
        ConfigError: there is no such rule or option, or beta is not between 0 and 1.

    Example:
        >>> check_weight_rule("effective_number:beta=0.9999").options
        {'beta': 0.9999}
    """
    named = Named.parse(rule, _NOUN)
    if named.name not in get_args(WeightRule):
        raise ConfigError(
            f"no {_NOUN} is named {named.name!r}{suggest(named.name, get_args(WeightRule))}"
        )
    takes = _effective if named.name == "effective_number" else _nothing
    options = typed_options(takes, named, _NOUN)
    beta = options.get("beta")
    if beta is not None and not 0 < beta < 1:
        raise ConfigError(f"the {_NOUN} {rule!r} has beta={beta:g}; give a number above 0, below 1")
    return Named(named.name, options)


def _effective(pixels: np.ndarray, beta: float | None = None) -> np.ndarray:
    """(1 - beta^n) / (1 - beta) of each n."""
    left = 1 / pixels.sum() if beta is None else 1 - beta
    # By logarithms, as beta^n of millions of pixels and a beta near 1 is lost in rounding otherwise.
    with np.errstate(divide="ignore"):
        grown: np.ndarray = -np.expm1(pixels * np.log1p(-left)) / left
    return grown


def _nothing() -> None:
    """Rules without options."""
