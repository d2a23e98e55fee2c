"""A program that trains from files by two workers: in one go, and killed twice and resumed."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from several_devices import network

from geoloom.datasets import RasterDataset
from geoloom.samplers import GridGeoSampler, RandomGeoSampler
from geoloom.tasks import GeoDataModule, SegmentationTask
from geoloom.tasks.fitting import quiet
from geoloom.transforms import Normalization

SIZE, BATCH, LENGTH, EPOCHS = 16, 4, 22, 3
"""Five batches per epoch, and two chips that fill none."""
KILLS = (4, 12)
"""After these steps: the first in the middle of an epoch, with a checkpoint two steps before; the second two
steps after the end of one."""


def data(scene: Path, labels: Path, num_workers: int = 2) -> GeoDataModule:
    dataset = RasterDataset(scene) & RasterDataset(labels, is_image=False)
    return GeoDataModule(
        dataset,
        RandomGeoSampler(dataset, SIZE, LENGTH, generator=5),
        val_sampler=GridGeoSampler(dataset, SIZE, roi=None),
        batch_size=BATCH,
        num_workers=num_workers,
        seed=3,
    )


def task() -> SegmentationTask:
    rule = Normalization("mean_std", (120.0,) * 3, (20.0,) * 3)
    return SegmentationTask(network(), 3, normalization=rule, learning_rate=1e-2, average=0.2)


class Killed(Callback):
    """Kills the process after some steps, without a word."""

    def __init__(self, after: int | None) -> None:
        self.after = after

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.after:
            os.kill(os.getpid(), signal.SIGKILL)


def run(files: tuple[Path, Path], folder: Path, kill_after: int | None) -> None:
    """Go on from the newest checkpoint, to the end or to a kill."""
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        callbacks=[
            Killed(kill_after),
            ModelCheckpoint(folder, filename="{step}", every_n_train_steps=2, save_top_k=-1),
            ModelCheckpoint(
                folder, filename="end-{step}", save_on_train_epoch_end=True, save_top_k=-1
            ),
        ],
        num_sanity_val_steps=0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    found = sorted(folder.glob("*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    made = task()
    with quiet():
        newest = found[-1] if found else None
        trainer.fit(made, datamodule=data(*files), ckpt_path=newest, weights_only=True)
    content = {"weights": made.state_dict(), "matrix": made.tally.matrix.tolist()}
    torch.save(content, folder / "result.pt")


def in_child(function: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            function()
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    scene, labels, folder = map(Path, sys.argv[1:])
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    dataset = RasterDataset(scene)
    dataset[
        dataset.regions[0].frame
    ]  # what a read loads is loaded once, before processes are forked
    codes = [
        in_child(lambda name=name, kill=kill: run((scene, labels), folder / name, kill))
        for name, kill in (("whole", None), *(("parts", kill) for kill in KILLS), ("parts", None))
    ]
    sys.stdout.write(" ".join(map(str, codes)))
