"""Which entries of a sample or batch have rows and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SPATIAL_KEYS = ("image", "mask", "mask_series", "valid", "observed", "valid_series", "aux")
"""Entries of a sample whose last two axes are rows and columns; of several layers, `mask:NAME` each."""
_PERHAPS_SPATIAL = ("value", "multilabel")
"""Likewise where they hold something for each pixel, (..., K, H, W), and not for the image, (..., K)."""


def noun_of(key: str) -> str:
    """What an entry holds, whatever layer it is of.

    Example:
        >>> noun_of("mask:buildings")
        'mask'
    """
    return key.partition(":")[0]


def has_pixels(key: str, value: Any) -> bool:
    """Whether an entry has rows and columns, in a sample or a batch."""
    noun = noun_of(key)
    return noun in SPATIAL_KEYS or (noun in _PERHAPS_SPATIAL and len(value.shape) > 2)


def spatial_keys(sample: Mapping[str, Any]) -> list[str]:
    """The entries that have rows and columns."""
    return [key for key, value in sample.items() if has_pixels(key, value)]


def pixel_shape(sample: Mapping[str, Any]) -> tuple[int, int] | None:
    """Rows and columns; None where nothing has any."""
    for key in spatial_keys(sample):
        return int(sample[key].shape[-2]), int(sample[key].shape[-1])
    return None


def with_known(sample: Mapping[str, Any], known: Any) -> dict[str, Any]:
    """A sample whose image has values at some pixels alone.

    Of a series each date has its own: a date without a value does not observe the pixel (`valid_series`), and
    a pixel is valid where there is a value at every date that observed it.

    Args:
        sample: With the image.
        known: bool, of the image's shape without its channels; True = there is a value.
    """
    out = dict(sample)
    if "valid_series" in sample:
        dates = sample["valid_series"]
        out["valid_series"] = dates & known
        known = (known | ~dates).all(-3)  # (..., T, H, W): over the dates
    for name in ("valid", "observed"):
        if name in sample:
            out[name] = sample[name] & known
    return out
