"""Losses of users: each is given what its signature names, and no more."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from ..core.errors import ConfigError
from . import IGNORE_INDEX

WeightsGiven = Literal["third", "named", "not"]
"""How a loss takes class weights: as third argument, by the name of a parameter, or not at all."""


@dataclass(frozen=True, slots=True)
class OwnLoss:
    """A user's function as a `Loss`; goes into a pickle where the function does."""

    name: str
    function: Callable[..., Tensor]
    weights: WeightsGiven
    weights_name: str = ""
    """Of the parameter that takes them."""
    ignore: bool = False
    """Whether it has a parameter `ignore_index`."""
    whole_batch: bool = False
    """Whether it compares the samples of a batch with each other."""

    @classmethod
    def of(cls, name: str, function: Callable[..., Tensor], *, whole_batch: bool) -> OwnLoss:
        """What the signature of a function says of it.

        Raises:
            ConfigError: it needs more arguments than it will be given.
        """
        parameters = list(inspect.signature(function).parameters.values())
        places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        keyed = {
            p.name: p for p in parameters[2:] if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        }
        third = places[2] if len(places) > 2 else None
        named = next((key for key in keyed if "weight" in key), "")
        given: WeightsGiven = "named" if named else "not"
        wanted = third is not None and (third.default is third.empty or third.name == named)
        if wanted and third is not None and third.name != "ignore_index":
            given, named = "third", third.name
        ignore = "ignore_index" in keyed
        left = [
            key
            for key, p in keyed.items()
            if p.default is p.empty and key not in {named, "ignore_index"}
        ]
        if left or (len(places) < 2 and not any(p.kind is p.VAR_POSITIONAL for p in parameters)):
            raise ConfigError(
                f"the loss {name!r} takes ({', '.join(p.name for p in parameters)}); expected (logits, "
                "target) or (logits, target, class_weights), and a default for everything else"
            )
        return cls(name, function, given, named, ignore, whole_batch)

    def __call__(
        self,
        logits_BKHW: Tensor,
        target_BHW: Tensor,
        class_weights_K: Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        """The function's value.

        Raises:
            ConfigError: there are class weights, of which it knows nothing.
        """
        if self.ignore:
            options["ignore_index"] = IGNORE_INDEX
        if self.weights == "third":
            return self.function(logits_BKHW, target_BHW, class_weights_K, **options)
        if self.weights == "named":
            options[self.weights_name] = class_weights_K
        elif class_weights_K is not None:
            raise ConfigError(
                f"the loss {self.name!r} takes no class weights; leave class_weights out, or give it a "
                "third parameter class_weights"
            )
        return self.function(logits_BKHW, target_BHW, **options)
