"""Batches made of samples: torch's own collate is the truth, memory is the gain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, default_collate

from geoloom.core.errors import DatasetError
from geoloom.datasets import RasterDataset, unbind_samples
from geoloom.datasets.reading.collate import collate
from geoloom.datasets.reading.device import to_device


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


class Detections(Dataset):
    """Sample i has i boxes, each with a mask, a series of i + 1 dates, and all numbers its own."""

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return {
            "image": torch.full((i + 1, 2, 5, 6), i, dtype=torch.int16),
            "times": torch.arange(i + 1, dtype=torch.float64),
            "valid_series": torch.ones(i + 1, 5, 6, dtype=torch.bool),
            "valid": torch.ones(5, 6, dtype=torch.bool),
            "boxes": torch.arange(4.0 * i).reshape(i, 4),
            "box_labels": torch.arange(i),
            "box_masks": torch.ones(i, 5, 6, dtype=torch.bool),
            "audio": torch.full((7,), float(i)),
            "crs": f"EPSG:{i}",
        }


LISTED = {"image", "times", "valid_series", "boxes", "box_labels", "box_masks"}


@pytest.mark.parametrize("workers", [0, 1])
def test_what_differs_in_length_is_a_list_of_tensors_in_every_process(workers):
    dataset = Detections()
    (batch,) = DataLoader(dataset, batch_size=4, collate_fn=collate, num_workers=workers)
    assert {key for key, value in batch.items() if isinstance(value, list)} == {*LISTED, "crs"}
    assert batch["valid"].shape == (4, 5, 6)
    assert batch["audio"][:, 0].tolist() == [0, 1, 2, 3]
    for i, sample in enumerate(unbind_samples(batch)):
        assert_same(sample, dataset[i])


def test_boxes_are_a_list_however_many_and_series_of_one_length_are_stacked():
    batch = collate([Detections()[2], Detections()[2]])
    assert [boxes.shape for boxes in batch["boxes"]] == [(2, 4), (2, 4)]
    assert batch["image"].shape == (2, 3, 2, 5, 6)
    assert batch["times"].shape == (2, 3)


def test_recordings_of_several_lengths_are_a_list():
    batch = collate([{"audio": torch.ones(n), "label": torch.tensor(n)} for n in (3, 5)])
    assert [len(audio) for audio in batch["audio"]] == [3, 5]
    assert batch["label"].tolist() == [3, 5]


def test_lists_cross_to_the_device_and_are_converted_there():
    batch = collate([Detections()[1], Detections()[2]])
    moved = to_device(batch, "meta")
    assert [image.device.type for image in moved["image"]] == ["meta"] * 2
    assert [image.dtype for image in moved["image"]] == [torch.float32] * 2
    assert [boxes.device.type for boxes in moved["boxes"]] == ["meta"] * 2
    assert moved["crs"] == batch["crs"]
    assert all(times.device.type == "cpu" for times in moved["times"])


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        (((3, 8, 9), (3, 8, 7)), "images of 8 x 7 and 8 x 9 pixels cannot be stacked.*size="),
        (((3, 8, 9), (4, 8, 9)), "images of 3 and 4 channels cannot be stacked.*bands="),
    ],
    ids=["pixels", "channels"],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_images_of_several_sizes_are_refused_with_the_fix(shapes, said, workers):
    samples = [{"image": torch.zeros(shape)} for shape in shapes]
    with pytest.raises(DatasetError, match=said):
        list(DataLoader(samples, batch_size=2, collate_fn=collate, num_workers=workers))
