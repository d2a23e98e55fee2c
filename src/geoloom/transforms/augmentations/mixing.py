"""Augmentations that put two samples of a batch together, whatever scenes they are of.

Where a sample is a mixture, the batch says so: what the other one knows is under `mask:mixed` and the like,
and the sample's own share under `mix_share` (`core.outputs.mixture`); tasks take a loss L as s L(own) +
(1 - s) L(other). Legend: B batch, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...core.errors import ConfigError
from ...core.outputs.mixture import PARTNER, SHARE
from ..draws import child_seeds, integers, symmetric_beta
from ..spatial import has_pixels, noun_of, pixel_shape
from .options import check_ranges, chosen
from .radiometry import rectangles
from .resampler import all_true

_BLENDED = ("image", "aux", "audio")
"""What networks are fed: blended, number by number."""
_SEEN = ("valid", "observed", "valid_series")
_LEARNED = ("mask", "mask_series", "label", "multilabel", "value")


@dataclass(frozen=True, slots=True)
class CutMix:
    """Paste a rectangle of another sample of the batch, with all that is known of its pixels.

    Labels of pixels go along, so that none is a mixture. Labels of whole images become two, by the share of
    the image that each sample has.

    Source:
        Yun et al. 2019, arXiv 1905.04899.
    """

    alone: ClassVar[bool] = False
    """Whether a sample's result follows from that sample and its seed alone."""
    spelled: ClassVar[str] = "cutmix"
    """By users."""
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
            ConfigError: the batch has boxes, which are not mixed, or samples that are mixtures already.
        """
        _check_mixable(batch, "cutmix")
        shape = pixel_shape(batch)
        if shape is None:
            return dict(batch)
        seeds = seeds_B.cpu()
        other_B = _partners(seeds)
        altered = chosen(seeds, self.chance) & (other_B != torch.arange(len(seeds)))
        parts = rectangles(child_seeds(seeds, 1), shape, self.least, self.most)
        pasted = [(i, int(other_B[i]), *parts[i]) for i in altered.nonzero()[:, 0].tolist()]
        out, images = dict(batch), []
        for key, value in batch.items():
            if has_pixels(key, value):
                out[key] = value.clone()
                for i, other, rows, cols in pasted:
                    out[key][i, ..., rows, cols] = value[other, ..., rows, cols]
            elif noun_of(key) in _LEARNED:
                images.append(key)
        for key in images:
            out[key + PARTNER] = batch[key][other_B.to(batch[key].device)]
        if images:
            out[SHARE] = torch.ones(len(seeds))
            for i, _, rows, cols in pasted:
                area = (rows.stop - rows.start) * (cols.stop - cols.start)
                out[SHARE][i] = 1 - area / (shape[0] * shape[1])
        return out


@dataclass(frozen=True, slots=True)
class MixUp:
    """Blend each sample with another one of the batch, by a share drawn from Beta(alpha, alpha).

    Labels of any kind become two, by the same share. A pixel of a mixture is observed where both are.

    Source:
        Zhang et al. 2018, arXiv 1710.09412.
    """

    alone: ClassVar[bool] = False
    """Whether a sample's result follows from that sample and its seed alone."""
    spelled: ClassVar[str] = "mixup"
    """By users."""
    alpha: float = 0.2
    """Small: most mixtures are nearly one of the two; 1: all shares are equally likely; large: halves."""
    chance: float = 1.0
    """That a sample is altered."""

    def __post_init__(self) -> None:
        check_ranges(self, alpha=(0.001, math.inf))

    def __call__(self, batch: Mapping[str, Any], seeds_B: Tensor) -> dict[str, Any]:
        """See `Augmentation`.

        Raises:
            ConfigError: the batch has boxes, which are not mixed, or samples that are mixtures already.
        """
        _check_mixable(batch, "mixup")
        seeds = seeds_B.cpu()
        other_B = _partners(seeds)
        own_B = torch.arange(len(seeds))
        mixed_B = chosen(seeds, self.chance) & (other_B != own_B)
        share_B = torch.where(mixed_B, symmetric_beta(child_seeds(seeds, 1), self.alpha), 1.0)
        # Who is not mixed is blended with itself, which changes nothing.
        blended_B = torch.where(mixed_B, other_B, own_B)
        out = dict(batch)
        for key, value in batch.items():
            noun = noun_of(key)
            if noun in _SEEN:
                out[key] = value & _unless(mixed_B, value[other_B.to(value.device)])
            elif noun in _BLENDED:
                blend = value[blended_B.to(value.device)].float()
                out[key] = blend.lerp_(value.float(), _beside(share_B, value))
        for key, value in batch.items():
            if noun_of(key) in _LEARNED:
                out[key + PARTNER] = value[other_B.to(value.device)]
        if "valid" in batch:
            out["valid" + PARTNER] = _of_partner(batch, out, other_B, mixed_B)
        _keep_unseen(out, batch)
        out[SHARE] = share_B
        return out


def _check_mixable(batch: Mapping[str, Any], name: str) -> None:
    if "boxes" in batch:
        raise ConfigError(
            f"{name} mixes samples, and boxes are not mixed; leave it out of the training of a detector"
        )
    if SHARE in batch:
        raise ConfigError(
            f"{name} mixes samples that are mixtures already; keep one of mixup and cutmix, or of labels of "
            "pixels put cutmix first"
        )


def _partners(seeds_B: Tensor) -> Tensor:
    """Another sample of the batch for each, int64 (B,); where there is only one, itself."""
    count = len(seeds_B)
    if count < 2:
        return torch.zeros(count, dtype=torch.int64)
    return (torch.arange(count) + 1 + integers(seeds_B, 1, count - 1)[:, 0]) % count


def _beside(values_B: Tensor, like: Tensor) -> Tensor:
    """One number for each sample, to go with a tensor (B, ...)."""
    return values_B.to(like.device).view(-1, *[1] * (like.ndim - 1))


def _unless(mixed_B: Tensor, seen: Tensor) -> Tensor:
    return seen | ~_beside(mixed_B, seen)


def _of_partner(
    batch: Mapping[str, Any], out: Mapping[str, Any], other_B: Tensor, mixed_B: Tensor
) -> Tensor:
    """Where the other sample's labels count: labelled there, and observed in both."""
    theirs: Tensor = batch["valid"][other_B.to(batch["valid"].device)]
    seen: Tensor = out["observed"] if "observed" in batch else out["valid"]
    return theirs & _unless(mixed_B, seen)


def _keep_unseen(out: dict[str, Any], batch: Mapping[str, Any]) -> None:
    """`valid` is observed **and** labelled, so it goes with `observed`; elsewhere the image stays."""
    if "observed" in batch and "valid" in batch:
        out["valid"] = batch["valid"] & out["observed"]
    if "image" not in batch:
        return
    seen = out.get("valid_series", out.get("observed", out.get("valid")))
    if seen is None or all_true(seen):
        return
    image = batch["image"]
    if seen.ndim < image.ndim - 1:  # a series without a plane for each date
        seen = seen[:, None]
    out["image"] = torch.where(seen.unsqueeze(-3), out["image"], image.float())
