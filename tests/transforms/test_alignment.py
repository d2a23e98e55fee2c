"""Every augmentation by name on a ramp: everything in a sample stays together, nothing unknown becomes known.

Each pixel of a sample holds its own coordinates in everything: `value` is (x, y) of its centre, raised by 100
for each sample; each band is a plane over these; `mask` is the number of the pixel in the batch; a box lies
around a patch whose pixels `box_masks` marks. So each entry of the result says which pixel it came from, and
all must say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
import torch

from geoloom.core.outputs.mixture import SHARE
from geoloom.core.outputs.target import IGNORE_INDEX
from geoloom.tasks import ChipDataModule
from geoloom.transforms.augmentations.registry import list_augmentations, make_augmentation
from geoloom.transforms.draws import sample_seeds
from geoloom.transforms.statistics import sample_statistics
from geoloom.transforms.symmetries import SYMMETRIES

B, SIDE = 5, 24
LEFT, TOP, RIGHT, BOTTOM = BOX = (9.0, 6.0, 17.0, 15.0)


@dataclass(frozen=True)
class Case:
    """How one augmentation is tried."""

    text: str
    truth: Literal["moves", "turns", "stays", "pastes", "blends"]
    boxes_px: float = 1.0
    """How far a box may be from its patch; an elastic map moves its corners by themselves."""


CASES = {
    **{name: Case(f"{name}:chance=0.8", "turns", 0.0) for name in SYMMETRIES},
    "symmetries": Case("symmetries", "turns", 0.0),
    "affine": Case("affine:degrees=40,zoom=1.3,shear=10,shift=0.1", "moves"),
    "rotate": Case("rotate:degrees=170,chance=0.8", "moves"),
    "resized_crop": Case("resized_crop", "moves"),
    "elastic": Case("elastic:strength=1.5", "moves", 3.0),
    "jitter": Case("jitter:strength=0.3,chance=0.8", "stays"),
    "gain_offset": Case("gain_offset:strength=0.3", "stays"),
    "noise": Case("noise", "stays"),
    "blur": Case("blur:chance=0.8", "stays"),
    "channel_dropout": Case("channel_dropout", "stays"),
    "erase": Case("erase:chance=0.8", "stays"),
    "grey": Case("grey:chance=0.8", "stays"),
    "cutmix": Case("cutmix:chance=0.8,least=0.1", "pastes"),
    "mixup": Case("mixup:alpha=1,chance=0.8", "blends"),
}
SHAPES = [(1, 0), (4, 0), (13, 0), (200, 0), (1, 3), (4, 3), (13, 3)]


def test_every_augmentation_by_name_has_a_case():
    assert set(CASES) == set(list_augmentations())
    assert {case.text.partition(":")[0] for case in CASES.values()} == set(CASES)


def slopes(bands):
    """Of each band over x and y, none of them alike."""
    number = torch.arange(bands, dtype=torch.float32)
    return 1 + number % 7 / 5, 2 - number % 3


def ramps(value_B2HW, bands):
    """What the image is where the coordinates are these, (B, C, H, W)."""
    along, down = (slope.view(1, -1, 1, 1) for slope in slopes(bands))
    return along * value_B2HW[:, :1] + down * value_B2HW[:, 1:]


def batch_of(bands, dates, *, boxes):
    rows, cols = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    sample = torch.arange(B).view(B, 1, 1)
    value = torch.stack([cols, rows]).expand(B, 2, SIDE, SIDE) + 0.5 + 100.0 * sample[:, None]
    number = sample * SIDE**2 + rows * SIDE + cols
    observed = number % 97 != 5
    valid = observed & (number % 11 != 3)
    image = torch.where(observed[:, None], ramps(value, bands), -9999.0)
    batch: dict[str, Any] = {
        "mask": torch.where(valid, number, IGNORE_INDEX),
        "value": torch.where(valid[:, None], value, torch.nan),
        "valid": valid,
        "observed": observed,
        "image": image,
    }
    if dates:
        series = observed[:, None].repeat(1, dates, 1, 1)
        series[:, 1, 2:5] = False
        image = image[:, None].repeat(1, dates, 1, 1, 1)
        image[:, 1, :, 2:5] = torch.nan
        batch |= {"image": image, "valid_series": series, "times": torch.zeros(B, dates)}
    if boxes:
        inside = (cols >= LEFT) & (cols < RIGHT) & (rows >= TOP) & (rows < BOTTOM)
        batch |= {
            "boxes": [torch.tensor([BOX])] * B,
            "box_labels": [torch.tensor([i]) for i in range(B)],
            "box_masks": [inside[None]] * B,
        }
    return batch


def made(case, batch):
    augmentation = make_augmentation(case.text)
    if hasattr(augmentation, "with_statistics"):
        samples = [{k: v[i] for k, v in batch.items()} for i in range(B)]
        augmentation = augmentation.with_statistics(sample_statistics(samples))
    return augmentation


@pytest.mark.parametrize(("bands", "dates"), SHAPES)
@pytest.mark.parametrize("name", list_augmentations())
def test_a_ramp_stays_with_its_coordinates(name, bands, dates):
    case = CASES[name]
    batch = batch_of(bands, dates, boxes=case.truth not in ("pastes", "blends"))
    copies = {k: [v.clone() for v in value] if isinstance(value, list) else value.clone()
              for k, value in batch.items()}  # fmt: skip
    out = made(case, batch)(batch, sample_seeds(3, 0, B))
    for key, value in copies.items():
        assert_equal(batch[key], value)
    assert out["image"].dtype == torch.float32
    assert out["image"].shape == batch["image"].shape
    _TRUTHS[case.truth](case, batch, out, bands)
    nothing_invalid_is_valid(batch, out)


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)


def dated(out, bands):
    """Each date's image (B, C, H, W), and where it was observed."""
    if "valid_series" in out:
        return list(zip(out["image"].unbind(1), out["valid_series"].unbind(1), strict=True))
    return [(out["image"], out["observed"])]


