"""Random gain and offset: what each band gets, compared with numpy; what is left alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from geoloom.core.errors import BandError
from geoloom.core.statistics import BandStatistics
from geoloom.transforms.draws import sample_seeds
from geoloom.transforms.jitter import jitter
from geoloom.transforms.statistics import sample_statistics


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


def statistics_of(batch):
    """Of all samples of a batch together."""
    count = len(batch["image"])
    return sample_statistics([{key: v[i] for key, v in batch.items()} for i in range(count)])


def jittered(batch, strength, seed=0, statistics=None):
    seeds = sample_seeds(seed, 0, len(batch["image"]))
    return jitter(batch, seeds, strength, statistics or statistics_of(batch))


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
    after = jittered(batch, strength, seed)["image"].numpy()
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
    after = jittered(batch, 0.4)["image"].numpy()
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
    one, other = jittered(batch, 0.3), jittered(spoiled, 0.3)
    assert (one["image"][hidden] == -9999).all()
    assert other["image"][hidden].isnan().all()
    torch.testing.assert_close(one["image"][~hidden], other["image"][~hidden], rtol=0, atol=0)
    assert all(one[name] is batch[name] for name in ("mask", "valid", "observed"))


def test_units_do_not_matter():
    batch = batch_of()
    scaled = {**batch, "image": batch["image"] * 1e-4 + 7}
    one, other = jittered(batch, 0.3)["image"], jittered(scaled, 0.3)["image"]
    torch.testing.assert_close(one * 1e-4 + 7, other, rtol=1e-5, atol=1e-6)


def test_equal_seeds_draw_alike_and_no_strength_changes_nothing():
    batch = batch_of()
    before = batch["image"].clone()
    draws = [jittered(batch, 0.3, s)["image"] for s in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(batch["image"], before)
    assert torch.equal(jittered(batch, 0.0)["image"], before.float())


def test_a_sample_does_not_depend_on_the_others_of_its_batch():
    batch, seeds = batch_of(shape=(7, 2, 6, 5)), sample_seeds(5, 2, 7)
    statistics = statistics_of(batch)
    whole = jitter(batch, seeds, 0.3, statistics)["image"]
    for start, stop in ((0, 1), (1, 5), (5, 7)):
        part = {key: value[start:stop] for key, value in batch.items()}
        assert torch.equal(
            jitter(part, seeds[start:stop], 0.3, statistics)["image"], whole[start:stop]
        )


def test_each_band_of_each_date_moves_by_itself():
    batch = batch_of(shape=(2, 3, 2, 6, 5))
    batch["times"] = torch.zeros(2, 3)
    image, observed = batch["image"].numpy().astype(float), batch["observed"].numpy()
    after = jittered(batch, 0.3)["image"].numpy()
    gain, _, rest = lines(image.reshape(2, 6, 6, 5), after.reshape(2, 6, 6, 5), observed)
    assert rest.max() < 0.5
    assert len(np.unique(gain.round(9))) == 12


def test_of_a_series_each_date_says_what_was_observed():
    batch = batch_of(shape=(2, 3, 2, 6, 5))
    batch["times"] = torch.zeros(2, 3)
    batch["valid_series"] = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(0)) < 0.5
    after = jittered(batch, 0.3)["image"]
    moved = (after != batch["image"].float()).all(dim=2)
    assert torch.equal(moved, batch["valid_series"])


def test_a_band_of_one_value_stays_as_it_is():
    image = torch.full((2, 2, 3, 3), 5, dtype=torch.uint8)
    valid = torch.ones(2, 3, 3, dtype=torch.bool)
    batch = {"image": image, "valid": valid}
    assert torch.equal(jittered(batch, 0.5)["image"], image.float())
    hidden = {"image": image, "valid": ~valid}
    assert torch.equal(
        jittered(hidden, 0.5, statistics=statistics_of(batch))["image"], image.float()
    )


def test_statistics_of_other_bands_or_of_none_are_refused():
    batch = batch_of()
    with pytest.raises(BandError, match=r"1 bands \(red\).*image has 2"):
        jittered(batch, 0.1, statistics=BandStatistics(("red",), *[(1,)] * 6))
    batch["observed"] = ~batch["observed"] & batch["observed"]
    with pytest.raises(BandError, match="no observed pixel of band 1, band 2"):
        jittered(batch, 0.1)
