"""`Preprocessor`: from file to file in blocks, with right indices, statistics and nodata."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloom.core import grid
from geoloom.core.errors import BandError, ConfigError, WriteError
from geoloom.toolbox import Preprocessor
from geoloom.transforms.normalize import Normalization

PROFILE = {"driver": "GTiff", "crs": "EPSG:32722", "transform": Affine(30, 0, 5e5, 0, -30, 9e6)}


def _save(path, image, **options):
    with rasterio.open(
        path, "w", count=image.shape[0], height=image.shape[1], width=image.shape[2],
        dtype=image.dtype, **PROFILE, **options,
    ) as file:  # fmt: skip
        file.write(image)
    return path


@pytest.fixture
def image():
    """Scaled reflectance [blue, red, nir] with a corner of zeros and one pixel whose NDVI has no value."""
    rng = np.random.default_rng(1)
    low, high = np.reshape([[300, 300, 1500], [1500, 2000, 6000]], (2, 3, 1, 1))
    values = rng.integers(low, high, size=(3, 40, 50)).astype(np.int16)
    values[:, :10, :10] = 0
    values[1:, 20, 20] = (500, -500)
    return values


@pytest.fixture
def raster(tmp_path, image):
    return _save(tmp_path / "in.tif", image)


@pytest.fixture(params=[1024, 16], ids=["one block", "many blocks"], autouse=True)
def block_px(request, monkeypatch):

    def blocks(shape, size=request.param):
        return grid.block_windows(shape, size)

    monkeypatch.setattr("geoloom.preparation.band_stack.block_windows", blocks)


def _indices(image):
    blue, red, nir = image.astype(float) / 10_000
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "ndvi": (nir - red) / (nir + red),
            "evi": 2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1),
            "evi2": 2.5 * (nir - red) / (nir + 2.4 * red + 1),
        }


PARAMS = {
    "ndvi": {"idx_b_red": 1, "idx_b_nir": 2},
    "evi": {"idx_b_red": 1, "idx_b_nir": 2, "idx_b_blue": 0, "factor": 10_000},
    "evi2": {"idx_b_red": 1, "idx_b_nir": 2, "factor": 10_000},
}


def test_indices_of_scaled_integers_are_saved_as_floats(tmp_path, raster, image):
    preproc = Preprocessor(raster, no_data=0)
    preproc.compute_indices(PARAMS)
    assert preproc.bands == ("1", "2", "3", "ndvi", "evi", "evi2")
    out = preproc.save_stacked_raster(tmp_path / "out.tif")
    with rasterio.open(out) as file:
        found = file.read()
        assert set(file.dtypes) == {"float32"}
        assert file.descriptions[3:] == ("ndvi", "evi", "evi2")
        assert (file.crs.to_epsg(), file.transform) == (32722, PROFILE["transform"])
    seen = (image != 0).all(axis=0)
    seen[20, 20] = False  # NDVI divides by 0 there
    assert np.isnan(found[:, ~seen]).all()
    np.testing.assert_array_equal(found[:3, seen], image[:, seen])
    for band, values in zip(found[3:], _indices(image).values(), strict=True):
        np.testing.assert_allclose(band[seen], values[seen], rtol=1e-4, atol=1e-6)


def test_indices_come_from_the_stored_bands_whatever_was_planned_before(tmp_path, raster, image):
    preproc = Preprocessor(raster, no_data=0)
    preproc.standardize_image("mean_std")
    preproc.compute_indices({"ndvi": PARAMS["ndvi"]})
    preproc.remove_bands([0, 1, 2])
    found = preproc.get_array_stacked_raster()
    assert found.shape == (40, 50, 1)
    expected = _indices(image)["ndvi"]
    np.testing.assert_allclose(found[5:8, 20:30, 0], expected[5:8, 20:30], rtol=1e-4)


@pytest.mark.parametrize(
    ("strategy", "params", "expected"),
    [
        ("mean_std", None, lambda v: (v - v.mean(1, keepdims=True)) / v.std(1, keepdims=True)),
        ("median_std", None,
         lambda v: (v - np.median(v, 1, keepdims=True)) / v.std(1, keepdims=True)),
        ("norm_range", {"min": 0, "max": 1},
         lambda v: (v - v.min(1, keepdims=True)) / np.ptp(v, 1, keepdims=True)),
        ("norm_range", None,
         lambda v: 2 * (v - v.min(1, keepdims=True)) / np.ptp(v, 1, keepdims=True) - 1),
        ("reduce_sr", {"factor": 5000}, lambda v: v / 5000),
        ("tensorflow", None, lambda v: (v - v.mean()) / v.std()),
    ],
)  # fmt: skip
def test_strategies_use_valid_pixels_only(raster, image, strategy, params, expected):
    preproc = Preprocessor(raster, no_data=0)
    preproc.standardize_image(strategy, params)
    found = preproc.get_array_stacked_raster()
    seen = (image != 0).all(axis=0)
    np.testing.assert_array_equal(found.mask[..., 0], ~seen)
    np.testing.assert_allclose(
        found.data[seen].T, expected(image[:, seen].astype(float)), rtol=1e-4, atol=1e-5
    )


def test_reduce_sr_leaves_indices_alone(raster):
    preproc = Preprocessor(raster, no_data=0)
    preproc.compute_indices({"ndvi": PARAMS["ndvi"]})
    before = preproc.get_index_band("ndvi")
    preproc.standardize_image()
    np.testing.assert_array_equal(preproc.get_index_band("ndvi").data, before.data)
    assert preproc.get_array_stacked_raster()[..., 0].max() < 1


def test_another_image_is_standardised_as_the_training_one(tmp_path, raster, image):
    training = Preprocessor(raster, no_data=0)
    training.standardize_image("mean_std")
    out = training.save_stacked_raster(tmp_path / "train.tif")
    rule = tmp_path / "train.normalization.json"
    with rasterio.open(out) as file:
        assert json.loads(file.tags()["GEOLOOM_NORMALIZATION"]) == json.loads(rule.read_text())
    other_image = (image[:, ::-1] * 2).astype(np.int16)
    other = _save(tmp_path / "other.tif", other_image)
    for given in (training.normalization, rule, str(rule)):
        preproc = Preprocessor(other, no_data=0)
        preproc.standardize_image(normalization=given)
        found = preproc.get_array_stacked_raster()
        seen = (image != 0).all(axis=0)
        values = image[:, seen].astype(float)
        mean, std = values.mean(axis=1), values.std(axis=1)
        np.testing.assert_allclose(
            found.data[5, 30], (other_image[:, 5, 30] - mean) / std, rtol=1e-4
        )
    wrong = Preprocessor(other)
    wrong.compute_indices({"ndvi": PARAMS["ndvi"]})
    with pytest.raises(BandError, match="plan the same"):
        wrong.standardize_image(normalization=training.normalization)


def test_plain_bands_keep_type_and_nodata(tmp_path, image):
    raster = _save(tmp_path / "in.tif", image, nodata=0)
    preproc = Preprocessor(raster)
    preproc.remove_bands([0])
    with rasterio.open(preproc.save_stacked_raster(tmp_path / "a.tif")) as file:
        assert file.dtypes == ("int16", "int16")
        assert file.nodata == 0
        np.testing.assert_array_equal(file.read(), image[1:])
    preproc.set_nodata_value(-9999)
    with rasterio.open(preproc.save_stacked_raster(tmp_path / "b.tif")) as file:
        assert (file.read()[:, :10, :10] == -9999).all()
        np.testing.assert_array_equal(file.read()[:, 12:], image[1:, 12:])


def test_a_value_is_never_mistaken_for_nodata(tmp_path):
    # Standardised, the middle value is exactly 0, which is asked for as nodata.
    image = np.array([[[1, 2, 3, 9]]], np.float32)
    raster = _save(tmp_path / "in.tif", image, nodata=9)
    preproc = Preprocessor(raster)
    preproc.standardize_image("mean_std")
    preproc.set_nodata_value(0)
    with rasterio.open(preproc.save_stacked_raster(tmp_path / "out.tif")) as file:
        assert (file.read_masks(1) > 0).tolist() == [[True, True, True, False]]
        assert abs(file.read(1)[0, 1]) < 1e-30


def test_an_index_of_ones_own(tmp_path, raster, image):
    def simple(np_raster, params):
        return np_raster[..., params["band"]] - np_raster[..., 0]

    preproc = Preprocessor(raster, no_data=0)
    preproc.register_new_idx_func("simple", simple)
    preproc.compute_indexes({"simple": {"band": 2}})
    assert preproc.get_position_index_band("simple") == 3
    out = preproc.save_index_raster("simple", tmp_path / "simple.tif")
    with rasterio.open(out) as file:
        assert (file.count, file.descriptions) == (1, ("simple",))
        np.testing.assert_array_equal(
            file.read(1)[12:], image[2, 12:].astype(float) - image[0, 12:]
        )


def test_a_standardisation_of_ones_own(raster):
    preproc = Preprocessor(raster, no_data=0)
    preproc.register_standardization("halves", lambda s: ([0.0] * 3, [2.0] * 3))
    preproc.standardize_image("halves")
    assert isinstance(preproc.normalization, Normalization)
    assert preproc.normalization.scale == (2.0, 2.0, 2.0)


def test_a_raster_that_declares_its_scale_is_reflectance(tmp_path, image):
    """As Landsat Collection 2 stores it: NDVI of the stored numbers would lack the offset."""
    path = _save(tmp_path / "scaled.tif", image)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (2.75e-5, 2.75e-5, 3e-5), (-0.2, -0.2, -0.1)
    preproc = Preprocessor(path, no_data=0)
    preproc.compute_indices(
        {"ndvi": {"idx_b_red": 1, "idx_b_nir": 2}, "evi2": {"idx_b_red": 1, "idx_b_nir": 2}}
    )
    preproc.remove_bands([0])
    out = preproc.save_stacked_raster(tmp_path / "out.tif")
    red, nir = image[1] * 2.75e-5 - 0.2, image[2] * 3e-5 - 0.1
    expected = (nir - red) / (nir + red), 2.5 * (nir - red) / (nir + 2.4 * red + 1)
    with rasterio.open(out) as file:
        valid = file.read_masks(1) > 0
        assert file.scales == (2.75e-5, 3e-5, 1.0, 1.0)
        assert file.offsets == (-0.2, -0.1, 0.0, 0.0)
        np.testing.assert_array_equal(file.read(1)[valid], image[1][valid])
        for band, by_hand in zip((3, 4), expected, strict=True):
            np.testing.assert_allclose(file.read(band)[valid], by_hand[valid], rtol=1e-4)
    with pytest.raises(ConfigError, match="leave factor out"):
        preproc.compute_indices(
            {"evi": {"idx_b_red": 1, "idx_b_nir": 2, "idx_b_blue": 0, "factor": 10_000}}
        )
    preproc.standardize_image("mean_std")
    with rasterio.open(preproc.save_stacked_raster(out, overwrite=True)) as file:
        assert file.scales == (1.0,) * 4


def test_refusals(tmp_path, raster):
    preproc = Preprocessor(raster)
    with pytest.raises(ConfigError, match="did you mean 'ndvi'"):
        preproc.compute_indices({"nddvi": {}})
    with pytest.raises(ConfigError, match="did you mean 'idx_b_red'"):
        preproc.compute_indices({"ndvi": {"idx_b_rad": 1, "idx_b_nir": 2}})
    with pytest.raises(ConfigError, match="needs idx_b_nir"):
        preproc.compute_indices({"ndvi": {"idx_b_red": 1}})
    with pytest.raises(BandError, match="bands 0 to 2"):
        preproc.compute_indices({"ndvi": {"idx_b_red": 1, "idx_b_nir": 3}})
    with pytest.raises(ConfigError, match="did you mean 'mean_std'"):
        preproc.standardize_image("mean_sd")
    with pytest.raises(ConfigError, match="takes no parameters"):
        preproc.standardize_image("mean_std", {"min": 0})
    with pytest.raises(BandError, match="at least one must stay"):
        preproc.remove_bands([0, 1, 2])
    with pytest.raises(BandError, match="no band 'ndvi'"):
        preproc.get_index_band("ndvi")
    preproc.save_stacked_raster(tmp_path / "out.tif")
    with pytest.raises(WriteError, match="overwrite"):
        preproc.save_stacked_raster(tmp_path / "out.tif")
    preproc.set_nodata_value(70_000)
    with pytest.raises(BandError, match="does not fit int16"):
        preproc.save_stacked_raster(tmp_path / "out2.tif")


def test_a_stack_never_replaces_its_own_raster(image, tmp_path):
    path = _save(tmp_path / "image.tif", image)
    before = path.read_bytes()
    preproc = Preprocessor(path)
    preproc.compute_indices({"ndvi": {"idx_b_red": 1, "idx_b_nir": 2}})
    with pytest.raises(WriteError, match="is an input"):
        preproc.save_stacked_raster(path, overwrite=True)
    assert path.read_bytes() == before
