"""Augmentations by name: what moves stays together, what is unknown stays so, draws follow from seeds."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloom.core.errors import ConfigError
from geoloom.core.outputs.target import IGNORE_INDEX
from geoloom.tasks.data.module import split_augmentations
from geoloom.transforms.augment import AUGMENTATIONS, augment, chosen_augmentations
from geoloom.transforms.augmentations.registry import (
    AUGMENTATION_KINDS,
    list_augmentations,
    make_augmentation,
    register_augmentation,
)
from geoloom.transforms.augmentations.symmetry import Symmetries, Symmetry
from geoloom.transforms.draws import normal, sample_seeds, uniform
from geoloom.transforms.statistics import sample_statistics

B, H, W = 5, 24, 30
MOVING = (
    "affine:degrees=40,zoom=1.3,shear=10,shift=0.1",
    "rotate:degrees=170",
    "resized_crop",
    "elastic",
)
STAYING = (
    "jitter:strength=0.3",
    "gain_offset:strength=0.3",
    "noise",
    "blur:chance=1",
    "channel_dropout",
    "erase:chance=1",
    "grey:chance=1",
)
MIXING = ("cutmix:chance=1", "mixup:alpha=1")
ALONE = [*MOVING, *STAYING]
EVERY = [*ALONE, *MIXING]
TRANSFORM = (10.0, 0.5, 500000.0, 0.25, -10.0, 4000000.0)


def place():
    """Column and row of each pixel's centre, at edges' coordinates."""
    rows, cols = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    return torch.stack([cols, rows]).float() + 0.5


def batch_of(bands=4, dates=0, count=B, size=(H, W)):
    """Samples that hold the coordinates of their pixels in everything that they have."""
    h, w = size
    xy = place()[:, :h, :w]
    image = xy.repeat(-(-bands // 2), 1, 1)[:bands].expand(count, bands, h, w).clone()
    number = torch.arange(h * w).view(h, w)
    observed = (number % 97 != 5).expand(count, h, w).clone()
    valid = observed & (number % 11 != 3)
    batch = {
        "mask": torch.where(valid, number, IGNORE_INDEX),
        "value": torch.where(valid[:, None], xy.expand(count, 2, h, w), torch.nan),
        "valid": valid,
        "observed": observed,
        "transform": torch.tensor(TRANSFORM, dtype=torch.float64).expand(count, 6).clone(),
        "label": torch.arange(count),
    }
    image[~observed[:, None].expand_as(image)] = -9999.0
    if not dates:
        return {**batch, "image": image}
    series = observed[:, None].expand(count, dates, h, w).clone()
    series[:, 1, 2:5] = False
    image = image[:, None].expand(count, dates, bands, h, w).clone()
    image[:, 1, :, 2:5] = torch.nan
    return {**batch, "image": image, "valid_series": series, "times": torch.zeros(count, dates)}


def made(text, batch):
    augmentation = make_augmentation(text)
    if hasattr(augmentation, "with_statistics"):
        samples = [{k: v[i] for k, v in batch.items()} for i in range(len(batch["image"]))]
        augmentation = augmentation.with_statistics(sample_statistics(samples))
    return augmentation


@pytest.mark.parametrize("text", MOVING)
def test_what_has_pixels_moves_together_to_a_hundredth_of_a_pixel(text):
    batch = batch_of()
    out = make_augmentation(text)(batch, sample_seeds(1, 0, B))
    valid, seen = out["valid"], out["observed"]
    assert 0.05 < valid.float().mean() < batch["valid"].float().mean()
    image = out["image"]
    assert not torch.allclose(image[:, :2], place().expand(B, 2, H, W), atol=1)
    # Two bands hold x, two hold y: they were moved alike; nothing of -9999 has come into what is seen.
    torch.testing.assert_close(
        image[:, :2][seen[:, None].expand(B, 2, H, W)],
        image[:, 2:][seen[:, None].expand(B, 2, H, W)],
    )
    assert image[seen[:, None].expand_as(image)].min() > 0.4
    # Labels are those of the pixel that the place lies in.
    number = out["mask"][valid]
    x, y = image.movedim(1, -1)[valid][:, 0], image.movedim(1, -1)[valid][:, 1]
    assert ((number % W + 0.5 - x).abs().max()) < 0.51
    assert ((number // W + 0.5 - y).abs().max()) < 0.51
    # Values are interpolated as the image is, and not known where a neighbour is not.
    both = valid & ~out["value"].isnan().any(1)
    apart = out["value"].movedim(1, -1)[both] - image[:, :2].movedim(1, -1)[both]
    assert apart.abs().max() < 1e-3
    assert both.sum() > 0.3 * valid.sum()
    # A pixel is where it was on the ground.
    if text != "elastic":
        t = out["transform"].float()[:, :, None, None]
        there = torch.stack(
            [
                t[:, 0] * place()[0] + t[:, 1] * place()[1] + t[:, 2],
                t[:, 3] * place()[0] + t[:, 4] * place()[1] + t[:, 5],
            ],
            -1,
        )
        a, b, c, d, e, f = TRANSFORM
        came = torch.stack(
            [a * image[:, 0] + b * image[:, 1] + c, d * image[:, 0] + e * image[:, 1] + f], -1
        )
        assert (there - came)[seen].abs().max() < 1  # metres; float32 of millions
    else:
        assert "transform" not in out
    assert torch.equal(out["label"], batch["label"])


@pytest.mark.parametrize("text", MOVING)
def test_what_lies_outside_is_nothing(text):
    """An image of ones, a mask of class 0: fill is no class, and is never valid."""
    batch = {
        "image": torch.ones(B, 1, H, W, dtype=torch.int16),
        "mask": torch.zeros(B, H, W, dtype=torch.uint8),
        "mask:other": torch.ones(B, H, W, dtype=torch.int64),
        "multilabel": torch.ones(B, 2, H, W, dtype=torch.bool),
    }
    out = make_augmentation(text)(batch, sample_seeds(2, 0, B))
    outside = out["mask"] == IGNORE_INDEX
    assert ((out["mask"] == 0) | outside).all()
    assert not out["valid"][outside].any()
    assert torch.equal(out["mask:other"] == IGNORE_INDEX, outside)
    assert torch.equal(out["multilabel"].all(1), ~outside)
    torch.testing.assert_close(
        out["image"][:, 0][out["valid"]], torch.ones(int(out["valid"].sum())), atol=1e-4, rtol=0
    )
    assert outside.any() == (text != "resized_crop")


@pytest.mark.parametrize("text", MOVING)
def test_boxes_follow_what_they_hold(text):
    """A box around a bright rectangle still holds it; where nothing is turned, it is around it."""
    image, masks = torch.zeros(B, 1, 48, 48), torch.zeros(B, 1, 48, 48, dtype=torch.bool)
    image[:, :, 16:30, 20:34], masks[:, :, 16:30, 20:34] = 1, True
    batch = {
        "image": image,
        "boxes": [torch.tensor([[20.0, 16.0, 34.0, 30.0]])] * B,
        "box_labels": [torch.tensor([3])] * B,
        "box_masks": list(masks),
    }
    out = make_augmentation(text)(batch, sample_seeds(0, 0, B))
    for i in range(B):
        rows, cols = torch.nonzero(out["image"][i, 0] > 0.5, as_tuple=True)
        assert len(out["boxes"][i]) == len(out["box_labels"][i]) == len(out["box_masks"][i]) <= 1
        assert len(rows) == 0 or len(out["boxes"][i]) == 1
        if len(rows):
            left, top, right, bottom = out["boxes"][i][0].tolist()
            slack = 2.5 if text == "elastic" else 1
            assert left <= cols.min() + slack
            assert top <= rows.min() + slack
            assert right >= cols.max() + 1 - slack
            assert bottom >= rows.max() + 1 - slack
            if text == "resized_crop":
                assert [left, top] == pytest.approx([int(cols.min()), int(rows.min())], abs=2)
            hidden = out["box_masks"][i][0] != (out["image"][i, 0] > 0.5)
            assert hidden.float().mean() < 0.01
    away = make_augmentation("affine:degrees=0,zoom=1,shift=1")(batch, sample_seeds(3, 0, B))
    assert any(len(boxes) == 0 for boxes in away["boxes"])


@pytest.mark.parametrize("text", EVERY)
@pytest.mark.parametrize("dates", [0, 3])
def test_equal_seeds_draw_alike_however_a_batch_is_cut(text, dates):
    batch, seeds = batch_of(dates=dates), sample_seeds(4, 0, B)
    before = {key: value.clone() for key, value in batch.items()}
    one = pickle.loads(pickle.dumps(made(text, batch)))
    out = one(batch, seeds)
    for key, value in batch.items():
        torch.testing.assert_close(value, before[key], equal_nan=True, rtol=0, atol=0)
    again = made(text, batch)(batch, seeds)
    for key, value in out.items():
        torch.testing.assert_close(again[key], value, equal_nan=True, rtol=0, atol=0)
    if text in ALONE:
        for start, stop in ((0, 1), (1, 4), (4, B)):
            part = one({key: value[start:stop] for key, value in batch.items()}, seeds[start:stop])
            for key, value in part.items():
                torch.testing.assert_close(value, out[key][start:stop], equal_nan=True)
    if text.partition(":")[0] in ("grey", "cutmix", "mixup"):
        return  # nothing is drawn for the one, and samples with equal pixels cannot show the others
    other = one(batch, sample_seeds(5, 0, B))
    assert not torch.equal(other["image"].nan_to_num(), out["image"].nan_to_num())


@pytest.mark.parametrize("text", ALONE)
@pytest.mark.parametrize(("bands", "dates"), [(1, 0), (4, 3), (200, 0)])
def test_any_bands_and_dates(text, bands, dates):
    batch = batch_of(bands, dates, count=2)
    out = made(text, batch)(batch, sample_seeds(0, 0, 2))
    assert out["image"].shape == batch["image"].shape
    assert out["image"].dtype == torch.float32
    seen = out.get("valid_series", out["observed"][:, None]).any(1)
    whole = out["image"].flatten(1, 2) if dates else out["image"]
    dated = out["valid_series"][:, :, None] if dates else out["observed"][:, None]
    assert torch.isfinite(out["image"][dated.expand(out["image"].shape)]).all()
    assert seen.any()
    assert whole.shape[-2:] == (H, W)
    if dates:
        assert out["valid_series"].shape == batch["valid_series"].shape
        assert not (out["valid_series"][:, 1].sum() >= out["valid_series"][:, 0].sum())


@pytest.mark.parametrize("text", STAYING)
def test_radiometry_leaves_all_else_and_what_was_not_observed_alone(text):
    batch = batch_of()
    out = made(text, batch)(batch, sample_seeds(0, 0, B))
    assert all(out[key] is batch[key] for key in batch if key != "image")
    hidden = ~batch["observed"][:, None].expand(B, 4, H, W)
    assert (out["image"][hidden] == -9999).all()
    scaled = {**batch, "image": torch.where(hidden, -9999.0, batch["image"] * 1e-3 + 7)}
    other = made(text, scaled)(scaled, sample_seeds(0, 0, B))["image"]
    torch.testing.assert_close(
        other[~hidden], out["image"][~hidden] * 1e-3 + 7, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("text", EVERY)
def test_chance_zero_changes_nothing(text):
    batch = batch_of()
    out = made(text.partition(":")[0] + ":chance=0", batch)(batch, sample_seeds(0, 0, B))
    for key in set(batch) - {"transform"}:
        torch.testing.assert_close(out[key], batch[key], equal_nan=True, rtol=0, atol=0)


def test_a_turn_by_no_angle_is_the_image_and_a_zoom_is_exact():
    batch = batch_of()
    out = make_augmentation("affine:degrees=0,zoom=1")(batch, sample_seeds(0, 0, B))
    assert torch.equal(out["mask"], batch["mask"])
    assert torch.equal(out["valid"], batch["valid"])
    seen = batch["observed"][:, None].expand(B, 4, H, W)
    torch.testing.assert_close(out["image"][seen], batch["image"][seen], atol=1e-3, rtol=0)


def test_cutmix_pastes_pixels_with_their_labels():
    batch = batch_of()
    number = torch.arange(B).view(B, 1, 1)
    batch = {
        **batch,
        "image": number[:, None].expand(B, 2, H, W).float(),
        "mask": number.expand(B, H, W),
    }
    out = make_augmentation("cutmix:chance=1,least=0.2")(batch, sample_seeds(0, 0, B))
    assert torch.equal(out["image"][:, 0].long(), out["mask"])
    pasted = (out["mask"] != number).float().mean((1, 2))
    assert (pasted > 0.15).all()
    assert (pasted < 0.55).all()


def test_blur_is_the_mean_of_a_bell_and_channels_go_by_their_chance():
    image = torch.randn(40, 10, 32, 32, generator=torch.Generator().manual_seed(0))
    blurred = make_augmentation("blur:sigma=3,chance=1")({"image": image}, sample_seeds(0, 0, 40))[
        "image"
    ]
    assert blurred.std() < 0.7 * image.std()
    torch.testing.assert_close(blurred.mean((2, 3)), image.mean((2, 3)), atol=0.05, rtol=0)
    dropped = make_augmentation("channel_dropout:share=0.3")(
        {"image": image}, sample_seeds(0, 0, 40)
    )
    gone = dropped["image"].std((2, 3)) < 1e-3
    assert gone.float().mean() == pytest.approx(0.3, abs=0.08)
    every = make_augmentation("channel_dropout:share=1")({"image": image}, sample_seeds(0, 0, 40))
    assert ((every["image"].std((2, 3)) < 1e-3).sum(1) == 9).all()


def test_blur_is_that_of_scipy_where_all_is_observed_and_where_not():
    """The normalised convolution of Knutsson and Westin 1993, by scipy's own filter for each sample."""
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy is not installed")
    draw = torch.Generator().manual_seed(0)
    image = torch.randn(3, 2, 40, 33, generator=draw)
    observed = torch.rand(3, 40, 33, generator=draw) < 0.8
    seeds = sample_seeds(0, 0, 3)
    sigmas = (uniform(seeds, 1)[:, 0] * (4.0 - 0.05) + 0.05).tolist()
    for batch in ({"image": image}, {"image": image, "observed": observed}):
        seen = batch.get("observed", torch.ones_like(observed)).numpy()
        out = make_augmentation("blur:sigma=4,chance=1")(batch, seeds)["image"].numpy()
        for i, sigma in enumerate(sigmas):
            radius = min(12, int(np.ceil(4 * sigma)))
            bell = {"sigma": sigma, "mode": "constant", "radius": radius}
            weight = ndimage.gaussian_filter(seen[i].astype(float), **bell)
            for band in range(2):
                total = ndimage.gaussian_filter(np.where(seen[i], image[i, band], 0.0), **bell)
                expected = np.where(seen[i], total / np.maximum(weight, 1e-9), image[i, band])
                np.testing.assert_allclose(out[i, band], expected, atol=2e-5)


