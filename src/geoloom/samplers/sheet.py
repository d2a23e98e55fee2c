"""Sheets of windows that are drawn by chance from a geospatial dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.classes import MAX_CODE, Classes
from ..core.errors import SamplerError
from ..core.interval import ALWAYS, Interval
from ..datasets.base import GeoDataset
from .random import RandomGeoSampler

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def window_sheet(dataset: GeoDataset, count: int = 12, size: int = 256, seed: int = 0) -> Figure:
    """Small pictures of windows at random positions, each with its date; of masks with a legend.

    Args:
        dataset: With images, or else masks whose classes are known or not.
        count: How many, at least 1.
        size: Height and width of each, pixels; less where the scenes are smaller.
        seed: Equal seeds draw equal windows.

    Raises:
        SamplerError: none is to be drawn, or the dataset has no pixels of its own.
        ReadError: a file is damaged.
    """
    from ..figures.images import class_legend
    from ..figures.sheets import plot_sheet
    from ..figures.style import INK
    from ..figures.views import paint

    if count < 1:
        raise SamplerError(f"{count} windows cannot be drawn; ask for at least 1")
    side = min([size, *(min(r.frame.shape) for r in dataset.regions if r.frame is not None)])
    sampler = RandomGeoSampler(dataset, size=side, length=count, generator=seed)
    queries = list(sampler)
    samples: list[Any] = [dataset[query] for query in queries]
    texts = [_date(query.when) for query in queries]
    if "image" in samples[0]:
        return plot_sheet(_photographs(dataset, samples), texts, [INK] * len(texts))
    masks = [(_first(sample["mask"].numpy()), sample["valid"].numpy()) for sample in samples]
    codes = {int(code) for mask, valid in masks for code in np.unique(mask[valid])}
    classes = dataset.classes or _classes_of(codes)
    pictures = [paint(mask, valid, classes) for mask, valid in masks]
    figure = plot_sheet(pictures, texts, [INK] * len(texts))
    occurring = [entry for entry in classes if entry[1] in codes]
    if occurring:
        class_legend(figure, occurring)
    return figure


def _photographs(dataset: GeoDataset, samples: Sequence[Any]) -> list[np.ndarray]:
    """uint8 (H, W, 4) of each image; of a series its last date."""
    from ..figures.sheets import thumbnail

    names = [band.name if band.role == "other" else band.role for band in dataset.bands]
    images = [sample["image"].numpy() for sample in samples]
    seen = [sample.get("observed", sample["valid"]).numpy() for sample in samples]
    return [
        thumbnail(image[-1] if image.ndim == 4 else image, valid, names)
        for image, valid in zip(images, seen, strict=True)
    ]


def _first(mask: np.ndarray) -> np.ndarray:
    """The first of several layers of labels."""
    return mask[0] if mask.ndim == 3 else mask


def _date(when: Interval) -> str:
    """The day or the year; nothing where there is no date."""
    if when == ALWAYS:
        return ""
    return (
        f"{when.start:%Y}" if when == Interval.of(f"{when.start:%Y}") else f"{when.start:%Y-%m-%d}"
    )


def _classes_of(codes: Iterable[int]) -> Classes:
    """A class for each code that occurs, where nobody has named them."""
    found = sorted(code for code in codes if 0 <= code <= MAX_CODE) or [0]
    return Classes.of([f"class {code}" for code in found], found)
