"""Chips as batches: kept decoded in memory where they fit, in an order fixed by seed and epoch."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ..core.errors import ConfigError, DatasetError
from ..transforms.augment import AUGMENTATIONS, FullCopies, augment, check_augmentations
from ..transforms.jitter import jitter

logger = logging.getLogger(__name__)

AugmentMode = Literal["random", "copies"]
Samples = Dataset[Mapping[str, Any]]

MEMORY_BYTES = 2 << 30
"""Chips of up to this size, all splits together, are kept decoded in memory."""

_PLANES = ("image", "mask", "valid", "observed")


class MemoryChips(Dataset[dict[str, Tensor]]):
    """The pixels of a dataset's chips, decoded once and kept in native dtype. Chips must share a shape.

    Masks are kept in the narrowest type that holds their values and given as int64; place and date are
    dropped.

    Args:
        samples: Any map-style dataset of samples with `image`, `mask` and `valid`.

    Raises:
        DatasetError: a mask holds fractions.
    """

    def __init__(self, samples: Samples) -> None:
        count = len(samples)  # type: ignore[arg-type]
        self._planes: dict[str, Tensor] = {}
        for i in range(count):
            for name, value in _narrowed(_pixels(samples[i])).items():
                if i == 0:
                    self._planes[name] = torch.empty((count, *value.shape), dtype=value.dtype)
                wide = torch.promote_types(self._planes[name].dtype, value.dtype)
                self._planes[name] = self._planes[name].to(wide)
                self._planes[name][i] = value

    def __len__(self) -> int:
        return len(self._planes["image"])

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return _with_codes({name: values[index] for name, values in self._planes.items()})


class PixelChips(Dataset[dict[str, Tensor]]):
    """A dataset's chips read as they are asked for, pixels only."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return _with_codes(_pixels(self._samples[index]))

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """A batch, read together where the samples can be."""
        together = getattr(self._samples, "__getitems__", None)
        samples = [self._samples[i] for i in indices] if together is None else together(indices)
        return [_with_codes(_pixels(sample)) for sample in samples]


class EpochOrder(Sampler[int]):
    """Every chip once, in an order that follows from seed and epoch alone."""

    def __init__(self, length: int, seed: int) -> None:
        self._length = length
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, also after a resume."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed + 1_000_003 * (self._epoch + 1))
        return iter(torch.randperm(self._length, generator=generator).tolist())


class ChipDataModule(LightningDataModule):
    """Training and validation batches from chips.

    Args:
        train: Dataset of samples to learn from, as `ChipStore.dataset("train")` gives it.
        val: Dataset of samples that choose the weights; None for none.
        batch_size: Chips per batch.
        augment: Operations of `AUGMENTATIONS`.
        augment_mode: `random`: each chip of a batch gets one of the operations or none. `copies`: an epoch
            holds every chip untouched and once moved by each operation (seven times as many chips for six).
        jitter: Strength of the random gain and offset of each band, in either mode; 0 for none.
        seed: Fixes order and augmentation, epoch by epoch.
        memory_bytes: Chips of up to this size are kept decoded in memory.
        num_workers: Reading processes where chips are not in memory.
    """

    def __init__(
        self,
        train: Samples,
        val: Samples | None = None,
        *,
        batch_size: int = 16,
        augment: Sequence[str] = AUGMENTATIONS,
        augment_mode: AugmentMode = "random",
        jitter: float = 0.0,
        seed: int = 0,
        memory_bytes: int = MEMORY_BYTES,
        num_workers: int | None = None,
    ) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.augment = check_augmentations(augment)
        self.augment_mode = augment_mode
        self.jitter = jitter
        self.seed = seed
        both = [train] if val is None else [train, val]
        in_memory = sum(_bytes(samples) for samples in both) <= memory_bytes
        chips = [MemoryChips(s) if in_memory else PixelChips(s) for s in both]
        self._train = chips[0]
        self._val = chips[1] if val is not None else None
        self.num_workers = 0 if in_memory else _workers(num_workers)
        if augment_mode == "copies":
            self._train = FullCopies(chips[0], self.augment)  # type: ignore[assignment]
        self._choices = torch.Generator()

    def setup(self, stage: str) -> None:
        """Refuse several devices before the first batch.

        Raises:
            ConfigError: the trainer has more than one device.
        """
        check_one_device(self.trainer)

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches in the epoch's order, a smaller last one left out: batch norm needs more than a chip."""
        count = len(self._train)
        return DataLoader(
            self._train,
            batch_size=min(self.batch_size, count),
            sampler=EpochOrder(count, self.seed),
            drop_last=True,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def val_dataloader(self) -> Any:
        """All validation chips, in the order stored."""
        if self._val is None:
            return []
        return DataLoader(
            self._val,
            batch_size=self.batch_size,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment training batches, on the device."""
        trainer = self.trainer
        if trainer is None or not trainer.training:
            return batch
        self._choices.manual_seed(self.seed + 1_000_003 * (trainer.global_step + 1))
        if self.augment and self.augment_mode == "random":
            batch = augment(batch, self.augment, self._choices)
        return jitter(batch, self.jitter, self._choices) if self.jitter else batch


def check_one_device(trainer: Trainer | None) -> None:
    """Refuse a trainer of several devices: each would learn from the same batches and validate alone.

    Raises:
        ConfigError: there are several.
    """
    if trainer is not None and trainer.world_size > 1:
        raise ConfigError(
            f"the trainer has {trainer.world_size} devices, and training on several is not supported: each "
            "would learn from the same batches and validate alone; give Trainer(devices=1, num_nodes=1)"
        )


def _pixels(sample: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: sample[name] for name in _PLANES if name in sample}


def _narrowed(pixels: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mask in the narrowest integers that hold its values."""
    mask = _whole(pixels["mask"])
    least, most = (int(mask.min()), int(mask.max())) if mask.numel() else (0, 0)
    for dtype in (torch.uint8, torch.int16, torch.int32):
        if torch.iinfo(dtype).min <= least and most <= torch.iinfo(dtype).max:
            return {**pixels, "mask": mask.to(dtype)}
    return {**pixels, "mask": mask}


def _whole(mask: Tensor) -> Tensor:
    if mask.is_floating_point():
        raise DatasetError(
            f"a chip's mask is {mask.dtype}; expected whole numbers, the positions or codes of classes"
        )
    return mask


def _with_codes(pixels: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**pixels, "mask": _whole(pixels["mask"]).long()}


def _bytes(samples: Samples) -> int:
    """Size of all pixels, judged by the first chip."""
    first = _narrowed(_pixels(samples[0]))
    return len(samples) * sum(v.numel() * v.element_size() for v in first.values())  # type: ignore[arg-type]


def _workers(asked: int | None) -> int:
    """Processes that decode: some for a GPU, which outruns one; none on the CPU, where they would compete."""
    if asked is not None:
        return asked
    return min(8, os.cpu_count() or 1) if torch.cuda.is_available() else 0
