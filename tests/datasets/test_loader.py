"""Batches through torch's own loader, in this process and in forked and spawned ones."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from affine import Affine
from odc.geo.geobox import GeoBox
from torch.utils.data import DataLoader

import geoloom as gl
from geoloom.core.errors import SamplerError
from geoloom.core.grid import grid_at, lattice_window
from geoloom.datasets import RasterDataset
from geoloom.samplers import GridGeoSampler, RandomBatchGeoSampler, RandomGeoSampler


@pytest.fixture
def scenes(raster, tmp_path):
    """Two scenes in two zones, every pixel different; and their arrays."""
    grids = {
        "a": GeoBox((60, 80), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633"),
        "b": GeoBox((70, 50), Affine(30, 0, 100_000, 0, -30, 4_506_000), "EPSG:32634"),
    }
    arrays = {}
    for position, (name, grid) in enumerate(grids.items()):
        count = grid.shape[0] * grid.shape[1]
        arrays[name] = (
            np.arange(2 * count, dtype="int32").reshape(2, *grid.shape) + 10**5 * position
        )
        raster(f"s/{name}.tif", arrays[name], grid)
    return RasterDataset(tmp_path / "s"), grids, arrays


def assert_true(batch, grids, arrays):
    """Each chip holds the pixels of the scene on which it says it lies."""
    for i, crs in enumerate(batch["crs"]):
        name = {"EPSG:32633": "a", "EPSG:32634": "b"}[crs]
        grid = grid_at(batch["image"].shape[-2:], batch["transform"][i], crs)
        w = lattice_window(grids[name], grid)
        expected = arrays[name][:, w.row : w.row + w.height, w.col : w.col + w.width]
        np.testing.assert_array_equal(batch["image"][i], expected)
        assert batch["valid"][i].all()


def test_default_collate_takes_samples_of_two_zones(scenes):
    dataset, grids, arrays = scenes
    sampler = RandomGeoSampler(dataset, 16, 40, generator=0)
    seen = set()
    for batch in DataLoader(dataset, sampler=sampler, batch_size=8):
        assert batch["image"].shape == (8, 2, 16, 16)
        assert batch["image"].dtype == torch.int32
        assert batch["bounds"].shape == (8, 4)
        assert_true(batch, grids, arrays)
        seen |= set(batch["crs"])
    assert seen == {"EPSG:32633", "EPSG:32634"}


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_read_right_after_this_process_has_read(scenes, start):
    dataset, grids, arrays = scenes
    sampler = GridGeoSampler(dataset, 16)
    before = [dataset[query] for query in sampler]
    loaded = DataLoader(
        dataset, sampler=sampler, batch_size=4, num_workers=2, multiprocessing_context=start
    )
    batches = list(loaded)
    for batch in batches:
        assert_true(batch, grids, arrays)
    together = torch.cat([batch["image"] for batch in batches])
    assert torch.equal(together, torch.stack([sample["image"] for sample in before]))


def test_batches_of_one_scene(scenes):
    dataset, grids, arrays = scenes
    sampler = RandomBatchGeoSampler(dataset, 16, batch_size=4, length=24, generator=0)
    batches = list(gl.loader(dataset, sampler))
    assert len(batches) == 6
    for batch in batches:
        assert len(set(batch["crs"])) == 1
        assert_true(batch, grids, arrays)


def test_the_loader_says_what_it_chose(scenes, caplog):
    dataset, _, _ = scenes
    sampler = GridGeoSampler(dataset, 16)
    with caplog.at_level(logging.INFO):
        chosen = gl.loader(dataset, sampler, batch_size=4)
    assert "batches of 4, read in this process by " in caplog.text
    assert chosen.num_workers == 0
    assert len(chosen) == -(-len(sampler) // 4)


def test_what_a_loader_cannot_do_is_said(scenes):
    dataset, _, _ = scenes
    with pytest.raises(SamplerError, match="GridGeoSampler"):
        gl.loader(dataset)
    sampler = RandomBatchGeoSampler(dataset, 16, batch_size=4, length=24)
    with pytest.raises(SamplerError, match="batches of 4"):
        gl.loader(dataset, sampler, batch_size=8)


def test_chips_need_no_sampler():
    chips = torch.utils.data.TensorDataset(torch.arange(10))
    assert [len(batch[0]) for batch in gl.loader(chips, batch_size=4)] == [4, 4, 2]
