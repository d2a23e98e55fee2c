"""The pixels that a forest learns from: drawn from all labelled, observed pixels of the training chips.

Legend: F features, K classes, n pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..source import TrainingSource
from .features import pixel_features

MOST_PIXELS = 40_000
"""Drawn at most, of all classes together."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPixels:
    """Some labelled pixels."""

    features: np.ndarray
    """float32 (n, F)."""
    classes: np.ndarray
    """int64 (n,), positions 0..K-1."""
    weights: np.ndarray
    """float64 (n,), mean 1: a class weighs as its labelled pixels do, however many of it were drawn."""


def draw_pixels(source: TrainingSource, chips: Sequence[int], k: int, seed: int) -> DrawnPixels:
    """Draw pixels, as many of each class as of any other where there are enough.

    Args:
        source: Holds the chips.
        chips: Their numbers.
        k: How many classes there are.
        seed: Of the drawing.
    """
    counts = np.stack([_counts(source.labels(i), k) for i in chips])
    totals = counts.sum(axis=0)
    wanted = equal_parts(totals, MOST_PIXELS)
    rng = np.random.default_rng(seed)
    drawn = [np.sort(rng.choice(n, m, replace=False)) for n, m in zip(totals, wanted, strict=True)]
    before = np.concatenate([np.zeros((1, k), np.int64), counts.cumsum(axis=0)])
    samples = source.samples(list(chips))
    features: list[np.ndarray] = []
    classes: list[np.ndarray] = []
    for at in range(len(chips)):
        low, high = before[at], before[at + 1]
        own = [
            d[slice(*np.searchsorted(d, (low[c], high[c])))] - low[c] for c, d in enumerate(drawn)
        ]
        if not any(map(len, own)):
            continue
        sample = samples[at]
        image, valid = np.asarray(sample["image"]), np.asarray(sample["valid"])
        observed = np.asarray(sample["observed"]) if "observed" in sample else valid
        seen = pixel_features(image.astype(np.float32), observed)
        labels = np.where(valid, np.asarray(sample["mask"]), -1)
        for code, numbers in enumerate(own):
            rows, cols = (axis[numbers] for axis in np.nonzero(labels == code))
            features.append(seen[:, rows, cols].T)
            classes.append(np.full(len(numbers), code))
    known = np.concatenate(classes)
    weights = (totals / np.maximum(wanted, 1))[known]
    return DrawnPixels(np.concatenate(features), known, weights / weights.mean())


def equal_parts(totals: np.ndarray, most: int) -> np.ndarray:
    """How many to take of each of several kinds: equal numbers, and all where a kind has fewer.

    Example:
        >>> equal_parts(np.array([5, 100, 0, 1000]), 45).tolist()
        [5, 20, 0, 20]
    """
    parts = np.zeros(len(totals), np.int64)
    left, kinds = most, int((totals > 0).sum())
    for kind in np.argsort(totals, kind="stable"):
        if totals[kind]:
            parts[kind] = min(totals[kind], left // kinds)
            left, kinds = left - int(parts[kind]), kinds - 1
    return parts


def _counts(labels: dict[str, np.ndarray], k: int) -> np.ndarray:
    return np.bincount(labels["mask"][labels["valid"]].astype(np.int64), minlength=k)
