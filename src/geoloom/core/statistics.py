"""Per-band statistics over valid pixels, gathered block by block: memory does not grow with the image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .errors import BandError

Blocks = Iterable[tuple[np.ndarray, np.ndarray]]
"""Pairs of image (C, h, w) and valid (h, w) bool, True = observed."""

_BINS = 1 << 16


@dataclass(frozen=True, slots=True)
class BandStatistics:
    """What the valid pixels of each band look like. Every tuple has one value per band.

    A band without a valid pixel has count 0 and NaN for the rest.
    """

    bands: tuple[str, ...]
    count: tuple[int, ...]
    """Valid pixels."""
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of the population (divided by the count), as normalisation uses it."""
    median: tuple[float, ...]
    min: tuple[float, ...]
    max: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON."""
        return {key: list(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> BandStatistics:
        """The statistics that `to_dict` wrote."""
        return cls(**{key: tuple(values[key]) for key in cls.__slots__})


def band_statistics(blocks: Callable[[], Blocks], bands: Sequence[str]) -> BandStatistics:
    """Statistics of an image of any size, seen in blocks.

    Mean and standard deviation are float64 sums merged exactly as Chan et al. give them; count, minimum,
    maximum and median are exact (the median of float64 or wide integers: to float32's precision). Images
    of up to 16 bits are read once, others twice: the second pass finds the median inside its bucket.

    Args:
        blocks: Called once or twice; each call gives all blocks (image (C, h, w), valid (h, w)).
        bands: Names, one per channel.

    Raises:
        BandError: a block's channels are not as many as the names.

    Source:
        Chan, Golub, LeVeque 1979, Updating formulae and a pairwise algorithm for computing sample variances.

    Example:
        >>> image = np.array([[[1, 2], [3, 250]]], np.uint8)
        >>> valid = image[0] < 250
        >>> found = band_statistics(lambda: [(image, valid)], ["red"])
        >>> found.mean, found.median, found.count
        ((2.0,), (2.0,), (3,))
    """
    moments = _Moments(len(bands))
    upper = np.zeros((len(bands), _BINS), dtype=np.int64)
    order = _Order(np.dtype(np.uint8))
    for image, valid in blocks():
        if image.shape[0] != len(bands):
            raise BandError(
                f"statistics of {len(bands)} bands ({', '.join(bands)}), but the image has "
                f"{image.shape[0]} channels"
            )
        order = _Order(image.dtype)
        for channel, values in _observed(image, valid):
            moments.add(channel, values)
            upper[channel] += np.bincount(order.keys(values) >> 16, minlength=_BINS)
    medians = _medians(upper, moments.count, order, blocks)
    return moments.statistics(tuple(bands), medians)


def _observed(image: np.ndarray, valid: np.ndarray) -> Iterable[tuple[int, np.ndarray]]:
    for channel in range(image.shape[0]):
        values = image[channel][valid]
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        if values.size:
            yield channel, values


class _Moments:
    """Count, mean, sum of squared deviations and range of each band, merged block by block."""

    def __init__(self, channels: int) -> None:
        self.count = np.zeros(channels, dtype=np.int64)
        self.mean = np.zeros(channels)
        self.squares = np.zeros(channels)
        self.min = np.full(channels, np.inf)
        self.max = np.full(channels, -np.inf)

    def add(self, channel: int, values: np.ndarray) -> None:
        known, new = int(self.count[channel]), values.size
        mean = float(values.mean(dtype=np.float64))
        squares = float(np.square(np.subtract(values, mean, dtype=np.float64)).sum())
        step = mean - self.mean[channel]
        total = known + new
        self.mean[channel] += step * new / total
        self.squares[channel] += squares + step * step * known * new / total
        self.count[channel] = total
        self.min[channel] = min(self.min[channel], float(values.min()))
        self.max[channel] = max(self.max[channel], float(values.max()))

    def statistics(self, bands: tuple[str, ...], medians: np.ndarray) -> BandStatistics:
        seen = self.count > 0
        nan = np.full(len(bands), np.nan)
        std = np.sqrt(np.divide(self.squares, self.count, out=nan.copy(), where=seen))

        def floats(values: np.ndarray) -> tuple[float, ...]:
            return tuple(float(v) for v in np.where(seen, values, np.nan))

        return BandStatistics(
            bands=bands,
            count=tuple(int(n) for n in self.count),
            mean=floats(self.mean),
            std=floats(std),
            median=floats(medians),
            min=floats(self.min),
            max=floats(self.max),
        )


@dataclass(frozen=True, slots=True)
class _Order:
    """Numbers as 32-bit keys that sort as they do: integers of up to 16 bits in the upper half, exactly;
    all others as the bits of a float32, with the sign handled."""

    dtype: np.dtype[Any]

    @property
    def narrow(self) -> bool:
        return self.dtype.kind in "iub" and self.dtype.itemsize <= 2

    @property
    def _offset(self) -> int:
        return 1 << 15 if self.dtype.kind == "i" else 0

    def keys(self, values: np.ndarray) -> np.ndarray:
        if self.narrow:
            return (values.astype(np.int64) + self._offset) << 16
        bits = values.astype(np.float32).view(np.uint32)
        return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.int64)

    def value(self, key: int) -> float:
        if self.narrow:
            return float((key >> 16) - self._offset)
        bits = np.uint32(key & 0x7FFFFFFF) if key >> 31 else ~np.uint32(key)
        return float(np.asarray(bits, dtype=np.uint32).view(np.float32))


def _medians(
    upper: np.ndarray, counts: np.ndarray, order: _Order, blocks: Callable[[], Blocks]
) -> np.ndarray:
    """The middle value of each band, or the mean of the middle two; NaN where there is none."""
    # One row per band and rank: (bucket, rank inside the bucket).
    ranks = np.stack([(counts - 1) // 2, counts // 2], axis=1)
    places: dict[tuple[int, int], tuple[int, int]] = {}
    for channel in np.flatnonzero(counts):
        total = np.cumsum(upper[channel])
        for side in (0, 1):
            bucket = int(np.searchsorted(total, ranks[channel, side], side="right"))
            before = int(total[bucket - 1]) if bucket else 0
            places[int(channel), side] = bucket, int(ranks[channel, side]) - before
    lower = {} if order.narrow else _lower_halves(places, order, blocks)
    medians = np.full(len(counts), np.nan)
    for channel in np.flatnonzero(counts):
        pair = []
        for side in (0, 1):
            bucket, rank = places[int(channel), side]
            key = bucket << 16
            if not order.narrow:
                inside = np.cumsum(lower[int(channel), bucket])
                key += int(np.searchsorted(inside, rank, side="right"))
            pair.append(order.value(key))
        medians[channel] = (pair[0] + pair[1]) / 2
    return medians


def _lower_halves(
    places: dict[tuple[int, int], tuple[int, int]], order: _Order, blocks: Callable[[], Blocks]
) -> dict[tuple[int, int], np.ndarray]:
    """Counts of the lower key halves inside each bucket that holds a median: the second pass."""
    wanted: dict[int, set[int]] = {}
    for (channel, _), (bucket, _) in places.items():
        wanted.setdefault(channel, set()).add(bucket)
    counts = {
        (channel, bucket): np.zeros(_BINS, dtype=np.int64)
        for channel, buckets in wanted.items()
        for bucket in buckets
    }
    for image, valid in blocks():
        for channel, values in _observed(image, valid):
            keys = order.keys(values)
            for bucket in wanted[channel]:
                inside = keys[keys >> 16 == bucket] & 0xFFFF
                counts[channel, bucket] += np.bincount(inside, minlength=_BINS)
    return counts
