"""Figures of a raster against numpy, areas against the ellipsoid, and each suspicion in a file with it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from odc.geo.geobox import GeoBox

from geoloom.cli.app import app
from geoloom.core.area import pixel_areas_m2
from geoloom.io.write.cog import write_raster
from geoloom.preparation import inspect_raster, inspection
from small_files import save

DEGREES = Affine(0.01, 0, -60, 0, -0.05, 60)


def _noise(bands=2, shape=(60, 70), kind=np.int16):
    return np.random.default_rng(3).integers(1, 250, (bands, *shape)).astype(kind)


def test_figures_of_each_band(tmp_path):
    image = _noise().astype(np.float32) / 7
    image[0, :20, :30] = -1
    image[1, 5, 5] = np.nan
    made = inspect_raster(save(tmp_path / "a.tif", image, nodata=-1, names=("red", "nir")))
    for values, hidden, band in zip(image, (600, 1), made.to_dict()["statistics"], strict=True):
        seen = values[(values != -1) & np.isfinite(values)].astype(np.float64)
        assert (band["min"], band["max"]) == (seen.min(), seen.max())
        assert band["mean"] == pytest.approx(seen.mean())
        assert band["valid"] == pytest.approx(1 - hidden / values.size)
    assert made.share == 1
    assert made.codes == ()


def test_codes_have_pixels_and_areas_on_the_ellipsoid(tmp_path):
    grid = GeoBox((600, 40), DEGREES, "EPSG:4326")
    codes = np.random.default_rng(1).choice([0, 1, 7], (600, 40)).astype(np.uint8)
    write_raster(tmp_path / "a.tif", codes, grid, nodata=0, class_names={1: "água"})
    made = inspect_raster(tmp_path / "a.tif")
    areas = np.broadcast_to(pixel_areas_m2(grid), codes.shape)
    assert [row[:3] for row in made.codes] == [
        (1, "água", (codes == 1).sum()),
        (7, "", (codes == 7).sum()),
    ]
    assert made.codes[1][3] == pytest.approx(areas[codes == 7].sum() / 1e4)
    assert made.suspicious[1:] == ("codes 7 occur and have no name",)
    assert "0.01 x 0.05 degrees are not square" in made.suspicious[0]


def test_large_rasters_are_sampled_and_say_so(tmp_path, monkeypatch):
    image = _noise(1, (64, 128))
    save(tmp_path / "a.tif", image)
    monkeypatch.setattr(inspection, "MOST_VALUES", 64 * 32)
    monkeypatch.setattr(inspection, "_BLOCK_PX", 16)
    assert inspect_raster(tmp_path / "a.tif").share == pytest.approx(0.25)
    whole = inspect_raster(tmp_path / "a.tif", exact=True)
    assert (whole.share, whole.bands[0].total) == (1, image.sum())


def _saturated():
    image = _noise(3, kind=np.uint8)
    image[:, :, :20] = 255
    return image


def _bordered():
    image = _noise(2)
    image[:, :3] = image[:, -3:] = -7
    return image


SUSPICIOUS = {
    "29 % of the observed pixels are 255 in all bands": (_saturated(), {}),
    "border is -7 in all bands, while the declared nodata 0 never occurs": (_bordered(), {"nodata": 0}),
    "several bands are called x": (_noise(), {"names": ("x", "x")}),
    "band 2 is 4 wherever it is observed": (np.stack([_noise(1)[0], np.full((60, 70), 4, np.int16)]), {}),
    "it looks like class codes (1, 2, 3) without names": (_noise(1) % 3 + 1, {}),
    "has no observed pixel": (np.full((1, 9, 9), 5, np.uint8), {"nodata": 5}),
    "pixels of 30 degrees": (
        _noise(1, (2, 5)) * 9,
        {"crs": "EPSG:4326", "transform": Affine(30, 0, -90, 0, -30, 30)},
    ),
    "pixels of 0.0003 x 0.0004 degrees are not square": (
        _noise(),
        {"crs": "EPSG:4326", "transform": Affine(0.0003, 0, -60, 0, -0.0004, -3)},
    ),
    "are these degrees": (_noise(), {"transform": Affine(0.0003, 0, -60, 0, -0.0003, -3)}),
}  # fmt: skip


@pytest.mark.parametrize("sentence", SUSPICIOUS)
def test_what_looks_suspicious_is_said(tmp_path, sentence):
    image, options = SUSPICIOUS[sentence]
    said = inspect_raster(save(tmp_path / "a.tif", image, **options)).suspicious
    assert any(sentence in text for text in said), said


def test_labels_that_look_like_measurements(tmp_path):
    values = np.random.default_rng(2).random((1, 30, 30)).astype(np.float32)
    save(tmp_path / "a.tif", values)
    with rasterio.open(tmp_path / "a.tif", "r+") as file:
        file.update_tags(1, class_names=json.dumps({1: "forest"}))
    assert "look like measurements" in inspect_raster(tmp_path / "a.tif").suspicious[0]


def test_an_honest_scene_is_not_suspected_and_the_command_line_says_the_same(tmp_path):
    image = _noise(3)
    image[:, :6, :9] = -1
    path = save(tmp_path / "a.tif", image, nodata=-1, names=("blue", "red", "nir"))
    made = inspect_raster(path)
    assert made.suspicious == ()
    done = CliRunner().invoke(app, ["info", str(path), "--json"])
    answer = json.loads(done.stdout)
    assert answer["statistics"] == made.to_dict()["statistics"]
    assert "looks suspicious" in CliRunner().invoke(app, ["info", str(path)]).stdout
