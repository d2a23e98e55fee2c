"""Turns and flips: exact, together, seeded, and 2,000 chips make 14,000."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.errors import ConfigError
from geoloom.transforms.augment import (
    AUGMENTATIONS,
    SYMMETRIES,
    FullCopies,
    augment,
    augment_array,
    augment_sample,
)
from geoloom.transforms.draws import sample_seeds

# numpy's own functions are the outside truth; TensorFlow's rot90 is anticlockwise as numpy's is.
TRUTH = {
    "rot90": lambda a: np.rot90(a, 1, (-2, -1)),
    "rot180": lambda a: np.rot90(a, 2, (-2, -1)),
    "rot270": lambda a: np.rot90(a, 3, (-2, -1)),
    "flip_left_right": lambda a: a[..., ::-1],
    "flip_up_down": lambda a: a[..., ::-1, :],
    "flip_transpose": lambda a: np.swapaxes(a, -1, -2),
    "flip_antitranspose": lambda a: np.swapaxes(a, -1, -2)[..., ::-1, ::-1],
}


@pytest.mark.parametrize("name", SYMMETRIES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "bool"])
def test_each_operation_is_numpys(name, dtype):
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(dtype)
    expected = TRUTH[name](array)
    np.testing.assert_array_equal(augment_array(array, name), expected)
    moved = augment_array(torch.from_numpy(array), name)
    np.testing.assert_array_equal(moved.numpy(), expected)
    assert moved.dtype == torch.from_numpy(array).dtype


@pytest.mark.parametrize("name", SYMMETRIES)
def test_pixels_keep_their_place_on_earth(name):
    # Each pixel's value says where its centre lies.
    a, b, c, d, e, f = transform = np.array([30.0, 2.0, 500.0, 1.0, -30.0, 9000.0])

    def centres(shape, t):
        cols, rows = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
        return np.stack([t[0] * cols + t[1] * rows + t[2], t[3] * cols + t[4] * rows + t[5]])

    image = centres((3, 5), (a, b, c, d, e, f))
    moved = augment_sample({"image": image, "transform": transform}, name)
    np.testing.assert_allclose(
        moved["image"], centres(moved["image"].shape[1:], moved["transform"]), rtol=0, atol=1e-9
    )
    np.testing.assert_array_equal(transform, [30.0, 2.0, 500.0, 1.0, -30.0, 9000.0])


@given(seed=st.integers(0, 1000))
def test_image_mask_and_validity_move_together(seed):
    count = 9
    image = torch.arange(count * 16, dtype=torch.int16).view(count, 1, 4, 4)
    batch = {"image": image, "mask": image[:, 0].long(), "valid": image[:, 0] % 3 == 0}
    before = {key: value.clone() for key, value in batch.items()}
    seeds = sample_seeds(seed, 0, count)
    out = augment(batch, seeds)
    assert torch.equal(out["mask"], out["image"][:, 0].long())
    assert torch.equal(out["valid"], out["image"][:, 0] % 3 == 0)
    for i in range(count):
        assert torch.equal(out["image"][i].flatten().sort().values, image[i].flatten())
    assert all(torch.equal(batch[key], before[key]) for key in batch)
    again = augment(batch, seeds)
    assert torch.equal(again["image"], out["image"])


def test_every_choice_comes_up_about_equally_often():
    image = torch.arange(4, dtype=torch.float32).view(1, 1, 2, 2).expand(7000, 1, 2, 2)
    out = augment({"image": image}, sample_seeds(0, 0, 7000))["image"]
    _, counts = torch.unique(out.flatten(1), dim=0, return_counts=True)
    assert len(counts) == 7
    assert (counts - 1000).abs().max() < 150  # five deviations of a binomial


def test_oblong_chips_refuse_quarter_turns():
    batch = {"image": torch.zeros(2, 1, 4, 6)}
    with pytest.raises(ConfigError, match=r"rot90, rot270, flip_transpose"):
        augment(batch, sample_seeds(0, 0, 2))
    assert augment(batch, sample_seeds(0, 0, 2), ["rot180", "flip_up_down"])["image"].shape == (
        2,
        1,
        4,
        6,
    )


def test_each_sample_moves_by_its_own_seed_however_batches_are_cut():
    image = torch.arange(12 * 16).view(12, 1, 4, 4)
    seeds = sample_seeds(3, 1, 12)
    whole = augment({"image": image}, seeds)["image"]
    for start, stop in ((0, 1), (1, 7), (7, 12)):
        part = augment({"image": image[start:stop]}, seeds[start:stop])["image"]
        assert torch.equal(part, whole[start:stop])
    other = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(augment({"image": image[other]}, seeds[other])["image"], whole[other])


def test_all_that_has_rows_and_columns_moves_and_nothing_else():
    plane = torch.arange(16.0).view(4, 4)
    batch = {
        "image": plane.expand(6, 2, 3, 4, 4),
        "aux": plane.expand(6, 1, 4, 4),
        "mask:nlcd": plane.long().expand(6, 4, 4),
        "mask_series": plane.long().expand(6, 2, 4, 4),
        "value": plane.expand(6, 5, 4, 4),
        "multilabel": torch.rand(6, 7) < 0.5,
        "label": torch.arange(6),
        "times": torch.rand(6, 2),
    }
    moved = augment(batch, sample_seeds(0, 0, 6))
    for i in range(6):
        turned = moved["image"][i, 0, 0]
        assert torch.equal(turned.flatten().sort().values, plane.flatten())
        for key in ("aux", "mask:nlcd", "mask_series", "value"):
            assert torch.equal(moved[key][i].float(), turned.expand_as(moved[key][i]))
    assert any(not torch.equal(moved["value"][i, 0], plane) for i in range(6))
    assert all(torch.equal(moved[key], batch[key]) for key in ("multilabel", "label", "times"))


def boxed(count=9, size=6):
    """Samples of two boxes each, drawn into the image by their numbers."""
    boxes = torch.tensor([[0.0, 1.0, 2.0, 4.0], [3.0, 2.0, 6.0, 3.0]])
    image = torch.zeros(1, size, size)
    image[0, 1:4, 0:2], image[0, 2:3, 3:6] = 1, 2
    masks = torch.stack([image[0] == 1, image[0] == 2])
    return {
        "image": image.expand(count, 1, size, size).clone(),
        "boxes": [boxes[: i % 3] for i in range(count)],
        "box_labels": [torch.tensor([1, 2])[: i % 3] for i in range(count)],
        "box_masks": [masks[: i % 3] for i in range(count)],
    }


def bounds_of(mask):
    rows, cols = mask.nonzero(as_tuple=True)
    return [cols.min().item(), rows.min().item(), cols.max().item() + 1, rows.max().item() + 1]


@pytest.mark.parametrize("name", SYMMETRIES)
def test_boxes_and_their_masks_move_exactly_with_the_image(name):
    batch = boxed()
    before = [boxes.clone() for boxes in batch["boxes"]]
    out = augment(batch, sample_seeds(0, 0, 9), [name])
    for i in range(9):
        assert len(out["boxes"][i]) == i % 3
        assert out["boxes"][i].dtype == torch.float32
        for number, (box, mask) in enumerate(
            zip(out["boxes"][i], out["box_masks"][i], strict=True)
        ):
            assert box.tolist() == bounds_of(out["image"][i, 0] == number + 1)
            assert torch.equal(mask, out["image"][i, 0] == number + 1)
        assert torch.equal(out["box_labels"][i], batch["box_labels"][i])
        assert torch.equal(batch["boxes"][i], before[i])
    assert any(not torch.equal(out["image"][i], batch["image"][i]) for i in range(9))
    # Of a sample by itself, in numpy as well; and of a picture that is not square.
    wide = {
        "image": batch["image"][2][:, :5].numpy(),
        "boxes": batch["boxes"][2].numpy(),
        "box_masks": batch["box_masks"][2][:, :5].numpy(),
    }
    moved = augment_sample(wide, name)
    for number, box in enumerate(moved["boxes"]):
        assert box.tolist() == bounds_of(torch.from_numpy(moved["image"][0] == number + 1))
        np.testing.assert_array_equal(moved["box_masks"][number], moved["image"][0] == number + 1)
    whole = augment_sample(batch, name)  # of a batch as well, in lists
    assert [len(boxes) for boxes in whole["boxes"]] == [i % 3 for i in range(9)]


def test_boxes_without_an_image_are_refused():
    with pytest.raises(ConfigError, match="boxes and nothing that says how large"):
        augment_sample({"boxes": np.zeros((1, 4))}, "rot90")


def test_the_symmetries_are_the_group_of_the_square():
    square = np.arange(9).reshape(3, 3)
    images = {augment_array(square, name).tobytes() for name in SYMMETRIES} | {square.tobytes()}
    assert len(images) == 8
    twice = {
        augment_array(augment_array(square, one), other).tobytes()
        for one in SYMMETRIES
        for other in SYMMETRIES
    }
    assert twice == images
    assert set(SYMMETRIES) - set(AUGMENTATIONS) == {"flip_antitranspose"}


class _Numbers:
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return {"image": np.full((1, 1, 1), index)}


def test_two_thousand_chips_make_fourteen_thousand():
    copies = FullCopies(_Numbers(2000))
    assert len(copies) == 14_000
    values = [int(copies[i]["image"].item()) for i in range(0, 14_000, 500)]
    assert values == [0, 500, 1000, 1500] * 7


def test_copies_are_the_original_then_each_operation():
    image = np.arange(4).reshape(1, 2, 2)
    copies = FullCopies([{"image": image}], AUGMENTATIONS)
    np.testing.assert_array_equal(copies[0]["image"], image)
    for i, name in enumerate(AUGMENTATIONS, start=1):
        np.testing.assert_array_equal(copies[i]["image"], TRUTH[name](image))
    one_by_one = [copies[i]["image"] for i in (3, 0, 6)]
    at_once = [sample["image"] for sample in copies.__getitems__([3, 0, 6])]
    np.testing.assert_array_equal(one_by_one, at_once)
    with pytest.raises(IndexError):
        copies[7]


def test_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="flip_left_right"):
        FullCopies([], ["flip_leftright"])
