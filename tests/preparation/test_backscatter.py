"""Radar scenes prepared: filtered in blocks as in one piece, in decibels, with their units in the file."""

from __future__ import annotations

import numpy as np
import pytest

import geoloom as gl
from geoloom.core import grid
from geoloom.core.errors import BandError, ConfigError
from geoloom.io.headers.header import read_header
from geoloom.preparation import raster_like
from geoloom.transforms import lee
from small_files import load, save

H, W = 70, 90


@pytest.fixture
def scene(tmp_path):
    rng = np.random.default_rng(0)
    image = rng.gamma(4.4, 0.1 / 4.4, (2, H, W)).astype(np.float32)
    image[:, 10:20, 30:50] = -9999
    image[0, 40, 40], image[1, 41, 41] = 0.0, np.nan
    save(tmp_path / "scene.tif", image, nodata=-9999)
    return tmp_path / "scene.tif"


def seen(image):
    return ((image != -9999) & np.isfinite(image)).all(axis=0)


def test_blocks_are_filtered_as_the_whole(scene, tmp_path, monkeypatch):
    image = load(scene)[0]
    valid = seen(image)
    expected = np.where(valid, lee(image, valid, size=5, looks=4.4), np.nan)
    for side in (17, 64, 1024):
        monkeypatch.setattr(
            raster_like, "block_windows", lambda shape, side=side: grid.block_windows(shape, side)
        )
        made = gl.prepare(
            scene, tmp_path / f"{side}.tif", speckle="lee:size=5,looks=4.4", unit="linear"
        )
        values, profile = load(made.path)
        np.testing.assert_array_equal(values, expected)
        assert profile["dtype"] == "float32"
        assert np.isnan(profile["nodata"])
        assert read_header(made.path).data_units == ("linear", "linear")
        assert made.observed == pytest.approx(valid.mean())


def test_decibels_of_what_has_them(scene, tmp_path):
    image = load(scene)[0]
    made = gl.prepare(scene, tmp_path / "db.tif", to_unit="dB", unit="linear")
    values, _ = load(made.path)
    known = seen(image) & (image > 0).all(0)
    np.testing.assert_allclose(
        values[:, known], 10 * np.log10(image[:, known]), rtol=1e-5, atol=1e-5
    )
    assert np.isnan(values[:, ~known]).all()
    assert not known[40, 40]
    assert read_header(made.path).data_units == ("dB", "dB")
    back = gl.prepare(made.path, tmp_path / "back.tif", to_unit="linear")  # the file says its unit
    np.testing.assert_allclose(load(back.path)[0][:, known], image[:, known], rtol=1e-5)
    assert read_header(back.path).data_units == ("linear", "linear")


def test_decibels_are_filtered_as_powers_and_all_goes_in_order(scene, tmp_path):
    db = gl.prepare(scene, tmp_path / "db.tif", to_unit="dB", unit="linear").path
    gl.prepare(db, tmp_path / "filtered.tif", speckle="lee")
    both = gl.prepare(
        scene, tmp_path / "both.tif", speckle="lee", to_unit="dB", unit="linear", name={1: "VV", 2: "VH"},
        nodata=0, normalize="mean_std",
    )  # fmt: skip
    assert both.bands == ("VV", "VH")
    values = load(tmp_path / "filtered.tif")[0]
    known = np.isfinite(values).all(0)
    assert read_header(tmp_path / "filtered.tif").data_units == ("dB", "dB")
    image = load(scene)[0]
    image[:, ~known] = np.nan
    expected = 10 * np.log10(lee(image, known))
    np.testing.assert_allclose(values[:, known], expected[:, known], atol=1e-4)


def test_scales_are_applied_and_other_bands_stay(tmp_path):
    rng = np.random.default_rng(0)
    stored = rng.integers(1, 1000, (2, 30, 30)).astype(np.uint16)
    save(tmp_path / "scene.tif", stored)
    import rasterio

    with rasterio.open(tmp_path / "scene.tif", "r+") as file:
        file.scales, file.offsets = (0.001, 2.0), (0.0, 5.0)
        file.units = ("linear", "K")
    made = gl.prepare(tmp_path / "scene.tif", tmp_path / "out.tif", to_unit="dB")
    values, _ = load(made.path)
    np.testing.assert_allclose(values[0], 10 * np.log10(stored[0] * 0.001), atol=1e-4)
    np.testing.assert_array_equal(values[1], stored[1])
    header = read_header(made.path)
    assert header.scaling == ((1.0, 0.0), (2.0, 5.0))
    assert header.data_units == ("dB", "K")


def test_what_is_no_backscatter_is_refused(scene, tmp_path):
    out = tmp_path / "out.tif"
    for options in ({"speckle": "lee"}, {"to_unit": "dB"}):
        with pytest.raises(BandError, match=r"declares no band as backscatter.*--unit linear"):
            gl.prepare(scene, out, **options)
        with pytest.raises(BandError, match="declares no band as backscatter"):
            gl.prepare(scene, out, unit="surface_reflectance", **options)
        with pytest.raises(ConfigError, match="nodata_rule all is applied"):
            gl.prepare(scene, out, unit="linear", nodata_rule="all", **options)
    with pytest.raises(ConfigError, match="speckle the speckle filter 'lee': size is 4"):
        gl.prepare(scene, out, speckle="lee:size=4")
    with pytest.raises(ConfigError, match="to_unit backscatter has no unit 'db'"):
        gl.prepare(scene, out, to_unit="db")
    assert not out.exists()
