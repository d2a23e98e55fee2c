"""Random gain and offset of every band: what haze, sun and sensor do to a scene that was not learned from.

Legend: B batch, T dates, C bands, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..core.errors import BandError
from ..core.statistics import BandStatistics
from .draws import uniform

if TYPE_CHECKING:
    from torch import Tensor


def jitter(
    batch: Mapping[str, Any], seeds_B: Tensor, strength: float, statistics: BandStatistics
) -> dict[str, Any]:
    """Stretch and shift each band of each image of a batch by its own random amounts.

    A band with mean m and standard deviation s becomes m + (1 + g) (x - m) + b s, with g and b drawn evenly
    from [-strength, strength] for each image, date and band. So the strength means the same in any units and
    under any normalisation that follows. Masks, and pixels that were not observed, stay as they are. With
    strength and statistics given (`functools.partial`), an `Augmentation`.

    Args:
        batch: Tensors with a leading batch axis: `image` (B, C, H, W) or (B, T, C, H, W) of any dtype, and,
            where not all of it was observed, `valid_series` (B, T, H, W), `observed` or `valid` (B, H, W).
        seeds_B: int64, one per sample.
        strength: 0.1 is mild, 0.3 strong.
        statistics: Of the bands, over all that is learned from and in the image's own units; see
            `sample_statistics` and `ChipStore.statistics`.

    Returns:
        A new dict whose image is float32.

    Raises:
        BandError: the statistics are of other bands, or a band was never observed.

    Example:
        >>> import torch
        >>> one = BandStatistics(("red",), (8,), (3.5,), (2.0,), (3.5,), (0.0,), (7.0,))
        >>> batch = {"image": torch.arange(8).view(2, 1, 2, 2), "valid": torch.ones(2, 2, 2) > 0}
        >>> jitter(batch, torch.tensor([1, 2]), 0.0, one)["image"].flatten().tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """
    import torch

    image = batch["image"].float()
    _check_bands(statistics, image.shape[-3])
    seen = torch.isfinite(image)
    observed = batch.get("valid_series", batch.get("observed", batch.get("valid")))
    if observed is not None:
        dates = observed.shape[1:-2] or [1] * (image.ndim - 4)
        seen &= observed.view(len(image), *dates, 1, *observed.shape[-2:])
    per_band = image.shape[:-2]
    draws = uniform(seeds_B.cpu(), 2 * per_band[1:].numel()) * 2 - 1
    gain, offset = (strength * draws).view(-1, 2, *per_band[1:], 1, 1).unbind(1)
    mean, deviation = (
        torch.tensor(values).view(-1, 1, 1) for values in (statistics.mean, statistics.std)
    )
    # In one copy to the device; the mean goes along, as taking it out before is kinder to float32.
    parts = torch.stack((gain, offset * deviation, mean.expand_as(gain))).to(image.device)
    moved = image + parts[0] * (image - parts[2]) + parts[1]
    return {**batch, "image": torch.where(seen, moved, image)}


def _check_bands(statistics: BandStatistics, channels: int) -> None:
    if len(statistics.bands) != channels:
        raise BandError(
            f"jitter has statistics of {len(statistics.bands)} bands ({', '.join(statistics.bands)}), and "
            f"the image has {channels}; give those of the samples that are learned from"
        )
    unseen = [band for band, n in zip(statistics.bands, statistics.count, strict=True) if n == 0]
    if unseen:
        raise BandError(
            f"jitter: no observed pixel of {', '.join(unseen)} in the training samples; check nodata"
        )
