"""How the learning rate moves while training: a pure function of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..core.errors import ConfigError

ScheduleName = Literal["one_cycle", "cosine", "exponential", "constant"]

_WARM_UP = 0.2
_START = 1 / 25
_END = 1e-3


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate as a share of the one asked for.

    `one_cycle` rises over the first fifth of the steps and falls to nothing at the end (Smith and Topin
    2017): the quickest to train here. `cosine` only falls. `exponential` multiplies by `decay_rate` every
    `decay_steps`, smoothly (DeepGeo's choice). `constant` does not move.

    Raises:
        ConfigError: a decay is not possible.
    """

    name: ScheduleName = "one_cycle"
    decay_rate: float = 0.1
    """Of `exponential`: the factor after `decay_steps`."""
    decay_steps: int | None = None
    """Of `exponential`: batches; None spreads the decay twice over the whole training."""

    def __post_init__(self) -> None:
        if not 0 < self.decay_rate <= 1:
            raise ConfigError(f"decay_rate is {self.decay_rate}; give more than 0, at most 1")
        if self.decay_steps is not None and self.decay_steps < 1:
            raise ConfigError(f"decay_steps is {self.decay_steps}; give at least 1 batch")

    def factor(self, step: int, total_steps: int) -> float:
        """Share of the learning rate at a step.

        Args:
            step: Batches done, from 0.
            total_steps: Batches of the whole training.

        Example:
            >>> [round(Schedule("cosine").factor(step, 100), 2) for step in (0, 50, 100)]
            [1.0, 0.5, 0.0]
        """
        done = min(step / max(total_steps, 1), 1.0)
        if self.name == "exponential":
            return math.pow(self.decay_rate, step / (self.decay_steps or max(total_steps / 2, 1)))
        if self.name == "cosine":
            return _between(1.0, _END, done)
        if self.name == "one_cycle":
            if done < _WARM_UP:
                return _between(_START, 1.0, done / _WARM_UP)
            return _between(1.0, _END, (done - _WARM_UP) / (1 - _WARM_UP))
        return 1.0


def _between(start: float, stop: float, share: float) -> float:
    """From start to stop along half a cosine."""
    return stop + (start - stop) * (1 + math.cos(math.pi * share)) / 2
