"""Streamed COG writing, judged by rio-cogeo, rasterio and GDAL's own VRT export."""

from __future__ import annotations

import json
import os
import threading
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rio_cogeo.cogeo import cog_validate

from geoloom.core.errors import WriteError
from geoloom.io.write.cog import CogWriter, write_raster

UTM = Affine(30, 0, 500_000, 0, -30, 9_000_000)
AFFINES = {
    "north-up": UTM,
    "south-up": Affine(30, 0, 500_000, 0, 30, 9_000_000),
    "rotated": UTM * Affine.rotation(30),
    "sheared, not square": Affine(30, 4, 500_000, 2, -45, 9_000_000),
}
NAMES = {1: "forest", 2: "água & <sand>", 7: 'a "quoted" name'}
COLORS = {1: (10, 100, 40, 255), 2: (40, 120, 180, 255), 7: (200, 30, 30, 255)}


def grid_of(height, width, affine=UTM, crs="EPSG:32722"):
    return GeoBox((height, width), affine, crs)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "int32", "float32", "float64"]
)
def test_every_dtype_comes_back_bit_for_bit_as_a_valid_cog(tmp_path, dtype):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 100, (3, 700, 530)).astype(dtype)
    if values.dtype.kind == "f":
        values += rng.random(values.shape).astype(dtype)
    path = write_raster(tmp_path / "x.tif", values, grid_of(700, 530), descriptions=["a", "b", "c"])
    valid, errors, _ = cog_validate(path, strict=True)
    assert (valid, errors) == (True, [])
    with rasterio.open(path) as src:
        assert src.dtypes == (dtype,) * 3
        assert src.descriptions == ("a", "b", "c")
        assert src.overviews(1) == [2]
        np.testing.assert_array_equal(src.read(), values)
    assert [p.name for p in tmp_path.iterdir()] == ["x.tif"]


@pytest.mark.parametrize("kind", AFFINES)
@pytest.mark.parametrize("crs", ["EPSG:32722", "EPSG:4326", "EPSG:3031"])
def test_the_georeference_is_the_grids_own(tmp_path, kind, crs):
    grid = grid_of(5, 9, AFFINES[kind], crs)
    path = write_raster(tmp_path / "x.tif", np.zeros((5, 9), "uint8"), grid)
    with rasterio.open(path) as src:
        assert src.transform.almost_equals(grid.affine, precision=1e-9)
        assert src.crs.to_epsg() == int(crs[5:])
        assert src.shape == (5, 9)


def test_a_crs_without_a_code_survives(tmp_path):
    crs = "+proj=laea +lat_0=-10 +lon_0=-60 +datum=WGS84 +units=m"
    path = write_raster(tmp_path / "x.tif", np.zeros((2, 2), "uint8"), grid_of(2, 2, crs=crs))
    with rasterio.open(path) as src:
        assert src.crs.to_dict()["proj"] == "laea"
        assert src.crs.to_dict()["lon_0"] == -60


