"""The course of a training, one row per epoch: in memory, in checkpoints, and in files beside the model."""

from __future__ import annotations

import csv
import logging
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from ..core.files import replacing
from ..models.saved import write_json
from .base import Task

logger = logging.getLogger(__name__)

JSON_FILE = "history.json"
CSV_FILE = "history.csv"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch. Figures of the validation are None where there is none."""

    epoch: int
    """From 1."""
    train_loss: float | None
    """Mean over the pixels of the epoch, while the weights moved."""
    val_loss: float | None
    figures: Mapping[str, float | None]
    """By which a training is followed, such as `accuracy` or `rmse`: its validation report's headline."""
    learning_rate: float
    """At the end of the epoch."""
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """A row: plain values, the figures as `val_accuracy` and so on."""
        figures = {f"val_{name}": value for name, value in self.figures.items()}
        return {
            "epoch": self.epoch,
            "train_loss": self.train_loss,
            "val_loss": self.val_loss,
            **figures,
            "learning_rate": self.learning_rate,
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Epoch:
        """The epoch of a row."""
        known = {"train_loss", "val_loss", "learning_rate", "seconds"}
        figures = {
            name.removeprefix("val_"): value
            for name, value in row.items()
            if name.startswith("val_") and name not in known
        }
        return cls(epoch=row["epoch"], figures=figures, **{name: row[name] for name in known})


OnEpoch = Callable[[Epoch, int], None]
"""Called after each epoch with its row and the number of epochs planned."""


class History(Callback):
    """Keeps the rows, and after each epoch writes `history.json` and `history.csv` and calls `on_epoch`.

    Of several devices, the first one writes and calls."""

    def __init__(self, folder: Path, on_epoch: OnEpoch | None = None) -> None:
        self.folder = folder
        self.rows: list[Epoch] = []
        self._on_epoch = on_epoch
        self._started = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add a row; the epoch's validation has run by now."""
        assert isinstance(pl_module, Task)  # `train` builds nothing else
        validated = bool(trainer.num_val_batches and sum(trainer.num_val_batches))
        figures = pl_module.report().headline() if validated else {}
        row = Epoch(
            epoch=trainer.current_epoch + 1,
            train_loss=_number(pl_module.train_loss.value()),
            val_loss=_number(pl_module.val_loss.value()) if validated else None,
            figures={name: _number(value) for name, value in figures.items()},
            learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
            seconds=round(time.perf_counter() - self._started, 3),
        )
        self.rows.append(row)
        if not trainer.is_global_zero:
            return
        write_history(self.folder, self.rows)
        if self._on_epoch is not None:
            self._on_epoch(row, int(trainer.max_epochs or 0))

    def state_dict(self) -> dict[str, Any]:
        """The rows, for the checkpoint."""
        return {"rows": [row.to_dict() for row in self.rows]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The rows of a checkpoint."""
        self.rows = [Epoch.from_dict(row) for row in state_dict["rows"]]


def write_history(folder: Path, rows: Sequence[Epoch]) -> None:
    """Write the rows as JSON and CSV."""
    plain = [row.to_dict() for row in rows]
    write_json(folder / JSON_FILE, plain, within=folder)
    with (
        replacing(folder / CSV_FILE, within=folder) as scratch,
        scratch.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(plain[0]))
        writer.writeheader()
        writer.writerows(plain)


def describe(row: Epoch, epochs: int) -> str:
    """An epoch in a line."""
    parts = [f"epoch {row.epoch}/{epochs}", f"loss {_text(row.train_loss)}"]
    if row.val_loss is not None:
        parts.append(f"validation loss {_text(row.val_loss)}")
        parts += [f"{name} {_text(value)}" for name, value in row.figures.items()]
    return "  ".join([*parts, f"{row.seconds:.1f} s"])


class ProgressBar(Callback):
    """A bar over all batches on a terminal; a logged line per epoch anywhere else."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar, on a terminal."""
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
        )
        total = int(trainer.estimated_stepping_batches)
        self._task = self._bar.add_task("", total=total, completed=trainer.global_step)
        self._bar.start()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        """One batch on."""
        if self._bar is not None:
            self._bar.update(self._task, completed=trainer.global_step)

    def show(self, row: Epoch, epochs: int) -> None:
        """One epoch on; an `OnEpoch`."""
        if self._bar is None:
            logger.info(describe(row, epochs))
        else:
            self._bar.update(self._task, description=describe(row, epochs))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the terminal as it was."""
        self._close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Likewise."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
