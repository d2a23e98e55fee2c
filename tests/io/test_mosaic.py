"""Mosaics: pixel by pixel from where it was observed, in one step."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.core.errors import BandError, ReadError
from geoloom.io import engines
from geoloom.io.headers.header import read_header
from geoloom.io.mosaic import read_many
from geoloom.io.raster import read
from geoloom.testing.fakes import FakeEngine, fake_header
from geoloom.testing.ramps import ramp, truth, write_raster
from geoloom.testing.strategies import grid_around

GRID = GeoBox((6, 8), Affine(30, 0, 500_000, 0, -30, 8_000_000), "EPSG:32720")


@pytest.fixture
def memory(monkeypatch):
    """Makes headers of arrays that lie on GRID, readable through the seam."""
    fake = FakeEngine({})
    monkeypatch.setattr(engines, "ENGINES", (fake,))

    def add(values, nodata=0, **options):
        uri = f"memory {len(fake.arrays)}"
        fake.arrays = {**fake.arrays, uri: values}
        return fake_header(values, GRID, uri=uri, nodata=nodata, **options)

    add.engine = fake
    return add


def layer(value, where, dtype="uint8", bands=1):
    values = np.zeros((bands, *GRID.shape), dtype)
    values[:, *where] = value
    return values


@pytest.mark.parametrize("rule", ["first", "newest"])
def test_each_pixel_from_the_first_that_saw_it(memory, rule):
    top, below = memory(layer(5, np.s_[:, :4])), memory(layer(9, np.s_[:4, :]))
    got = read_many([top, below], GRID, rule=rule)
    expected = layer(9, np.s_[:4, :])
    expected[:, :, :4] = 5
    np.testing.assert_array_equal(got.values, expected)
    np.testing.assert_array_equal(got.valid, expected[0] > 0)
    assert got.grid == GRID


def test_zero_fills_where_it_is_no_nodata(memory):
    top, below = memory(layer(0, np.s_[:, :]), nodata=None), memory(layer(9, np.s_[:, :]))
    got = read_many([top, below], GRID)
    assert (got.values == 0).all()
    assert got.valid.all()


def test_mean_of_those_that_saw_it(memory):
    one, two = memory(layer(5, np.s_[:, :4])), memory(layer(8, np.s_[:, 2:6]))
    got = read_many([one, two], GRID, rule="mean")
    assert got.values.dtype == np.uint8
    assert got.values[0, 0].tolist() == [5, 5, 7, 7, 8, 8, 0, 0]
    assert got.valid[0].tolist() == [True] * 6 + [False] * 2


def test_means_of_large_integers_do_not_overflow(memory):
    sources = [memory(layer(250, np.s_[:, :])) for _ in range(5)]
    assert (read_many(sources, GRID, rule="mean").values == 250).all()


def test_what_is_not_needed_is_not_read(memory):
    sources = [memory(layer(i + 1, np.s_[:, :])) for i in range(3)]
    read_many(sources, GRID)
    assert [asked[0] for asked in memory.engine.asked] == ["memory 0"]


def test_a_pixel_is_taken_whole(memory):
    """All bands of a pixel come from one source: bands of two moments would be no spectrum."""
    half = layer(5, np.s_[:, :], bands=2)
    half[1, :, 4:] = 0
    got = read_many([memory(half), memory(layer(9, np.s_[:, :], bands=2))], GRID)
    assert got.values[:, 0, 6].tolist() == [9, 9]
    assert got.values[:, 0, 1].tolist() == [5, 5]


def test_dtypes_are_joined_and_inputs_left_alone(memory):
    small, large = layer(5, np.s_[:, :4]), layer(70_000, np.s_[:, :], "int32")
    before = small.copy()
    got = read_many([memory(small), memory(large)], GRID)
    assert got.values.dtype == np.int32
    assert got.values[0, 0].tolist() == [5] * 4 + [70_000] * 4
    np.testing.assert_array_equal(small, before)


def test_bands_by_name_in_each_source(memory):
    first = memory(
        np.stack([layer(1, np.s_[:, :4])[0], layer(2, np.s_[:, :4])[0]]),
        descriptions=("red", "nir"),
    )
    other = memory(
        np.stack([layer(3, np.s_[:, :])[0], layer(4, np.s_[:, :])[0]]), descriptions=("nir", "red")
    )
    got = read_many([first, other], GRID, bands=["nir"])
    assert got.bands == ("nir",)
    assert got.values[0, 0].tolist() == [2] * 4 + [3] * 4


def test_one_class_map_makes_all_nearest(memory):
    named = memory(layer(5, np.s_[:, :4]), class_names={5: "forest"})
    read_many([memory(layer(1, np.s_[:, :2])), named], GRID)
    assert {asked[3] for asked in memory.engine.asked} == {"nearest"}


def test_says_what_is_wrong(memory):
    one, two = memory(layer(1, np.s_[:, :])), memory(layer(1, np.s_[:, :], bands=2))
    with pytest.raises(BandError, match=r"memory 1 has 2 bands, memory 0 has 1.*bands="):
        read_many([one, two], GRID)
    with pytest.raises(ReadError, match="no sources"):
        read_many([], GRID)
    with pytest.raises(ReadError, match="no mosaic rule is called 'latest'"):
        read_many([one], GRID, rule="latest")


def test_sources_in_other_zones_meet_without_a_gap(tmp_path):
    """Two halves of a plane in two UTM zones, read in degrees: the plane, within a source pixel's step."""
    grid = grid_around((-60.0, -10.0), "EPSG:4326", (40, 60), 30)
    plane = lambda x, y: 1000 + 5e3 * (x + 60) - 3e3 * (y + 10)  # noqa: E731 - one line of truth
    paths = []
    for lon, crs in ((-60.008, "EPSG:32720"), (-59.992, "EPSG:32721")):
        source = grid_around((lon, -10.0), crs, (70, 80), 30)
        at = truth(GeoBox((1, 1), Affine.identity(), "EPSG:4326"), source)
        values = plane(at.cols, at.rows)[None]
        paths.append(write_raster(tmp_path / f"{crs[-5:]}.tif", values, source))
    at = truth(GeoBox((1, 1), Affine.identity(), "EPSG:4326"), grid)
    for rule in ("first", "mean"):
        got = read_many(paths, grid, rule=rule)
        assert got.valid.all()
        # At a source's own edge half a pixel is kept constant: 15 m of 5e3 a degree.
        np.testing.assert_allclose(got.values[0], plane(at.cols, at.rows), atol=1.3)
    assert not read(paths[0], grid).valid.all()


def test_adjacent_tiles_give_the_raster_back(tmp_path):
    source = grid_around((-60.0, -10.0), "EPSG:32720", (32, 48), 30)
    values = ramp(source, "float32")
    tiles = [
        write_raster(tmp_path / f"{i}.tif", values[:, rows, cols], source[rows, cols])
        for i, (rows, cols) in enumerate([np.s_[:16, :], np.s_[16:, :20], np.s_[16:, 20:]])
    ]
    got = read_many([read_header(tile) for tile in tiles], source)
    np.testing.assert_array_equal(got.values, values)
    assert got.valid.all()
