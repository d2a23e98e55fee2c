"""What goes wrong with the labels of one dataset or another, each trap by itself."""

from __future__ import annotations

import numpy as np
from documented import LAYOUTS
from documented.layout import written

import geoloom.datasets


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
