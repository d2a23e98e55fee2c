"""Lee's filter against its formula pixel by pixel, and decibels against numpy's logarithm."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from geoloom.core.bands import Band
from geoloom.core.errors import BandError, ConfigError
from geoloom.transforms import Lee, ToPowerUnit, lee, make_speckle_filter, to_decibels, to_linear


def speckled(seed=0, shape=(2, 21, 17), looks=4.0):
    rng = np.random.default_rng(seed)
    ground = np.where(np.arange(shape[-1]) < shape[-1] // 2, 0.05, 0.4)
    return (ground * rng.gamma(looks, 1 / looks, shape)).astype(np.float32)


def by_the_book(image, valid, size, looks):
    """Lee 1980, section on multiplicative noise, one window after the other."""
    out, reach, noise = image.astype(float).copy(), size // 2, 1 / looks
    seen = valid & np.isfinite(image)
    for band, row, col in np.argwhere(seen):
        window = (
            band,
            slice(max(row - reach, 0), row + reach + 1),
            slice(max(col - reach, 0), col + reach + 1),
        )
        around = image[window].astype(float)[seen[window]]
        mean, variance = around.mean(), around.var()
        signal = max((variance + mean**2) / (1 + noise) - mean**2, 0)
        gain = signal / (mean**2 * noise + signal) if mean else 0
        out[band, row, col] = mean + gain * (image[band, row, col] - mean)
    return out


@pytest.mark.parametrize(("size", "looks"), [(3, 1.0), (7, 4.4), (31, 4.4)])
def test_lee_is_the_formula_over_what_was_observed(size, looks):
    image, valid = speckled(), np.random.default_rng(1).random((21, 17)) < 0.8
    valid[4, 4] = True
    image[:, ~valid] = -9999
    image[0, 4, 4] = np.nan  # said to be observed, and no number
    found = lee(image, valid, size=size, looks=looks)
    expected = by_the_book(image, np.broadcast_to(valid, image.shape), size, looks)
    np.testing.assert_allclose(found, expected, rtol=1e-5, equal_nan=True)
    assert found.dtype == np.float32
    assert (found[:, ~valid] == -9999).all()
    torch.testing.assert_close(
        lee(torch.from_numpy(image), torch.from_numpy(valid), size=size, looks=looks),
        torch.from_numpy(found),
        equal_nan=True,
    )


def test_lee_calms_even_ground_keeps_edges_and_means():
    looks = 4.4
    image = speckled(shape=(1, 200, 200), looks=looks)
    out = lee(image, looks=looks)
    for half in (slice(0, 94), slice(106, 200)):
        before, after = image[0, 5:-5, half], out[0, 5:-5, half]
        assert after.mean() == pytest.approx(before.mean(), rel=0.01)
        assert after.std() < 0.45 * before.std()
    assert out[0, :, 98].mean() < 0.15
    assert out[0, :, 102].mean() > 0.3


def test_a_part_with_its_surroundings_is_filtered_as_the_whole():
    image, kind = speckled(shape=(2, 60, 50)), Lee(size=9)
    valid = np.random.default_rng(2).random((60, 50)) < 0.9
    whole = kind.apply(image, valid)
    r = kind.reach
    part = kind.apply(
        image[:, 20 - r : 40 + r, 10 - r : 30 + r], valid[20 - r : 40 + r, 10 - r : 30 + r]
    )
    np.testing.assert_array_equal(part[:, r:-r, r:-r], whole[:, 20:40, 10:30])


def test_layers_take_samples_series_and_batches():
    image = speckled(shape=(3, 2, 9, 9))  # three dates
    series = np.random.default_rng(0).random((3, 9, 9)) < 0.8
    sample = {"image": image, "valid_series": series, "valid": series.all(0), "times": np.zeros(3)}
    out = Lee(size=3)(sample)
    for date in range(3):
        np.testing.assert_array_equal(out["image"][date], lee(image[date], series[date], size=3))
    batch = {k: torch.from_numpy(np.stack([v, v])) for k, v in sample.items()}
    torch.testing.assert_close(Lee(size=3)(batch)["image"][1], torch.from_numpy(out["image"]))
    image[1, 0, 2, 2] = 0.0
    decibels = ToPowerUnit("dB", (0,))(sample)
    assert not decibels["valid_series"][1, 2, 2]
    np.testing.assert_array_equal(decibels["image"][:, 1], image[:, 1])
    np.testing.assert_allclose(
        decibels["image"][:, 0][decibels["valid_series"]],
        10 * np.log10(image[:, 0][decibels["valid_series"]]),
        rtol=1e-5,
        atol=1e-5,
    )
    assert np.isfinite(decibels["image"]).all()


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_decibels_and_back(kind):
    power = kind([[1e-3, 0.5, 1.0, 20.0], [0.0, -1.0, float("nan"), float("inf")]])
    found = np.asarray(to_decibels(power))
    np.testing.assert_allclose(found[0], [-30, -3.0103, 0, 13.0103], atol=1e-4)
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(np.asarray(to_linear(to_decibels(power)))[0], power[0], rtol=1e-5)
    assert np.isnan(np.asarray(to_linear(kind([500.0, float("nan")])))).all()


def test_bands_change_their_unit():
    bands = (Band("VV", "vv", unit="linear", scale=0.01), Band("slope", unit=None))
    (vv, slope) = ToPowerUnit("dB", (0,)).bands(bands)
    assert (vv.unit, vv.scale, vv.role, slope) == ("dB", 1.0, "vv", bands[1])
    with pytest.raises(BandError, match=r"'slope' is in no known unit; expected linear"):
        ToPowerUnit("dB").bands(bands)
    with pytest.raises(BandError, match="no band 5 among 2"):
        ToPowerUnit("dB", (5,)).bands(bands)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leee", "did you mean 'lee'"),
        ("lee:size=4", "size is 4; give an odd number"),
        ("lee:size=1", "3 or more"),
        ("lee:looks=0", "looks is 0; give a number above 0"),
        ("lee:window=3", "no option 'window'"),
    ],
)
def test_what_cannot_be_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        make_speckle_filter(text)
    with pytest.raises(ConfigError, match="no unit 'db'"):
        ToPowerUnit("db")