def test_work_that_is_left_out_where_all_is_observed_changes_nothing():
    """The same image with a note that all of it was observed, and one where a sample was not."""
    h = w = 24
    image = torch.rand(2, 3, h, w, generator=torch.Generator().manual_seed(0))
    batch = {"image": image, "value": image[:, :1].clone(), "valid": torch.ones(2, h, w) > 0}
    hidden = {key: torch.cat([value, value[:1]]) for key, value in batch.items()}
    hidden["valid"][2], hidden["image"][2] = False, torch.nan
    hidden["value"][2] = torch.nan
    seeds = sample_seeds(0, 0, 3)
    for text in (*MOVING, *STAYING):
        one = made(text, batch)
        out, other = one(batch, seeds[:2]), one(hidden, seeds)
        for key, value in out.items():
            torch.testing.assert_close(
                value, other[key][:2], equal_nan=True, rtol=1e-5, atol=1e-5, msg=f"{text}: {key}"
            )


def test_a_number_that_is_none_is_not_called_valid():
    """Not even where a pixel without a number was said to be observed."""
    batch = {
        "image": torch.ones(2, 3, 24, 24),
        "valid": torch.ones(2, 24, 24, dtype=torch.bool),
    }
    batch["image"][:, 1, 10:14, 10:14] = torch.nan
    for text in ("rotate", "affine:zoom=1.5", "elastic", "resized_crop"):
        out = make_augmentation(text)(batch, sample_seeds(0, 0, 2))
        assert out["valid"].any()
        torch.testing.assert_close(
            out["image"].movedim(1, -1)[out["valid"]], torch.ones(int(out["valid"].sum()), 3)
        )


