"""Normalisation: hand-computed numbers, numpy and torch alike, saved and loaded unchanged."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from geoloom.core.errors import BandError, ConfigError, ReadError
from geoloom.core.statistics import band_statistics
from geoloom.transforms.normalize import (
    Normalization,
    fit_normalization,
    list_normalizations,
    register_normalization,
)

# Two bands of very different range; the last pixel is nodata and must not count.
IMAGE = np.array([[[1, 2, 3, 6, 255]], [[100, 200, 300, 400, 0]]], np.int16)
VALID = np.array([[True, True, True, True, False]])
STATISTICS = band_statistics(lambda: [(IMAGE, VALID)], ["a", "b"])

# By hand: means 3 and 250, variances 3.5 and 12500, medians 2.5 and 250, ranges 1..6 and 100..400.
EXPECTED = {
    "mean_std": ([-1.0690450, 1.6035675], [-1.3416408, 1.3416408]),
    "median_std": ([-0.8017837, 1.8708287], [-1.3416408, 1.3416408]),
    "norm_range": ([-1.0, 1.0], [-1.0, 1.0]),
    "reduce_sr": ([0.0001, 0.0006], [0.01, 0.04]),
}


@pytest.mark.parametrize("kind", EXPECTED)
@pytest.mark.parametrize("to", [np.asarray, torch.from_numpy])
def test_hand_computed(kind, to):
    out = np.asarray(fit_normalization(kind, STATISTICS).apply(to(IMAGE)))
    assert out.dtype == np.float32
    for band, (first, last) in enumerate(EXPECTED[kind]):
        assert out[band, 0, 0] == pytest.approx(first, abs=1e-6)
        assert out[band, 0, 3] == pytest.approx(last, abs=1e-6)


def test_range_is_each_bands_own_and_its_ends_can_be_chosen():
    out = fit_normalization("norm_range", STATISTICS, low=0, high=10).apply(IMAGE)
    np.testing.assert_allclose(out[0, 0, :4], [0, 2, 4, 10], atol=1e-5)
    np.testing.assert_allclose(out[1, 0, :4], [0, 10 / 3, 20 / 3, 10], atol=1e-5)


def test_statistics_are_the_training_ones_on_another_image():
    rule = fit_normalization("mean_std", STATISTICS)
    other = IMAGE + np.int16(7)
    np.testing.assert_allclose(
        rule.apply(other) - rule.apply(IMAGE),
        7 / np.array(rule.scale)[:, None, None] * np.ones(IMAGE.shape),
        rtol=1e-5,
    )


@pytest.mark.parametrize("name", ["per_image", "tensorflow"])
def test_per_image_over_all_bands_and_valid_pixels(name):
    rule = fit_normalization(name)
    values = IMAGE[:, VALID].astype(float)
    expected = (values - values.mean()) / values.std()
    by_numpy = rule.apply(IMAGE, VALID)
    by_torch = rule.apply(torch.from_numpy(IMAGE), torch.from_numpy(VALID)).numpy()
    np.testing.assert_allclose(by_numpy[:, VALID], expected, rtol=1e-6)
    np.testing.assert_allclose(by_torch, by_numpy, rtol=1e-6)


def test_per_image_of_a_flat_image_is_zero():
    assert (fit_normalization("per_image").apply(np.full((2, 3, 3), 7)) == 0).all()


def test_per_image_treats_each_image_of_a_batch_alone():
    batch = np.stack([IMAGE, IMAGE * 3])
    out = fit_normalization("per_image").apply(batch)
    np.testing.assert_allclose(out[0], out[1], rtol=1e-5)


def test_flat_band_is_only_centred():
    flat = band_statistics(lambda: [(np.full((1, 2, 2), 5.0), np.ones((2, 2), bool))], ["a"])
    for kind, expected in (("mean_std", 0.0), ("median_std", 0.0)):
        assert fit_normalization(kind, flat).apply(np.full((1, 1, 1), 5.0)).item() == expected
    assert np.isfinite(fit_normalization("norm_range", flat).apply(np.full((1, 1, 1), 5.0)))


def test_values_far_from_zero_keep_their_spread():
    image = np.array([[[1_000_000, 1_000_001, 1_000_002]]], np.int32)
    found = band_statistics(lambda: [(image, np.ones((1, 3), bool))], ["a"])
    rule = fit_normalization("mean_std", found)
    for out in (rule.apply(image), rule.apply(torch.from_numpy(image)).numpy()):
        np.testing.assert_allclose(out[0, 0], [-1.224745, 0, 1.224745], atol=1e-6)


def test_sample_transform_zeroes_unobserved_pixels_only():
    rule = fit_normalization("mean_std", STATISTICS)
    labelled = VALID & np.array([[True, False, True, True, True]])
    sample = {"image": IMAGE, "valid": labelled, "observed": VALID}
    out = rule(sample)["image"]
    assert (out[:, 0, 4] == 0).all()
    assert (out[:, 0, 1] != 0).all()  # unlabelled, yet seen: the network sees it too


def test_saved_and_loaded_unchanged(tmp_path):
    rule = fit_normalization("median_std", STATISTICS)
    assert Normalization.load(rule.save(tmp_path / "rule.json")) == rule
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(ReadError, match="not a saved normalisation"):
        Normalization.load(tmp_path / "bad.json")


def test_registered_kind_survives_without_its_function():
    register_normalization("by_max", lambda s: ([0.0, 0.0], s.max))
    rule = fit_normalization("by_max", STATISTICS)
    assert "by_max" in list_normalizations()
    loaded = Normalization.from_dict(rule.to_dict())
    assert loaded.apply(IMAGE)[1, 0, 3] == pytest.approx(1.0)


def test_refusals_say_what_is_wrong():
    with pytest.raises(ConfigError, match="did you mean 'mean_std'"):
        fit_normalization("meanstd", STATISTICS)
    with pytest.raises(ConfigError, match="give the training statistics"):
        fit_normalization("mean_std")
    with pytest.raises(ConfigError, match="built in"):
        register_normalization("tensorflow", lambda s: ([], []))
    with pytest.raises(BandError, match="fitted on 2 bands"):
        fit_normalization("mean_std", STATISTICS).apply(IMAGE[:1])
    unseen = band_statistics(lambda: [(IMAGE, VALID & False)], ["a", "b"])
    with pytest.raises(BandError, match="no valid pixel in a, b"):
        fit_normalization("mean_std", unseen)
