"""Scenes on other pixels, with names and units of their own, and masks of any values."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

import geoloom as gl
from geoloom.core.errors import BandError, ConfigError
from geoloom.io.headers.header import read_header
from small_files import load, save


def test_coarser_pixels_follow_a_ramp_and_average_what_alternates(tmp_path):
    rows, cols = np.mgrid[0:64, 0:80]
    plane = (7 * rows + 3 * cols).astype(np.float32)
    board = (1000 * ((rows + cols) % 2)).astype(np.float32)
    save(tmp_path / "scene.tif", np.stack([plane, board]), nodata=-1)
    gl.prepare(tmp_path / "scene.tif", tmp_path / "out.tif", resolution=120)
    values, profile = load(tmp_path / "out.tif")
    assert (profile["height"], profile["width"]) == (16, 20)
    assert profile["transform"] == Affine(120, 0, 500_000, 0, -120, 9_000_000)
    r, c = np.mgrid[0:16, 0:20] * 4 + 1.5  # the centre of a new pixel, in old ones
    inner = (slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(values[0][inner], (7 * r + 3 * c)[inner], atol=1e-3)
    np.testing.assert_allclose(values[1][inner], 500, atol=1)


def test_unobserved_pixels_take_no_part_and_codes_stay_codes(tmp_path):
    image = np.full((1, 40, 40), 200, np.int16)
    image[:, ::2] = -5
    save(tmp_path / "scene.tif", image, nodata=-5)
    made = gl.prepare(tmp_path / "scene.tif", tmp_path / "out.tif", resolution=60)
    assert set(np.unique(load(made.path)[0])) <= {200, -5}
    codes = np.where(image == 200, 1, 9).astype(np.uint8)
    save(tmp_path / "labels.tif", codes)
    with rasterio.open(tmp_path / "labels.tif", "r+") as file:
        file.write_colormap(1, {1: (255, 0, 0), 9: (0, 255, 0)})
    gl.prepare(tmp_path / "labels.tif", tmp_path / "codes.tif", resolution=75)
    assert set(np.unique(load(tmp_path / "codes.tif")[0])) <= {1, 9}


@pytest.mark.parametrize(
    ("crs", "resolution", "message"),
    [
        ("EPSG:4326", 30, "give degrees"),
        ("EPSG:32722", 1e6, "larger than the scene"),
        ("EPSG:32722", 0.0003, "nothing new"),
        ("EPSG:32722", -1, "above 0"),
    ],
)
def test_a_resolution_of_another_unit_is_refused(tmp_path, crs, resolution, message):
    degrees = Affine(0.0003, 0, -60, 0, -0.0003, -3)
    placed = {"transform": degrees} if crs == "EPSG:4326" else {}
    save(tmp_path / "scene.tif", np.ones((1, 20, 20), np.uint8), crs=crs, **placed)
    with pytest.raises(ConfigError, match=message):
        gl.prepare(tmp_path / "scene.tif", tmp_path / "out.tif", resolution=resolution)


def test_bands_get_names_and_units_by_which_all_else_goes(tmp_path):
    rng = np.random.default_rng(1)
    image = rng.uniform(0.1, 0.9, (3, 20, 20)).astype(np.float32)
    save(tmp_path / "scene.tif", image, names=("B1", "B2", "B2"))
    made = gl.prepare(
        tmp_path / "scene.tif",
        tmp_path / "out.tif",
        name={"B1": "blue", 2: "red", 3: "nir"},
        unit="surface_reflectance",
        index="ndvi",
        drop="blue",
    )
    assert made.bands == ("red", "nir", "ndvi")
    header = read_header(made.path)
    assert header.units == ("surface_reflectance", "surface_reflectance", "index")
    values, _ = load(made.path)
    np.testing.assert_allclose(values[2], (image[2] - image[1]) / (image[2] + image[1]), rtol=1e-5)
    for options, message in (
        ({"name": {1: "B2"}}, "two bands would be called B2"),
        ({"name": {"B7": "swir"}}, "B7"),
        ({"unit": "reflectence"}, "no unit is called"),
        ({"unit": ["DN", "DN"]}, "2 units for 3 bands"),
    ):
        with pytest.raises(BandError, match=message):
            gl.prepare(tmp_path / "scene.tif", tmp_path / "other.tif", **options)


def test_any_values_of_a_mask_can_mean_hidden(tmp_path, caplog):
    image = np.full((1, 20, 20), 100, np.int16)
    fmask = np.repeat(np.arange(5), 4).astype(np.uint8)[None].repeat(20, axis=0)
    save(tmp_path / "scene.tif", image, nodata=-1)
    save(tmp_path / "fmask.tif", fmask)
    made = gl.prepare(
        tmp_path / "scene.tif",
        tmp_path / "out.tif",
        cloud_mask=tmp_path / "fmask.tif",
        cloud_values=(2, 4),
    )
    np.testing.assert_array_equal(load(made.path)[0][0] == -1, np.isin(fmask, (2, 4)))
    gl.prepare(
        tmp_path / "scene.tif",
        tmp_path / "same.tif",
        cloud_mask=tmp_path / "fmask.tif",
        cloud_values=99,
    )
    assert "holds none of the cloud values 99" in caplog.text
    with pytest.raises(ConfigError, match="cloud_values are values of cloud_mask"):
        gl.prepare(tmp_path / "scene.tif", tmp_path / "none.tif", cloud_values=2)
