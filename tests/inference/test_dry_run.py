"""A dry run tells what the run then reads, and reads and writes nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

from geoloom.core.classes import Classes
from geoloom.core.errors import GridError, ModelError
from geoloom.datasets import RasterDataset
from geoloom.inference.explain import explain
from geoloom.inference.predict import predict
from geoloom.io.engines import gdal
from geoloom.testing.predictors import BandPredictor, CodePredictor, CountingPredictor
from geoloom.testing.sources import FakeSource

TWO = Classes.of(["a", "b"], codes=[0, 1])
UTM = Affine(30, 0, 500_000, 0, -30, 9_000_000)
RUN = {"tile": 32, "halo": 8}
BOX = ((500_310, 8_997_000, 501_200, 8_999_700), "EPSG:32722")


@pytest.fixture
def windows(monkeypatch):
    """The windows of files that GDAL reads, by file name."""
    seen = {}
    real = gdal.read_window

    def read_window(header, window, bands, nodata):
        seen.setdefault(header.uri.rsplit("/", 1)[1], []).append((window, bands))
        return real(header, window, bands, nodata)

    monkeypatch.setattr(gdal, "read_window", read_window)
    return seen


def inside(window, shape):
    """First and last-plus-one row and column of a window in a raster."""
    return (
        max(window.row, 0), min(window.row + window.height, shape[0]),
        max(window.col, 0), min(window.col + window.width, shape[1]),
    )  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"roi": BOX}, {"crs": "EPSG:4326"}], ids=str)
@pytest.mark.parametrize("join", [None, "bands"])
def test_what_is_told_is_what_is_read(tmp_path, write_scene, windows, options, join):
    rng = np.random.default_rng(0)
    scene = rng.random((3, 150, 130)).astype("float32")
    names = ("red", "green", "nir")
    given = write_scene(tmp_path / "scene.tif", scene, names=names)
    if join:
        given = [
            write_scene(tmp_path / f"{name}.tif", band[None], names=(name,))
            for name, band in zip(names, scene, strict=True)
        ]
    model = BandPredictor(TWO, bands=("nir", "red"))
    before = sorted(tmp_path.iterdir())
    told = explain(model, given, join=join, **options, **RUN)
    assert windows == {}, "no pixel is read"
    assert sorted(tmp_path.iterdir()) == before
    predict(model, given, tmp_path / "map.tif", join=join, **options, **RUN)
    by_file = {read.uri.rsplit("/", 1)[1]: read for read in told.reads}
    if "crs" in options:
        # The direct engine warps; that nothing else matters to it is tested beside the datasets.
        assert windows == {}
        assert {(read.engine, read.how) for read in told.reads} == {("direct", "bilinear")}
        assert {inside(read.window, (150, 130)) for read in told.reads} == {(0, 150, 0, 130)}
        return
    assert by_file.keys() == windows.keys()
    for name, read in by_file.items():
        ends = np.array([inside(window, (150, 130)) for window, _ in windows[name]])
        around = ends[:, 0].min(), ends[:, 1].max(), ends[:, 2].min(), ends[:, 3].max()
        assert around == inside(read.window, (150, 130))
        assert {bands for _, bands in windows[name]} == {read.bands}
        assert read.bytes == sum(
            (low - top) * (right - left) for top, low, left, right in ends
        ) * 4 * len(read.bands)
        assert (read.engine, read.how) == ("gdal", "copy")
    with rasterio.open(tmp_path / "map.tif") as made:
        assert told.grid.shape == made.shape
        assert told.grid.affine == made.transform
    assert told.bands == ("nir", "red")


def test_tiles_that_are_read_are_counted(tmp_path, write_scene):
    path = write_scene(tmp_path / "scene.tif", np.ones((2, 200, 200), "uint8"))
    corners = [
        (
            (
                500_000 + 30 * c,
                9_000_000 - 30 * (c + 9),
                500_000 + 30 * (c + 9),
                9_000_000 - 30 * c,
            ),
            "EPSG:32722",
        )
        for c in (0, 190)
    ]
    model = CountingPredictor(TWO)
    told = explain(model, path, roi=corners, tile=32, halo=0, batch_size=1, timed=False)
    assert model.shapes == []
    predict(model, path, tmp_path / "map.tif", roi=corners, tile=32, halo=0, batch_size=1)
    # The first lies in one tile, the second on the corner of four.
    assert told.tiles_read == len(model.shapes) == 5
    assert told.tiles == 49


def test_memory_is_told_by_what_for_and_time_by_the_models_own(tmp_path, write_scene):
    path = write_scene(tmp_path / "scene.tif", np.ones((2, 150, 130), "uint16"))
    model = CountingPredictor(TWO)
    told = explain(model, path, batch_size=3, **RUN)
    assert model.shapes == [(3, 2, 48, 48)] * 2
    assert told.model_seconds >= 0
    # Two floats of each band and class for each pixel of a batch; two strips of 2 x 8 px, over the width of
    # 5 tiles of 32 px and over the height of one.
    assert told.memory_bytes["a batch and its answer"] == 3 * 48 * 48 * 4 * (4 + 4)
    assert told.memory_bytes["overlaps"] == 4 * 2 * 16 * ((5 * 32 + 16) + (32 + 16))
    text = told.text()
    assert "130 x 150 px of 30 x 30 in EPSG:32722" in text
    assert "scene.tif bands 1, 2: rows 0 to 150, columns 0 to 130; gdal, copy" in text
    assert json.loads(json.dumps(told.to_dict()))["tiles"] == 25


def test_a_union_tells_which_scene_fills_which(tmp_path, write_scene):
    for name in ("a_20200101", "b_20190101"):
        write_scene(tmp_path / f"{name}.tif", np.ones((1, 60, 60), "uint8"), names=("red",))
    sensor = {"filename_regex": r"._(?P<date>\d{8})"}
    a, b = (RasterDataset(tmp_path, filename_glob=f"{n}_*.tif", **sensor) for n in "ab")
    told = explain(CodePredictor(TWO), b | a, **RUN)
    assert [(r.uri[-14:], r.fills_gaps) for r in told.reads] == [
        ("a_20200101.tif", False),
        ("b_20190101.tif", True),
    ]
    assert "only where those before observed nothing" in told.text()


def test_what_would_be_refused_is_refused(tmp_path, write_scene):
    path = write_scene(tmp_path / "scene.tif", np.ones((1, 60, 60), "uint8"), names=("red",))
    with pytest.raises(ModelError, match="blue"):
        explain(BandPredictor(TWO, bands=("blue", "red")), path)
    with pytest.raises(GridError, match="lies beside"):
        explain(CodePredictor(TWO), path, roi=(13, 45, 14, 46))


def test_a_source_of_ones_own_need_not_tell(tmp_path):
    from odc.geo.geobox import GeoBox

    source = FakeSource(np.ones((1, 40, 40), "uint8"), GeoBox((40, 40), UTM, "EPSG:32722"))
    told = explain(CodePredictor(TWO), source, timed=False)
    assert told.reads is None
    assert "does not say what it reads" in told.text()
    assert source.asked == []
