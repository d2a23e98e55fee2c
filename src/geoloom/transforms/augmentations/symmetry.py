"""Turns and mirror images as augmentations of their own, with a chance.

Legend: B batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from ..augment import move_batch
from ..draws import integers
from ..symmetries import MOVES, SYMMETRIES
from .options import check_ranges, chosen


@dataclass(frozen=True, slots=True)
class Symmetry:
    """One turn or mirror image, exact on everything that has pixels, boxes and place.

    Raises:
        ConfigError: there is none of that name.
    """

    name: str
    """One of `SYMMETRIES`."""
    chance: float = 0.5
    """That a sample is altered."""

    def __post_init__(self) -> None:
        MOVES.get(self.name)
        check_ranges(self)

    @property
    def spelled(self) -> str:
        """By users."""
        return self.name

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        moved = chosen(seeds_B, self.chance).tolist()
        return move_batch(batch, [self.name if one else None for one in moved], [self.name])


@dataclass(frozen=True, slots=True)
class Symmetries:
    """One of all seven turns and mirror images, each as likely as the others."""

    chance: float = 0.875
    """That a sample is altered; 7/8 makes all eight symmetries of the square equally likely."""

    def __post_init__(self) -> None:
        check_ranges(self)

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        moved = chosen(seeds_B, self.chance).tolist()
        numbers = integers(seeds_B.cpu(), 1, len(SYMMETRIES))[:, 0].tolist()
        names = [SYMMETRIES[i] if one else None for i, one in zip(numbers, moved, strict=True)]
        return move_batch(batch, names, SYMMETRIES)


rot90, rot180, rot270, flip_left_right, flip_up_down, flip_transpose, flip_antitranspose = (
    partial(Symmetry, name) for name in SYMMETRIES
)
