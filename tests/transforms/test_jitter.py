"""Random gain and offset: what each band gets, compared with numpy; what is left alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloom.transforms.jitter import jitter


def batch_of(seed=0, shape=(3, 2, 6, 5), dtype="int16"):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 3000, shape).astype(dtype)
    observed = rng.random((shape[0], *shape[-2:])) < 0.7
    image[
        ~np.broadcast_to(observed.reshape(shape[0], *[1] * (len(shape) - 3), *shape[-2:]), shape)
    ] = -9999
    return {
        "image": torch.from_numpy(image),
        "mask": torch.from_numpy(rng.integers(0, 3, observed.shape)),
        "valid": torch.from_numpy(observed & (rng.random(observed.shape) < 0.5)),
        "observed": torch.from_numpy(observed),
    }


def lines(before, after, observed):
    """Gain and offset of each image and band by least squares, and what they leave unexplained."""
    found = np.empty((*before.shape[:2], 3))
    for i, band in np.ndindex(*before.shape[:2]):
        x, y = before[i, band][observed[i]], after[i, band][observed[i]]
        gain, offset = np.polyfit(x, y, 1)
        found[i, band] = gain, offset, np.abs(gain * x + offset - y).max()
    return np.moveaxis(found, -1, 0)


@given(seed=st.integers(0, 10**6), strength=st.floats(0.01, 0.9))
def test_each_band_of_each_image_moves_along_its_own_line_within_the_strength(seed, strength):
    batch = batch_of(seed)
    image, observed = batch["image"].numpy().astype(float), batch["observed"].numpy()
    after = jitter(batch, strength, torch.Generator().manual_seed(seed))["image"].numpy()
    gain, offset, rest = lines(image, after, observed)
    assert rest.max() < 0.5  # of 3,000: float32
    assert len(np.unique(gain.round(9))) == gain.size
    assert np.abs(gain - 1).max() <= strength + 1e-3
    for band in range(2):
        seen = image[:, band][observed]
        shift = gain[:, band] * seen.mean() + offset[:, band] - seen.mean()
        assert np.abs(shift).max() <= strength * seen.std() + 1


def test_gains_and_offsets_are_drawn_evenly():
    batch = {
        "image": torch.from_numpy(np.random.default_rng(0).normal(100, 20, (400, 5, 4, 4))),
        "valid": torch.ones(400, 4, 4, dtype=torch.bool),
    }
    after = jitter(batch, 0.4, torch.Generator().manual_seed(0))["image"].numpy()
    image = batch["image"].numpy()
    gain, offset, _ = lines(image, after, batch["valid"].numpy())
    shift = (gain * image.mean((0, 2, 3)) + offset - image.mean((0, 2, 3))) / image.std((0, 2, 3))
    for draws in (gain - 1, shift):
        # An even draw from [-a, a] has mean 0 and deviation a / sqrt(3).
        assert abs(draws.mean()) < 0.02
        assert draws.std() == pytest.approx(0.4 / 3**0.5, rel=0.05)
    assert abs(np.corrcoef((gain - 1).ravel(), shift.ravel())[0, 1]) < 0.1


def test_what_was_not_observed_neither_moves_nor_counts():
    batch = batch_of()
    spoiled = {**batch, "image": batch["image"].float()}
    hidden = ~batch["observed"][:, None].expand_as(batch["image"])
    spoiled["image"][hidden] = float("nan")
    one = jitter(batch, 0.3, torch.Generator().manual_seed(1))
    other = jitter(spoiled, 0.3, torch.Generator().manual_seed(1))
    assert (one["image"][hidden] == -9999).all()
    assert other["image"][hidden].isnan().all()
    torch.testing.assert_close(one["image"][~hidden], other["image"][~hidden], rtol=0, atol=0)
    assert all(one[name] is batch[name] for name in ("mask", "valid", "observed"))


def test_units_do_not_matter():
    batch = batch_of()
    scaled = {**batch, "image": batch["image"] * 1e-4 + 7}
    one = jitter(batch, 0.3, torch.Generator().manual_seed(1))["image"]
    other = jitter(scaled, 0.3, torch.Generator().manual_seed(1))["image"]
    torch.testing.assert_close(one * 1e-4 + 7, other, rtol=1e-5, atol=1e-6)


def test_equal_states_draw_alike_and_no_strength_changes_nothing():
    batch = batch_of()
    before = batch["image"].clone()
    draws = [jitter(batch, 0.3, torch.Generator().manual_seed(s))["image"] for s in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(batch["image"], before)
    assert torch.equal(jitter(batch, 0.0)["image"], before.float())


def test_each_band_of_each_date_moves_by_itself():
    batch = batch_of(shape=(2, 3, 2, 6, 5))
    after = jitter(batch, 0.3, torch.Generator().manual_seed(0))["image"]
    flat = {**batch, "image": batch["image"].reshape(2, 6, 6, 5)}
    assert torch.equal(
        after.reshape(2, 6, 6, 5), jitter(flat, 0.3, torch.Generator().manual_seed(0))["image"]
    )


def test_a_band_of_one_value_or_nothing_observed_stays_finite():
    image = torch.full((2, 2, 3, 3), 5, dtype=torch.uint8)
    valid = torch.ones(2, 3, 3, dtype=torch.bool)
    assert torch.equal(jitter({"image": image, "valid": valid}, 0.5)["image"], image.float())
    assert torch.equal(jitter({"image": image, "valid": ~valid}, 0.5)["image"], image.float())
