"""Augmentations that alter the numbers of an image and move nothing.

Strengths are in spreads of each band over the observed pixels of its own sample, so they mean the same in any
unit, and nothing is clipped. Legend: B batch, T dates, C bands, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..draws import child_seeds, normal, uniform
from .options import check_ranges, chosen


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
        view = _Observed.of(batch)
        b, t, c = view.image.shape[:3]
        drawn = (uniform(seeds_B.cpu(), 2 * t * c) * 2 - 1).to(view.image.device) * self.strength
        gain, offset = drawn.view(b, 2, t, c, 1, 1).unbind(1)
        changed = view.image + gain * (view.image - view.mean) + offset * view.spread
        return view.put(batch, changed, chosen(seeds_B, self.chance))


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
        view = _Observed.of(batch)
        share = uniform(seeds_B.cpu(), 1).to(view.image.device).view(-1, 1, 1, 1, 1)
        seeds = child_seeds(seeds_B, 1).to(view.image.device)
        drawn = normal(seeds, view.image[0].numel()).view(view.image.shape)
        changed = view.image + drawn * (share * self.strength) * view.spread
        return view.put(batch, changed, chosen(seeds_B, self.chance))


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
        view = _Observed.of(batch)
        sigma_B = uniform(seeds_B.cpu(), 1)[:, 0] * (self.sigma - 0.05) + 0.05
        reach = math.ceil(3 * self.sigma)
        steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
        bell = torch.exp(-(steps**2) / (2 * sigma_B[:, None] ** 2))
        bell = (bell / bell.sum(1, keepdim=True)).to(view.image.device)
        total = _blurred(torch.where(view.seen, view.image, 0.0), bell)
        weight = _blurred(view.seen.float().expand(view.image.shape), bell)
        return view.put(batch, total / weight.clamp(min=1e-6), chosen(seeds_B, self.chance))


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
        view = _Observed.of(batch)
        drawn = uniform(seeds_B.cpu(), view.image.shape[2])
        gone = (drawn < self.share) & (drawn < drawn.amax(1, keepdim=True))
        gone = gone.to(view.image.device)[:, None, :, None, None]
        changed = torch.where(gone, view.mean.expand(view.image.shape), view.image)
        return view.put(batch, changed, chosen(seeds_B, self.chance))


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
        view = _Observed.of(batch)
        inside = rectangle(seeds_B, view.image.shape[-2:], self.least, self.most)
        inside = inside.to(view.image.device)[:, None, None]
        changed = torch.where(inside, view.mean.expand(view.image.shape), view.image)
        return view.put(batch, changed, chosen(seeds_B, self.chance))


@dataclass(frozen=True, slots=True)
class Grey:
    """Give all bands one pattern, the mean of theirs, each in its own mean and spread."""

    chance: float = 0.2
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self)

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`."""
        view = _Observed.of(batch)
        spread = torch.where(view.spread > 0, view.spread, 1.0)
        pattern = ((view.image - view.mean) / spread).mean(dim=2, keepdim=True)
        return view.put(batch, view.mean + pattern * view.spread, chosen(seeds_B, self.chance))


def rectangle(seeds_B: Tensor, shape: tuple[int, ...], least: float, most: float) -> Tensor:
    """bool (B, H, W) on the CPU: a rectangle in each, of an area between two shares of the image."""
    h, w = shape
    drawn = uniform(seeds_B.cpu(), 4)
    area = least + drawn[:, 0] * (most - least)
    ratio = torch.exp((2 * drawn[:, 1] - 1) * math.log(2))
    tall = ((area / ratio).sqrt().clamp(max=1) * h).round()
    wide = ((area * ratio).sqrt().clamp(max=1) * w).round()
    top = (drawn[:, 2] * (h - tall + 1)).floor()
    left = (drawn[:, 3] * (w - wide + 1)).floor()
    rows, cols = torch.arange(h)[None], torch.arange(w)[None]
    in_rows = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
    in_cols = (cols >= left[:, None]) & (cols < (left + wide)[:, None])
    return in_rows[:, :, None] & in_cols[:, None]


@dataclass(frozen=True, slots=True)
class _Observed:
    """A batch's image with what was observed of it."""

    image: Tensor
    """float32 (B, T, C, H, W); T is 1 where there are no dates."""
    seen: Tensor
    """bool, of a shape that broadcasts with the image to its own."""
    mean: Tensor
    """(B, 1, C, 1, 1), over the observed pixels of a sample."""
    spread: Tensor
    """Likewise, the standard deviation; 0 where nothing was observed."""

    @classmethod
    def of(cls, batch: Mapping[str, Any]) -> _Observed:
        image = batch["image"].float()
        image = image if image.ndim == 5 else image[:, None]
        seen = torch.isfinite(image)
        if "valid_series" in batch:
            seen = seen & batch["valid_series"][:, :, None]
        elif (observed := batch.get("observed", batch.get("valid"))) is not None:
            seen = seen & observed[:, None, None]
        known = torch.where(seen, image, 0.0)
        count = seen.sum((1, 3, 4), keepdim=True).clamp(min=1)
        mean = known.sum((1, 3, 4), keepdim=True) / count
        apart = torch.where(seen, image - mean, 0.0)
        spread = ((apart**2).sum((1, 3, 4), keepdim=True) / count).sqrt()
        return cls(image, seen, mean, spread)

    def put(self, batch: Mapping[str, Any], changed: Tensor, chosen_B: Tensor) -> dict[str, Any]:
        """The batch with what was observed of the chosen samples changed."""
        where = self.seen & chosen_B.to(self.image.device).view(-1, 1, 1, 1, 1)
        image = torch.where(where, changed, self.image)
        return {**batch, "image": image.view(batch["image"].shape)}


def _blurred(image_BTCHW: Tensor, bell_BN: Tensor) -> Tensor:
    """Each sample by its own bell, along rows and then along columns; 0 beyond the edges."""
    b, t, c, h, w = image_BTCHW.shape
    reach, planes = bell_BN.shape[1] // 2, image_BTCHW.reshape(1, b * t * c, h, w)
    bells = bell_BN.repeat_interleave(t * c, 0)[:, None]
    along = functional.conv2d(planes, bells[..., None], padding=(reach, 0), groups=b * t * c)
    both = functional.conv2d(along, bells[:, :, None], padding=(0, reach), groups=b * t * c)
    return both.view(image_BTCHW.shape)
