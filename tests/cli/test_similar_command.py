"""`geoloom similar`: the same bytes as from Python, and places as people write them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pyproj import Transformer

import geoloom as gl
from small_files import CRS, TRANSFORM, save


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Of a pixel of `e.tif`: in the west and south, so that both numbers are negative."""
    monkeypatch.chdir(tmp_path)
    codes = np.random.default_rng(0).integers(-127, 128, (5, 30, 40)).astype("int8")
    save(tmp_path / "e.tif", codes)
    x, y = TRANSFORM * (7.5, 9.5)
    return Transformer.from_crs(CRS, 4326, always_xy=True).transform(x, y)


def test_the_command_writes_what_python_writes(place, tmp_path, geoloom):
    written = ",".join(map(str, place))
    assert written.startswith("-")
    said = geoloom("similar", "e.tif", written, "a.tif", "--quantization", "alphaearth", "--json")
    assert said.code == 0, said.err
    answer = json.loads(said.out)
    assert (answer["verb"], answer["width"], answer["height"]) == ("similar", 40, 30)
    assert answer["values"] == ["cosine_similarity"]
    gl.similar("e.tif", place, "b.tif", quantization="alphaearth")
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    record = json.loads((tmp_path / "a.tif.run.json").read_text())
    assert record["settings"]["place"] == list(place)
    assert len(record["model_facts"]["vector"]) == 5


def test_points_of_a_file(place, tmp_path, geoloom):
    (tmp_path / "points.csv").write_text("lon,lat\n{},{}\n".format(*place))
    said = geoloom("similar", "e.tif", "points.csv", "a.tif", "--metric", "euclidean")
    assert said.code == 0, said.err
    assert "a.tif: 40 x 30 px, euclidean_distance" in said.err + said.out
    gl.similar("e.tif", place, "b.tif", metric="euclidean")
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["e.tif", "points.csv", "a.tif"], "points.csv"),
        (["e.tif", "-51,-9.1", "a.tif", "--metric", "cosin"], "--metric"),
        (["e.tif", "-51,-9.1", "a.tif", "--quantization", "log"], "--quantization"),
        (["e.tif", "10,45", "a.tif"], "lies outside the data"),
        (["e.tif", "-51,-9.1", "a.tif", "--when", "soon"], "--when"),
    ],
    ids=["missing", "metric", "quantization", "outside", "when"],
)
def test_what_is_refused(place, tmp_path, geoloom, words, message):
    said = geoloom("similar", *words)
    assert said.code != 0
    assert message in said.err
    assert not (tmp_path / "a.tif").exists()
