"""Pan-sharpening by an autoencoder that has learned to restore the panchromatic band.

Legend: B batch, C bands, H rows, W columns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.errors import ModelError
from .networks.autoencoder import Autoencoder


def sharpen_with_pan(network: Autoencoder, bands_BCHW: Tensor, pan_B1HW: Tensor) -> Tensor:
    """Bands at half the resolution of the panchromatic band, at its resolution.

    The network has learned to restore the panchromatic band from half its resolution: trained with that band
    as the image and as the target (values), and the option `coarsen=2`. Each band is brought to the mean and
    spread of the panchromatic band at half its resolution, restored by the network as if it were that band,
    given the detail that the network does not restore, and brought back.

    Args:
        network: An `autoencoder` of one band and one value, in evaluation mode.
        bands_BCHW: float32, interpolated to the pixels of the panchromatic band.
        pan_B1HW: float32, normalised as while training.

    Returns:
        float32 (B, C, H, W) in the bands' own numbers.

    Raises:
        ModelError: the network does not coarsen, or the sizes differ.

    Source:
        Azarang, Manoochehri and Kehtarnavaz 2019, IEEE Access 7:35673; the injection of what is not restored
        keeps the detail as component substitution does.
    """
    if pan_B1HW.shape[1] != 1 or bands_BCHW.shape[-2:] != pan_B1HW.shape[-2:]:
        raise ModelError(
            f"the panchromatic band is {tuple(pan_B1HW.shape)} and the bands are {tuple(bands_BCHW.shape)}; "
            "expected one band, and bands interpolated to its pixels"
        )
    if network.coarsen < 2:
        raise ModelError(
            f"the autoencoder has coarsen={network.coarsen}; expected one that has learned the panchromatic "
            "band from coarser pixels, with coarsen=2"
        )
    with torch.inference_mode():
        coarse = network.coarser(pan_B1HW)
        detail = pan_B1HW - network.restore(coarse)
        mean, std = _moments(coarse)
        sharp = []
        for band in bands_BCHW.chunk(bands_BCHW.shape[1], dim=1):
            own_mean, own_std = _moments(band)
            as_pan = (band - own_mean) / own_std * std + mean
            restored = network.restore(as_pan) + detail
            sharp.append((restored - mean) / std * own_std + own_mean)
        return torch.cat(sharp, dim=1)


def _moments(image_B1HW: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of each image; a constant one has the spread 1."""
    std = image_B1HW.std(dim=(-2, -1), keepdim=True)
    return image_B1HW.mean(dim=(-2, -1), keepdim=True), torch.where(std > 0, std, 1.0)
