"""The numbers of an image that were observed, changed for some samples of a batch and for no others.

Legend: B batch, T dates, C bands, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .options import chosen
from .resampler import all_finite, all_true


@dataclass(frozen=True, slots=True)
class Observed:
    """The images of some samples, with what was observed of them."""

    image: Tensor
    """float32 (B, T, C, H, W); T is 1 where there are no dates."""
    seen: Tensor | None
    """bool, of a shape that broadcasts with the image to its own; None where all is known to be seen."""

    @classmethod
    def of(cls, image: Tensor, observed: Tensor | None) -> Observed:
        """Of an image (B, C, H, W) or (B, T, C, H, W), and what is said of it, (B, H, W) or (B, T, H, W)."""
        numbers = image.float()
        numbers = numbers if numbers.ndim == 5 else numbers[:, None]
        told = observed is None or all_true(observed)
        if told and all_finite(image):
            return cls(numbers, None)
        seen = torch.isfinite(numbers)
        if observed is not None:
            shown = observed if observed.ndim == 4 else observed[:, None]
            seen &= shown[:, :, None]
        return cls(numbers, seen)

    @property
    def known(self) -> Tensor:
        """The image, 0 where it was not observed."""
        return self.image if self.seen is None else self.image.masked_fill(~self.seen, 0.0)

    def mean(self) -> Tensor:
        """(B, 1, C, 1, 1), over the observed pixels of a sample; 0 where there are none."""
        if self.seen is None:
            return self.image.mean((1, 3, 4), keepdim=True)
        return self.known.sum((1, 3, 4), keepdim=True) / self._count()

    def moments(self) -> tuple[Tensor, Tensor, Tensor]:
        """What lies above the mean, of the image's shape and 0 where unobserved; the mean; and the spread.

        The spread is the standard deviation, (B, 1, C, 1, 1); 0 where nothing was observed.
        """
        mean = self.mean()
        above = self.image - mean
        count = torch.tensor(above[0, :, 0].numel(), device=above.device)
        if self.seen is not None:
            above.masked_fill_(~self.seen, 0.0)
            count = self._count()
        # A product of vectors: no copy of the squares is made.
        flat_BCN = above.transpose(1, 2).flatten(2)
        squares = torch.linalg.vecdot(flat_BCN, flat_BCN).view(mean.shape)
        return above, mean, (squares / count).sqrt()

    def _count(self) -> Tensor:
        assert self.seen is not None
        return self.seen.expand(self.image.shape).sum((1, 3, 4), keepdim=True).clamp(min=1)


Change = Callable[[Observed, Tensor], Tensor]
"""From images and the samples' seeds (on the CPU) to images changed everywhere, of the same shape."""


def altered(
    batch: Mapping[str, Any], seeds_B: Tensor, chance: float, change: Change
) -> dict[str, Any]:
    """The batch with a change of what was observed in the samples that are chosen.

    Args:
        batch: With `image`, and where not all was observed `valid_series`, `observed` or `valid`.
        seeds_B: One per sample.
        chance: That a sample is altered.
        change: Is called with those alone that are.

    Returns:
        A new dict, the image float32; all that is not altered stays as it is.
    """
    image, seeds = batch["image"], seeds_B.cpu()
    observed = batch.get("valid_series", batch.get("observed", batch.get("valid")))
    numbers = chosen(seeds, chance).nonzero()[:, 0]
    if not len(numbers):
        return {**batch, "image": image.float()}
    if len(numbers) == len(image):
        return {**batch, "image": _changed(image, observed, seeds, change)}
    at = numbers.to(image.device)
    whole = image.to(torch.float32, copy=True)
    some = None if observed is None else observed[at]
    whole[at] = _changed(image[at], some, seeds[numbers], change)
    return {**batch, "image": whole}


def _changed(image: Tensor, observed: Tensor | None, seeds: Tensor, change: Change) -> Tensor:
    view = Observed.of(image, observed)
    made = change(view, seeds)
    if view.seen is not None:
        made = torch.where(view.seen, made, view.image)
    return made.reshape(image.shape)
