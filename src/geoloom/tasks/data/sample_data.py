"""Any numbered samples as batches, with what a task has to know of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...core.bands import Band
from ...core.errors import ConfigError, DatasetError
from ...core.outputs import Outputs
from ...core.statistics import BandStatistics
from ...datasets.samples.dataset import SampleDataset
from ...datasets.samples.listing import SampleSplit, SplitLists
from ...losses.weights import class_weights
from ...splits.names import Split
from ...transforms.augment import AUGMENTATIONS
from ...transforms.augmentation import Augmentation
from ...transforms.normalize import Normalization, fit_normalization
from ..learnable import learn_targets
from ..source import TrainingSource
from .chip_data import MEMORY_BYTES, AugmentMode, ChipDataModule
from .chips import Samples


class SampleDataModule(ChipDataModule):
    """Training, validation and test batches of numbered samples, for a Lightning trainer of your own.

    Batches are those of `ChipDataModule`. What `gl.train` works out for itself is asked here: what a task
    learns (`outputs`), how its network scales images (`normalization`), what classes weigh
    (`class_weights`); all of them from the training samples alone.

    Args:
        data: Samples to learn from: a benchmark dataset, `ImageFolder`, `SampleDataset` or `ChipStore`.
            Its splits `train`, `val` and `test` are taken for what they are; without splits, all samples are
            learned from.
        val: Samples that choose the weights, where `data` does not have them; all of them, or their split
            `val`.
        test: Samples for `Trainer.test`, likewise.
        splits: A rule, or lists of file names, by which to divide `data` first.
        batch_size, augment, augment_mode, seed, memory_bytes, num_workers: As of `ChipDataModule`.

    Raises:
        ConfigError: as of `ChipDataModule`; or `splits` are given for a source that is divided already.
        DatasetError: samples teach nothing, differ in their bands or outputs, or cannot be divided so.

    Example:
        >>> data = SampleDataModule(EuroSAT("eurosat", split=None), batch_size=64)      # doctest: +SKIP
        >>> task = ClassificationTask("timm/resnet18", data.outputs, in_channels=len(data.bands),
        ...                           normalization=data.normalization())               # doctest: +SKIP
        >>> Trainer(max_epochs=10).fit(task, data)                                      # doctest: +SKIP
    """

    def __init__(
        self,
        data: TrainingSource,
        val: TrainingSource | None = None,
        test: TrainingSource | None = None,
        *,
        splits: SampleSplit | SplitLists | None = None,
        batch_size: int = 16,
        augment: Sequence[str | Augmentation] = AUGMENTATIONS,
        augment_mode: AugmentMode = "random",
        seed: int = 0,
        memory_bytes: int = MEMORY_BYTES,
        num_workers: int | None = None,
    ) -> None:
        if splits is not None:
            data = _divided(data, splits)
        if data.outputs is None:
            raise DatasetError(f"{data!r} teaches nothing, so that no task can learn from it")
        self.source = data
        self._train = data.indices("train" if data.splits else None)
        for other in (val, test):
            _require_alike(data, other)
        super().__init__(
            _samples(data, self._train),
            _of_split(data, val, "val"),
            _of_split(data, test, "test"),
            batch_size=batch_size,
            augment=augment,
            augment_mode=augment_mode,
            seed=seed,
            memory_bytes=memory_bytes,
            num_workers=num_workers,
        )

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the images, in channel order."""
        return self.source.bands

    @property
    def outputs(self) -> Outputs:
        """What a task learns from the training samples; of values with their mean and spread.

        Raises:
            DatasetError: the labels teach nothing.
        """
        return self._learned[0]

    @cached_property
    def statistics(self) -> BandStatistics:
        """Of the training images' bands, as stored; read once."""
        return self.source.statistics("train" if self.source.splits else None)

    def normalization(self, kind: str = "mean_std", **options: Any) -> Normalization:
        """A rule fitted on the training images, for a task's `normalization`.

        Args:
            kind, options: As of `fit_normalization`.

        Raises:
            ConfigError: the kind is unknown.
        """
        return fit_normalization(kind, self.statistics, **options)

    def class_weights(self, rule: str = "balanced") -> tuple[float, ...]:
        """Weights that make up for unequal classes, for a task's `class_weights`.

        Args:
            rule: As of `geoloom.losses.class_weights`.

        Raises:
            ConfigError: the rule is unknown, or the samples teach values.
            DatasetError: the labels teach nothing.
        """
        outputs, counts = self._learned
        if outputs.kind != "classes":
            raise ConfigError(f"{self.source!r} teaches {outputs.short}, which have no counts")
        return class_weights(counts.tolist(), rule)

    @cached_property
    def _learned(self) -> tuple[Outputs, np.ndarray]:
        """The outputs, and how many pixels or images each class or value has."""
        outputs = self.source.outputs
        assert outputs is not None  # seen to when it was made
        labels = (self.source.labels(int(i)) for i in self._train)
        return learn_targets(outputs, labels, str(self.source.path))


def _divided(data: TrainingSource, splits: SampleSplit | SplitLists) -> TrainingSource:
    if not isinstance(data, SampleDataset):
        raise ConfigError(
            f"{data!r} is divided when it is made; leave splits out, or cut it again with others"
        )
    return data.with_splits(splits)


def _of_split(data: TrainingSource, given: TrainingSource | None, split: Split) -> Samples | None:
    """The samples of a split: of those that are given for it, else of the training data's own."""
    if given is not None:
        divided = split in given.splits and len(given.splits) > 1
        return _samples(given, given.indices(split if divided else None))
    return _samples(data, data.indices(split)) if split in data.splits else None


def _samples(source: TrainingSource, numbers: np.ndarray) -> Samples:
    """Some samples of a source, its transforms included."""
    if isinstance(source, SampleDataset) and source.transforms is not None:
        return source.subset(numbers)
    return source.samples(numbers.tolist())


def _require_alike(data: TrainingSource, other: TrainingSource | None) -> None:
    if other is None or (other.bands, other.outputs) == (data.bands, data.outputs):
        return
    raise DatasetError(
        f"{other!r} differs from {data!r} in bands or outputs: it has {_shown(other)}, expected "
        f"{_shown(data)}; open both with the same options"
    )


def _shown(source: TrainingSource) -> str:
    names = ", ".join(band.name for band in source.bands)
    return f"bands {names} and {'no labels' if source.outputs is None else source.outputs.short}"
