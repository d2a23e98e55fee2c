"""Band statistics of samples, for normalisation and jitter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ..core.errors import BandError
from ..core.statistics import BandStatistics, band_statistics


class SampleSource(Protocol):
    """Samples by number: a list of them, or any map-style dataset."""

    def __len__(self) -> int:
        """How many samples."""
        ...

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        """One sample."""
        ...


def sample_statistics(samples: SampleSource, bands: Sequence[str] = ()) -> BandStatistics:
    """Per-band statistics over the observed pixels of samples, all dates of a series together.

    Samples are gone through once or, where images are float or of more than 16 bits, twice.

    Args:
        samples: With `image` (C, H, W) or (T, C, H, W), and where not all of it was observed `valid_series`,
            `observed` or `valid`.
        bands: Names, one per channel; numbered where left out.

    Raises:
        BandError: there is no sample, or a sample has other bands.

    Example:
        >>> image = np.array([[[1, 2], [3, 250]]], np.uint8)
        >>> sample_statistics([{"image": image, "valid": image[0] < 250}], ["red"]).mean
        (2.0,)
    """
    if not len(samples):
        raise BandError("there is no sample to take statistics of")
    names = bands or [f"band {k + 1}" for k in range(samples[0]["image"].shape[-3])]
    return band_statistics(lambda: _blocks(samples), names)


def _blocks(samples: SampleSource) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for number in range(len(samples)):
        yield from _dates(samples[number])


def _dates(sample: Mapping[str, Any]) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Image (C, H, W) and what was observed (H, W), date by date."""
    image = np.asarray(sample["image"])
    dated = image[None] if "times" not in sample else image
    observed = sample.get("valid_series", sample.get("observed", sample.get("valid")))
    seen = np.ones((), bool) if observed is None else np.asarray(observed)
    return zip(dated, np.broadcast_to(seen, (len(dated), *image.shape[-2:])), strict=True)
