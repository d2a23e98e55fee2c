"""What data modules share: seeds for each sample, augmentation on the device, equal shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from ...core.errors import ConfigError
from ...core.statistics import BandStatistics
from ...transforms.augment import augment, chosen_augmentations, turns_of
from ...transforms.augmentation import Augmentation, in_turn
from ...transforms.augmentations.jitter import Jitter
from ...transforms.augmentations.registry import make_augmentation
from ..sums import device_count
from .order import Items, Order
from .reading import even_loader, training_loader
from .shares import EvenBatches, TrainingBatches


class SeededDataModule(LightningDataModule):
    """Batches whose samples carry seeds, from which they are augmented on the device.

    Args:
        batch_size: Samples per step, over all devices together.
        seed: Fixes order and augmentation, epoch by epoch.
        num_workers: Reading processes of each device.
    """

    def __init__(self, *, batch_size: int, seed: int, num_workers: int) -> None:
        super().__init__()
        if batch_size < 1:
            raise ConfigError(f"batch_size is {batch_size}; give at least 1")
        self.batch_size = batch_size
        self.seed = seed
        self.num_workers = num_workers
        self.augmentations: tuple[Augmentation, ...] = ()
        self._training: TrainingBatches | None = None
        self._resumed: dict[str, Any] = {}

    def training_batches(self, samples: Dataset[Any], order: Order) -> DataLoader[Any]:
        """Batches in the epoch's order, a smaller last one left out: batch norm needs more than a sample.

        Raises:
            ConfigError: the devices cannot share them equally, or an augmentation cannot be shared.
        """
        check_shared(self.augmentations, device_count())
        batches = TrainingBatches(order, self.batch_size, self.seed)
        if self._resumed:
            batches.load_state_dict(self._resumed)
            self._resumed = {}
        self._training = batches
        return training_loader(samples, batches, self.num_workers)

    def state_dict(self) -> dict[str, Any]:
        """How far the training has come, for Lightning's checkpoints."""
        return {} if self._training is None else self._training.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there with the next `train_dataloader`."""
        # Not by the loader's own state: where a task asks how many steps there will be, Lightning makes the
        # loader before it reads the checkpoint, and never hands it over.
        self._resumed = dict(state_dict)

    def even_batches(self, samples: Dataset[Any], items: Items) -> DataLoader[Any]:
        """All samples, in order, each on one device.

        Raises:
            ConfigError: there are fewer samples than devices.
        """
        return even_loader(samples, EvenBatches(items, self.batch_size), self.num_workers)

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """To the device, seeds apart: what is drawn from them on the CPU need not wait for a GPU."""
        kept = {key: batch[key] for key in ("seed",) if key in batch}
        moved = {key: value for key, value in batch.items() if key not in kept}
        return {**self.moved_to(moved, device, dataloader_idx), **kept}

    def moved_to(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """A batch on a device, as Lightning moves it."""
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment training batches, on the device."""
        if self.trainer is None or not self.trainer.training:
            return batch
        return in_turn(batch, batch["seed"], self.augmentations)


def split_augmentations(
    given: Sequence[str | Augmentation],
) -> tuple[tuple[str, ...], tuple[Augmentation, ...]]:
    """Names of turns and flips, for which `all` and `none` may stand, and further augmentations.

    Raises:
        ConfigError: a name is unknown.
    """
    names = chosen_augmentations([one for one in given if isinstance(one, str)])
    turns = turns_of(names)
    written = set(names) - set(turns)  # without the words all and none
    made = (
        make_augmentation(one) if isinstance(one, str) else one
        for one in given
        if not isinstance(one, str) or one in written
    )
    return turns, tuple(made)


def augmentations_of(
    names: Sequence[str], further: Sequence[Augmentation]
) -> tuple[Augmentation, ...]:
    """One of the turns and flips or none, then the others in turn."""
    turned: tuple[Augmentation, ...] = (partial(augment, names=tuple(names)),) if names else ()
    return (*turned, *further)


def with_statistics(
    augmentations: Sequence[Augmentation], statistics: Callable[[], BandStatistics]
) -> tuple[Augmentation, ...]:
    """Those that need the spread of what is learned from, with it.

    Args:
        augmentations: Any.
        statistics: Called once where there is such a one.
    """
    if not any(_lacks(one) for one in augmentations):
        return tuple(augmentations)
    known = statistics()
    return tuple(
        one.with_statistics(known) if isinstance(one, Jitter) and _lacks(one) else one
        for one in augmentations
    )


def _lacks(one: Augmentation) -> bool:
    return isinstance(one, Jitter) and one.statistics is None


def check_shared(augmentations: Sequence[Augmentation], devices: int) -> None:
    """Refuse several devices where samples of a batch are mixed: each would mix those of its share alone.

    Raises:
        ConfigError: there are several, and an augmentation has `alone = False`; the message names it.
    """
    mixing = [one for one in augmentations if not getattr(one, "alone", True)]
    if devices > 1 and mixing:
        names = ", ".join(getattr(one, "spelled", type(one).__name__) for one in mixing)
        raise ConfigError(
            f"{names} puts samples of a batch together, and each of {devices} devices sees its own share of "
            "it alone, so that what is learned would depend on their number; train on one device (devices=1, "
            "--devices 1), or leave it out of augment"
        )
