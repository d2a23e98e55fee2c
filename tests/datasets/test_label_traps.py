"""What goes wrong with the labels of one dataset or another, each trap by itself."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from documented import LAYOUTS
from documented.detection import FIRST
from documented.layout import photograph, written
from documented.sounds import waves

import geoloom.datasets
from geoloom.core.errors import DatasetError
from geoloom.datasets.loader import loader


def test_cowcs_list_begins_with_a_byte_order_mark(tmp_path):
    root = written(LAYOUTS["cowcdetection"], tmp_path)
    assert (root / "COWC_train_list_detection.txt").read_bytes().startswith(b"\xef\xbb\xbfToronto")
    dataset = geoloom.datasets.COWCDetection(root, "train")
    assert dataset.table["file"][0] == "Toronto_ISPRS/train/Toronto_ISPRS.00000.png"
    assert dataset.class_counts() == {"no car": 3, "car": 3}


def test_cars_are_counted_as_numbers_and_not_as_classes(tmp_path):
    dataset = geoloom.datasets.COWCCounting(written(LAYOUTS["cowccounting"], tmp_path), "test")
    assert dataset.classes is None
    counts = np.stack([dataset[i]["value"] for i in range(len(dataset))])
    assert counts.dtype == np.float32
    np.testing.assert_array_equal(counts, [[5], [1], [0], [70], [2], [9]])


def test_winds_are_matched_to_pictures_by_name(tmp_path):
    """The two tables have their rows in different orders."""
    root = written(LAYOUTS["tropicalcyclone"], tmp_path)
    table = geoloom.datasets.TropicalCyclone(root, split=None).table
    assert table["file"].tolist() == ["train/abs_000.jpg", "train/abs_001.jpg", "test/acd_000.jpg"]
    assert table["storm"].tolist() == ["abs", "abs", "acd"]
    assert table["relative_time"].tolist() == [0, 1800, 0]
    assert table["ocean"].tolist() == [2, 2, 2]
    assert table["split"].tolist() == ["train", "train", "test"]


def test_vhr10_numbers_its_pictures_from_0_in_the_annotations(tmp_path):
    """Picture 001 is image 0; the negative picture 001 is none."""
    root = written(LAYOUTS["vhr10"], tmp_path)
    positive = geoloom.datasets.VHR10(root)
    assert positive.table["number"].tolist() == ["001", "002"]
    assert [positive[i]["box_labels"].tolist() for i in range(2)] == [[0], [9, 2]]
    assert [positive.classes.names[i] for i in (0, 9, 2)] == ["airplane", "vehicle", "storage tank"]
    negative = geoloom.datasets.VHR10(root, images="negative")
    assert negative.table["file"].tolist() == ["NWPU VHR-10 dataset/negative image set/001.jpg"]
    assert negative[0]["boxes"].shape == (0, 4)
    assert negative[0]["box_masks"].shape == (0, 24, 32)


def test_vhr10s_boxes_are_corners_and_not_sizes(tmp_path):
    sample = geoloom.datasets.VHR10(written(LAYOUTS["vhr10"], tmp_path))[0]
    np.testing.assert_array_equal(sample["boxes"], [[10, 5, 30, 15]])
    np.testing.assert_array_equal(sample["box_masks"], FIRST)


def test_a_picture_of_vhr10_that_is_missing(tmp_path):
    root = written(LAYOUTS["vhr10"], tmp_path)
    (root / "NWPU VHR-10 dataset/positive image set/002.jpg").unlink()
    with pytest.raises(DatasetError, match=r"has boxes of 1 pictures that are not in .* number 1;"):
        geoloom.datasets.VHR10(root)


def test_advances_sounds_belong_to_pictures_of_the_same_name(tmp_path):
    """The order of the sounds' names is another one where one is missing."""
    root = written(LAYOUTS["advance"], tmp_path)
    photograph(root / "vision/beach/1_1.jpg", 200, 512, 512)
    with pytest.raises(
        DatasetError, match=r"1 of 14 samples .* no audio, such as sound/beach/1_1\.wav"
    ):
        geoloom.datasets.ADVANCE(root)
    waves(root / "sound/beach/1_1.wav", [1, 2, 3, 4, 5, 6], 8000)
    dataset = geoloom.datasets.ADVANCE(root)
    assert dataset.table["file"][1] == "vision/beach/1_1.jpg"
    assert (len(dataset[1]["audio"]), int(dataset[1]["audio_hz"])) == (6, 8000)
    assert [len(sample["audio"]) for sample in dataset.__getitems__([0, 1, 2])] == [4, 6, 4]
    batch = next(iter(loader(dataset, batch_size=3)))
    assert [len(audio) for audio in batch["audio"]] == [4, 6, 4]
    assert batch["audio_hz"].tolist() == [22_050, 8000, 22_050]
    figure = dataset.plot(dataset[1])
    assert figure.axes[-1].get_xlim() == (0, 6 / 8000)
    plt.close(figure)


def test_spacenets_masks_are_0_and_1_with_none_added(tmp_path):
    """Elsewhere, 1 is added to make room for padding."""
    dataset = geoloom.datasets.SpaceNet1(written(LAYOUTS["spacenet1"], tmp_path))
    mask = np.zeros((16, 20))
    mask[3:5, 2:7] = mask[0:8, 10:20] = 1
    np.testing.assert_array_equal(dataset[0]["mask"], mask)


def test_spacenets_pictures_without_a_building_are_labelled(tmp_path):
    sample = geoloom.datasets.SpaceNet1(written(LAYOUTS["spacenet1"], tmp_path))[1]
    assert sample["mask"].shape == (16, 20)
    assert not bool(sample["mask"].any())
    assert bool(sample["valid"].all())
    assert (sample["boxes"].shape, sample["box_labels"].shape) == ((0, 4), (0,))
    assert sample["box_masks"].shape == (0, 16, 20)
