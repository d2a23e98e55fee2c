"""`gl.rasterize` writes the bytes of the command line, with every option; GDAL's own burning is the judge."""

from __future__ import annotations

import inspect
import os

import geopandas
import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from click.testing import CliRunner

import geoloom as gl
from geoloom.cli.app import app
from geoloom.core.errors import ConfigError, GeoloomError, VectorError, WriteError
from geoloom.project.steps.rasterize import Rasterize
from small_files import TRANSFORM, ramp, save

SHAPE = (50, 60)
KINDS = ["forest", "water", "cleared", "forest", "urban"]


def _shapes():
    rng = np.random.default_rng(8)
    low, high = (500_000, 8_998_500), (501_800, 9_000_000)
    return [shapely.Polygon(corners) for corners in rng.uniform(low, high, (5, 3, 2))]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A scene, and truth: a GeoPackage with a second layer, and a layer without a CRS."""
    save(tmp_path / "scene.tif", ramp((2, *SHAPE)))
    fields = {
        "class": KINDS,
        "kind": [k.upper() for k in KINDS],
        "year": [2015, 2016, 2016, 2017, 2018],
    }
    frame = geopandas.GeoDataFrame(fields, geometry=_shapes(), crs="EPSG:32722")
    frame.to_file(tmp_path / "truth.gpkg", layer="truth")
    frame.to_file(tmp_path / "two.gpkg", layer="all")
    frame[:3].to_file(tmp_path / "two.gpkg", layer="some")
    frame.set_geometry(frame.centroid).to_file(tmp_path / "points.gpkg")
    inner = geopandas.GeoSeries([shapely.box(500_300, 8_998_800, 501_500, 8_999_700)], crs=32722)
    inner.to_crs("EPSG:4326").to_file(tmp_path / "area.gpkg")
    frame.to_file(tmp_path / "bare.shp")
    (tmp_path / "bare.prj").unlink()
    monkeypatch.chdir(tmp_path)
    return tmp_path


CASES = {
    "every value": ("truth.gpkg", [], {}),
    "another field": ("truth.gpkg", ["-f", "kind"], {"class_field": "kind"}),
    "classes and the rest": (
        "truth.gpkg",
        ["-c", "water", "-c", "green=forest,cleared", "--other", "rest", "--color", "rest=#010203"],
        {
            "classes": {"water": ["water"], "green": ["forest", "cleared"]},
            "other": "rest",
            "colors": {"rest": "#010203"},
        },
    ),
    "all touched": ("truth.gpkg", ["--all-touched"], {"all_touched": True}),
    "some features": ("truth.gpkg", ["--where", "year > 2015"], {"where": "year > 2015"}),
    "a layer of two": ("two.gpkg", ["--layer", "some"], {"layer": "some"}),
    "footprints": (
        "truth.gpkg",
        ["--burn", "field", "--background", "rest", "--background-within", "area.gpkg"],
        {"burn": "field", "background": "rest", "background_within": "area.gpkg"},
    ),
    "points": ("points.gpkg", ["--radius", "95"], {"radius": 95.0}),
    "without a CRS": ("bare.shp", ["--assume-crs", "EPSG:32722"], {"assume_crs": "EPSG:32722"}),
}


@pytest.mark.parametrize(("layer", "words", "options"), CASES.values(), ids=CASES)
def test_equals_the_command_line(folder, layer, words, options):
    done = CliRunner().invoke(app, ["rasterize", layer, "scene.tif", "shell.tif", *words])
    assert done.exit_code == 0, done.stderr
    made = gl.rasterize(layer, "scene.tif", "python.tif", **options)
    for end in ("tif", "tif.aux.xml", "qml"):
        ours, theirs = (folder / f"{name}.{end}" for name in ("python", "shell"))
        assert ours.read_bytes() == theirs.read_bytes()
    with rasterio.open("python.tif") as file:
        counts = np.bincount(file.read(1).ravel(), minlength=9)
    assert dict(made.pixels) == {name: counts[code] for name, code, _ in made.classes}
    assert made.unlabelled == counts[0]


@pytest.mark.parametrize(("layer", "words", "options"), CASES.values(), ids=CASES)
def test_every_option_of_a_case_matters(folder, layer, words, options):
    """Without it, the bytes are others, or nothing can be made."""
    made = gl.rasterize(layer, "scene.tif", "all.tif", **options).path.read_bytes()
    for left_out in options:
        others = {name: value for name, value in options.items() if name != left_out}
        try:
            other = gl.rasterize(layer, "scene.tif", "other.tif", **others, overwrite=True)
        except GeoloomError:
            continue
        assert other.path.read_bytes() != made, left_out


def test_the_options_are_those_of_the_command_line_and_each_is_tried():
    names = set(inspect.signature(gl.rasterize).parameters)
    options = names - {"labels", "like", "out", "overwrite", "progress"}
    assert options == set(Rasterize.model_fields) - {"labels", "scene", "out"}
    assert options == {name for _, _, options in CASES.values() for name in options}


def test_equals_gdal_with_groups_in_a_list(folder):
    calls = []
    made = gl.rasterize(
        folder / "truth.gpkg",
        folder / "scene.tif",
        folder / "out.tif",
        classes=["water", ["forest", "cleared"]],
        progress=lambda *counts: calls.append(counts),
    )
    codes = {"water": 1, "forest": 2, "cleared": 2}
    pairs = [(s, codes[k]) for s, k in zip(_shapes(), KINDS, strict=True) if k in codes]
    expected = rasterio.features.rasterize(pairs, out_shape=SHAPE, transform=TRANSFORM)
    with rasterio.open(made.path) as file:
        np.testing.assert_array_equal(file.read(1), expected)
        assert (file.nodata, file.descriptions) == (0, ("class",))
    assert made.classes.names == ("water", "forest + cleared")
    assert made.features == 5
    assert calls == [(1, 1)]


def test_refusals_leave_nothing(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    files = ("truth.gpkg", "scene.tif", "out.tif")
    with pytest.raises(VectorError, match=r"no field 'clas'.*did you mean 'class'"):
        gl.rasterize(*files, class_field="clas")
    with pytest.raises(VectorError, match="did you mean 'forest'"):
        gl.rasterize(*files, classes=["forests"])
    with pytest.raises(ConfigError, match="no class is named 'lava'"):
        gl.rasterize(*files, colors={"lava": "#000000"})
    with pytest.raises(VectorError, match=r"no feature of truth\.gpkg"):
        gl.rasterize(*files, assume_crs="EPSG:32719")
    with pytest.raises(WriteError, match="is an input"):
        gl.rasterize("truth.gpkg", "scene.tif", "scene.tif", overwrite=True)
    with pytest.raises(WriteError, match="is an input"):
        gl.rasterize("truth.gpkg", "scene.tif", "truth.gpkg", overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_raster_without_labels_is_not_written(folder):
    x, y = TRANSFORM @ (3.1, 3.1)
    speck = geopandas.GeoDataFrame(
        {"class": ["speck"]}, geometry=[shapely.box(x, y - 3, x + 3, y)], crs="EPSG:32722"
    )
    speck.to_file("speck.gpkg")
    with pytest.raises(VectorError, match=r"all_touched=True \(--all-touched\)"):
        gl.rasterize("speck.gpkg", "scene.tif", "out.tif")
    assert not os.path.exists("out.tif")
    made = gl.rasterize("speck.gpkg", "scene.tif", "out.tif", all_touched=True)
    assert dict(made.pixels) == {"speck": 1}
    with pytest.raises(WriteError, match="overwrite"):
        gl.rasterize("speck.gpkg", "scene.tif", "out.tif", all_touched=True)
    gl.rasterize("truth.gpkg", "scene.tif", "out.tif", overwrite=True)
