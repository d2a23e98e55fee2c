"""What can be trained on: a chip store, or any dataset of numbered samples that says as much about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.bands import Band
from ..core.outputs import Outputs
from ..core.statistics import BandStatistics
from ..splits.names import Split
from .data.chips import Samples


@runtime_checkable
class TrainingSource(Protocol):
    """Samples by number, and what is known of them without reading images. `ChipStore` is one."""

    @property
    def path(self) -> Path:
        """Where they lie."""

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the stored numbers of each of the images' channels."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the images as they are stored."""

    @property
    def outputs(self) -> Outputs | None:
        """What the labels teach; None where there are none."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a sample, pixels."""

    @property
    def splits(self) -> Mapping[Split, int]:
        """How many samples each split holds; splits without one are left out."""

    def indices(self, split: Split | None = None) -> np.ndarray:
        """Numbers of the samples of a split, of all for None."""

    def statistics(self, split: Split | None = None) -> BandStatistics:
        """Of the images of a split, of all for None."""

    def labels(self, i: int) -> dict[str, np.ndarray]:
        """Sample `i` without its image."""

    def grid(self, i: int) -> GeoBox | None:
        """Where sample `i` lies; None where it has no place on Earth."""

    def samples(self, indices: Sequence[int]) -> Samples:
        """A map-style dataset of samples, images as they are stored."""
