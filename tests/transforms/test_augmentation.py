"""Augmentations in turn, and those of functions that draw from torch's own generator."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from geoloom.core.errors import BandError
from geoloom.transforms import draws
from geoloom.transforms.augmentation import drawn_by_torch, in_turn
from geoloom.transforms.statistics import sample_statistics


def noise(batch, seeds_B):
    drawn = draws.uniform(seeds_B, batch["image"][0].numel())
    return {**batch, "image": batch["image"] + drawn.view_as(batch["image"])}


def test_each_of_several_augmentations_draws_for_itself():
    batch, seeds = {"image": torch.zeros(3, 1, 2, 2)}, draws.sample_seeds(0, 0, 3)
    once, twice = (in_turn(batch, seeds, [noise] * count)["image"] for count in (1, 2))
    assert not torch.allclose(twice, 2 * once)
    assert in_turn(batch, seeds, []) is batch


def noisy(one):
    """Of anybody who draws from torch's own generator."""
    return {**one, "image": one["image"] + torch.randn(one["image"].shape)}


def rotated(one):
    """torchvision's, which takes images alone."""
    v2 = pytest.importorskip("torchvision.transforms.v2", reason="torchvision is not installed")
    return {**one, "image": v2.RandomRotation(90)(one["image"])}


@pytest.mark.parametrize("function", [noisy, rotated])
def test_functions_that_draw_by_torch_follow_from_the_seeds_alone(function):
    batch = {
        "image": torch.rand(6, 2, 8, 8, generator=torch.Generator().manual_seed(0)),
        "label": torch.arange(6),
        "crs": [f"EPSG:{n}" for n in range(6)],
    }
    seeds = draws.sample_seeds(1, 0, 6)
    augmentation = drawn_by_torch(function)
    torch.manual_seed(11)
    before = torch.get_rng_state()
    whole = augmentation(batch, seeds)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    part = augmentation({key: value[2:5] for key, value in batch.items()}, seeds[2:5])
    assert torch.equal(part["image"], whole["image"][2:5])
    assert part["crs"] == batch["crs"][2:5]
    assert torch.equal(whole["label"], batch["label"])
    moved = (whole["image"] != batch["image"]).flatten(1).any(1)
    assert moved.sum() >= 5
    again = pickle.loads(pickle.dumps(augmentation))(batch, seeds)
    assert torch.equal(again["image"], whole["image"])


def test_statistics_are_those_of_all_observed_pixels():
    rng = np.random.default_rng(0)
    samples = [
        {
            "image": torch.from_numpy(rng.normal(5, 2, (2, 3, 4, 4))),
            "times": torch.zeros(2),
            "valid_series": torch.from_numpy(rng.random((2, 4, 4)) < 0.6),
        }
        for _ in range(3)
    ]
    found = sample_statistics(samples)
    pixels = np.concatenate(
        [s["image"].numpy().swapaxes(1, 0)[:, s["valid_series"].numpy()] for s in samples], axis=1
    )
    assert found.bands == ("band 1", "band 2", "band 3")
    np.testing.assert_allclose(found.mean, pixels.mean(1), rtol=1e-12)
    np.testing.assert_allclose(found.std, pixels.std(1), rtol=1e-12)
    assert found.count == (pixels.shape[1],) * 3
    with pytest.raises(BandError, match="no sample"):
        sample_statistics([])


def test_the_pages_example_with_kornia_runs():
    """Fill is no class and never valid, what is valid is aligned, and draws follow from the seeds."""
    pytest.importorskip("kornia", reason="kornia is not installed")
    page = Path(__file__).parents[2] / "docs" / "concepts" / "transforms.md"
    (code,) = re.findall(r"```python\n(import kornia.*?)```", page.read_text("utf-8"), re.DOTALL)
    number = torch.arange(32 * 32).view(32, 32)
    chips = [
        {
            "image": torch.stack([number % 32, number // 32]).float(),
            "mask": number,
            "valid": torch.ones(32, 32, dtype=torch.bool),
        }
    ] * 6
    names = {"chips": chips}
    exec(compile(code, str(page), "exec"), names)
    batch = {key: torch.stack([chip[key] for chip in chips]) for key in chips[0]}
    perspective = drawn_by_torch(names["perspective"])
    seeds = draws.sample_seeds(0, 0, 6)
    out = perspective(batch, seeds)
    assert out["valid"].float().mean() < 0.95
    assert (out["mask"][~out["valid"]] == -100).all()
    x, y = out["image"].unbind(1)
    found = out["mask"][out["valid"]]
    assert (found % 32 - x[out["valid"]]).abs().max() < 1.5
    assert (found // 32 - y[out["valid"]]).abs().max() < 1.5
    assert torch.equal(perspective(batch, seeds)["mask"], out["mask"])
