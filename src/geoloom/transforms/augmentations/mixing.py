"""Augmentations that put two samples of a batch together.

Legend: B batch, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...core.errors import ConfigError
from ..augment import SPATIAL_KEYS
from ..draws import child_seeds, integers
from .options import check_ranges, chosen
from .radiometry import rectangle


@dataclass(frozen=True, slots=True)
class CutMix:
    """Paste a rectangle of another sample of the batch, with all that is known of its pixels.

    The other one depends on who is in the batch: on several devices, each mixes the samples of its share.

    Source:
        Yun et al. 2019, arXiv 1905.04899; pixels take their labels along, so that no label is a mixture.
    """

    alone: ClassVar[bool] = False
    """Whether a sample's result follows from that sample and its seed alone."""
    least: float = 0.0
    """Area of the rectangle, as a share of the image: from this ..."""
    most: float = 0.5
    """... up to this."""
    chance: float = 0.5
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, least=(0, self.most), most=(0, 1))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`.

        Raises:
            ConfigError: the batch has labels of images or boxes, which a rectangle would make wrong.
        """
        whole = [key for key in ("label", "boxes") if key in batch]
        whole += [k for k in ("value", "multilabel") if k in batch and batch[k].ndim < 4]
        if whole:
            raise ConfigError(
                f"cutmix pastes pixels with their labels, and the samples hold {', '.join(whole)}; leave it "
                "out"
            )
        seeds = seeds_B.cpu()
        count = len(seeds)
        if count < 2:
            return dict(batch)
        other = (torch.arange(count) + 1 + integers(seeds, 1, count - 1)[:, 0]) % count
        out = dict(batch)
        for key, value in batch.items():
            noun = key.partition(":")[0]
            if noun in SPATIAL_KEYS or noun in ("value", "multilabel"):
                shape = tuple(value.shape[-2:])
                inside = rectangle(child_seeds(seeds, 1), shape, self.least, self.most)
                inside = (inside & chosen(seeds, self.chance)[:, None, None]).to(value.device)
                inside = inside.view(count, *[1] * (value.ndim - 3), *shape)
                out[key] = torch.where(inside, value[other.to(value.device)], value)
        return out
