"""Batches through torch's own loader, in this process and in forked and spawned ones."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import rasterio
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
    with pytest.raises(SamplerError, match="batch_size is 0"):
        gl.loader(dataset, GridGeoSampler(dataset, 16), batch_size=0)


def test_chips_need_no_sampler():
    chips = torch.utils.data.TensorDataset(torch.arange(10))
    assert [len(batch[0]) for batch in gl.loader(chips, batch_size=4)] == [4, 4, 2]


def test_compiled_loops_are_loaded_before_the_first_batch(scenes, monkeypatch, tmp_path):
    dataset, _, _ = scenes
    asked = []
    monkeypatch.setattr(
        "geoloom.datasets.scene_dataset.warm_up",
        lambda stack, resampling, dtype: asked.append(dtype),
    )
    gl.loader(dataset & dataset.with_transforms(abs), GridGeoSampler(dataset, 16))
    assert asked == ["int32"] * 2
    (tmp_path / "s" / "a.tif").write_bytes(b"no longer a raster")
    gl.loader(dataset, GridGeoSampler(dataset, 16))  # says nothing until it is read


class TestDevice:
    """Files' own types up to the device, float32 and int64 on it."""

    @pytest.fixture
    def layers(self, raster, tmp_path):
        """Images of uint16 with scale and offset, and labels in another CRS."""
        grid = GeoBox((60, 80), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
        values = np.random.default_rng(0).integers(1, 65536, (2, 60, 80)).astype("uint16")
        with rasterio.open(raster("image/a.tif", values, grid), "r+") as file:
            file.scales, file.offsets = (0.5, 2.0), (-1.0, 3.0)
        labels = GeoBox((90, 90), Affine(3e-4, 0, 16.18, 0, -3e-4, 40.645), "EPSG:4326")
        codes = np.random.default_rng(1).integers(0, 7, (1, 90, 90)).astype("uint8")
        raster("labels/b.tif", codes, labels)
        mask = RasterDataset(tmp_path / "labels", is_image=False)
        return RasterDataset(tmp_path / "image"), mask

    def test_gives_what_the_dataset_gives(self, layers):
        image, mask = layers
        dataset = image & mask
        sampler = GridGeoSampler(dataset, 16)
        plain = gl.loader(dataset, sampler, batch_size=6)
        moved = gl.loader(dataset, sampler, batch_size=6, device="cpu")
        assert len(moved) == len(plain)
        for one, other in zip(plain, moved, strict=True):
            assert one.keys() == other.keys()
            assert other["image"].dtype == torch.float32
            assert other["mask"].dtype == torch.int64
            for name in ("image", "mask", "valid", "transform"):
                assert torch.equal(one[name], other[name])

    def test_crosses_as_stored(self, layers):
        image, mask = layers
        dataset = (image | image.with_bands([b.name for b in image.bands])) & mask
        batch = next(
            iter(
                gl.loader(
                    dataset, GridGeoSampler(dataset, 16), batch_size=4, device="cpu", convert=False
                )
            )
        )
        assert batch["image"].dtype == torch.uint16
        assert batch["mask"].dtype == torch.uint8
        one_by_one = [dataset.as_stored()[q] for q in list(GridGeoSampler(dataset, 16))[:4]]
        assert torch.equal(batch["image"], torch.stack([s["image"] for s in one_by_one]))

    def test_scales_as_the_dataset_would(self, layers, tmp_path):
        image, _ = layers
        scaled = RasterDataset(tmp_path / "image", scaled=True)
        sampler = GridGeoSampler(image, 16)
        expected = next(iter(gl.loader(scaled, sampler, batch_size=8)))
        got = next(iter(gl.loader(image, sampler, batch_size=8, device="cpu", scaled=True)))
        torch.testing.assert_close(got["image"], expected["image"], rtol=1e-6, atol=1e-3)

    def test_what_alters_values_stays(self, layers, tmp_path):
        image, _ = layers
        scaled = RasterDataset(tmp_path / "image", scaled=True)
        assert scaled.as_stored() is scaled
        changed = image.with_transforms(lambda sample: sample)
        assert changed.as_stored() is changed
        assert image.as_stored() != image
        with pytest.raises(SamplerError, match="leave scaled out"):
            gl.loader(scaled, GridGeoSampler(scaled, 16), device="cpu", scaled=True)
        with pytest.raises(SamplerError, match="give device="):
            gl.loader(image, GridGeoSampler(image, 16), convert=False)

    def test_memory_that_is_used_again_is_copied_before_it_goes_on(self, layers, monkeypatch):
        """Only from pinned memory may a copy go on by itself, whatever the device."""
        asked = []
        copy = torch.Tensor.to

        def spy(tensor, *args, **options):
            asked.append((tensor.is_pinned(), options.get("non_blocking", False)))
            return copy(tensor, *args, **options)

        image, _ = layers
        batches = gl.loader(image, GridGeoSampler(image, 16), device="meta", scaled=True)
        monkeypatch.setattr(torch.Tensor, "to", spy)
        for batch in batches:
            assert batch["image"].device.type == "meta"
        assert asked
        assert not any(goes_on for pinned, goes_on in asked if not pinned)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    def test_on_a_gpu(self, layers):
        image, mask = layers
        dataset = image & mask
        sampler = GridGeoSampler(dataset, 16)
        here = next(iter(gl.loader(dataset, sampler, batch_size=6)))
        there = next(iter(gl.loader(dataset, sampler, batch_size=6, device="cuda")))
        assert there["image"].is_cuda
        assert torch.equal(there["image"].cpu(), here["image"])
        assert torch.equal(there["mask"].cpu(), here["mask"])


@pytest.mark.parametrize("size", ["8", 1.5, True, 0])
def test_a_batch_size_that_is_no_whole_number_is_refused(scenes, size):
    dataset, _, _ = scenes
    with pytest.raises(SamplerError, match=r"batch_size is .*whole number"):
        gl.loader(dataset, GridGeoSampler(dataset, size=16), batch_size=size)
