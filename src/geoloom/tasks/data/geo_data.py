"""Training straight from files: queries of samplers, read as batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch.utils.data import DataLoader

from ...chips.dataset import GivenLabels
from ...core.bands import Band
from ...core.classes import Classes
from ...core.errors import ConfigError, suggest
from ...core.statistics import BandStatistics
from ...datasets.base import GeoDataset
from ...datasets.loader import for_device
from ...datasets.reading.device import to_device
from ...samplers.shard import TableSampler
from ...transforms.augment import AUGMENTATIONS
from ...transforms.augmentation import Augmentation
from ...transforms.encode import code_table, encoded
from ..sums import device_count
from .module import SeededDataModule, augmentations_of, split_augmentations, with_statistics
from .order import TableOrder

_BATCH_SIZE = 32


@dataclass(frozen=True, slots=True)
class _Split:
    """What is asked of one dataset."""

    dataset: GeoDataset
    """Giving the types of the files."""
    sampler: TableSampler
    bands: Sequence[Band] | None
    """By which images are scaled on the device; None for not at all."""
    classes: Classes | None
    """Whose codes become positions on the device; None for none."""


class GeoDataModule(SeededDataModule):
    """Training, validation and test batches read from files as they are needed, on any number of devices.

    Guarantee: several devices see together exactly the batches of one, each sample augmented alike; a
    training that is resumed, from the middle of an epoch as well, sees what an uninterrupted one does. Of
    validation and test, each query is given once. All this holds for any number of workers.

    Batches cross to the device in the types of the files, and become float32 images and int64 masks there,
    as with `geoloom.loader(device=...)`. Training batches hold `seed` (B,) int64 as well, from which each
    sample is augmented.

    Args:
        train: What to learn from, such as `imagery & labels`.
        sampler: Of geoloom.samplers: its table of an epoch is what an epoch holds, in that order.
        val: What chooses the weights. Default: `train`, where there is a `val_sampler`.
        val_sampler: Of its queries, such as `GridGeoSampler(dataset, 256, roi=...)`.
        test, test_sampler: Likewise, for `Trainer.test`.
        batch_size: Samples per step, over all devices together. Default: the sampler's own, else 32.
        augment: Operations of `SYMMETRIES`, of which each sample gets one or none, and further
            augmentations that follow one after the other.
        statistics: Of the bands of what is learned from, for `jitter` among these.
        labels: What masks hold where the dataset knows its classes: `positions` 0..K-1, or the `codes` of the
            files.
        scaled: Give physical values, each scene's by its own scale and offset.
        seed: Fixes augmentation, epoch by epoch; places are a matter of the samplers' own seeds.
        num_workers: Processes of each device that read ahead, one thread each; 0 reads by threads of its own.

    Raises:
        ConfigError: a dataset lacks a sampler, a sampler is not of geoloom.samplers, or sizes of batches
            contradict each other, or classes do, or jitter lacks its statistics; and, once the number of
            devices is known, a batch or an augmentation cannot be divided among them, or the task expects
            codes, and batches hold positions.
        SamplerError: several devices would draw places of their own, as a sampler has no seed.
        DatasetError: values are to be scaled that transforms see first.

    Example:
        >>> data = GeoDataModule(dataset, sampler, val_sampler=tiles, batch_size=64)  # doctest: +SKIP
        >>> Trainer(devices=2).fit(task, datamodule=data)                             # doctest: +SKIP
    """

    def __init__(
        self,
        train: GeoDataset,
        sampler: TableSampler,
        *,
        val: GeoDataset | None = None,
        val_sampler: TableSampler | None = None,
        test: GeoDataset | None = None,
        test_sampler: TableSampler | None = None,
        batch_size: int | None = None,
        augment: Sequence[str | Augmentation] = AUGMENTATIONS,
        statistics: BandStatistics | None = None,
        labels: GivenLabels = "positions",
        scaled: bool = False,
        seed: int = 0,
        num_workers: int = 0,
    ) -> None:
        if labels not in get_args(GivenLabels):
            raise ConfigError(
                f"labels are not given as {labels!r}{suggest(labels, get_args(GivenLabels))}"
            )
        asked = {
            "train": (train, sampler, True),
            "val": (val or train, val_sampler, val is not None),
            "test": (test or train, test_sampler, test is not None),
        }
        splits = {
            name: _split(name, dataset, own, scaled, labels, is_given=is_given)
            for name, (dataset, own, is_given) in asked.items()
        }
        super().__init__(batch_size=_size(sampler, batch_size), seed=seed, num_workers=num_workers)
        self._splits = {name: split for name, split in splits.items() if split is not None}
        _check_classes(self._splits)
        names, further = split_augmentations(augment)
        further = with_statistics(further, lambda: _required(statistics))
        self.augmentations = augmentations_of(names, further)

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches in the order of the sampler's table, a smaller last one left out."""
        split = self._ready("train")
        return self.training_batches(split.dataset, TableOrder(split.sampler))

    def val_dataloader(self) -> Any:
        """All queries of the validation, in order."""
        return self._all_of("val")

    def test_dataloader(self) -> Any:
        """All queries of the test, in order."""
        return self._all_of("test")

    def moved_to(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """A batch on a device, converted, scaled and its mask encoded there."""
        split = self._splits[self._stage]
        moved = to_device(batch, device, bands=split.bands)
        if split.classes is None or "mask" not in moved:
            return moved
        return encoded(moved, code_table(split.classes.codes).to(device))

    def _all_of(self, name: str) -> Any:
        if name not in self._splits:
            return []
        split = self._ready(name)
        return self.even_batches(split.dataset, split.sampler.table())

    def _ready(self, name: str) -> _Split:
        """A split whose dataset is ready to be read, by workers that are forked as well."""
        split = self._splits[name]
        if split.classes is not None and self.trainer is not None:
            _check_task(self.trainer.lightning_module)
        split.sampler.require_common_seed(device_count())
        split.dataset.warm_up()
        return split

    @property
    def _stage(self) -> str:
        assert self.trainer is not None  # who else would move batches
        if self.trainer.training:
            return "train"
        return "test" if self.trainer.testing else "val"


def _required(statistics: BandStatistics | None) -> BandStatistics:
    if statistics is None:
        raise ConfigError(
            "jitter measures its strength by the spread of each band over all that is learned from; give it "
            "by statistics=, such as sample_statistics([train[query] for query in sampler.table()])"
        )
    return statistics


def _split(
    name: str,
    dataset: GeoDataset,
    sampler: TableSampler | None,
    scaled: bool,
    labels: GivenLabels,
    *,
    is_given: bool,
) -> _Split | None:
    if sampler is None and not is_given:
        return None
    if not isinstance(dataset, GeoDataset):
        raise ConfigError(
            f"{name} is {type(dataset).__name__}; expected a geospatial dataset, which is asked by place. "
            "For samples by number, such as chips, take ChipDataModule"
        )
    if not isinstance(sampler, TableSampler):
        raise ConfigError(
            f"the sampler of {name} is {sampler!r}; give one of geoloom.samplers, whose epochs are tables "
            "that devices can share, such as GridGeoSampler(dataset, size=256)"
        )
    stored, bands = for_device(dataset, scaled=scaled)
    encodes = labels == "positions" and "mask" in dataset.layers
    return _Split(stored, sampler, bands, dataset.classes if encodes else None)


def _check_classes(splits: Mapping[str, _Split]) -> None:
    """Refuse splits of which one's positions would mean other classes than those learned."""
    learned = splits["train"].classes
    for name, split in splits.items():
        if "mask" in split.dataset.layers and split.classes != learned:
            raise ConfigError(
                f"the classes of {name} are {_shown(split.classes)}, those of train {_shown(learned)}; give "
                "datasets of the same classes, or labels='codes'"
            )


def _shown(classes: Classes | None) -> str:
    return (
        "not known"
        if classes is None
        else str(dict(zip(classes.codes, classes.names, strict=True)))
    )


def _check_task(task: Any) -> None:
    """Refuse a task that would take the positions of batches for codes."""
    if getattr(task, "positions", None) is not None:
        raise ConfigError(
            f"{type(task).__name__} is given codes=, and the batches hold positions already; leave codes "
            "out, or give GeoDataModule(labels='codes')"
        )


def _size(sampler: TableSampler, asked: int | None) -> int:
    own: int | None = getattr(sampler, "batch_size", None)
    if own is not None and asked not in (None, own):
        raise ConfigError(
            f"the sampler yields batches of {own}, and batch_size={asked} is asked for; give it to the "
            "sampler alone"
        )
    return own or asked or _BATCH_SIZE
