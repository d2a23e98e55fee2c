"""What each process of a training does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lightning.pytorch import LightningDataModule, Trainer

from ..base import Task
from ..fitting import fit
from ..history import History
from ..ranks import Ranks


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A training as `ranks.SharedWork`."""

    trainer: partial[Trainer]
    """`build_trainer`, lacking `callbacks` and `ranks`."""
    folder: Path
    """The model's."""
    task: Task
    data: Callable[[], LightningDataModule]
    checkpoint: Path | None
    """From which it goes on."""

    @property
    def verb(self) -> str:
        """For messages."""
        return "training"

    @property
    def device(self) -> str:
        """`cpu` or `cuda`."""
        device: str = self.trainer.keywords["device"]
        return device

    @property
    def devices(self) -> int:
        """How many processes train."""
        devices: int = self.trainer.keywords["devices"]
        return devices

    def prepare(self, rank: int) -> Callable[[Ranks], None]:
        """Trainer and data of one of the other processes."""
        data = self.data()

        def train(ranks: Ranks) -> None:
            trainer = self.trainer(callbacks=[History(self.folder)], ranks=ranks)
            fit(trainer, self.task, data, self.checkpoint)

        return train
