"""Regression straight from files: images and a layer of values, read as they are needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import rasterio
import torch
from affine import Affine
from lightning.pytorch import Trainer

import geoloom as gl
from geoloom.samplers import GridGeoSampler
from geoloom.tasks import GeoDataModule, PixelRegressionTask

SHAPE = (64, 64)


def test_a_network_learns_values_from_files(tmp_path):
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(1, 200, (1, 16, 16)), np.ones((4, 4))).astype(np.uint8)
    heights = (0.1 * image[0]).astype(np.float32)
    heights[:9] = np.nan
    profile = {"driver": "GTiff", "height": SHAPE[0], "width": SHAPE[1], "count": 1}
    profile |= {"crs": "EPSG:32722", "transform": Affine(30, 0, 500_000, 0, -30, 9_000_000)}
    with rasterio.open(tmp_path / "i.tif", "w", dtype="uint8", **profile) as file:
        file.write(image)
    with rasterio.open(tmp_path / "h.tif", "w", dtype="float32", **profile) as file:
        file.write(heights, 1)
        file.descriptions = ("height",)
    dataset = gl.open(tmp_path / "i.tif") & gl.open(tmp_path / "h.tif", gives="value")
    sampler = GridGeoSampler(dataset, size=16)
    data = GeoDataModule(dataset, sampler, val_sampler=sampler, batch_size=4)
    torch.manual_seed(0)
    outputs = replace(dataset.outputs, mean=(10.0,), std=(6.0,))
    task = PixelRegressionTask("unet", outputs, in_channels=1, options={"width": 0.125})
    trainer = Trainer(
        max_epochs=120, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(task, datamodule=data)
    report = task.report()
    assert report.names == ("height",)
    assert report.count == (int(np.isfinite(heights).sum()),)  # NaN takes part in nothing
    assert np.isclose(report.truth_mean[0], np.nanmean(heights, dtype=np.float64))
    assert report.r2[0] > 0.5
