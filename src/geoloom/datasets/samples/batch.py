"""Samples that are read together, in memory that a batch can take over as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ...core.grid import place
from ...core.hints.keys import KeyedDict
from ...core.query import Sample
from ...io.pictures.fit import fit_into
from .pixels import PixelArray
from .target import LABELLED, Frame


@dataclass(frozen=True, slots=True, eq=False)
class SampleBatch:
    """Room for n samples; each is filled by itself, by any thread."""

    image: NDArray[Any]
    """(n, C, H, W), or (n, T, C, H, W) of series."""
    observed: NDArray[np.bool_]
    """(n, H, W), or (n, T, H, W) of series."""
    is_series: bool
    beside: list[dict[str, Any]] = field(default_factory=list)
    """Of each sample, all other keys."""

    @classmethod
    def of(
        cls,
        count: int,
        dates: int | None,
        channels: int,
        size: tuple[int, int],
        dtype: np.dtype[Any],
        take: Callable[..., Any],
    ) -> Self:
        """Empty room.

        Args:
            count: Samples.
            dates: Of each; None: no axis of dates.
            channels: Of each date.
            size: Rows and columns.
            dtype: Of the images.
            take: Given shape and dtype, memory of them.
        """
        many = () if dates is None else (dates,)
        image = take((count, *many, channels, *size), dtype)
        observed = take((count, *many, *size), np.dtype(np.bool_))
        return cls(image, observed, dates is not None, [{} for _ in range(count)])

    def fill(
        self,
        k: int,
        pixels: PixelArray,
        frame: Frame,
        taught: dict[str, NDArray[Any]],
        grid: GeoBox | None,
    ) -> None:
        """Bring one sample into its place.

        Args:
            k: Which of the batch.
            pixels: As stored.
            frame: How they become those of the sample.
            taught: What it teaches, by key.
            grid: Where the sample lies; None: nowhere.
        """
        image, observed = self.image[k], self.observed[k]
        if self.is_series:
            for t in range(len(image)):
                fit_into(pixels.values[t], pixels.valid[t], frame.fit, image[t], observed[t])
            beside: dict[str, Any] = {"valid": observed.all(axis=0)}
            beside["valid_series"] = observed
            beside["times"] = np.full(len(image), np.nan) if pixels.times is None else pixels.times
        else:
            fit_into(pixels.values, pixels.valid, frame.fit, image, observed)
            beside = {"valid": observed}
        labelled = taught.pop(LABELLED, None)
        if labelled is not None:
            beside["observed"] = beside["valid"]
            beside["valid"] = beside["valid"] & labelled
        beside |= taught
        if grid is not None:
            beside |= place(grid)
        self.beside[k] = beside

    def samples(self) -> list[Sample]:
        """All, those of equal shape adjacent in memory, key by key."""
        import torch

        images = torch.from_numpy(self.image)
        samples: list[Any] = [KeyedDict(image=image) for image in images]
        for key in self.beside[0] if self.beside else ():
            values = [beside[key] for beside in self.beside]
            if isinstance(values[0], str):
                tensors: list[Any] = values
            elif all(value.shape == values[0].shape for value in values):
                tensors = list(torch.from_numpy(np.stack(values)))
            else:
                tensors = [torch.from_numpy(np.ascontiguousarray(value)) for value in values]
            for sample, tensor in zip(samples, tensors, strict=True):
                sample[key] = tensor
        return samples
