"""Chips as batches: kept decoded in memory where they fit, in an order fixed by seed and epoch."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch.utils.data import DataLoader

from ...core.statistics import BandStatistics
from ...transforms.augment import AUGMENTATIONS, FullCopies
from ...transforms.augmentation import Augmentation
from ...transforms.augmentations.jitter import Jitter
from ...transforms.statistics import sample_statistics
from .chips import MemoryChips, PixelChips, Samples, bytes_of
from .module import SeededDataModule, augmentations_of, split_augmentations, with_statistics
from .order import ShuffledOrder

logger = logging.getLogger(__name__)

AugmentMode = Literal["random", "copies"]

MEMORY_BYTES = 2 << 30
"""Chips of up to this size, all splits together, are kept decoded in the memory of each process."""


class ChipDataModule(SeededDataModule):
    """Training, validation and test batches from chips, on any number of devices.

    Guarantee: several devices see together exactly the batches of one, each chip augmented alike; a training
    that is resumed, from the middle of an epoch as well, sees what an uninterrupted one does. Of validation
    and test, each chip is given once.

    Batches hold what the samples hold: `image` and whichever labels there are; place and text are left out.
    Training batches hold `seed` (B,) int64 as well, from which each chip is augmented.

    Args:
        train: Dataset of samples to learn from, as `ChipStore.dataset("train")` gives it.
        val: Dataset of samples that choose the weights; None for none.
        test: Dataset of samples for `Trainer.test`; None for none.
        batch_size: Chips per step, over all devices together.
        augment: Operations of `SYMMETRIES`, and further augmentations that follow one after the other.
        augment_mode: `random`: each chip of a batch gets one of the operations or none. `copies`: an epoch
            holds every chip untouched and once moved by each operation (seven times as many chips for six).
        jitter: Short for `jitter:strength=...` at the end of `augment`; 0 for none.
        statistics: Of the training chips' bands, for `jitter`; None works them out, from all chips once.
        seed: Fixes order and augmentation, epoch by epoch.
        memory_bytes: Chips of up to this size are kept decoded in memory.
        num_workers: Reading processes of each device where chips are not in memory.

    Raises:
        ConfigError: an augmentation is unknown; and, once the number of devices is known, `batch_size` cannot
            be divided among them.
        DatasetError: a mask holds fractions, or chips that are kept in memory differ in keys or shapes.
    """

    def __init__(
        self,
        train: Samples,
        val: Samples | None = None,
        test: Samples | None = None,
        *,
        batch_size: int = 16,
        augment: Sequence[str | Augmentation] = AUGMENTATIONS,
        augment_mode: AugmentMode = "random",
        jitter: float = 0.0,
        statistics: BandStatistics | None = None,
        seed: int = 0,
        memory_bytes: int = MEMORY_BYTES,
        num_workers: int | None = None,
    ) -> None:
        names, further = split_augmentations(augment)
        given = {"train": train, "val": val, "test": test}
        there = {split: samples for split, samples in given.items() if samples is not None}
        in_memory = sum(bytes_of(samples) for samples in there.values()) <= memory_bytes
        super().__init__(
            batch_size=batch_size, seed=seed, num_workers=0 if in_memory else _workers(num_workers)
        )
        self._chips: dict[str, Any] = {
            split: MemoryChips(samples) if in_memory else PixelChips(samples)
            for split, samples in there.items()
        }
        if jitter:
            further = (*further, Jitter(jitter))
        further = with_statistics(further, lambda: statistics or self._statistics(in_memory))
        if augment_mode == "copies":
            self._chips["train"] = FullCopies(self._chips["train"], names)
            names = ()
        self.augmentations = augmentations_of(names, further)

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches in the epoch's order, a smaller last one left out: batch norm needs more than a chip."""
        chips = self._chips["train"]
        return self.training_batches(chips, ShuffledOrder(len(chips), self.seed))

    def val_dataloader(self) -> Any:
        """All validation chips, in the order stored."""
        return self._all_of("val")

    def test_dataloader(self) -> Any:
        """All test chips, in the order stored."""
        return self._all_of("test")

    def _all_of(self, split: str) -> Any:
        chips = self._chips.get(split)
        return [] if chips is None else self.even_batches(chips, range(len(chips)))

    def _statistics(self, in_memory: bool) -> BandStatistics:
        chips = self._chips["train"]
        if not in_memory:
            logger.info(
                "jitter: %d chips are read for their band statistics; statistics= spares that",
                len(chips),
            )
        return sample_statistics(chips)


def _workers(asked: int | None) -> int:
    """Processes that decode: some for a GPU, which outruns one; none on the CPU, where they would compete."""
    if asked is not None:
        return asked
    return min(8, os.cpu_count() or 1) if torch.cuda.is_available() else 0