def test_normal_draws_are_normal():
    drawn = normal(sample_seeds(0, 0, 200), 501).numpy()
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.01)
    assert np.mean(np.abs(drawn) < 1.959964) == pytest.approx(0.95, abs=0.003)
    pairs = drawn[:, :250].ravel(), drawn[:, 251:].ravel()
    assert abs(np.corrcoef(*pairs)[0, 1]) < 0.02
    # However it is cut into pieces, and for each seed by itself.
    whole = normal(sample_seeds(3, 0, 3), 200_001)
    assert torch.equal(whole[1:2], normal(sample_seeds(3, 0, 3)[1:2], 200_001))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (["rotat"], "did you mean 'rotate'"),
        (["rot9"], "did you mean 'rot90'"),
        (["rotate:degree=3"], "no option 'degree'; did you mean 'degrees'"),
        (["rotate:degrees=much"], "degrees is 'much'; expected a number"),
        (["rotate:degrees=200"], "degrees is 200; give 0 to 180"),
        (["noise:chance=2"], "chance is 2; give 0 to 1"),
        (["resized_crop:least=0.9,most=0.5"], "least is 0.9"),
        (["mixup:alpha=0"], "'mixup': alpha is 0; give 0.001 or more"),
        (["cutmix:most=2"], "'cutmix': most is 2; give 0 to 1"),
        (["rot90:chance=2"], "'rot90': chance is 2; give 0 to 1"),
        (["jitter:statistics=3"], "no option 'statistics'"),
        (["all", "rot90"], "give all alone"),
        (["none", "all"], "alone"),
    ],
)
def test_what_cannot_be_is_refused(choice, message):
    with pytest.raises(ConfigError, match=message):
        chosen_augmentations(choice)


