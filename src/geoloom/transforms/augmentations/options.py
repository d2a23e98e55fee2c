"""What the options of augmentations have in common."""

from __future__ import annotations

import math
import re
from typing import Any

from torch import Tensor

from ...core.errors import ConfigError
from ..draws import child_seeds, uniform


def chosen(seeds_B: Tensor, chance: float) -> Tensor:
    """Which samples are altered, bool (B,) on the CPU."""
    return uniform(child_seeds(seeds_B.cpu(), 0), 1)[:, 0] < chance


def check_ranges(augmentation: Any, **ranges: tuple[float, float]) -> None:
    """Refuse options outside their ranges; `chance` is from 0 to 1.

    Args:
        augmentation: Named as users do after its class, or as its attribute `spelled` says.
        ranges: Least and most by option.

    Raises:
        ConfigError: one is; the message names it.
    """
    for name, (least, most) in {**ranges, "chance": (0.0, 1.0)}.items():
        value = getattr(augmentation, name)
        if not least <= value <= most:
            own = re.sub(r"(?<!^)(?=[A-Z])", "_", type(augmentation).__name__).lower()
            kind = getattr(augmentation, "spelled", own)
            allowed = f"{least:g} or more" if math.isinf(most) else f"{least:g} to {most:g}"
            raise ConfigError(f"the augmentation {kind!r}: {name} is {value:g}; give {allowed}")
