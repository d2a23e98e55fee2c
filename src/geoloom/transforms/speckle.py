"""Filters of radar speckle, on numpy arrays or torch tensors, over what was observed.

Legend: C bands, T dates, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..core.errors import ConfigError
from ..core.options.named import Named, typed_options
from ..core.registry import Registry
from .index_table import Array

SENTINEL1_LOOKS = 4.4
"""Equivalent looks of Sentinel-1's interferometric wide swath, ground range, high resolution."""


def lee(
    image: Array, valid: Array | None = None, *, size: int = 7, looks: float = SENTINEL1_LOOKS
) -> Array:
    """Lee's filter: each pixel drawn towards the mean around it, the more the less it varies beyond speckle.

    With z the pixel, m and v mean and variance of the observed pixels in the window, and s = 1 / looks the
    variance of speckle of mean 1: m + k (z - m), k = x / (m^2 s + x), x = (v + m^2) / (1 + s) - m^2, or 0
    where that is negative.

    Guarantee: a pixel depends on its window alone, so an image filtered in pieces, each with `size` // 2
    pixels around it, equals the image filtered as a whole, bit for bit.

    Args:
        image: (..., C, H, W), backscatter as a ratio of powers (`linear`), not decibels.
        valid: bool (..., H, W), True = observed; None for all. What is not, or is no number, has no part in
            any window and stays as it is.
        size: Side of the window, pixels; odd.
        looks: Equivalent number of looks of the image.

    Returns:
        float32 of the image's shape.

    Raises:
        ConfigError: the size is even or below 3, or looks are not above 0.

    Source:
        Lee 1980, doi:10.1109/TPAMI.1980.4766994, section on multiplicative noise.

    Example:
        >>> lee(np.ones((1, 5, 5))).max()
        np.float32(1.0)
    """
    Lee(size, looks)
    numbers = _double(image)
    seen = _finite(numbers)
    if valid is not None:
        seen = seen & valid[..., None, :, :]
    z = _where(seen, numbers, 0.0)
    count = _window_sums(_double(seen), size)
    count = _where(count > 0, count, 1.0)
    mean = _window_sums(z, size) / count
    square = _window_sums(z * z, size) / count
    noise = 1 / looks
    signal = square / (1 + noise) - mean * mean
    signal = _where(signal > 0, signal, 0.0)
    spread = mean * mean * noise + signal
    part = signal / _where(spread > 0, spread, 1.0)
    return _single(_where(seen, mean + part * (z - mean), numbers))


class SpeckleFilter(Protocol):
    """A filter of backscatter in `linear`, with its options."""

    @property
    def reach(self) -> int:
        """Pixels around a pixel that it depends on."""
        ...

    def apply(self, image: Array, valid: Array | None = None) -> Array:
        """As `lee`."""
        ...


@dataclass(frozen=True, slots=True)
class Lee:
    """`lee` with its options; of a sample, a transform: `image` filtered, float32, all else as it is.

    Raises:
        ConfigError: as `lee`.

    Example:
        >>> sample = {"image": np.ones((2, 5, 5)), "valid": np.ones((5, 5), bool)}
        >>> Lee(size=3)(sample)["image"].shape
        (2, 5, 5)
    """

    size: int = 7
    """Side of the window, pixels; odd."""
    looks: float = SENTINEL1_LOOKS
    """Equivalent number of looks of the image; of Sentinel-1 unless given."""

    def __post_init__(self) -> None:
        if self.size < 3 or self.size % 2 == 0:
            raise ConfigError(
                f"the speckle filter 'lee': size is {self.size}; give an odd number, 3 or more"
            )
        if not 0 < self.looks < float("inf"):
            raise ConfigError(
                f"the speckle filter 'lee': looks is {self.looks:g}; give a number above 0"
            )

    @property
    def reach(self) -> int:
        """Pixels around a pixel that it depends on."""
        return self.size // 2

    def apply(self, image: Array, valid: Array | None = None) -> Array:
        """As `lee`."""
        return lee(image, valid, size=self.size, looks=self.looks)

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """The sample with its image filtered; of a series each date by itself."""
        valid = sample.get("valid_series", sample.get("observed", sample.get("valid")))
        image = sample["image"]
        if valid is not None and "valid_series" not in sample and "times" in sample:
            valid = valid[..., None, :, :]
        return {**sample, "image": self.apply(image, valid)}


SPECKLE_FILTERS: Registry[Callable[..., SpeckleFilter]] = Registry("speckle filter", {"lee": Lee})
"""By name; each a dataclass whose fields are its options."""


def make_speckle_filter(text: str) -> SpeckleFilter:
    """A filter by its name, with options after a colon.

    Raises:
        ConfigError: there is none, or it has no such option, or the option cannot be.

    Example:
        >>> make_speckle_filter("lee:size=5,looks=1")
        Lee(size=5, looks=1.0)
    """
    named = Named.parse(text, "speckle filter")
    kind = SPECKLE_FILTERS.get(named.name)
    return kind(**typed_options(kind, named, "speckle filter"))


def _window_sums(values: Any, size: int) -> Any:
    """Sums over the window around each pixel, 0 beyond the edges; added in one order wherever a pixel is."""
    for axis in (-1, -2):
        total = values * 1
        length = values.shape[axis]
        for step in range(1, min(size // 2 + 1, length)):
            ahead, behind = slice(step, None), slice(None, length - step)
            if axis == -1:
                total[..., behind] += values[..., ahead]
                total[..., ahead] += values[..., behind]
            else:
                total[..., behind, :] += values[..., ahead, :]
                total[..., ahead, :] += values[..., behind, :]
        values = total
    return values


def _double(array: Any) -> Any:
    return array.astype(np.float64) if isinstance(array, np.ndarray) else array.double()


def _single(array: Any) -> Any:
    return array.astype(np.float32) if isinstance(array, np.ndarray) else array.float()


def _finite(array: Any) -> Any:
    if isinstance(array, np.ndarray):
        return np.isfinite(array)
    import torch

    return torch.isfinite(array)


def _where(condition: Any, one: Any, other: Any) -> Any:
    if isinstance(condition, np.ndarray):
        return np.where(condition, one, other)
    import torch

    return torch.where(condition, one, other)