def nothing_invalid_is_valid(batch, out):
    """What counts comes from a pixel that counted; what is shown is a number, and none of the fill."""
    assert out["valid"].any()
    origin = out["mask"][out["valid"]]
    assert (origin >= 0).all()
    assert batch["valid"].flatten()[origin].all()
    assert not (out["valid"] & ~out["observed"]).any()
    for image, seen in dated(out, None):
        shown = image.movedim(1, -1)[seen]
        assert torch.isfinite(shown).all()
        assert shown.min() > -5000


def is_where_it_says(out, bands, tolerance):
    """Image, values and mask of each valid pixel come from one place."""
    value, valid = out["value"], out["valid"]
    known = valid & torch.isfinite(value).all(1)
    assert known.sum() > 0.25 * valid.sum()
    for image, seen in dated(out, bands):
        apart = (image - ramps(value, bands)).abs().movedim(1, -1)[known & seen]
        assert apart.max() <= tolerance * 400
    x, y = (part[known] % 100 for part in value.unbind(1))
    origin = out["mask"][known] % SIDE**2
    assert (origin % SIDE + 0.5 - x).abs().max() <= 0.5 + tolerance
    assert (origin // SIDE + 0.5 - y).abs().max() <= 0.5 + tolerance


def moves(case, batch, out, bands):
    is_where_it_says(out, bands, 1e-3)
    assert not torch.equal(out["mask"], batch["mask"])
    boxes_follow(case, out)


def turns(case, batch, out, bands):
    is_where_it_says(out, bands, 0)
    for key in ("mask", "valid", "observed"):
        assert torch.equal(out[key].flatten(1).sort(1)[0], batch[key].flatten(1).sort(1)[0])
    assert not torch.equal(out["mask"], batch["mask"])
    boxes_follow(case, out)


def boxes_follow(case, out):
    """A box holds the pixels of its patch, and the patch is where its coordinates say that it is."""
    for i in range(B):
        boxes, masks = out["boxes"][i], out["box_masks"][i]
        assert boxes.dtype == torch.float32
        assert len(boxes) == len(masks) == len(out["box_labels"][i]) <= 1
        marked = masks[0] if len(masks) else torch.zeros(SIDE, SIDE, dtype=torch.bool)
        value = out["value"][i] % 100
        known = out["valid"][i] & torch.isfinite(value).all(0)
        inside = (value[0] > LEFT) & (value[0] < RIGHT) & (value[1] > TOP) & (value[1] < BOTTOM)
        rim = torch.stack([value[0] - LEFT, value[0] - RIGHT, value[1] - TOP, value[1] - BOTTOM])
        clear = known & (rim.abs().amin(0) > 0.51)
        assert torch.equal(marked[clear], inside[clear])
        if not marked.any():
            continue
        assert out["box_labels"][i].tolist() == [i]
        rows, cols = marked.nonzero(as_tuple=True)
        left, top, right, bottom = boxes[0].tolist()
        slack = case.boxes_px
        assert left <= cols.min() + slack
        assert top <= rows.min() + slack
        assert right >= cols.max() + 1 - slack
        assert bottom >= rows.max() + 1 - slack
        if case.truth == "turns":
            assert [left, top] == [cols.min(), rows.min()]
            assert [right, bottom] == [cols.max() + 1, rows.max() + 1]


def stays(case, batch, out, bands):
    """Nothing but observed numbers of the image changes."""
    for key in batch.keys() - {"image"}:
        assert out[key] is batch[key]
    for (image, seen), (before, _) in zip(dated(out, bands), dated(batch, bands), strict=True):
        assert_equal(image.movedim(1, -1)[~seen], before.movedim(1, -1)[~seen])
    changed = (out["image"].nan_to_num() - batch["image"].nan_to_num()).abs().flatten(1).amax(1)
    assert changed.max() > 0.01 or (case.text.startswith(("grey", "channel")) and bands == 1)


def pastes(case, batch, out, bands):
    is_where_it_says(out, bands, 0)
    donors = out["mask"] // SIDE**2
    own = torch.arange(B).view(B, 1, 1)
    assert (donors != own)[out["valid"]].any()
    assert torch.equal((out["value"][:, 0] // 100)[out["valid"]].long(), donors[out["valid"]])
    assert torch.equal((out["mask"] % SIDE**2)[out["valid"]], own_number()[out["valid"]])


def own_number():
    return torch.arange(SIDE**2).view(1, SIDE, SIDE).expand(B, SIDE, SIDE)


def blends(case, batch, out, bands):
    share, other = out[SHARE], (out["mask:mixed"] // SIDE**2).flatten(1).amax(1)
    assert (share < 1).any()
    assert_equal(out["mask"], batch["mask"])
    assert_equal(out["value"], batch["value"])
    assert_equal(out["mask:mixed"], batch["mask"][other])
    assert_equal(out["value:mixed"], batch["value"][other])
    both = out["valid"] & out["valid:mixed"]
    assert both.any()
    assert not (both[share < 1] & ~batch["observed"][other][share < 1]).any()
    part = share.view(B, 1, 1, 1)
    expected = part * ramps(out["value"], bands) + (1 - part) * ramps(out["value:mixed"], bands)
    for image, seen in dated(out, bands):
        at = both & seen
        torch.testing.assert_close(image.movedim(1, -1)[at], expected.movedim(1, -1)[at])


_TRUTHS = {"moves": moves, "turns": turns, "stays": stays, "pastes": pastes, "blends": blends}


class _Trainer:
    training = True


@pytest.mark.parametrize("name", list_augmentations())
def test_a_resumed_run_sees_the_batches_of_one_that_was_not_stopped(name):
    batch = batch_of(4, 0, boxes=False)
    samples = [{k: v[i % B] for k, v in batch.items()} for i in range(12)]

    def epoch(state=None):
        data = ChipDataModule(samples, batch_size=4, augment=[CASES[name].text], seed=5)
        data.trainer = _Trainer()
        if state is not None:
            data.load_state_dict(state)
        return [
            (data.on_after_batch_transfer(batch, 0), data.state_dict())
            for batch in data.train_dataloader()
        ]

    whole = epoch()
    rest = epoch(whole[0][1])
    assert len(whole) == 3
    assert len(rest) == 2
    for (one, _), (other, _) in zip(whole[1:], rest, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    first, second = whole[0][0]["image"], whole[1][0]["image"]
    assert not torch.equal(first, second)
