"""Augmentations that alter the numbers of an image and move nothing.

Strengths are in spreads of each band over the observed pixels of its own sample, so they mean the same in any
unit, and nothing is clipped. Legend: B batch, T dates, C bands, P planes, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..draws import child_seeds, normal, uniform
from .observed import Observed, altered
from .options import check_ranges


@dataclass(frozen=True, slots=True)
class GainOffset:
    """Stretch and shift each band of each date by its own amounts; see also `transforms.jitter`."""

    strength: float = 0.1
    """Gain within 1 - strength to 1 + strength, offset within as many spreads of the band."""
    chance: float = 1.0
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, strength=(0, 1))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        return altered(batch, seeds_B, self.chance, self._changed)

    def _changed(self, view: Observed, seeds: Tensor) -> Tensor:
        b, t, c = view.image.shape[:3]
        drawn = (uniform(seeds, 2 * t * c) * 2 - 1).to(view.image.device) * self.strength
        gain, offset = drawn.view(b, 2, t, c, 1, 1).unbind(1)
        above, mean, spread = view.moments()
        return above.mul_(1 + gain).add_(mean + offset * spread)


@dataclass(frozen=True, slots=True)
class Noise:
    """Add normal noise to each number by itself."""

    strength: float = 0.1
    """Deviation of the noise, in spreads of the band; drawn for each sample, up to this."""
    chance: float = 1.0
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, strength=(0, math.inf))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        return altered(batch, seeds_B, self.chance, self._changed)

    def _changed(self, view: Observed, seeds: Tensor) -> Tensor:
        share = uniform(seeds, 1).to(view.image.device).view(-1, 1, 1, 1, 1)
        spread = view.moments()[2]
        seeds = child_seeds(seeds, 1).to(view.image.device)
        drawn = normal(seeds, view.image[0].numel()).view(view.image.shape)
        return drawn.mul_(share * self.strength * spread).add_(view.image)


@dataclass(frozen=True, slots=True)
class Blur:
    """Gaussian blur; what was not observed has no part in it."""

    sigma: float = 1.5
    """Deviation of the bell, pixels; drawn for each sample, up to this."""
    chance: float = 0.5
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, sigma=(0.05, 64))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        return altered(batch, seeds_B, self.chance, self._changed)

    def _changed(self, view: Observed, seeds: Tensor) -> Tensor:
        sigmas = (uniform(seeds, 1)[:, 0] * (self.sigma - 0.05) + 0.05).tolist()
        most = math.ceil(3 * self.sigma)
        known, out = view.known, torch.empty_like(view.image)
        h, w = known.shape[-2:]
        for i, sigma in enumerate(sigmas):
            bell = _bell(sigma, min(most, math.ceil(4 * sigma)))
            _smoothed(known[i], bell, out[i])
            if view.seen is None:
                rows, cols = (_along(known.new_ones(1, 1, n), bell)[0, 0] for n in (h, w))
                out[i] /= rows[:, None] * cols
            else:
                weight = view.seen[i].float()
                out[i] /= _smoothed(weight, bell, torch.empty_like(weight)).clamp_(min=1e-6)
        return out


@dataclass(frozen=True, slots=True)
class ChannelDropout:
    """Replace bands by their mean, the same ones at all dates; one band at least stays."""

    share: float = 0.2
    """Chance of each band to go."""
    chance: float = 1.0
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, share=(0, 1))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        return altered(batch, seeds_B, self.chance, self._changed)

    def _changed(self, view: Observed, seeds: Tensor) -> Tensor:
        drawn = uniform(seeds, view.image.shape[2])
        gone = (drawn < self.share) & (drawn < drawn.amax(1, keepdim=True))
        mean, out = view.mean(), view.image.clone()
        for i, band in gone.nonzero().tolist():
            out[i, :, band] = mean[i, :, band]
        return out


@dataclass(frozen=True, slots=True)
class Erase:
    """Replace a rectangle by the mean of each band; labels stay, to be told from what lies around.

    Source:
        Zhong et al. 2017, arXiv 1708.04896.
    """

    least: float = 0.02
    """Area of the rectangle, as a share of the image: from this ..."""
    most: float = 0.33
    """... up to this."""
    chance: float = 0.5
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, least=(0, self.most), most=(0, 1))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        return altered(batch, seeds_B, self.chance, self._changed)

    def _changed(self, view: Observed, seeds: Tensor) -> Tensor:
        mean, out = view.mean(), view.image.clone()
        shape = (view.image.shape[-2], view.image.shape[-1])
        for i, (rows, cols) in enumerate(rectangles(seeds, shape, self.least, self.most)):
            out[i, :, :, rows, cols] = mean[i]
        return out


@dataclass(frozen=True, slots=True)
class Grey:
    """Give all bands one pattern, the mean of theirs, each in its own mean and spread."""

    chance: float = 0.2
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self)

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        return altered(batch, seeds_B, self.chance, self._changed)

    def _changed(self, view: Observed, seeds: Tensor) -> Tensor:
        above, mean, spread = view.moments()
        pattern = (above / torch.where(spread > 0, spread, 1.0)).mean(dim=2, keepdim=True)
        return torch.addcmul(mean, pattern, spread)


def rectangles(
    seeds_B: Tensor, shape: tuple[int, int], least: float, most: float
) -> list[tuple[slice, slice]]:
    """Rows and columns of a rectangle for each seed, of an area between two shares of the image."""
    h, w = shape
    drawn = uniform(seeds_B.cpu(), 4)
    area = least + drawn[:, 0] * (most - least)
    ratio = torch.exp((2 * drawn[:, 1] - 1) * math.log(2))
    tall = ((area / ratio).sqrt().clamp(max=1) * h).round()
    wide = ((area * ratio).sqrt().clamp(max=1) * w).round()
    top = (drawn[:, 2] * (h - tall + 1)).floor()
    left = (drawn[:, 3] * (w - wide + 1)).floor()
    edges = torch.stack([top, top + tall, left, left + wide], 1).long().tolist()
    return [(slice(a, b), slice(c, d)) for a, b, c, d in edges]


def _bell(sigma: float, reach: int) -> list[float]:
    """Weights of the steps from the middle outwards, on either side; all of them together 1."""
    half = [math.exp(-(step**2) / (2 * sigma**2)) for step in range(reach + 1)]
    total = 2 * sum(half) - half[0]
    return [weight / total for weight in half]


def _smoothed(planes_PHW: Tensor, bell: list[float], out: Tensor) -> Tensor:
    """Along columns, then along rows, into `out`; 0 beyond the edges.

    By shifted sums of planes that stay in the processor's cache: on one core twice as fast as a convolution
    with a kernel for each sample.
    """
    turned = _along(planes_PHW.transpose(-1, -2), bell).transpose(-1, -2)
    return _along(turned, bell, out)


def _along(planes: Tensor, bell: list[float], out: Tensor | None = None) -> Tensor:
    """Along the last axis."""
    size = planes.shape[-1]
    out = torch.empty_like(planes) if out is None else out
    torch.mul(planes, bell[0], out=out)
    for step, weight in enumerate(bell[1 : size + 1], start=1):
        if step < size:
            out[..., : size - step].add_(planes[..., step:], alpha=weight)
            out[..., step:].add_(planes[..., : size - step], alpha=weight)
    return out
