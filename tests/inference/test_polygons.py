"""Polygons of a class map, compared with GDAL's own polygoniser over the whole map at once."""

from __future__ import annotations

import sqlite3

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import shape

from geoloom.core.classes import Classes
from geoloom.core.errors import WriteError
from geoloom.inference.polygons import polygonize

CLASSES = Classes.of(["forest", "water & <sand>"], codes=[1, 5])
UTM = Affine(30, 0, 500_000, 0, -30, 9_000_000)


@given(st.tuples(st.integers(1, 24), st.integers(1, 24)), st.integers(1, 9), st.integers(0, 10_000))
def test_bands_of_rows_leave_no_trace(tmp_path_factory, write_scene, shape_px, rows, seed):
    folder = tmp_path_factory.mktemp("polygons")
    codes = (
        np.random.default_rng(seed).choice([1, 5, 255], shape_px, p=[0.5, 0.3, 0.2]).astype("uint8")
    )
    path = write_scene(folder / "map.tif", codes[None], nodata=255)
    found = gpd.read_file(polygonize(path, folder / "map.gpkg", CLASSES, rows=rows), layer="map")
    expected = [
        (shape(geometry), int(code))
        for geometry, code in rasterio.features.shapes(codes, codes != 255, 4, UTM)
    ]
    assert len(found) == len(expected)
    key = lambda pair: (pair[1], shapely.point_on_surface(pair[0]).wkt)  # noqa: E731
    ours = sorted(
        (
            (shapely.simplify(g.geoms[0], 0), c)
            for g, c in zip(found.geometry, found["code"], strict=True)
        ),
        key=key,
    )
    truth = sorted(((shapely.simplify(g, 0), c) for g, c in expected), key=key)
    for (mine, code), (theirs, its_code) in zip(ours, truth, strict=True):
        assert code == its_code
        assert mine.is_valid
        assert mine.equals(theirs)


@pytest.mark.parametrize(
    ("affine", "crs"),
    [
        (UTM, "EPSG:32722"),
        (Affine(30, 0, 500_000, 0, 30, 9_000_000), "EPSG:32722"),
        (UTM * Affine.rotation(20), "EPSG:32722"),
        (Affine(0.001, 0, -60, 0, -0.001, -10), "EPSG:4326"),
        (Affine(0.001, 0, 179.99, 0, -0.001, 60), "EPSG:4326"),
        (Affine(0.01, 0, 179.85, 0, -0.01, 60), "EPSG:4326"),
        (Affine(100, 0, 2_000_000, 0, -100, 9_000_000), "EPSG:3857"),
        (Affine(1000, 0, -10_000, 0, -1000, 12_000), "EPSG:3031"),
    ],
    ids=[
        "utm",
        "south-up",
        "rotated",
        "degrees",
        "at the antimeridian",
        "over the antimeridian",
        "web mercator",
        "south pole",
    ],
)
def test_areas_are_those_on_the_ellipsoid(tmp_path, write_scene, affine, crs):
    codes = np.full((20, 30), 255, "uint8")
    codes[4:17, 3:26] = 1
    codes[8:12, 9:17] = codes[13, 20] = 255
    path = write_scene(tmp_path / "map.tif", codes[None], affine=affine, crs=crs, nodata=255)
    found = gpd.read_file(polygonize(path, tmp_path / "m.gpkg", CLASSES), layer="m")
    assert found.crs.to_epsg() == int(crs[5:])
    # Geodesics between points a hundredth of a pixel apart follow the pixels' edges.
    edge = shapely.segmentize(found.geometry[0], 0.01 * abs(affine.determinant) ** 0.5)
    lonlat = gpd.GeoSeries([edge], crs=crs).to_crs("EPSG:4326")[0]
    exact = abs(Geod(ellps="WGS84").geometry_area_perimeter(lonlat)[0])
    assert found["area_m2"][0] == pytest.approx(exact, rel=1e-6)


def test_names_style_and_codes_are_inside(tmp_path, write_scene):
    codes = np.array([[1, 5, 7, 255]], "uint8")
    path = write_scene(tmp_path / "map.tif", codes[None], nodata=255)
    out = polygonize(path, tmp_path / "classes.gpkg", CLASSES)
    found = gpd.read_file(out, layer="classes").sort_values("code")
    assert found["code"].tolist() == [1, 5]
    assert found["class"].tolist() == list(CLASSES.names)
    assert {name for name, _ in pyogrio.list_layers(out)} == {"classes", "layer_styles"}
    with sqlite3.connect(out) as database:
        table, style, default = database.execute(
            "select f_table_name, styleQML, useAsDefault from layer_styles"
        ).fetchone()
    assert (table, bool(default)) == ("classes", True)
    assert 'value="water &amp; &lt;sand&gt;"' in style
    assert sorted(p.name for p in tmp_path.iterdir()) == ["classes.gpkg", "map.tif"]


def test_a_map_without_any_class_gives_an_empty_layer(tmp_path, write_scene):
    path = write_scene(tmp_path / "map.tif", np.full((1, 3, 3), 255, "uint8"), nodata=255)
    found = gpd.read_file(polygonize(path, tmp_path / "m.gpkg", CLASSES), layer="m")
    assert len(found) == 0
    assert {"class", "code", "area_m2"} <= set(found.columns)
    with pytest.raises(WriteError, match="--overwrite"):
        polygonize(path, tmp_path / "m.gpkg", CLASSES)


def test_a_replaced_layer_is_not_mixed_with_the_journal_of_the_old_one(tmp_path, write_scene):
    """SQLite plays a journal that it finds beside a database into it, whichever database that is."""
    codes = np.ones((1, 6, 6), "uint8")
    map_, out = write_scene(tmp_path / "map.tif", codes), tmp_path / "map.gpkg"
    out.write_bytes(b"an older layer")
    journals = [tmp_path / f"map.gpkg{end}" for end in ("-wal", "-shm", "-journal")]
    for journal in journals:
        journal.write_bytes(b"of the older layer")
    polygonize(map_, out, Classes.of(["a"]), overwrite=True)
    assert not any(journal.exists() for journal in journals)
    assert len(gpd.read_file(out, layer="map")) == 1
