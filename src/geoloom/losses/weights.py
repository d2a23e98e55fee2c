"""Class weights from pixel counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from ..core.errors import ConfigError, suggest

WeightRule = Literal["balanced", "sqrt", "one_minus_proportion", "inv_squared_proportion"]


def class_weights(pixels: Sequence[int], rule: WeightRule) -> tuple[float, ...]:
    """Weights that make up for unequal classes; a class without pixels gets 0.

    Args:
        pixels: Labelled training pixels of each class.
        rule: `balanced`: all pixels / (classes * pixels of the class), so that classes weigh alike.
            `sqrt`: the square root of that, for classes so rare that the full weight would rule.
            `one_minus_proportion`: 1 - share. `inv_squared_proportion`: 1 / share^2, scaled to a mean of 1.

    Raises:
        ConfigError: the rule is unknown, or there are no pixels.

    Example:
        >>> class_weights([30, 10], "balanced")
        (0.6666666666666666, 2.0)
    """
    counts = np.asarray(pixels, dtype=np.float64)
    present = counts > 0
    if not present.any():
        raise ConfigError("class weights need labelled pixels; the training split has none")
    share = counts / counts.sum()
    inverse = np.divide(1.0, share, out=np.zeros_like(share), where=present)
    balanced = inverse / present.sum()
    if rule == "balanced":
        weights = balanced
    elif rule == "sqrt":
        weights = np.sqrt(balanced)
    elif rule == "one_minus_proportion":
        weights = np.where(present, 1 - share, 0.0)
    elif rule == "inv_squared_proportion":
        weights = inverse**2 / (inverse**2)[present].mean()
    else:
        raise ConfigError(
            f"no rule for class weights is named {rule!r}{suggest(rule, get_args(WeightRule))}"
        )
    return tuple(weights.tolist())
