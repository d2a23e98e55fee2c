"""Batches made of samples: torch's own collate is the truth, memory is the gain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from geoloom.core.errors import DatasetError
from geoloom.datasets import RasterDataset, unbind_samples
from geoloom.datasets.reading.collate import collate


def assert_same(batch, expected):
    assert batch.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, torch.Tensor):
            assert batch[name].dtype == value.dtype
            assert torch.equal(batch[name], value)
        else:
            assert batch[name] == value


@pytest.fixture
def dataset(raster, utm):
    values = np.arange(2 * 60 * 80, dtype="int16").reshape(2, 60, 80)
    images = RasterDataset(raster("a.tif", values, nodata=3))
    return images & RasterDataset(raster("l.tif", values[0] % 5), is_image=False)


def test_what_was_read_as_a_batch_is_not_copied(dataset, utm):
    samples = dataset.__getitems__([utm[i : i + 8, 5:25] for i in range(5)])
    expected = default_collate(samples)
    batch = collate(samples)
    assert_same(batch, expected)
    for name in ("image", "mask"):
        assert batch[name].data_ptr() == samples[0][name].data_ptr()
    batch["image"][2] = 7
    assert (samples[2]["image"] == 7).all()


@pytest.mark.parametrize("order", [[1, 0, 2], [0, 2], [0, 0], [2, 1, 0]])
def test_pieces_in_another_order_are_copied(dataset, utm, order):
    samples = dataset.__getitems__([utm[i : i + 8, 5:25] for i in range(3)])
    picked = [samples[i] for i in order]
    batch = collate(picked)
    assert_same(batch, default_collate(picked))
    batch["image"].zero_()
    assert samples[1]["image"].any()


def test_the_tail_of_a_batch_is_a_batch(dataset, utm):
    samples = dataset.__getitems__([utm[i : i + 8, 5:25] for i in range(4)])[1:]
    assert_same(collate(samples), default_collate(samples))


@pytest.mark.parametrize(
    "samples",
    [
        [{"x": torch.arange(3.0), "name": "a"}, {"x": torch.ones(3), "name": "b"}],
        [{"x": torch.ones(2, 1 << 20)}, {"x": torch.zeros(2, 1 << 20)}],
        [{"x": torch.arange(6).reshape(2, 3).T}, {"x": torch.ones(3, 2, dtype=torch.int64)}],
        [{"x": torch.ones(0, 3)}, {"x": torch.ones(0, 3)}],
        [{"x": torch.ones(2, dtype=torch.bfloat16)}, {"x": torch.ones(2, dtype=torch.bfloat16)}],
        [{"x": torch.tensor(1)}, {"x": torch.tensor(2)}],
        [{"x": 1, "y": [torch.ones(1), "a"]}, {"x": 2, "y": [torch.zeros(1), "b"]}],
    ],
)
def test_anything_else_is_as_torch_has_it(samples):
    batch, expected = collate(samples), default_collate(samples)
    assert type(batch) is type(expected)
    if "y" not in expected:
        assert_same(batch, expected)
    else:
        assert torch.equal(batch["y"][0], expected["y"][0])
        assert torch.equal(batch["x"], expected["x"])


def test_batches_that_live_share_no_memory(dataset, utm):
    asked = [utm[i : i + 8, 5:25] for i in range(5)]
    batches = [collate(dataset.__getitems__(asked)) for _ in range(3)]
    before = batches[1]["image"].clone()
    batches[0]["image"].zero_()
    batches[2]["image"].zero_()
    assert torch.equal(batches[1]["image"], before)


def test_a_batch_comes_apart_into_its_samples():
    samples = [
        {"image": torch.full((2, 3, 3), float(i)), "crs": f"EPSG:{i}", "label": torch.tensor(i)}
        for i in range(3)
    ]
    apart = unbind_samples(collate(samples))
    assert [sample["crs"] for sample in apart] == ["EPSG:0", "EPSG:1", "EPSG:2"]
    for given, sample in zip(samples, apart, strict=True):
        assert torch.equal(given["image"], sample["image"])
        assert sample["label"].item() == given["label"].item()
    with pytest.raises(DatasetError, match="this one has image: 2, crs: None"):
        unbind_samples({"image": samples[0]["image"], "crs": "EPSG:0"})
