"""What a forest sees of a pixel: its bands, and their mean and deviation in windows around it.

Legend: C bands, F features, H rows, W columns.
"""

from __future__ import annotations

import numpy as np

WINDOWS_PX = (3, 7, 15)
"""Sides of the windows, pixels."""


def pixel_features(image_CHW: np.ndarray, observed_HW: np.ndarray) -> np.ndarray:
    """The bands, then for each window their means and their standard deviations.

    Windows count observed pixels alone, and end where the chip ends.

    Args:
        image_CHW: Numbers as the network is fed them, before normalisation.
        observed_HW: Bool, True = observed.

    Returns:
        float32 (F, H, W), F = C * (1 + 2 * windows); finite wherever observed, 0 elsewhere.

    Example:
        >>> image = np.array([[[2.0, 4.0, 9.0]]])
        >>> features = pixel_features(image, np.array([[True, True, False]]))
        >>> features[:3, 0, 0].tolist()  # the band, its mean and its deviation in 3 x 3 pixels
        [2.0, 3.0, 1.0]
    """
    from scipy.ndimage import uniform_filter

    observed = observed_HW.astype(np.float64)
    image = np.where(observed_HW, image_CHW, 0).astype(np.float64)
    # Squares of numbers near 0 keep their digits: the mean goes first, and comes back at the end.
    centre = image.sum(axis=(1, 2), keepdims=True) / max(observed.sum(), 1)
    around = (image - centre) * observed
    features = [image]
    for side in WINDOWS_PX:
        share = uniform_filter(observed, side, mode="constant")
        share = np.where(observed_HW, np.maximum(share, 1 / side**2), 1)
        size = (1, side, side)
        mean = uniform_filter(around, size, mode="constant") / share
        square = uniform_filter(around**2, size, mode="constant") / share
        deviation = np.sqrt(np.maximum(square - mean**2, 0))
        features += [(mean + centre) * observed, deviation * observed]
    return np.concatenate(features).astype(np.float32)
