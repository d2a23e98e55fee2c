"""Random gain and offset by the spread of all that is learned from, as an augmentation by name.

Legend: B batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ...core.errors import ConfigError
from ...core.statistics import BandStatistics
from ..jitter import jitter
from .options import check_ranges, chosen


@dataclass(frozen=True, slots=True)
class Jitter:
    """`transforms.jitter` by name; data modules give it the statistics of what is learned from."""

    strength: float = 0.2
    """Gain within 1 - strength to 1 + strength, offset within as many spreads of the band."""
    chance: float = 1.0
    """That a sample is altered."""
    statistics: BandStatistics | None = None
    """Of the bands, over all that is learned from."""

    def __post_init__(self) -> None:
        check_ranges(self, strength=(0, 1))

    def with_statistics(self, statistics: BandStatistics) -> Jitter:
        """The same with the statistics of the bands."""
        return replace(self, statistics=statistics)

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`.

        Raises:
            ConfigError: it has no statistics.
            BandError: as `transforms.jitter`.
        """
        if self.statistics is None:
            raise ConfigError(
                "the augmentation 'jitter' measures its strength by the spread of each band over all that is "
                'learned from: give statistics=store.statistics("train") or sample_statistics(samples) to '
                "the data module, or with_statistics(...) to the augmentation"
            )
        out = jitter(batch, seeds_B, self.strength, self.statistics)
        if self.chance == 1:
            return out
        image = batch["image"].float()
        altered = chosen(seeds_B, self.chance).to(image.device).view(-1, *[1] * (image.ndim - 1))
        return {**out, "image": torch.where(altered, out["image"], image)}
