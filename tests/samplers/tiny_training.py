"""A program that trains a tiny Lightning model, on one process or several, and notes which chips it saw."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from torch.utils.data import DataLoader

from geoloom.datasets import RasterDataset
from geoloom.samplers import GridGeoSampler, RandomBatchGeoSampler, RandomGeoSampler

SIZE, BATCH, EPOCHS = 16, 4, 2

SAMPLERS = {
    "random": lambda data: RandomGeoSampler(data, SIZE, 27, generator=4),
    "grid": lambda data: GridGeoSampler(data, SIZE, 12),
    "batches": lambda data: RandomBatchGeoSampler(data, SIZE, BATCH, 24, generator=4),
}


class Notes(LightningModule):
    """One convolution, which writes down the corners of each chip that it is given."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.layer = torch.nn.Conv2d(1, 1, 3)

    def training_step(self, batch, number):
        path = self.folder / f"rank{self.global_rank}_epoch{self.current_epoch}.txt"
        with path.open("a") as file:
            for left, bottom, *_ in batch["bounds"].tolist():
                file.write(f"{left} {bottom}\n")
        return self.layer(batch["image"].float()).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)


def train(scene: Path, folder: Path, kind: str, *, devices: int, workers: int) -> None:
    """Train on chips of a scene; one file per rank and epoch lists them."""
    seed_everything(1)
    dataset = RasterDataset(scene)
    sampler = SAMPLERS[kind](dataset)
    if kind == "batches":
        loader = DataLoader(dataset, batch_sampler=sampler, num_workers=workers)
    else:
        loader = DataLoader(dataset, sampler=sampler, batch_size=BATCH, num_workers=workers)
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp_fork" if devices > 1 else "auto",
        max_epochs=EPOCHS,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=kind != "batches",
    )
    trainer.fit(Notes(folder), loader)


if __name__ == "__main__":
    scene, folder, devices, *kinds = sys.argv[1:]
    warnings.simplefilter("ignore")
    data = RasterDataset(scene)
    data[data.regions[0].frame]  # what a read loads is loaded once, before processes are forked
    for kind in kinds:
        place = Path(folder, kind)
        place.mkdir()
        train(Path(scene), place, kind, devices=int(devices), workers=1)
