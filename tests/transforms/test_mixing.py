"""MixUp and CutMix: images by shares, both samples' labels, and what a task makes of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from geoloom.core.errors import ConfigError
from geoloom.core.outputs import ClassOutputs, ValueOutputs
from geoloom.core.outputs.mixture import SHARE, is_mixed, partners_of
from geoloom.losses import get_loss
from geoloom.tasks import ChipDataModule, ClassificationTask, PixelRegressionTask, SegmentationTask
from geoloom.tasks.data import module
from geoloom.transforms import CutMix, MixUp, Rotate, augment_array
from geoloom.transforms.augment import augment
from geoloom.transforms.draws import sample_seeds, symmetric_beta

B, H, W = 8, 12, 16


def batch_of(dates=0):
    """Sample i holds 100 i everywhere; every fourth row of odd samples is unobserved."""
    number = torch.arange(B)
    plane = number.view(B, 1, 1).expand(B, H, W)
    observed = ~((number % 2 == 1).view(B, 1, 1) & (torch.arange(H) % 4 == 0).view(1, H, 1))
    observed = observed.expand(B, H, W).clone()
    valid = observed & (torch.arange(W) < W - 2)
    image = 100.0 * plane[:, None].expand(B, 3, H, W)
    image = torch.where(observed[:, None], image, -9999.0)
    batch = {
        "mask": plane.clone(),
        "mask:other": plane.clone() + 10,
        "value": plane[:, None].float().clone(),
        "multilabel": torch.nn.functional.one_hot(number, B).bool(),
        "label": number.clone(),
        "valid": valid,
        "observed": observed,
        "crs": [f"EPSG:{32600 + i}" for i in range(B)],
        "transform": number.double().view(B, 1).expand(B, 6).clone(),
    }
    if not dates:
        return {**batch, "image": image}
    series = observed[:, None].expand(B, dates, H, W).clone()
    image = image[:, None].expand(B, dates, 3, H, W).clone()
    return {**batch, "image": image, "valid_series": series, "times": torch.zeros(B, dates)}


@pytest.mark.parametrize("dates", [0, 2])
def test_mixup_blends_images_and_keeps_both_samples_labels(dates):
    batch = batch_of(dates)
    before = {k: v.clone() for k, v in batch.items() if isinstance(v, torch.Tensor)}
    out = MixUp(alpha=1, chance=0.7)(batch, sample_seeds(0, 0, B))
    share, other = out[SHARE], out["label:mixed"]
    assert ((share > 0) & (share <= 1)).all()
    assert (share == 1).any()
    assert (share < 0.9).any()
    assert (other != batch["label"]).all()
    # Whatever scene the other one is of, and all its layers go along.
    assert torch.equal(out["mask:mixed"], batch["mask"][other])
    assert torch.equal(out["mask:other:mixed"], batch["mask:other"][other])
    assert torch.equal(out["value:mixed"], batch["value"][other])
    assert torch.equal(out["multilabel:mixed"], batch["multilabel"][other])
    for i in range(B):
        s, j = float(share[i]), int(other[i])
        seen = batch["observed"][i] if s == 1 else batch["observed"][i] & batch["observed"][j]
        assert torch.equal(out["observed"][i], seen)
        assert torch.equal(out["valid"][i], batch["valid"][i] & seen)
        if s < 1:
            assert torch.equal(out["valid:mixed"][i], batch["valid"][j] & seen)
        image = out["image"][i] if dates else out["image"][i][None]
        torch.testing.assert_close(
            image[:, :, seen], torch.full_like(image[:, :, seen], s * 100 * i + (1 - s) * 100 * j)
        )
        own = batch["image"][i] if dates else batch["image"][i][None]
        assert torch.equal(image[:, :, ~seen], own[:, :, ~seen])
    for key in ("mask", "value", "multilabel", "label", "transform"):
        assert torch.equal(out[key], before[key])
    assert all(torch.equal(batch[key], value) for key, value in before.items())
    assert out["crs"] == batch["crs"]


def test_cutmix_gives_labels_of_images_by_the_area_of_each():
    batch = batch_of()
    out = CutMix(chance=1, least=0.2)(batch, sample_seeds(0, 0, B))
    own = torch.arange(B).view(B, 1, 1)
    for i in range(B):
        pasted = out["mask"][i] != own[i]
        assert float(out[SHARE][i]) == pytest.approx(1 - float(pasted.float().mean()), abs=1e-6)
        assert (out["mask"][i][pasted] == out["label:mixed"][i]).all()
        seen = out["observed"][i]
        assert torch.equal(out["image"][i, 0][seen].round(), 100.0 * out["mask"][i][seen])
    assert torch.equal(out["label"], batch["label"])
    assert torch.equal(out["multilabel:mixed"].int().argmax(1), out["label:mixed"])
    assert not is_mixed(out, "mask")
    assert is_mixed(out, "label")
    # Without labels of images nothing is a mixture.
    pixels = {k: v for k, v in batch.items() if k not in ("label", "multilabel")}
    assert SHARE not in CutMix(chance=1)(pixels, sample_seeds(0, 0, B))


@pytest.mark.parametrize("mix", [MixUp(), CutMix()])
def test_what_cannot_be_mixed_is_refused(mix):
    seeds = sample_seeds(0, 0, B)
    with pytest.raises(ConfigError, match="boxes are not mixed"):
        mix({"image": torch.zeros(B, 1, 4, 4), "boxes": [torch.zeros(0, 4)] * B}, seeds)
    with pytest.raises(ConfigError, match="mixtures already"):
        mix(MixUp()(batch_of(), seeds), seeds)
    both = MixUp()(
        CutMix()({k: v for k, v in batch_of().items() if k not in ("label", "multilabel")}, seeds),
        seeds,
    )
    assert is_mixed(both, "mask")


@pytest.mark.parametrize("mix", [MixUp(), CutMix(chance=1)])
def test_a_sample_alone_stays_as_it_is(mix):
    batch = {k: v[:1] for k, v in batch_of().items()}
    out = mix(batch, sample_seeds(0, 0, 1))
    assert torch.equal(out["image"], batch["image"])
    assert out[SHARE].tolist() == [1.0]
    assert torch.equal(out["valid"], batch["valid"])


def test_both_samples_labels_are_moved_by_what_follows():
    size = 16
    plane = torch.arange(size * size).view(1, size, size).expand(B, size, size)
    batch = {
        "image": plane[:, None].float(),
        "mask": plane.clone(),
        "value": plane[:, None].float(),
        "valid": torch.ones(B, size, size, dtype=torch.bool),
    }
    seeds = sample_seeds(0, 0, B)
    mixed = MixUp(alpha=1)(batch, seeds)
    for follow in (lambda b: augment(b, seeds), lambda b: Rotate()(b, seeds)):
        out = follow(mixed)
        assert torch.equal(out["mask:mixed"], out["mask"])
        assert torch.equal(out["valid:mixed"], out["valid"])
        torch.testing.assert_close(out["value:mixed"], out["value"], equal_nan=True)
        assert torch.equal(out[SHARE], mixed[SHARE])
    assert augment_array(plane[0], "rot90").shape == (size, size)


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 1.0, 4.0])
def test_shares_are_of_the_beta_distribution(alpha):
    # Clipped, as float32 rounds what is nearer to 1.
    drawn = np.sort(
        symmetric_beta(sample_seeds(0, 0, 20_000), alpha).double().numpy().clip(1e-6, 1 - 1e-6)
    )
    truth = np.sort(np.random.default_rng(0).beta(alpha, alpha, 200_000).clip(1e-6, 1 - 1e-6))
    # Kolmogorov and Smirnov's greatest distance; 0.0143 would be passed by chance once in 1,000 times.
    places = np.concatenate([drawn, truth])
    gap = np.searchsorted(drawn, places, "right") / len(drawn)
    gap -= np.searchsorted(truth, places, "right") / len(truth)
    assert np.abs(gap).max() < 0.0145
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def linear(k, per_image=False):
    layer = torch.nn.Conv2d(3, k, 1)
    pool = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()] if per_image else []
    return torch.nn.Sequential(layer, *pool)


@pytest.mark.parametrize("kind", ["mask", "label", "value"])
@pytest.mark.parametrize("loss", ["usual", "own share"])
def test_a_task_learns_both_samples_by_their_shares(kind, loss):
    torch.manual_seed(0)
    if kind == "value":
        outputs = ValueOutputs(("height",), ("m",), mean=(3.0,), std=(2.0,))
        task, name = PixelRegressionTask(linear(1), outputs, loss="mae"), "mae"
    elif kind == "mask":
        task, name = (
            SegmentationTask(linear(B), [f"c{i}" for i in range(B)], loss="ce+dice"),
            "ce+dice",
        )
    else:
        task = ClassificationTask(linear(B, True), [f"c{i}" for i in range(B)])
        name = "crossentropy"
    batch = {k: v for k, v in batch_of().items() if isinstance(v, torch.Tensor)}
    batch["image"] = batch["image"] / 100
    batch["valid"] = batch["observed"] = torch.ones(B, H, W, dtype=torch.bool)
    mix = MixUp(alpha=1, chance=1)
    out = mix(batch, sample_seeds(0, 0, B))
    if loss == "own share":
        out[SHARE] = torch.full((B,), 0.25)
    found = task.training_step(out, 0)
    answers, own, other = task(out), task.target(out), task.target(partners_of(out))
    criterion = get_loss(name, task.kind)
    if loss == "own share":
        expected = 0.25 * criterion(answers, own, None) + 0.75 * criterion(answers, other, None)
        torch.testing.assert_close(found, expected)
    elif kind != "mask":  # means over samples of equal size
        each = [
            s * criterion(answers[[i]], own[[i]], None)
            + (1 - s) * criterion(answers[[i]], other[[i]], None)
            for i, s in enumerate(out[SHARE].tolist())
        ]
        torch.testing.assert_close(found, torch.stack(each).mean())
    torch.testing.assert_close(
        torch.tensor(task.train_loss.value()), found.detach(), check_dtype=False
    )
    assert isinstance(task.outputs, ClassOutputs | ValueOutputs)


def test_several_devices_refuse_what_mixes_samples(monkeypatch):
    samples = [{"image": torch.zeros(1, 4, 4), "label": torch.tensor(i % 2)} for i in range(8)]
    data = ChipDataModule(samples, batch_size=4, augment=["rot90", "mixup:alpha=0.4"])
    data.train_dataloader()
    monkeypatch.setattr(module, "device_count", lambda: 2)
    with pytest.raises(ConfigError, match=r"mixup puts samples .* 2 devices .*devices=1"):
        data.train_dataloader()
    ChipDataModule(samples, batch_size=4, augment=["rot90", "noise"]).train_dataloader()
