"""Spectral indices against values worked out by hand from the published formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from geoloom.core.errors import BandError, ConfigError
from geoloom.transforms.indices import (
    AppendIndex,
    compute_index,
    evi,
    evi2,
    list_indices,
    ndvi,
    register_index,
)

BLUE, RED, NIR = 0.04, 0.08, 0.40
# Rouse 1974: 0.32 / 0.48. Huete 2002: 2.5 * 0.32 / (0.4 + 0.48 - 0.3 + 1) = 0.8 / 1.58.
# Jiang 2008: 2.5 * 0.32 / (0.4 + 0.192 + 1) = 0.8 / 1.592.
EXPECTED = {"ndvi": 0.666667, "evi": 0.506329, "evi2": 0.502513}


def _image(factor=1.0):
    return (np.array([BLUE, RED, NIR]) * factor).reshape(3, 1, 1)


def _all(image, factor=1.0):
    return {
        "ndvi": ndvi(image, red=1, nir=2),
        "evi": evi(image, red=1, nir=2, blue=0, factor=factor),
        "evi2": evi2(image, red=1, nir=2, factor=factor),
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_hand_computed_on_reflectance(name):
    assert _all(_image())[name].item() == pytest.approx(EXPECTED[name], abs=1e-6)


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32"])
def test_scaled_integers_with_their_factor_give_the_same(name, dtype):
    image = np.round(_image(10_000)).astype(dtype)
    assert _all(image, factor=10_000)[name].item() == pytest.approx(EXPECTED[name], abs=1e-6)


def test_numpy_and_torch_agree_on_any_leading_shape():
    image = np.random.default_rng(0).random((2, 5, 3, 4, 6)).astype(np.float32)
    for name, values in _all(image).items():
        assert values.shape == (2, 5, 1, 4, 6)
        np.testing.assert_array_equal(_all(torch.from_numpy(image))[name].numpy(), values)


def test_unsigned_bands_do_not_wrap_around():
    image = np.array([200, 100], np.uint8).reshape(2, 1, 1)
    assert ndvi(image, red=0, nir=1).item() == pytest.approx(-1 / 3)


@pytest.mark.parametrize("to", [np.asarray, torch.from_numpy])
def test_no_value_where_the_denominator_is_zero(to):
    image = to(np.array([[[0.0, 1.0]], [[0.0, 3.0]]]))
    values = ndvi(image, red=0, nir=1)
    assert np.isnan(float(values[0, 0, 0]))
    assert float(values[0, 0, 1]) == 0.5


@pytest.mark.parametrize("to", [np.asarray, torch.from_numpy])
def test_appending_marks_valueless_pixels_not_valid(to):
    sample = {
        "image": to(np.array([[[0, 1]], [[0, 3]]], np.int16)),
        "valid": to(np.ones((1, 2), bool)),
    }
    out = AppendIndex("ndvi", {"red": 0, "nir": 1})(sample)
    assert out["image"][2].tolist() == [[0.0, 0.5]]
    assert out["valid"].tolist() == [[False, True]]
    assert sample["valid"].tolist() == [[True, True]]


def test_missing_and_outside_bands_are_named():
    with pytest.raises(BandError, match="no position is given for 'nir'"):
        compute_index("ndvi", _image(), {"red": 1})
    with pytest.raises(BandError, match="nir is at position 3, but the image has 3"):
        ndvi(_image(), red=1, nir=3)
    with pytest.raises(ConfigError, match="did you mean 'ndvi'"):
        compute_index("ndvii", _image(), {})


def test_registered_index_is_used_like_the_others():
    register_index("ratio", lambda nir, red: nir / red, ("nir", "red"))
    assert "ratio" in list_indices()
    assert compute_index("ratio", _image(), {"red": 1, "nir": 2}).item() == pytest.approx(5.0)
