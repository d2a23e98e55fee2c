"""Boxes, outlines and their masks, brought to the sizes of samples."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from documented.layout import photograph
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.classes import Classes
from geoloom.core.errors import DatasetError
from geoloom.core.outputs import BoxOutputs
from geoloom.datasets.benchmarks.coco import CocoLayout, with_coco
from geoloom.datasets.benchmarks.declaration import RGB
from geoloom.datasets.samples.boxes import Boxes, boxes_within
from geoloom.datasets.samples.dataset import SampleDataset
from geoloom.datasets.samples.listing import Listing
from geoloom.datasets.samples.pictures import Pictures
from geoloom.datasets.samples.target import Frame
from geoloom.io.vector.outline_masks import mask_of, masks_of

OUTPUTS = BoxOutputs(Classes.of(["ship", "plane"]), masks=True)


@pytest.fixture
def dataset(tmp_path):
    """One picture of 20 rows and 40 columns: a ship at the left edge, a plane in the middle."""
    photograph(tmp_path / "a.png", 1, 20, 40)
    things = [
        {"image_id": 7, "category_id": 5, "bbox": [0, 0, 4, 6], "segmentation": [[0, 0, 4, 0, 4, 6, 0, 6]]},
        {"image_id": 7, "category_id": 3, "bbox": [8, 8, 8, 4],
         "segmentation": [[8, 8, 12, 8, 12, 12, 8, 12], [10, 8, 16, 8, 16, 12, 10, 12]]},
    ]  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps({"annotations": things}), encoding="utf-8")
    listing = Listing(tmp_path, {"file": np.array(["a.png"], object)})
    listing = with_coco(listing, tmp_path / "a.json", [7], [5, 3])
    return SampleDataset(listing, Pictures(RGB), [Boxes(masks=True)], outputs=OUTPUTS)


def test_boxes_as_they_are_stored(dataset):
    sample = dataset[0]
    assert (str(sample["boxes"].dtype), str(sample["box_labels"].dtype)) == (
        "torch.float32",
        "torch.int64",
    )
    assert sample["boxes"].tolist() == [[0, 0, 4, 6], [8, 8, 16, 12]]
    assert sample["box_labels"].tolist() == [0, 1]
    masks = np.zeros((2, 20, 40), bool)
    masks[0, 0:6, 0:4] = True
    masks[1, 8:12, 8:16] = True  # where its two rings overlap there is no hole
    np.testing.assert_array_equal(sample["box_masks"], masks)


def test_what_a_crop_leaves_out_has_no_box(dataset):
    sample = dataset.with_size(20)[0]  # columns 10 to 29
    assert sample["boxes"].tolist() == [[0, 8, 6, 12]]
    assert sample["box_labels"].tolist() == [1]
    masks = np.zeros((1, 20, 20), bool)
    masks[0, 8:12, 0:6] = True
    np.testing.assert_array_equal(sample["box_masks"], masks)
    assert dataset.with_size(4)[0]["boxes"].tolist() == []  # rows 8 to 11, columns 18 to 21
    assert dataset.with_size(4)[0]["box_masks"].shape == (0, 4, 4)


def test_boxes_are_resized_with_their_picture(dataset):
    sample = dataset.with_size((40, 20), "resize")[0]
    assert sample["boxes"].tolist() == [[0, 0, 2, 12], [4, 16, 8, 24]]
    masks = np.zeros((2, 40, 20), bool)
    masks[0, 0:12, 0:2] = True
    masks[1, 16:24, 4:8] = True
    np.testing.assert_array_equal(sample["box_masks"], masks)


def test_labels_alone_are_those_of_the_sample(dataset):
    small = dataset.with_size(20)
    labels, sample = small.labels(0), small[0]
    for key in ("boxes", "box_labels", "box_masks"):
        np.testing.assert_array_equal(labels[key], sample[key])


SIDES = st.integers(1, 30)
FRAMES = st.builds(
    Frame, st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.sampled_from(["crop", "resize"])
)
BOXES = st.lists(st.tuples(*[st.integers(0, 30)] * 4), max_size=5).map(
    lambda boxes: np.array(boxes, float).reshape(-1, 4)
)


@given(FRAMES, BOXES)
def test_boxes_lie_within_the_sample(frame, boxes):
    boxes[:, 2:] += boxes[:, :2] + 1
    within, shown = boxes_within(frame, boxes)
    assert len(within) == shown.sum()
    high, wide = frame.size
    assert (within >= 0).all()
    assert (within[:, [0, 2]] <= wide).all()
    assert (within[:, [1, 3]] <= high).all()
    assert (within[:, 2:] > within[:, :2]).all()


@given(st.lists(st.tuples(*[st.floats(-5, 25)] * 4), max_size=4))
def test_a_mask_each_is_the_whole_picture_burnt(corners):
    """That each is burnt in its surroundings alone changes nothing."""
    outlines = np.empty(len(corners), object)
    outlines[:] = [
        shapely.box(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in corners
    ]
    masks = masks_of(outlines, (12, 20))
    rows, cols = np.mgrid[0:12, 0:20] + 0.5
    for mask, outline in zip(masks, outlines, strict=True):
        on_edge = shapely.intersects_xy(outline.boundary, cols, rows)
        np.testing.assert_array_equal(
            mask[~on_edge], shapely.contains_xy(outline, cols, rows)[~on_edge]
        )
    np.testing.assert_array_equal(mask_of(outlines, (12, 20)), masks.any(axis=0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bbox": [0, 0, 4]}, r"annotations\[0\].bbox .* a list of 4"),
        ({"category_id": 0}, r"annotations\[0\].category_id .* one of 5, 3"),
        ({"image_id": 8}, "has boxes of 1 pictures that are not in .*, such as number 8"),
        (
            {"segmentation": [[0, 0, 1, 1, 2, 2, 3]]},
            "is 7 numbers; expected x and y of each corner",
        ),
        ({"segmentation": {"counts": "abc"}}, "a list"),
    ],
)
def test_annotations_that_are_refused(tmp_path, change, message):
    thing = {"image_id": 7, "category_id": 5, "bbox": [0, 0, 4, 6], "segmentation": []}
    (tmp_path / "a.json").write_text(
        json.dumps({"annotations": [thing | change]}), encoding="utf-8"
    )
    listing = Listing(tmp_path, {"file": np.array(["a.png"], object)})
    with pytest.raises(DatasetError, match=message):
        with_coco(listing, tmp_path / "a.json", [7], [5, 3])


def test_rings_that_enclose_nothing_are_named(tmp_path, caplog):
    rings = [[0, 0, 9, 9], [1, 1, 3, 1, 3, 3, 1, 3]]
    thing = {"image_id": 7, "category_id": 5, "bbox": [0, 0, 4, 6], "segmentation": rings}
    (tmp_path / "a.json").write_text(json.dumps({"annotations": [thing]}), encoding="utf-8")
    listing = Listing(tmp_path, {"file": np.array(["a.png"], object)})
    known = with_coco(listing, tmp_path / "a.json", [7], [5])
    assert known.answers["outlines"][0][0].bounds == (1, 1, 3, 3)
    assert "1 rings of fewer than three corners enclose nothing" in caplog.text


LAYOUT = CocoLayout("images/{split}", (("train", "train.json"), ("val", "val.json")), (5, 3))


@pytest.fixture
def divided(tmp_path):
    """Two pictures to learn from, the first without a box, and one more; numbers of both files begin at 1."""
    for split, count in (("train", 2), ("val", 1)):
        for number in range(1, count + 1):
            photograph(tmp_path / f"images/{split}/deep/{number}.png", number, 20, 40)
        thing = {"image_id": count, "category_id": 3, "bbox": [1, 2, 3, 4], "segmentation": []}
        document = {
            "images": [{"id": n, "file_name": f"deep/{n}.png"} for n in range(1, count + 1)],
            "annotations": [thing],
        }
        (tmp_path / f"{split}.json").write_text(json.dumps(document), encoding="utf-8")
    return tmp_path


def test_files_of_each_split_name_their_pictures(divided):
    assert LAYOUT.splits == ("train", "val")
    train = LAYOUT.find(divided, "train")
    assert train.columns["file"].tolist() == ["images/train/deep/1.png", "images/train/deep/2.png"]
    dataset = SampleDataset(train, Pictures(RGB), [Boxes()], outputs=BoxOutputs(OUTPUTS.classes))
    assert [dataset[i]["boxes"].tolist() for i in range(2)] == [[], [[1, 2, 4, 6]]]
    assert dataset[1]["box_labels"].tolist() == [1]
    assert LAYOUT.find(divided, None).columns["split"].tolist() == ["train", "train", "val"]


def test_one_file_for_all_pictures(divided):
    alone = CocoLayout("images/val", (("", "val.json"),), (5, 3))
    assert alone.splits == ()
    listing = alone.find(divided, "train")
    assert (len(listing), "split" in listing.columns) == (1, False)


def test_files_in_cocos_form_that_do_not_fit(divided):
    (divided / "images/train/deep/2.png").unlink()
    with pytest.raises(
        DatasetError, match=r"1 of 2 pictures .* are not in .*, such as images/train/deep/2\.png"
    ):
        LAYOUT.find(divided, "train")
    (divided / "val.json").write_text(
        '{"images": [], "annotations": [{"image_id": 4, "category_id": 3, "bbox": [1, 2, 3, 4],'
        '"segmentation": []}]}'
    )
    with pytest.raises(
        DatasetError, match="has boxes of 1 pictures that are not in the file itself"
    ):
        LAYOUT.find(divided, "val")
    (divided / "val.json").unlink()
    with pytest.raises(DatasetError, match=r"val\.json is missing, expected boxes in COCO's form"):
        LAYOUT.find(divided, "val")
