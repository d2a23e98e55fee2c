"""Two maps compared: counts against numpy, areas of the ellipsoid, grids that differ, bare codes."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from odc.geo.geobox import GeoBox

import geoloom as gl
from geoloom.analysis.change_matrix import change_classes
from geoloom.cli.app import app
from geoloom.core.area import pixel_areas_m2
from geoloom.core.classes import Classes
from geoloom.core.errors import ConfigError, GridError, ModelError
from geoloom.io.headers.header import read_header
from geoloom.io.write.cog import write_raster

GRID = GeoBox((1100, 30), Affine(0.01, 0, -60, 0, -0.05, 60), "EPSG:4326")
NAMES = {1: "forest", 3: "pasture", 4: "água, rio"}


def _map(path, codes, grid=GRID, names=NAMES):
    colors = None if names is None else Classes.of(list(names.values()), list(names)).colormap()
    return write_raster(path, codes, grid, nodata=0, class_names=names, colormap=colors)


@pytest.fixture
def maps(tmp_path):
    rng = np.random.default_rng(5)
    first, second = (rng.choice([0, 1, 3, 4], GRID.shape).astype(np.uint8) for _ in range(2))
    _map(tmp_path / "a.tif", first)
    _map(tmp_path / "b.tif", second)
    return tmp_path, first, second


def test_counts_areas_and_map(maps):
    folder, first, second = maps
    made = gl.change(folder / "a.tif", folder / "b.tif", folder / "c.tif")
    areas = np.broadcast_to(pixel_areas_m2(GRID), GRID.shape)
    with rasterio.open(made.path) as file:
        codes, nodata = file.read(1), file.nodata
    names = list(NAMES.values())
    for i, a in enumerate(NAMES):
        for j, b in enumerate(NAMES):
            there = (first == a) & (second == b)
            assert made.matrix.pixels[i, j] == there.sum()
            assert made.matrix.hectares[i, j] == pytest.approx(areas[there].sum() / 1e4, rel=1e-9)
            code = made.classes.codes[made.classes.names.index(f"{names[i]} -> {names[j]}")]
            np.testing.assert_array_equal(codes == code, there)
    hidden = (first == 0) | (second == 0)
    np.testing.assert_array_equal(codes == nodata, hidden)
    assert made.unmapped == hidden.sum()
    assert made.classes.before == tuple(n for n in names for _ in names)
    assert made.classes.after == tuple(names * 3)
    assert len(set(made.classes.colors)) == 9
    stayed = np.trace(made.matrix.hectares)
    assert made.matrix.changed_hectares == pytest.approx(made.matrix.hectares.sum() - stayed)


def test_matrix_files_say_the_same(maps):
    folder, _, _ = maps
    made = gl.change(folder / "a.tif", folder / "b.tif", folder / "c.tif")
    with (folder / "c.matrix.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0][1:] == [*NAMES.values(), "sum"]
    inner = np.array([[float(v) for v in row[1:-1]] for row in rows[1:-1]])
    np.testing.assert_array_equal(inner, made.matrix.hectares)
    facts = json.loads((folder / "c.matrix.json").read_text(encoding="utf-8"))
    assert facts["pixels"] == made.matrix.pixels.tolist()
    assert facts["classes"]["before"] == list(made.classes.before)


def test_equals_the_command_line(maps, monkeypatch):
    folder, _, _ = maps
    monkeypatch.chdir(folder)
    words = ["--color", "forest -> pasture=#010203", "-c", "1=forest", "-c", "3=pasture"]
    done = CliRunner().invoke(app, ["change", "a.tif", "b.tif", "shell.tif", *words])
    assert done.exit_code == 0, done.stderr
    made = gl.change(
        "a.tif",
        "b.tif",
        "python.tif",
        classes={1: "forest", 3: "pasture"},
        colors={"forest -> pasture": "#010203"},
    )
    for end in (".tif", ".qml", ".matrix.csv", ".matrix.json"):
        assert (folder / f"python{end}").read_bytes() == (folder / f"shell{end}").read_bytes()
    assert f"{made.matrix.changed_hectares:,.1f} ha have another class" in done.stdout
    assert read_header("shell.tif").colormap[2] == (1, 2, 3, 255)


def test_a_map_of_the_same_classes_has_the_same_codes(maps):
    folder, first, _ = maps
    whole = gl.change(folder / "a.tif", folder / "b.tif", folder / "c.tif").classes
    _map(folder / "some.tif", np.where(first == 1, 1, 0).astype(np.uint8))
    some = gl.change(folder / "some.tif", folder / "b.tif", folder / "d.tif").classes
    known = dict(zip(whole.names, whole.codes, strict=True))
    assert some.names == tuple(f"forest -> {name}" for name in NAMES.values())
    assert dict(zip(some.names, some.codes, strict=True)).items() <= known.items()


def test_many_classes_are_numbered_as_they_occur_or_refused():
    many = Classes.of([f"k{i}" for i in range(40)])
    few = np.zeros((40, 40), np.int64)
    few[39, 7] = 1
    assert change_classes(many, many, few).names == ("k39 -> k7",)
    with pytest.raises(ConfigError, match="1600 changes occur"):
        change_classes(many, many, few + 1)
    with pytest.raises(ConfigError, match="no pixel has a class in both"):
        change_classes(many, many, few * 0)


def test_grids_that_differ_are_refused_or_aligned(maps, caplog):
    folder, first, second = maps
    shifted = GeoBox(GRID.shape, GRID.affine * Affine.translation(5.3, 2), GRID.crs)
    _map(folder / "b2.tif", second, shifted)
    with pytest.raises(GridError, match=r"different pixels.*--align"):
        gl.change(folder / "a.tif", folder / "b2.tif", folder / "c.tif")
    made = gl.change(folder / "a.tif", folder / "b2.tif", folder / "c.tif", align=True)
    assert "the second is read on the first's" in caplog.text
    nearest = np.zeros_like(first)
    nearest[2:, 5:] = second[:-2, :-5]  # column c lies at c + 0.5 - 5.3 of the other's
    expected = np.bincount((first * 5 + nearest).ravel(), minlength=25).reshape(5, 5)
    np.testing.assert_array_equal(made.matrix.pixels, expected[np.ix_([1, 3, 4], [1, 3, 4])])
    far = GeoBox(GRID.shape, GRID.affine * Affine.translation(500, 0), GRID.crs)
    _map(folder / "far.tif", second, far)
    with pytest.raises(GridError, match="does not overlap"):
        gl.change(folder / "a.tif", folder / "far.tif", folder / "d.tif", align=True)


def test_bare_codes_need_names(maps):
    folder, first, _ = maps
    _map(folder / "bare.tif", first, names=None)
    with pytest.raises(ModelError, match="--class 1=forest"):
        gl.change(folder / "bare.tif", folder / "bare.tif", folder / "c.tif")
    swapped = CliRunner().invoke(app, ["change", "a", "b", "c.tif", "--class", "forest=1"])
    assert swapped.exit_code == 2
    assert "did you mean 1=forest?" in swapped.stderr
