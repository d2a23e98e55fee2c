"""Mosaics and stacks hold the right pixels in the right places; nothing is resampled needlessly."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import rasterio.warp
from affine import Affine

from geoloom.core.errors import BandError, ConfigError, GridError, ReadError, WriteError
from geoloom.io.raster import read
from geoloom.preparation.join import join_bands, join_dates, join_mosaic
from small_files import TRANSFORM, load, ramp, save


def _moved(cols, rows):
    a, b, c, d, e, f = TRANSFORM[:6]
    return Affine(a, b, c + a * cols, d, e, f + e * rows)


def test_mosaic_takes_the_first_observed_and_keeps_zeros(tmp_path):
    one, two = ramp((1, 20, 30)), ramp((1, 20, 30), start=5000)
    one[0, :, 25:] = -1  # unobserved
    one[0, 0, 0] = 0  # a value
    a = save(tmp_path / "a.tif", one, nodata=-1)
    b = save(tmp_path / "b.tif", two, nodata=-1, transform=_moved(20, 5))
    found, profile = load(join_mosaic([a, b], tmp_path / "m.tif"))
    expected = np.full((25, 50), -1, np.int16)
    expected[5:25, 20:50] = two[0]
    expected[:20, :25] = one[0, :, :25]
    np.testing.assert_array_equal(found[0], expected)
    assert profile["transform"] == TRANSFORM
    assert profile["nodata"] == -1


def test_mosaic_grows_to_the_west_and_north(tmp_path):
    a = save(tmp_path / "a.tif", ramp((1, 8, 8), 1), nodata=0)
    b = save(tmp_path / "b.tif", ramp((1, 8, 8), 1), nodata=0, transform=_moved(-10, -3))
    found, profile = load(join_mosaic([a, b], tmp_path / "m.tif"))
    assert found.shape == (1, 11, 18)
    assert profile["transform"] == _moved(-10, -3)
    np.testing.assert_array_equal(found[0, 3:, 10:], ramp((8, 8), 1))
    np.testing.assert_array_equal(found[0, :8, :8], ramp((8, 8), 1))


def test_mosaic_of_two_crs_covers_both(tmp_path):
    a = save(tmp_path / "a.tif", np.full((1, 30, 30), 7, np.uint8), nodata=0)
    with rasterio.open(a) as file:
        left, _, right, top = rasterio.warp.transform_bounds(file.crs, 4326, *file.bounds)
    step = (right - left) / 30
    b = save(
        tmp_path / "b.tif", np.full((1, 30, 30), 9, np.uint8), nodata=0, crs="EPSG:4326",
        transform=Affine(step, 0, right - 3 * step, 0, -step, top),
    )  # fmt: skip
    found, _ = load(join_mosaic([a, b], tmp_path / "m.tif"))
    assert (found[0, :, :30][found[0, :, :30] != 0] == 7).sum() == 900
    assert 800 < (found == 9).sum() < 900
    assert found.shape[2] == pytest.approx(57, abs=1)


def test_a_mosaic_keeps_true_zeros_of_integers_without_nodata(tmp_path):
    one, two = np.zeros((1, 6, 6), np.uint8), np.full((1, 6, 6), 255, np.uint8)
    one[0, 0, 0] = 9
    a = save(tmp_path / "a.tif", one)
    b = save(tmp_path / "b.tif", two, transform=_moved(8, 2))
    found = read(join_mosaic([a, b], tmp_path / "m.tif"))
    expected = np.zeros((8, 14), bool)
    expected[:6, :6] = expected[2:, 8:] = True
    np.testing.assert_array_equal(found.valid, expected)
    np.testing.assert_array_equal(found.values[0, :6, :6], one[0])
    np.testing.assert_array_equal(found.values[0, 2:, 8:], two[0])


def test_a_mosaic_without_gaps_keeps_its_type_and_all_its_values(tmp_path):
    a = save(tmp_path / "a.tif", np.zeros((1, 6, 6), np.uint8))
    b = save(tmp_path / "b.tif", np.zeros((1, 6, 7), np.uint8), transform=_moved(6, 0))
    found = read(join_mosaic([a, b], tmp_path / "m.tif"))
    assert found.values.dtype == np.uint8
    assert found.values.shape == (1, 6, 13)
    assert found.valid.all()


def test_one_scenes_nodata_is_not_anothers_value(tmp_path):
    a = save(tmp_path / "a.tif", np.full((1, 4, 4), 5, np.int16), nodata=0)
    b = save(tmp_path / "b.tif", np.zeros((1, 4, 4), np.int16), transform=_moved(4, 0))
    for join in (
        join_mosaic([a, b], tmp_path / "m.tif"),
        join_mosaic([b, a], tmp_path / "n.tif"),
    ):
        found = read(join)
        assert found.valid.all()
        assert (found.values == 0).sum() == 16


def test_classes_with_gaps_want_a_nodata_value(tmp_path):
    a = save(tmp_path / "a.tif", np.zeros((1, 4, 4), np.uint8))
    with rasterio.open(a, "r+") as file:
        file.write_colormap(1, {0: (1, 2, 3, 255), 1: (4, 5, 6, 255)})
    b = save(tmp_path / "b.tif", np.ones((1, 4, 4), np.uint8), transform=_moved(9, 0))
    with pytest.raises(ConfigError, match=r"a.tif holds classes.*--nodata"):
        join_mosaic([a, b], tmp_path / "m.tif")
    found = read(join_mosaic([a, b], tmp_path / "m.tif", nodata=255))
    assert found.valid.sum() == 32
    with rasterio.open(tmp_path / "m.tif") as file:
        assert file.colormap(1)[1] == (4, 5, 6, 255)


def test_where_a_stacks_file_does_not_reach_is_no_zero(tmp_path, caplog):
    a = save(tmp_path / "a.tif", ramp((1, 6, 8), dtype="uint8"))
    b = save(tmp_path / "b.tif", ramp((1, 6, 8), dtype="uint8"), transform=_moved(4, 0))
    for join in (join_bands, join_dates):
        found = read(join([a, b], tmp_path / f"{join.__name__}.tif"))
        expected = np.zeros((6, 8), bool)
        expected[:, 4:] = True
        np.testing.assert_array_equal(found.valid, expected)
        np.testing.assert_array_equal(found.values[0, :, 4:], ramp((6, 8))[:, 4:])
        np.testing.assert_array_equal(found.values[1, :, 4:], ramp((6, 8))[:, :4])
    assert "covers 50.0 %" in caplog.text


def test_a_map_of_the_world_covers_a_scene(tmp_path, caplog):
    scene = save(tmp_path / "a.tif", ramp((1, 6, 8), dtype="uint8"))
    world, turned = tmp_path / "world.tif", tmp_path / "turned.tif"
    for path, west in ((world, -180), (turned, 0)):
        place = Affine(1, 0, west, 0, -1, 90)
        save(path, np.full((1, 180, 360), 3, np.uint8), crs="EPSG:4326", transform=place)
        found, _ = load(join_bands([scene, path], tmp_path / f"{path.stem}_stack.tif"))
        assert (found[1] == 3).all()
    assert "covers" not in caplog.text


def test_files_of_two_planets_make_no_stack(tmp_path):
    place = Affine(0.01, 0, 30, 0, -0.01, 5)
    moon = save(tmp_path / "moon.tif", ramp((1, 6, 8)), crs="ESRI:104903", transform=place)
    scene = save(tmp_path / "a.tif", ramp((1, 6, 8)))
    with pytest.raises(ReadError, match="no transformation from"):
        join_bands([scene, moon], tmp_path / "s.tif")
    with pytest.raises(ReadError, match="no transformation from"):
        join_mosaic([scene, moon], tmp_path / "m.tif")


def test_files_that_do_not_overlap_make_no_stack(tmp_path):
    a = save(tmp_path / "a.tif", ramp((1, 6, 8), dtype="uint8"))
    b = save(tmp_path / "b.tif", ramp((1, 6, 8), dtype="uint8"), transform=_moved(8, 0))
    for join in (join_bands, join_dates):
        with pytest.raises(GridError, match=r"b.tif .*does not overlap .*a.tif.*EPSG:32722"):
            join([a, b], tmp_path / "s.tif")
    assert not (tmp_path / "s.tif").exists()


def test_bands_of_one_name_are_told_apart_and_told_of(tmp_path, caplog):
    files = [save(tmp_path / f"{y}.tif", ramp((1, 5, 5), y), names=("red",)) for y in (1, 2)]
    assert read(join_bands(files, tmp_path / "s.tif")).bands == ("1_red", "2_red")
    assert "several bands are called red" in caplog.text


def test_integers_of_the_widest_type_want_a_nodata_value(tmp_path):
    a = save(tmp_path / "a.tif", np.zeros((1, 4, 4), np.int64))
    b = save(tmp_path / "b.tif", np.zeros((1, 4, 4), np.int64), transform=_moved(9, 0))
    with pytest.raises(ConfigError, match=r"a.tif holds int64.*--nodata"):
        join_mosaic([a, b], tmp_path / "m.tif")


def test_stacked_bands_are_copies_with_names(tmp_path):
    red = save(tmp_path / "red.tif", ramp((1, 9, 9)), nodata=3)
    nir = save(tmp_path / "b5.tif", ramp((1, 9, 9), 100), nodata=3, names=("nir",))
    out = join_bands([red, nir], tmp_path / "s.tif")
    with rasterio.open(out) as file:
        assert file.descriptions == ("red", "nir")
        found = file.read()
    expected = np.concatenate([ramp((1, 9, 9)), ramp((1, 9, 9), 100)])
    expected[:, 0, 3] = 3  # not observed in red, so not in the stack
    np.testing.assert_array_equal(found, expected)


def test_stacked_files_of_another_lattice_are_read_onto_the_first(tmp_path):
    # A linear ramp in world coordinates: each pixel centre's value is known on any lattice.
    def plane(transform, shape):
        _, cols = np.mgrid[: shape[0], : shape[1]] + 0.5
        return ((transform.c + transform.a * cols - 500_000) / 10).astype(np.float32)[None]

    coarse = Affine(45, 0, 499_955, 0, -45, 9_000_045)
    a = save(tmp_path / "a.tif", plane(TRANSFORM, (12, 12)))
    b = save(tmp_path / "b.tif", plane(coarse, (20, 20)), transform=coarse)
    with rasterio.open(join_bands([a, b], tmp_path / "s.tif")) as file:
        found = file.read()
        assert file.transform == TRANSFORM
    np.testing.assert_allclose(found[1], found[0], atol=1e-3)


def test_dates_are_stacked_in_order(tmp_path):
    files = [
        save(tmp_path / f"{y}.tif", ramp((2, 5, 5), y), names=("red", "nir")) for y in (2000, 2010)
    ]
    out = join_dates(files, tmp_path / "s.tif", dates=["2000", "2010"])
    with rasterio.open(out) as file:
        assert file.descriptions == ("2000_red", "2000_nir", "2010_red", "2010_nir")
        np.testing.assert_array_equal(file.read()[2:], ramp((2, 5, 5), 2010))
    one = save(tmp_path / "one.tif", ramp((1, 5, 5)))
    with pytest.raises(BandError, match="expected equally many"):
        join_dates([files[0], one], tmp_path / "t.tif")
    with pytest.raises(ConfigError, match="1 dates for 2 images"):
        join_dates(files, tmp_path / "t.tif", dates=["2000"])


def test_products_are_not_replaced_without_leave(tmp_path):
    image = save(tmp_path / "i.tif", ramp((1, 5, 5)))
    join_bands([image], tmp_path / "s.tif")
    with pytest.raises(WriteError, match="overwrite"):
        join_bands([image], tmp_path / "s.tif")
    join_bands([image, image], tmp_path / "s.tif", overwrite=True)
    assert read(tmp_path / "s.tif").values.shape == (2, 5, 5)


def test_no_raster_is_joined_over_one_of_its_parts(tmp_path):
    a, b = (save(tmp_path / f"{name}.tif", ramp((1, 20, 30))) for name in "ab")
    rasterio.shutil.copy(str(a), str(tmp_path / "stack.vrt"), driver="VRT")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for refused in (
        lambda: join_bands([a, b], b, overwrite=True),
        lambda: join_bands([b, tmp_path / "stack.vrt"], a, overwrite=True),
        lambda: join_mosaic([a, b], a, overwrite=True),
    ):
        with pytest.raises(WriteError, match="is an input"):
            refused()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
