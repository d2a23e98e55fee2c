"""Files that are found by patterns of their paths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from geoloom.core.errors import DatasetError
from geoloom.datasets.benchmarks.patterns import PatternLayout

DEEP = PatternLayout(
    "{split}/{above:**}/images/{area}_{number:[0-9]+}.tif",
    {"mask": "{split}/{above:**}/masks/{area}_{number}.tif"},
    optional=("mask",),
    divided=("train", "test"),
)


@pytest.fixture
def folder(tmp_path):
    for name in (
        "train/images/a_1.tif", "train/x.y/images/a_2.tif", "train/x.y/masks/a_2.tif",
        "train/x.y/z/images/b_3.tif", "train/x.y/z/images/b_c.tif", "test/images/b_4.tif",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_any_number_of_folders_may_lie_between(folder):
    listing = DEEP.find(folder, "train")
    assert listing.columns["file"].tolist() == [
        "train/images/a_1.tif", "train/x.y/images/a_2.tif", "train/x.y/z/images/b_3.tif",
    ]  # fmt: skip
    assert listing.columns["above"].tolist() == ["", "x.y/", "x.y/z/"]
    assert listing.columns["mask"].tolist() == [None, "train/x.y/masks/a_2.tif", None]
    assert len(DEEP.find(folder, None)) == 4


def test_one_area_alone(folder):
    b = replace(DEEP, only={"area": "b"})
    assert b.find(folder, None).columns["number"].tolist() == ["4", "3"]
    assert b.find(folder, "train").columns["number"].tolist() == ["3"]
    dot = replace(DEEP, only={"area": "."})
    with pytest.raises(DatasetError, match=r"no file in .* is named like"):
        dot.find(folder, None)
