"""Which chips are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ...core.errors import ConfigError, suggest

Strategy = Literal["random", "sequential", "centroids"]
STRATEGIES: tuple[str, ...] = get_args(Strategy)


@dataclass(frozen=True, slots=True)
class ChipOptions:
    """How many chips of which size, and how they are chosen.

    Raises:
        ConfigError: the strategy is unknown, or an option does not go with it.
    """

    size: tuple[int, int]
    """Rows and columns, pixels."""
    strategy: Strategy = "random"
    count: int | None = None
    """Chips wanted in all; `random` only."""
    stride: tuple[int, int] | None = None
    """Rows and columns from chip to chip; `sequential` only; None is the size."""
    points: tuple[np.ndarray, str] | None = None
    """(n, 2) x and y, and their CRS; `centroids` only."""
    class_of_interest: tuple[str, ...] | None = None
    """Centre random chips on pixels of these classes; None draws anywhere."""
    balanced: bool = False
    """As many random chips centred on each class (of interest) as on any other."""
    min_valid: float = 0.1
    """Least share of a chip's pixels that is observed (and labelled, where there are labels)."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ConfigError(
                f"unknown strategy {self.strategy!r}{suggest(self.strategy, STRATEGIES)}"
            )
        needs: dict[str, tuple[Any, str]] = {
            "count": (self.count, "random"),
            "points": (self.points, "centroids"),
        }
        for name, (value, strategy) in needs.items():
            if (value is None) == (self.strategy == strategy):
                raise ConfigError(
                    f"strategy {self.strategy!r} "
                    + (f"needs {name}" if value is None else f"takes no {name}: {strategy!r} does")
                )
        if self.stride is not None and self.strategy != "sequential":
            raise ConfigError(f"strategy {self.strategy!r} takes no stride: 'sequential' does")
        if self.strategy != "random" and (self.class_of_interest or self.balanced):
            raise ConfigError("class_of_interest and balanced go with strategy 'random' only")
        if not 0 <= self.min_valid <= 1 or min(self.size) < 1 or (self.count or 1) < 1:
            raise ConfigError(
                f"size {self.size} and count {self.count} must be positive, min_valid {self.min_valid} from "
                "0 to 1"
            )
