"""What can be trained on: a chip store, or any dataset of numbered samples that says as much about itself."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from odc.geo.geobox import GeoBox

from ..chips.store import ChipStore
from ..core.bands import Band
from ..core.errors import ConfigError
from ..core.outputs import Outputs
from ..core.statistics import BandStatistics
from ..datasets.layouts.detect import is_class_folder
from ..datasets.layouts.image_folder import ImageFolder
from ..datasets.layouts.picture_folder import PictureFolder
from ..datasets.samples.dataset import SampleDataset
from ..splits.names import Split
from ..splits.samples import ClassSplit
from .data.chips import Samples

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


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
    def splits(self) -> Collection[str]:
        """The splits that hold samples."""

    @property
    def table(self) -> pd.DataFrame:
        """What is known of each sample, a row each."""

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


def open_labelled(data: str | Path | TrainingSource, size: int | None = None) -> TrainingSource:
    """The samples that a path means: a chip store, or a folder with a folder of pictures for each class.

    Pictures are divided by their folders of splits where there are any, else at random, class by class.
    Pictures of several sizes are cut and padded to that which most of them have. The log says so: datasets
    made in Python are taken as they are.

    Args:
        data: The path; or samples, which are given back.
        size: Side of the squares to which pictures are resized; None leaves them at their own size.

    Raises:
        DatasetError: it is neither.
        ConfigError: a size is given for something else than a folder of pictures.
    """
    if not isinstance(data, str | Path):
        return _of_own_size(data, size)
    if not is_class_folder(str(data)):
        return _of_own_size(ChipStore.open(data), size)
    pictures = ImageFolder(data)
    if not pictures.splits:
        rule = ClassSplit()
        logger.info("%s has no folders of splits; samples are divided by %r", data, rule)
        pictures = pictures.with_splits(rule)
    return _of_one_size(pictures, size)


def open_samples(data: str | Path | TrainingSource, size: int | None = None) -> TrainingSource:
    """As `open_labelled`, and any other folder of pictures, without labels.

    Raises:
        DatasetError: there are no samples.
        ConfigError: as `open_labelled`.
    """
    if isinstance(data, str | Path) and _holds_plain_pictures(Path(data)):
        return _of_one_size(PictureFolder(data), size)
    return open_labelled(data, size)


def _holds_plain_pictures(path: Path) -> bool:
    chips = (path / "zarr.json").exists()
    return path.is_dir() and not chips and not is_class_folder(str(path))


def _of_one_size(pictures: SampleDataset, size: int | None) -> SampleDataset:
    """Resized to `size`; else, where they have several sizes, cut and padded to the most frequent."""
    if size is not None:
        return pictures.with_size(size, "resize")
    if len(pictures.sizes) > 1:
        (height, width), count = next(iter(pictures.sizes.items()))
        logger.warning(
            "pictures in %s have %d sizes; all are cut or padded about the middle to %d x %d, which %d of %d "
            "have",
            pictures.path,
            len(pictures.sizes),
            height,
            width,
            count,
            len(pictures),
        )
        pictures = pictures.with_size((height, width))
    return pictures


def size_of(model: Any) -> int | None:
    """The size to which pictures are resized for a model: as its training did, or because it takes no other;
    None where neither is so."""
    card, fixed = getattr(model, "card", None), getattr(model, "input_px", None)
    if card is None and fixed is not None and fixed[0] == fixed[1]:
        return int(fixed[0])
    size = None if card is None else card.config.get("size")
    return size if isinstance(size, int) else None


def _of_own_size(source: TrainingSource, size: int | None) -> TrainingSource:
    if size is not None and source.size != (size, size):
        raise ConfigError(
            f"{source.path} holds samples of {source.size[0]} x {source.size[1]} pixels, and pictures "
            f"resized to {size} x {size} are asked for, by size= or by the model, which learned from such; "
            "only those of a folder are resized here: cut chips of that size, or use with_size on a dataset"
        )
    return source
