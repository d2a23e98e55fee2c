"""Batches read whole, and a loader of them that knows how far it has come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from ...core.errors import ConfigError
from ...datasets.reading.collate import collate, require_stacked
from .shares import BatchRequest, EvenBatches, TrainingBatches


class BatchReader(Dataset[Mapping[str, Any]]):
    """A dataset asked for whole batches, which carry the seeds of their samples as `seed` (B,) int64."""

    def __init__(self, samples: Dataset[Any]) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)  # type: ignore[arg-type]

    def __getitem__(self, request: BatchRequest) -> Mapping[str, Any]:
        if not isinstance(request, BatchRequest):
            raise ConfigError(
                "the order of the training samples was replaced, and with it the seeds of their augmentation "
                "were lost; leave out Trainer(overfit_batches=...), and take limit_train_batches instead"
            )
        together = getattr(self._samples, "__getitems__", None)
        samples = together(request.items) if together else [self._samples[i] for i in request.items]
        batch: dict[str, Any] = collate(samples)
        require_stacked(batch)
        return batch if request.seeds is None else {**batch, "seed": request.seeds}


class TrainingLoader(DataLoader[Any]):
    """Training batches, epoch after epoch; a checkpoint of Lightning's keeps how far it has come.

    Guarantee: resumed, in the middle of an epoch as well, it gives the batches not given yet, with any number
    of workers: Lightning calls `state_dict` and `load_state_dict`.
    """

    sampler: TrainingBatches

    def state_dict(self) -> dict[str, Any]:
        """The epoch, and what was given of it: not what workers have read ahead."""
        return self.sampler.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `TrainingBatches.load_state_dict`."""
        self.sampler.load_state_dict(state)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # of batches, all the same
        # A generator, so that workers begin to read with the first batch: Lightning asks for the iterator
        # before it says which epoch it is, after a resume too.
        sampler = self.sampler
        sampler.given = sampler.start
        for batch in super().__iter__():
            sampler.start = 0  # the next pass begins at the beginning
            sampler.given += sampler.batch_size
            yield batch
        sampler.set_epoch(sampler.epoch + 1)


def training_loader(
    samples: Dataset[Any], batches: TrainingBatches, num_workers: int
) -> TrainingLoader:
    """A loader of a training's batches."""
    return TrainingLoader(BatchReader(samples), sampler=batches, **_settings(num_workers))


def even_loader(samples: Dataset[Any], batches: EvenBatches, num_workers: int) -> DataLoader[Any]:
    """A loader of the batches of a validation or test."""
    return DataLoader(BatchReader(samples), sampler=batches, **_settings(num_workers))


def _settings(num_workers: int) -> dict[str, Any]:
    return {
        "batch_size": None,
        "collate_fn": _as_it_is,
        "num_workers": num_workers,
        "persistent_workers": num_workers > 0,
        "pin_memory": torch.cuda.is_available(),
    }


def _as_it_is(batch: Any) -> Any:
    return batch
