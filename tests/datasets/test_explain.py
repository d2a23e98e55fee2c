"""What a dataset says that it will read is what its answer depends on."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rasterio.enums
from affine import Affine
from odc.geo.geobox import GeoBox

import geoloom as gl
from geoloom.datasets import RasterDataset
from geoloom.testing.ramps import write_raster

UTM = Affine(30, 0, 500_000, 0, -30, 9_000_000)
HOME = GeoBox((80, 100), UTM, "EPSG:32722")
DATED = {"filename_regex": r".*_(?P<date>\d{8})"}

GRIDS = {
    "copy": HOME[10:40, 20:90],
    "partly beside": HOME.pad(10)[:30, :30],
    "shifted": GeoBox((30, 30), UTM * Affine.translation(20.3, 30.6), "EPSG:32722"),
    "rotated": GeoBox(
        (20, 20), UTM * Affine.translation(40, 30) * Affine.rotation(30), "EPSG:32722"
    ),
    "coarser": GeoBox((8, 9), UTM * Affine.translation(20, 20) * Affine.scale(4.5), "EPSG:32722"),
    "other CRS": GeoBox((40, 40), Affine(0.0003, 0, -50.995, 0, -0.0003, -9.048), "EPSG:4326"),
}


def image(seed, shape=(2, 80, 100)):
    return np.random.default_rng(seed).integers(1, 200, shape).astype("uint16")


def answer(folder, grid, **options):
    dataset = RasterDataset(folder, **DATED, **options)
    sample = dataset[gl.Query(grid)]
    return sample["image"].numpy(), sample["valid"].numpy(), dataset


@pytest.mark.parametrize("form", ["plain", "compressed", "left to GDAL"])
@pytest.mark.parametrize("name", GRIDS)
def test_nothing_outside_the_window_matters_and_its_edges_do(tmp_path, name, form):
    grid = GRIDS[name]
    options = {
        "plain": {},
        "compressed": {"compress": "deflate"},
        "left to GDAL": {"compress": "lerc"},
    }

    def write(values):
        with rasterio.open(
            tmp_path / "s_20200101.tif", "w", driver="GTiff", width=100, height=80, count=2,
            dtype="uint16", crs="EPSG:32722", transform=UTM, **options[form],
        ) as file:  # fmt: skip
            file.write(values)

    stored = image(0)
    write(stored)
    values, valid, dataset = answer(tmp_path, grid)
    (read,) = dataset.explain(grid)
    assert read.bands == (1, 2)
    assert read.engine == ("gdal" if form == "left to GDAL" else "direct")
    assert (read.how == "copy") == (name in ("copy", "partly beside"))
    assert read.bytes == read.window.height * read.window.width * 4
    rows = slice(read.window.row, read.window.row + read.window.height)
    cols = slice(read.window.col, read.window.col + read.window.width)
    outside = np.ones((80, 100), bool)
    outside[rows, cols] = False
    write(np.where(outside, 60_000, stored).astype("uint16"))
    again, seen, _ = answer(tmp_path, grid)
    np.testing.assert_array_equal(again, values)
    np.testing.assert_array_equal(seen, valid)
    write(np.where(outside, stored, 60_000).astype("uint16"))
    assert (answer(tmp_path, grid)[0][:, valid] != values[:, valid]).all()
    if read.how == "copy":
        assert read.window.height * read.window.width == valid.sum()
    else:  # what a warp can touch: a margin around what it does
        assert read.window.height * read.window.width < 4 * outside.size


def test_scenes_below_the_first_fill_gaps(tmp_path):
    for day, seed in (("20200101", 1), ("20190101", 2)):
        write_raster(tmp_path / f"s_{day}.tif", image(seed), HOME)
    reads = RasterDataset(tmp_path, **DATED).explain(HOME[:10, :10])
    assert [(r.uri.endswith("20200101.tif"), r.fills_gaps) for r in reads] == [
        (True, False),
        (False, True),
    ]
    (old,) = RasterDataset(tmp_path, **DATED).explain(gl.Query(HOME[:10, :10], "2019"))
    assert old.uri.endswith("20190101.tif")
    assert not old.fills_gaps


def test_compositions_tell_of_all_their_parts(tmp_path):
    for name, seed in (("a_20200101", 1), ("b_20190101", 2), ("dem", 3)):
        write_raster(tmp_path / f"{name}.tif", image(seed), HOME)
    a, b = (RasterDataset(tmp_path / f"{n}.tif", **DATED) for n in ("a_20200101", "b_20190101"))
    dem = RasterDataset(tmp_path / "dem.tif")
    union = [(r.uri[-8:], r.fills_gaps) for r in (b | a).explain(HOME)]
    assert union == [("0101.tif", False), ("0101.tif", True)]
    assert (b | a).explain(HOME)[0].uri.endswith("a_20200101.tif")
    both = (a & dem).explain(HOME, (0, 3))
    assert [(r.uri.endswith("dem.tif"), r.how) for r in both] == [(False, "copy"), (True, "copy")]
    series = (a | b).series().explain(HOME)
    assert sorted(r.uri[-14:] for r in series if not r.fills_gaps) == [
        "a_20200101.tif",
        "b_20190101.tif",
    ]
    assert a.with_transforms(lambda sample: sample).explain(HOME) == a.explain(HOME)


def test_the_overview_that_is_read_is_named(tmp_path):
    path = write_raster(
        tmp_path / "s_20200101.tif", image(0, (1, 640, 800)), HOME.zoom_out(1).expand((640, 800))
    )
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8], rasterio.enums.Resampling.average)
    grid = HOME.expand((640, 800)).zoom_out(9)
    (plain,) = RasterDataset(tmp_path, **DATED).explain(grid)
    (coarse,) = RasterDataset(tmp_path, **DATED, overviews=True).explain(grid)
    assert (plain.level, coarse.level) == (None, 1)
    assert plain.window.height == 640
    assert coarse.window.height == 160


def test_a_query_of_any_size_is_told_without_its_arrays(tmp_path):
    write_raster(tmp_path / "s_20200101.tif", image(0), HOME)
    dataset = RasterDataset(tmp_path, **DATED)
    (read,) = dataset.explain(HOME.pad(10_000))
    assert (read.window.height, read.window.width) == (80, 100)
