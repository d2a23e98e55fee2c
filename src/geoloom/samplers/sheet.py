"""Sheets of windows that are drawn by chance from a geospatial dataset."""

from __future__ import annotations

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
    """Small pictures of windows at random positions, each with its date.

    Args:
        dataset: With images, or else masks whose classes are known or not.
        count: How many, at least 1.
        size: Height and width of each, pixels; less where the scenes are smaller.
        seed: Equal seeds draw equal windows.

    Raises:
        SamplerError: none is to be drawn, or the dataset has no pixels of its own.
        ReadError: a file is damaged.
    """
    from ..figures.sheets import plot_sheet
    from ..figures.style import INK

    if count < 1:
        raise SamplerError(f"{count} windows cannot be drawn; ask for at least 1")
    side = min([size, *(min(r.frame.shape) for r in dataset.regions if r.frame is not None)])
    sampler = RandomGeoSampler(dataset, size=side, length=count, generator=seed)
    pictures, texts = [], []
    for query in sampler:
        pictures.append(_picture(dataset, dataset[query]))
        texts.append(_date(query.when))
    return plot_sheet(pictures, texts, [INK] * len(texts))


def _picture(dataset: GeoDataset, sample: Any) -> np.ndarray:
    """uint8 (H, W, 4): of the image where there is one, else of the mask."""
    from ..figures.sheets import thumbnail
    from ..figures.views import paint

    valid = sample["valid"].numpy()
    if "image" not in sample:
        mask = sample["mask"].numpy()
        return paint(mask, valid, dataset.classes or _classes_in(mask[valid]))
    names = [band.name if band.role == "other" else band.role for band in dataset.bands]
    image = sample["image"].numpy()
    return thumbnail(image[-1] if image.ndim == 4 else image, valid, names)


def _date(when: Interval) -> str:
    """The day or the year; nothing where there is no date."""
    if when == ALWAYS:
        return ""
    return (
        f"{when.start:%Y}" if when == Interval.of(f"{when.start:%Y}") else f"{when.start:%Y-%m-%d}"
    )


def _classes_in(codes: np.ndarray) -> Classes:
    """A class for each code that occurs, where nobody has named them."""
    found = [int(code) for code in np.unique(codes) if 0 <= code <= MAX_CODE] or [0]
    return Classes.of([f"class {code}" for code in found], found)
