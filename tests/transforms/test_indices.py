"""Spectral indices against values worked out by hand from the published formulas."""

from __future__ import annotations

import pickle
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import BandError, ConfigError
from geoloom.datasets import RasterDataset
from geoloom.testing.ramps import write_raster
from geoloom.transforms import index_functions
from geoloom.transforms.index_functions import evi, evi2, ndvi, tasselled_cap
from geoloom.transforms.index_table import TABLE, TASSELLED_CAPS
from geoloom.transforms.indices import (
    AppendIndex,
    compute_index,
    get_index,
    list_indices,
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


GREEN, RE1, SWIR1, SWIR2 = 0.06, 0.20, 0.25, 0.15
SCENE = {
    "blue": BLUE, "green": GREEN, "red": RED, "rededge1": RE1, "nir": NIR, "swir1": SWIR1, "swir2": SWIR2,
}  # fmt: skip
# From the formulas of the sources that the table names.
BY_HAND = {
    **EXPECTED,
    "ndwi": -0.34 / 0.46,
    "mndwi": -0.19 / 0.31,
    "ndbi": -0.15 / 0.65,
    "ndsi": -0.19 / 0.31,
    "nbr": 0.25 / 0.55,
    "ndre": 0.2 / 0.6,
    "swi": 0.05 / 0.35,
    "gndvi": 0.34 / 0.46,
    "bndvi": 0.36 / 0.44,
    "gbndvi": 0.3 / 0.5,
    "grndvi": 0.26 / 0.54,
    "rbndvi": 0.28 / 0.52,
    "savi": 1.5 * 0.32 / 0.98,
    "msavi": (1.8 - 0.68**0.5) / 2,
    "tc_brightness_landsat8": 0.445736,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_every_index_by_hand(name):
    image = np.array(list(SCENE.values())).reshape(-1, 1, 1)
    positions = {band: i for i, band in enumerate(SCENE)}
    assert compute_index(name, image, positions).item() == pytest.approx(BY_HAND[name], abs=1e-6)
    counts = np.round(image * 10_000).astype("uint16")
    assert compute_index(name, counts, positions, factor=10_000).item() == pytest.approx(
        BY_HAND[name], abs=1e-4
    )
    if get_index(name).wants == "reflectance":
        with pytest.raises(
            ConfigError, match=r"is of reflectance 0\.\.1, .* whole numbers \(uint16\)"
        ):
            compute_index(name, counts, positions)
        with pytest.raises(ConfigError, match="give factor"):
            compute_index(name, torch.from_numpy(counts.astype("int16")), positions)
    else:
        assert compute_index(name, counts, positions).item() == pytest.approx(
            BY_HAND[name], abs=1e-4
        )
    simple = getattr(index_functions, name, None)
    layer = getattr(index_functions, f"Append{name.upper()}", None)
    if not name.startswith("tc_"):
        wanted = {band: positions[band] for band in get_index(name).bands}
        assert simple(image, **wanted).item() == pytest.approx(BY_HAND[name], abs=1e-6)
        named = layer(**{key: positions[band] for key, band in layer.arguments.items()})
        ordered = layer(*(positions[band] for band in layer.arguments.values()))
        assert named == ordered
        assert named({"image": image})["image"][-1].item() == pytest.approx(BY_HAND[name], abs=1e-6)


def test_every_index_of_the_table_is_tested_and_says_where_it_is_from():
    assert {i.name for i in TABLE} - set(BY_HAND) == {
        f"tc_{axis}_{sensor}"
        for axis in ("brightness", "greenness", "wetness")
        for sensor in TASSELLED_CAPS
    } - {"tc_brightness_landsat8"}
    assert all(index.source and index.formula and index.title for index in TABLE)


@pytest.mark.parametrize("sensor", TASSELLED_CAPS)
def test_a_tasselled_cap_is_a_rotation(sensor):
    """Three rows of an orthogonal matrix, to the published digits: a mistyped weight shows."""
    six = ("blue", "green", "red", "nir", "swir1", "swir2")
    bands = torch.eye(6).view(6, 6, 1)  # one pixel a band: the image is the identity
    rows = tasselled_cap(bands, sensor, {band: i for i, band in enumerate(six)})[..., 0]
    assert rows.shape == (3, 6)
    torch.testing.assert_close(rows @ rows.T, torch.eye(3), atol=0.02, rtol=0)
    with pytest.raises(ConfigError, match="landsat5, landsat7, landsat8, sentinel2"):
        tasselled_cap(bands, "modis", {})


@pytest.mark.parametrize(
    "wrong", [((3,), {}), ((1, 2, 3), {}), ((1,), {"index_nir": 2}), ((), {"nir": 1})]
)
def test_a_layer_wants_each_channel_once(wrong):
    with pytest.raises(ConfigError, match="takes index_nir, index_red"):
        index_functions.AppendNDVI(*wrong[0], **wrong[1])


def test_further_indices_come_with_an_extra_and_ours_win(monkeypatch):
    assert get_index("NDVI") is get_index("ndvi")
    if find_spec("spyndex") is None:
        with pytest.raises(ConfigError, match=r"no index is named 'NIRv'.*geoloom\[indices\]"):
            get_index("NIRv")
        pytest.skip("spyndex is not installed: its formulas are not compared")
    image = np.array(list(SCENE.values()), "float32").reshape(-1, 1, 1)
    positions = {band: i for i, band in enumerate(SCENE)}
    # NIRv = NDVI * NIR, Badgley et al. 2017; OSAVI with 0.16, Rondeaux et al. 1996.
    assert compute_index("NIRv", image, positions).item() == pytest.approx(
        0.32 / 0.48 * 0.4, rel=1e-5
    )
    osavi = compute_index("osavi", torch.from_numpy(image), positions)
    assert osavi.item() == pytest.approx(0.32 / 0.64, rel=1e-5)
    assert get_index("MNDWI").source.startswith("Xu 2006")
    assert get_index("RVI").wants == "reflectance"
    assert get_index("DpRVIVV").wants == "linear"
    pickle.loads(pickle.dumps(get_index("NIRv")))
    with pytest.raises(ConfigError, match="'kNDVI' of spyndex needs kNN, kNR besides bands"):
        get_index("kNDVI")
    with pytest.raises(ConfigError, match="did you mean 'NIRv'"):
        get_index("NIRvv")


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
