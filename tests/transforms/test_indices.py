"""Spectral indices against values worked out by hand from the published formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import BandError, ConfigError
from geoloom.datasets import RasterDataset
from geoloom.testing.ramps import write_raster
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


class TestSeries:
    """Three pixels at three dates; the first has no index at the second date."""

    def sample(self, valid_series, valid, lead=()):
        image = np.zeros((*lead, 3, 2, 1, 3), "float32")
        image[..., 0, :, :], image[..., 1, :, :] = 1, 3
        image[..., 1, :, 0, 0] = 0  # 0 / 0 there at the second date
        series = np.broadcast_to(np.array(valid_series)[:, None, :], (*lead, 3, 1, 3))
        return {
            "image": torch.from_numpy(image),
            "valid": torch.from_numpy(np.broadcast_to(valid, (*lead, 1, 3)).copy()),
            "valid_series": torch.from_numpy(series.copy()),
            "times": torch.zeros((*lead, 3)),
        }

    @pytest.mark.parametrize("lead", [(), (4,)])
    def test_validity_stays_of_pixels_and_of_dates(self, lead):
        everywhere = np.ones((3, 3), bool)
        everywhere[1, 2] = False
        sample = self.sample(everywhere, [True, True, True], lead)
        out = AppendIndex("ndvi", {"red": 0, "nir": 1})(sample)
        assert out["image"].shape == (*lead, 3, 3, 1, 3)
        assert out["valid"].shape == (*lead, 1, 3)
        first = out["valid"].reshape(-1, 3)[0]
        assert first.tolist() == [False, True, True]
        dates = out["valid_series"].reshape(-1, 3, 1, 3)[0]
        assert dates[:, 0].tolist() == [[True] * 3, [False, True, False], [True] * 3]

    def test_a_date_that_did_not_observe_a_pixel_does_not_count(self):
        seen = np.ones((3, 3), bool)
        seen[1, 0] = False
        out = AppendIndex("ndvi", {"red": 0, "nir": 1})(self.sample(seen, [True] * 3))
        assert out["valid"].tolist() == [[True, True, True]]

    def test_of_a_dataset(self, tmp_path):
        grid = GeoBox((2, 3), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
        for day in (1, 2):
            values = np.full((2, 2, 3), day, "int16")
            values[:, 0, 0] = (day - 1) * 5
            write_raster(tmp_path / f"x_2019010{day}.tif", values, grid)
        dataset = RasterDataset(tmp_path, filename_regex=r"x_(?P<date>\d{8})").series()
        out = dataset.with_transforms(AppendIndex("ndvi", {"red": 0, "nir": 1}))[grid]
        assert out["valid"].shape == (2, 3)
        assert out["valid"].sum() == 5
        assert out["valid_series"].sum(dim=(1, 2)).tolist() == [5, 6]


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
