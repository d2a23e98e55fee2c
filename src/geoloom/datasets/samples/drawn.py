"""Pictures of numbered samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.bands import Band
from ...core.classes import Classes
from ...core.errors import DatasetError
from ...core.hints.torchgeo import OF_PLOTS, hints_keywords
from ...core.outputs import Outputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DrawnSamples(ABC):
    """What draws samples that are numbered, and knows their bands and what they teach."""

    @property
    @abstractmethod
    def bands(self) -> tuple[Band, ...]:
        """Of the image, in channel order."""

    @property
    @abstractmethod
    def outputs(self) -> Outputs | None:
        """What a network for these samples gives; None where they teach nothing."""

    @property
    def layer_classes(self) -> Mapping[str, Classes]:
        """What codes of layers beside `mask` mean, by their keys, such as `mask:water_body`."""
        return {}

    @abstractmethod
    def __len__(self) -> int:
        """How many samples there are."""

    @abstractmethod
    def __getitem__(self, index: int) -> Any:
        """One of them."""

    @hints_keywords(OF_PLOTS)
    def plot(
        self,
        sample: Mapping[str, Any],
        *,
        rgb: Sequence[int | str] | None = None,
        dates: int = 6,
        title: str | None = None,
    ) -> Figure:
        """A picture of one sample, and of predictions that you have put into it.

        Args:
            sample: As the dataset gives it.
            rgb, dates, title: As of `geoloom.figures.plot_sample`, which says what is drawn.

        Raises:
            BandError: the sample has nothing that could be drawn, is a batch, or lacks a band.
        """
        from ...figures import plot_sample

        return plot_sample(sample, self.bands, self._meaning(), rgb=rgb, dates=dates, title=title)

    def sheet(self, count: int = 12, seed: int = 0) -> Figure:
        """Small pictures of some samples, drawn by chance, each with what it teaches.

        Args:
            count: How many, at least 1.
            seed: Equal seeds draw equal samples.

        Raises:
            DatasetError: there are none to draw.
            ReadError: a picture is damaged.
        """
        from ...figures.sheets import sheet_of

        if not (count >= 1 and len(self)):
            raise DatasetError(
                f"{count} of {len(self)} samples cannot be drawn; ask for at least 1"
            )
        drawn = np.sort(np.random.default_rng(seed).permutation(len(self))[:count])
        return sheet_of((self[i] for i in drawn.tolist()), self.bands, self._meaning())

    def _meaning(self) -> Outputs | Mapping[str, Outputs | Classes] | None:
        """As figures take it: by key, where layers differ in their classes."""
        layers, outputs = self.layer_classes, self.outputs
        if not layers or outputs is None:
            return layers or outputs
        return {**{target.key: outputs for target in outputs.targets}, **layers}
