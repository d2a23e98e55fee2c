"""Random gain and offset of every band: what haze, sun and sensor do to a scene that was not learned from.

Legend: B batch, D dates and bands, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def jitter(batch: Mapping[str, Any], strength: float, generator: Any = None) -> dict[str, Any]:
    """Stretch and shift each band of each image of a batch by its own random amounts.

    A band with mean m and standard deviation s over the batch's observed pixels becomes
    m + (1 + g) (x - m) + b s, with g and b drawn evenly from [-strength, strength] for each image and band.
    So the strength means the same in any units and under any normalisation that follows. Masks, and pixels
    that were not observed, stay as they are.

    Args:
        batch: Tensors with a leading batch axis: `image` (B, ..., H, W) of any dtype, and `observed` or
            `valid` (B, H, W) bool.
        strength: 0.1 is mild, 0.3 strong.
        generator: torch.Generator on the CPU; equal states give equal draws on every device.

    Returns:
        A new dict whose image is float32.

    Example:
        >>> import torch
        >>> batch = {"image": torch.arange(8).view(2, 1, 2, 2), "valid": torch.ones(2, 2, 2) > 0}
        >>> jitter(batch, 0.0)["image"].flatten().tolist()
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    """
    import torch

    image = batch["image"].float()
    observed = batch["observed"] if "observed" in batch else batch["valid"]
    x_BDHW = image.reshape(len(image), -1, *image.shape[-2:])
    seen_BDHW = observed[:, None] & torch.isfinite(x_BDHW)
    # Fill values may be anything, NaN included: they are taken out before sums, not multiplied by 0.
    counted = torch.where(seen_BDHW, x_BDHW, 0).double()
    pixels = seen_BDHW.sum((0, 2, 3), keepdim=True).clamp(min=1)
    mean = counted.sum((0, 2, 3), keepdim=True) / pixels
    spread = torch.where(seen_BDHW, counted - mean, 0).square().sum((0, 2, 3), keepdim=True)
    deviation = (spread / pixels).sqrt()
    draws = torch.rand((2, *x_BDHW.shape[:2], 1, 1), generator=generator) * 2 - 1
    gain, offset = (draws * strength).to(image.device)
    moved = x_BDHW + gain * (x_BDHW - mean.float()) + offset * deviation.float()
    return {**batch, "image": torch.where(seen_BDHW, moved, x_BDHW).reshape(image.shape)}
