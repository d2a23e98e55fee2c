"""A program that trains and tests on one process or several, and notes weights, losses and counts."""

from __future__ import annotations

import sys
import warnings
from functools import partial
from pathlib import Path

import torch
from lightning.pytorch import Callback, Trainer
from torch import nn

from geoloom.tasks import ChipDataModule, SegmentationTask
from geoloom.tasks.fitting import quiet
from geoloom.transforms import Normalization

BATCH, EPOCHS = 8, 4
SIZE = 16
LOSSES = ("crossentropy", "ce+0.5*dice+0.2*lovasz")
"""A mean over pixels; and what is none of pixels, in a sum."""


def samples(count: int, seed: int) -> list[dict[str, torch.Tensor]]:
    """Chips of three classes by brightness; labels lack at some pixels, and of one chip altogether."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for number in range(count):
        mask = torch.randint(0, 3, (SIZE // 4, SIZE // 4), generator=generator)
        mask = mask.repeat_interleave(4, 0).repeat_interleave(4, 1)
        noise = torch.randn(3, SIZE, SIZE, generator=generator)
        image = (100 + 20 * mask + 15 * noise).to(torch.int16)
        valid = torch.rand(SIZE, SIZE, generator=generator) < 0.8
        observed = valid | (torch.rand(SIZE, SIZE, generator=generator) < 0.5)
        made.append(
            {"image": image, "mask": mask, "valid": valid & (number != 3), "observed": observed}
        )
    return made


def network() -> nn.Module:
    """Without statistics of batches, which would be those of each device's share."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 3, 1),
    )


def task(loss: str = "crossentropy") -> SegmentationTask:
    rule = Normalization("mean_std", (120.0,) * 3, (20.0,) * 3)
    return SegmentationTask(
        network(),
        3,
        loss=loss,
        normalization=rule,
        learning_rate=1e-2,
        average=0.2,
        class_weights=(1, 2, 3),
    )


def data(batch_size: int = BATCH) -> ChipDataModule:
    """Eleven chips to validate and test: no number of devices divides them."""
    return ChipDataModule(
        samples(BATCH * 5 + 1, 0),
        samples(11, 1),
        samples(11, 2),
        batch_size=batch_size,
        jitter=0.2,
        seed=7,
    )


class Notes(Callback):
    """Writes down, on the first device, what all of them together came to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.losses: list[tuple[float, float]] = []

    def on_train_epoch_end(self, trainer, pl_module):
        losses = pl_module.train_loss.value(), pl_module.val_loss.value()
        self.losses.append(losses)

    def on_fit_end(self, trainer, pl_module):
        if trainer.is_global_zero:
            content = {
                "steps": trainer.global_step,
                "weights": pl_module.state_dict(),
                "losses": self.losses,
                "matrix": pl_module.tally.matrix.tolist(),
            }
            torch.save(content, self.path)

    def on_test_end(self, trainer, pl_module):
        if trainer.is_global_zero:
            tally = pl_module.tally
            content = {"matrix": tally.matrix.tolist(), "figures": dict(trainer.callback_metrics)}
            torch.save(content, self.path)


def trainer_on(devices: int, note: Path) -> Trainer:
    return Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp_fork" if devices > 1 else "auto",
        max_epochs=EPOCHS,
        callbacks=[Notes(note)],
        gradient_clip_val=1.0,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with quiet():
        for number, loss in enumerate(LOSSES):
            for devices in (1, 2):
                made = partial(trainer_on, devices)
                made(folder / f"fit-{number}-{devices}.pt").fit(task(loss), datamodule=data())
        trained = torch.load(folder / "fit-0-1.pt")["weights"]
        for devices in (1, 2, 3):
            tested = task()
            tested.load_state_dict(trained)
            note = folder / f"test-{devices}.pt"
            trainer_on(devices, note).test(tested, datamodule=data(12), verbose=False)
