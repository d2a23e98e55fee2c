"""Training from files: what batches hold, shares of devices, kills and resumes, what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import from_files
import numpy as np
import pytest
import rasterio
import torch
from lightning.pytorch import Trainer
from torch.utils.data import RandomSampler

from geoloom.core.errors import ConfigError, SamplerError
from geoloom.datasets import RasterDataset
from geoloom.samplers import GridGeoSampler, RandomBatchGeoSampler, RandomGeoSampler
from geoloom.tasks import GeoDataModule
from geoloom.tasks.data import geo_data, shares
from geoloom.tasks.fitting import quiet
from geoloom.transforms import Jitter, sample_statistics

SHAPE = (70, 90)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A scene of three uint16 bands with a scale, and labels of three classes by its brightness."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (SHAPE[0] // 5, SHAPE[1] // 5)).repeat(5, 0).repeat(5, 1)
    image = 100 + 20 * labels + rng.normal(0, 15, (3, *SHAPE))
    form = {
        "driver": "GTiff",
        "height": SHAPE[0],
        "width": SHAPE[1],
        "crs": "EPSG:32622",
        "transform": rasterio.Affine(30, 0, 600000, 0, -30, 9000000),
    }
    with rasterio.open(folder / "scene.tif", "w", count=3, dtype="uint16", **form) as file:
        file.write(image.astype("uint16"))
        file.scales, file.offsets = [0.01] * 3, [-0.5] * 3
    with rasterio.open(folder / "labels.tif", "w", count=1, dtype="uint8", **form) as file:
        file.write(labels.astype("uint8"), 1)
    return folder / "scene.tif", folder / "labels.tif"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")
def test_a_killed_and_resumed_training_ends_as_an_uninterrupted_one(files, tmp_path):
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    done = subprocess.run(
        [sys.executable, from_files.__file__, *files, tmp_path],
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.stdout.split() == ["0", "-9", "-9", "0"], done.stderr
    whole, parts = (torch.load(tmp_path / name / "result.pt") for name in ("whole", "parts"))
    started = from_files.task().state_dict()
    for name, weights in whole["weights"].items():
        assert torch.equal(parts["weights"][name], weights)
        assert not weights.is_floating_point() or not torch.allclose(
            weights, started[name], rtol=1e-2
        )
    assert parts["matrix"] == whole["matrix"]
    assert np.sum(whole["matrix"]) >= np.prod(SHAPE)


def corners(batches):
    return [tuple(row) for batch in batches for row in batch["bounds"].tolist()]


def corners_of(queries):
    return [tuple(map(float, query.grid.boundingbox)) for query in queries]


def test_an_epoch_is_the_samplers_table_and_the_next_one_another(files):
    data = from_files.data(*files, num_workers=0)
    sampler = data._splits["train"].sampler
    loader = data.train_dataloader()
    for epoch in (0, 1):
        batches = list(loader)
        assert [len(batch["image"]) for batch in batches] == [4] * 5
        assert corners(batches) == corners_of(sampler.table(epoch))[:20]
        assert len({seed for batch in batches for seed in batch["seed"].tolist()}) == 20
    assert len(list(data.val_dataloader())) == -(-len(sampler_of(data, "val").table()) // 4)
    assert corners(data.val_dataloader()) == corners_of(sampler_of(data, "val").table())
    assert data.test_dataloader() == []


def sampler_of(data, split):
    return data._splits[split].sampler


@pytest.mark.parametrize("kind", ["random", "batches"])
def test_devices_share_the_batches(files, monkeypatch, kind):
    dataset = RasterDataset(files[0])
    sampler = {
        "random": lambda: RandomGeoSampler(dataset, 16, 22, generator=5),
        "batches": lambda: RandomBatchGeoSampler(dataset, 16, 4, 22, generator=5),
    }[kind]()
    batch_size = 4 if kind == "random" else None
    data = GeoDataModule(
        dataset, sampler, val_sampler=GridGeoSampler(dataset, 16), batch_size=batch_size
    )
    alone = [corners([batch]) for batch in data.train_dataloader()]
    counted = []
    together = [Counter() for _ in alone]
    for number in range(2):
        monkeypatch.setattr(shares, "rank", lambda number=number: number)
        monkeypatch.setattr(shares, "device_count", lambda: 2)
        monkeypatch.setattr(geo_data, "device_count", lambda: 2)
        for batch, given_together in zip(data.train_dataloader(), together, strict=True):
            given_together.update(corners([batch]))
        counted += corners(data.val_dataloader())
    assert together == [Counter(batch) for batch in alone]
    assert sorted(counted) == sorted(corners_of(GridGeoSampler(dataset, 16).table()))


@pytest.mark.parametrize("scaled", [False, True])
def test_batches_are_converted_on_the_device(files, tmp_path, scaled):
    dataset = RasterDataset(files[0]) & RasterDataset(files[1], is_image=False)
    data = GeoDataModule(
        dataset,
        RandomGeoSampler(dataset, 16, 8, generator=5),
        val_sampler=GridGeoSampler(dataset, 16),
        batch_size=4,
        augment=(),
        scaled=scaled,
    )
    (stored, *_) = data.train_dataloader()
    assert stored["image"].dtype == torch.uint16
    seen = {}

    class Watcher(type(from_files.task())):
        def training_step(self, batch, batch_idx):
            seen.setdefault("train", batch)
            return super().training_step(batch, batch_idx)

        def validation_step(self, batch, batch_idx):
            seen.setdefault("val", batch)
            return super().validation_step(batch, batch_idx)

    trainer = Trainer(
        accelerator="cpu", max_epochs=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    with quiet():
        trainer.fit(Watcher(from_files.network(), 3), datamodule=data)
    for batch in seen.values():
        assert batch["image"].dtype == torch.float32
        assert batch["mask"].dtype == torch.int64
    raw = stored["image"].float()
    wanted = raw * 0.01 - 0.5 if scaled else raw
    torch.testing.assert_close(seen["train"]["image"], wanted)
    assert torch.equal(seen["train"]["seed"], stored["seed"])
    assert "seed" not in seen["val"]


def test_what_cannot_be_is_refused(files, monkeypatch):
    dataset = RasterDataset(files[0])
    sampler = RandomGeoSampler(dataset, 16, 8)
    with pytest.raises(ConfigError, match=r"sampler of train.*geoloom.samplers"):
        GeoDataModule(dataset, RandomSampler([1, 2]))
    with pytest.raises(ConfigError, match=r"sampler of val is None"):
        GeoDataModule(dataset, sampler, val=dataset)
    with pytest.raises(ConfigError, match=r"train is list.*ChipDataModule"):
        GeoDataModule([{}], sampler)
    with pytest.raises(ConfigError, match=r"batches of 4, and batch_size=8"):
        GeoDataModule(dataset, RandomBatchGeoSampler(dataset, 16, 4, 8), batch_size=8)
    with pytest.raises(ConfigError, match=r"jitter measures.*sample_statistics"):
        GeoDataModule(dataset, sampler, augment=["all", "jitter"])
    statistics = sample_statistics([dataset[query] for query in sampler.table()])
    jittered = GeoDataModule(dataset, sampler, augment=["jitter"], statistics=statistics)
    assert jittered.augmentations == (Jitter(statistics=statistics),)
    monkeypatch.setattr(geo_data, "device_count", lambda: 2)
    with pytest.raises(SamplerError, match="same seed to all"):
        GeoDataModule(dataset, sampler, batch_size=4).train_dataloader()