def test_class_maps_carry_colours_names_and_nodata_inside_and_beside(tmp_path):
    values = np.tile(np.array([[1, 2, 7, 255]], "uint8"), (3, 1))
    path = write_raster(
        tmp_path / "map.tif",
        values,
        grid_of(3, 4),
        nodata=255,
        colormap=COLORS,
        class_names=NAMES,
        tags={"GEOLOOM": "x & y"},
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.qml", "map.tif", "map.tif.aux.xml"]
    with rasterio.open(path) as src:
        assert src.nodata == 255
        assert {code: src.colormap(1)[code] for code in COLORS} == COLORS
        assert json.loads(src.tags(1)["class_names"]) == {str(k): v for k, v in NAMES.items()}
        assert src.tags()["GEOLOOM"] == "x & y"
    # GDAL's own view of the file, names and table included, is what its VRT driver writes down.
    rasterio.shutil.copy(str(path), str(tmp_path / "view.vrt"), driver="VRT")
    band = ET.parse(tmp_path / "view.vrt").getroot().find("VRTRasterBand")
    listed = [element.text or "" for element in band.find("CategoryNames")]
    assert {code: listed[code] for code in NAMES} == NAMES
    rows = [[f.text for f in row] for row in band.find("GDALRasterAttributeTable").iter("Row")]
    assert rows[2] == ["7", NAMES[7], "200", "30", "30", "255"]
    style = ET.parse(tmp_path / "map.qml").getroot()
    entries = {int(e.get("value")): e for e in style.iter("paletteEntry")}
    assert {code: e.get("label") for code, e in entries.items()} == NAMES
    assert entries[7].get("color") == "#c81e1e"


def test_overviews_of_classes_take_the_mode_and_skip_nodata(tmp_path):
    values = np.full((1024, 1024), 3, "uint8")
    values[::2, ::2] = 9
    values[:512] = 255
    values[0:512:2, ::2] = 4
    path = write_raster(
        tmp_path / "map.tif",
        values,
        grid_of(1024, 1024),
        nodata=255,
        class_names={3: "a", 4: "b", 9: "c"},
    )
    with rasterio.open(path, overview_level=0) as src:
        small = src.read(1)
    assert np.unique(small[256:]).tolist() == [3]
    assert np.unique(small[:256]).tolist() == [4]


def test_overviews_of_measurements_average_what_is_valid(tmp_path):
    values = np.full((1, 1024, 1024), np.nan, "float32")
    values[:, ::2, ::2], values[:, 1::2, 1::2] = 2, 4
    path = write_raster(tmp_path / "x.tif", values, grid_of(1024, 1024), nodata=np.nan)
    with rasterio.open(path, overview_level=0) as src:
        assert np.isnan(src.nodata)
        np.testing.assert_allclose(src.read(1), 3)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_windows_in_any_order_make_the_array_and_the_rest_is_nodata(tmp_path_factory, data):
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    nodata = data.draw(st.sampled_from([None, 0, 255]))
    bands = data.draw(st.integers(1, 3))
    expected = np.full((bands, height, width), nodata or 0, "uint8")
    path = tmp_path_factory.mktemp("cog") / "x.tif"
    with CogWriter(path, grid_of(height, width), count=bands, nodata=nodata) as writer:
        for value in range(1, data.draw(st.integers(0, 6)) + 1):
            row, col = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
            h, w = data.draw(st.integers(1, height - row)), data.draw(st.integers(1, width - col))
            window = np.full((bands, h, w), value, "uint8")
            writer.write(window, row, col)
            expected[:, row : row + h, col : col + w] = value
    with rasterio.open(path) as src:
        np.testing.assert_array_equal(src.read(), expected)


def test_threads_may_write_at_once(tmp_path):
    values = np.random.default_rng(0).integers(0, 9, (256, 200)).astype("uint8")
    with CogWriter(tmp_path / "x.tif", grid_of(256, 200)) as writer:
        threads = [
            threading.Thread(target=lambda r=r: writer.write(values[r : r + 32, 50:], r, 50))
            for r in range(0, 256, 32)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.write(values[:, :50], 0, 0)
    with rasterio.open(tmp_path / "x.tif") as src:
        np.testing.assert_array_equal(src.read(1), values)


def test_an_error_leaves_nothing_behind_and_the_old_product_whole(tmp_path):
    path = write_raster(tmp_path / "x.tif", np.ones((4, 4), "uint8"), grid_of(4, 4))
    before = path.read_bytes()

    def break_off():
        with CogWriter(path, grid_of(4, 4), overwrite=True) as writer:
            writer.write(np.zeros((2, 4), "uint8"), 0, 0)
            assert path.read_bytes() == before
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        break_off()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x.tif"]


def test_replacing_needs_leave_and_removes_what_described_the_old_one(tmp_path):
    path = write_raster(
        tmp_path / "x.tif", np.ones((4, 4), "uint8"), grid_of(4, 4), class_names={1: "a"}
    )
    with pytest.raises(WriteError, match="--overwrite"):
        write_raster(path, np.ones((4, 4), "uint8"), grid_of(4, 4))
    write_raster(path, np.ones((4, 4), "float32"), grid_of(4, 4), overwrite=True)
    assert not (tmp_path / "x.tif.aux.xml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "float16"}, "float16"),
        ({"dtype": "complex64"}, "complex64"),
        ({"nodata": -1}, "nodata -1 does not fit"),
        ({"nodata": float("nan")}, "nodata nan does not fit"),
        ({"count": 2, "class_names": {1: "a"}}, "one uint8 band"),
        ({"descriptions": ["a", "b"]}, "1 bands and 2 descriptions"),
    ],
)
def test_what_a_geotiff_cannot_hold_is_refused_before_any_work(tmp_path, arguments, message):
    with pytest.raises(WriteError, match=message):
        CogWriter(tmp_path / "x.tif", grid_of(4, 4), **arguments)
    assert os.listdir(tmp_path) == []


def test_wrong_windows_are_refused(tmp_path):
    with CogWriter(tmp_path / "x.tif", grid_of(4, 4)) as writer:
        with pytest.raises(WriteError, match="outside"):
            writer.write(np.zeros((2, 4), "uint8"), 3, 0)
        with pytest.raises(WriteError, match="the window has 2"):
            writer.write(np.zeros((2, 1, 1), "uint8"), 0, 0)
        with pytest.raises(WriteError, match="astype"):
            writer.write(np.zeros((1, 1, 1), "float32"), 0, 0)
    with pytest.raises(WriteError, match="not a folder"):
        CogWriter(tmp_path / "absent" / "x.tif", grid_of(4, 4))


def leave_half(path, values, key):
    """A run that marks five rows, writes part of the next, and dies."""
    writer = CogWriter(path, grid_of(9, 8), nodata=255, resume=True, key=key)
    writer.write(values[:5], 0, 0)
    writer.mark(5)
    writer.write(np.full((1, 3), 77, "uint8"), 5, 0)
    writer.abandon()


@pytest.mark.parametrize("nodata_fill", [0, 255])
def test_a_resumed_product_has_the_bytes_of_an_unbroken_one(tmp_path, nodata_fill):
    values = np.random.default_rng(0).integers(0, 9, (9, 8)).astype("uint8")
    values[5, :] = nodata_fill
    leave_half(tmp_path / "x.tif", values, {"model": "a"})
    assert not (tmp_path / "x.tif").exists()
    with CogWriter(
        tmp_path / "x.tif", grid_of(9, 8), nodata=255, resume=True, key={"model": "a"}
    ) as w:
        assert w.rows_done == 5
        w.write(values[5:], 5, 0)
    whole = write_raster(tmp_path / "whole.tif", values, grid_of(9, 8), nodata=255)
    assert (tmp_path / "x.tif").read_bytes() == whole.read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["whole.tif", "x.tif"]


def test_rows_below_the_journal_count_as_unwritten(tmp_path):
    leave_half(tmp_path / "x.tif", np.ones((9, 8), "uint8"), {})
    with CogWriter(tmp_path / "x.tif", grid_of(9, 8), nodata=255, resume=True, key={}):
        pass
    with rasterio.open(tmp_path / "x.tif") as src:
        assert (src.read(1)[5:] == 255).all()
        assert (src.read(1)[:5] == 1).all()


@pytest.mark.parametrize("change", ["key", "grid", "nodata"])
def test_other_settings_start_over_and_say_so(tmp_path, caplog, change):
    leave_half(tmp_path / "x.tif", np.ones((9, 8), "uint8"), {"model": "a"})
    grid = grid_of(9, 8, UTM * Affine.translation(1, 0)) if change == "grid" else grid_of(9, 8)
    with CogWriter(
        tmp_path / "x.tif",
        grid,
        nodata=0 if change == "nodata" else 255,
        resume=True,
        key={"model": "b" if change == "key" else "a"},
    ) as writer:
        assert writer.rows_done == 0
    assert "starting over" in caplog.text


def test_names_of_any_characters_make_files_that_parsers_read(tmp_path):
    """Control characters come from shapefiles in odd encodings; XML has none, not even escaped."""
    names = {1: "fo\x01rest\x00", 2: "wa\x1bter \ud800", 3: "a<b>&\"'\n\t"}
    write_raster(
        tmp_path / "map.tif",
        np.ones((1, 4, 4), np.uint8),
        grid_of(4, 4),
        nodata=0,
        class_names=names,
        colormap={code: (code, 0, 0, 255) for code in names},
        descriptions=["cl\x02ass"],
    )
    categories = ET.parse(tmp_path / "map.tif.aux.xml").getroot().findall(".//Category")
    assert [c.text or "" for c in categories][1] == "fo\ufffdrest\ufffd"
    labels = [entry.get("label") for entry in ET.parse(tmp_path / "map.qml").iter("paletteEntry")]
    assert labels == ["fo\ufffdrest\ufffd", "wa\ufffdter \ufffd", names[3]]