def test_chains_are_written_as_names():
    assert chosen_augmentations(["none", "noise"]) == ("noise",)
    assert chosen_augmentations(["all", "noise"]) == (*AUGMENTATIONS, "noise")
    turns, further = split_augmentations(["noise:strength=0.2", "rot90", augment, "rotate"])
    assert turns == ("rot90",)
    assert [type(one).__name__ for one in further] == ["Noise", "function", "Rotate"]
    assert split_augmentations(["all", "noise"])[0] == AUGMENTATIONS
    turns, further = split_augmentations(["rot90:chance=1", "flip_antitranspose", "symmetries"])
    assert turns == ("flip_antitranspose",)
    assert further == (Symmetry("rot90", chance=1.0), Symmetries())


def test_ones_own_is_known_by_name(monkeypatch):
    monkeypatch.setattr(AUGMENTATION_KINDS, "_entries", dict(AUGMENTATION_KINDS._entries))

    def veil(strength: float = 0.1):
        return lambda batch, seeds_B: {**batch, "image": batch["image"] + strength}

    register_augmentation("veil", veil)
    assert make_augmentation("veil:strength=2")({"image": torch.zeros(1)}, None)["image"] == 2
    with pytest.raises(ConfigError, match="cannot be named 'a:b'"):
        register_augmentation("a:b", veil)


def test_the_page_of_transforms_lists_those_that_there_are():
    page = Path(__file__).parents[2] / "docs" / "concepts" / "transforms.md"
    rows = page.read_text(encoding="utf-8").split("|---|---|---|")[1].partition("Each has")[0]
    named = set()
    for row in rows.strip().split("\n"):
        _, names, _, options, _ = row.split("|")
        named |= set(re.findall(r"`(\w+)`", names))
        for option in re.findall(r"`(\w+)=([\d.]+)`", options):
            default = getattr(make_augmentation(names.strip(" `")), option[0])
            assert default == pytest.approx(float(option[1]), abs=1e-3)
    assert named - {"all", "none"} == set(list_augmentations())
