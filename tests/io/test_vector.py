"""Burning is compared with point-in-polygon tests at centres projected by pyproj, and rasterio's burn."""

from __future__ import annotations

import json
import logging
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.features import rasterize
from shapely import box

from geoloom.core.errors import VectorError
from geoloom.datasets import VectorDataset
from geoloom.io.vector.layers import field_values, list_fields, make_features, read_features

UTM = "EPSG:32622"
GRIDS = {
    "utm": GeoBox((40, 50), Affine(30, 0, 600000, 0, -30, 9200000), "EPSG:32722"),
    "degrees": GeoBox((40, 50), Affine(3e-4, 0, -50, 0, -3e-4, -7), "EPSG:4326"),
    "rotated": GeoBox((40, 50), Affine(26, 15, 600000, 15, -26, 9200000), "EPSG:32722"),
    "south-up": GeoBox((40, 50), Affine(30, 0, 600000, 0, 30, 9200000), "EPSG:32722"),
    "non-square": GeoBox((40, 50), Affine(10, 0, 600000, 0, -45, 9200000), "EPSG:32722"),
    "arctic": GeoBox((40, 50), Affine(500, 0, -12000, 0, -500, 10000), "EPSG:3413"),
    "antarctic": GeoBox((40, 50), Affine(500, 0, 300000, 0, -500, 210000), "EPSG:3031"),
    "antimeridian": GeoBox((40, 50), Affine(30, 0, 815000, 0, -30, 8100000), "EPSG:32760"),
    "antimeridian-degrees": GeoBox((40, 50), Affine(3e-4, 0, 179.9925, 0, -3e-4, -17), "EPSG:4326"),
    "albers": GeoBox((40, 50), Affine(30, 0, -1200000, 0, -30, 1500000), "EPSG:5070"),
}
HOMES = {
    "utm": "EPSG:4326",
    "degrees": "EPSG:32722",
    "rotated": "EPSG:4326",
    "south-up": "EPSG:5880",
    "non-square": "EPSG:4326",
    "arctic": "EPSG:3995",
    "antarctic": "EPSG:4326",
    "antimeridian": "EPSG:32701",
    "antimeridian-degrees": "EPSG:32760",
    "albers": "EPSG:32613",
}


def centres_in(grid: GeoBox, crs: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres in another CRS, by pyproj."""
    cols, rows = np.meshgrid(np.arange(grid.shape[1]) + 0.5, np.arange(grid.shape[0]) + 0.5)
    x, y = grid.affine @ (cols, rows)
    return Transformer.from_crs(grid.crs.to_wkt(), crs, always_xy=True).transform(x, y)


def triangle_in_pixels(
    points: list[tuple[float, float]], grid: GeoBox, crs: str
) -> shapely.Polygon:
    """A polygon through the given places of the grid (col, row), with straight edges in `crs`."""
    cols, rows = np.array(points).T
    x, y = grid.affine @ (cols, rows)
    x, y = Transformer.from_crs(grid.crs.to_wkt(), crs, always_xy=True).transform(x, y)
    return shapely.Polygon(np.column_stack([x, y]))


@pytest.mark.parametrize("name", GRIDS)
@given(
    points=st.lists(
        st.tuples(st.floats(-30, 80, width=16), st.floats(-30, 70, width=16)),
        min_size=3,
        max_size=3,
        unique=True,
    )
)
def test_a_pixel_is_burned_exactly_when_its_centre_lies_in_the_feature(name, points):
    grid, crs = GRIDS[name], HOMES[name]
    feature = triangle_in_pixels(points, grid, crs)
    if not feature.is_valid or feature.area == 0:
        return
    x, y = centres_in(grid, crs)
    truth = shapely.contains_xy(feature, x, y)
    burned = make_features([feature], None, crs=crs).burn(grid) == 1
    a_hundredth_px = 0.01 * np.hypot(x[0, 1] - x[0, 0], y[0, 1] - y[0, 0])
    on_edge = shapely.distance(feature.exterior, shapely.points(x, y)) < a_hundredth_px
    assert not ((truth != burned) & ~on_edge).any()


@given(
    seeds=st.lists(
        st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(1, 400)), min_size=1, max_size=6
    ),
    all_touched=st.booleans(),
    row=st.integers(0, 20),
    col=st.integers(0, 20),
)
def test_in_one_crs_the_burn_is_rasterios_and_windows_agree(seeds, all_touched, row, col):
    grid = GeoBox((30, 31), Affine(30, 0, 5e5, 0, -30, 9e6), UTM)
    shapes = [shapely.Point(5e5 + x, 9e6 - y).buffer(r) for x, y, r in seeds]
    names = [f"c{i % 3}" for i in range(len(shapes))]
    features = make_features(shapes, names, crs=UTM)
    codes = [int(n[1]) + 1 for n in names]
    truth = rasterize(
        zip(shapes, codes, strict=True),
        out_shape=grid.shape,
        transform=grid.affine,
        all_touched=all_touched,
        dtype="uint8",
    )
    burned = features.burn(grid, all_touched=all_touched)
    assert burned.dtype == np.uint8
    np.testing.assert_array_equal(burned, truth)
    roi = np.s_[row : row + 10, col : col + 11]
    np.testing.assert_array_equal(features.burn(grid[roi], all_touched=all_touched), truth[roi])


def test_long_edges_stay_straight_in_their_own_crs():
    """A 400 km edge along a parallel bows by kilometres in UTM."""
    grid = GeoBox((40, 40), Affine(100, 0, 498000, 0, -100, 5542000), "EPSG:32632")
    strip = box(6.0, 49.0, 12.0, 50.005)
    x, y = centres_in(grid, "EPSG:4326")
    truth = shapely.contains_xy(strip, x, y)
    assert 0 < truth.sum() < truth.size
    burned = make_features([strip], None, crs="EPSG:4326").burn(grid) == 1
    np.testing.assert_array_equal(burned, truth)


@pytest.mark.parametrize("vertices", [5, 2000])
def test_small_features_and_large_ones_that_are_cut_burn_alike(vertices):
    grid = GRIDS["utm"]
    feature = triangle_in_pixels([(-500, -300), (900, 20), (10, 700)], grid, "EPSG:4326")
    feature = shapely.segmentize(feature, feature.length / vertices)
    x, y = centres_in(grid, "EPSG:4326")
    burned = make_features([feature], None, crs="EPSG:4326").burn(grid) == 1
    np.testing.assert_array_equal(burned, shapely.contains_xy(feature, x, y))


LON = 179.995
WAYS_OVER = {
    "east of 180": box(LON, -17.01, 360 - LON, -17.005),
    "west of -180": box(LON - 360, -17.01, -LON, -17.005),
    "split": shapely.MultiPolygon(
        [box(LON, -17.01, 180, -17.005), box(-180, -17.01, -LON, -17.005)]
    ),
    "from 179 to -179": shapely.Polygon(
        [(LON, -17.01), (-LON, -17.01), (-LON, -17.005), (LON, -17.005)]
    ),
}


@pytest.mark.parametrize("way", WAYS_OVER)
@pytest.mark.parametrize("grid_name", ["degrees", "degrees-west", "utm-60", "utm-1"])
def test_every_way_to_draw_over_the_antimeridian_burns_the_same(way, grid_name):
    grid = {
        "degrees": GeoBox((40, 60), Affine(5e-4, 0, 179.985, 0, -5e-4, -17), "EPSG:4326"),
        "degrees-west": GeoBox((40, 60), Affine(5e-4, 0, -180.015, 0, -5e-4, -17), "EPSG:4326"),
        "utm-60": GeoBox((40, 60), Affine(50, 0, 818200, 0, -50, 8118300), "EPSG:32760"),
        "utm-1": GeoBox((40, 60), Affine(50, 0, 179000, 0, -50, 8118300), "EPSG:32701"),
    }[grid_name]
    lon, lat = centres_in(grid, "EPSG:4326")
    lon = (lon + 180) % 360 - 180
    truth = (np.abs(lon) > LON) & (lat > -17.01) & (lat < -17.005)
    assert truth.any()
    burned = make_features([WAYS_OVER[way]], None, crs="EPSG:4326").burn(grid) == 1
    np.testing.assert_array_equal(burned, truth)


def test_a_world_wide_polygon_burns_a_local_grid():
    """Its far corners have no place in UTM; the part near the grid has."""
    land = make_features([box(-180, -90, 180, 10)], None, crs="EPSG:4326")
    assert (land.burn(GRIDS["utm"]) == 1).all()
    assert (land.burn(GRIDS["antimeridian"]) == 1).all()
    assert (land.burn(GRIDS["arctic"]) == 0).all()


def squares():
    return [box(0, 0, 4, 4), box(2, 0, 6, 4), box(6, 0, 8, 4), box(0, 0, 1, 1)]


GRID_8X4 = GeoBox((4, 8), Affine(1, 0, 0, 0, -1, 4), UTM)


def test_later_features_lie_on_top_and_codes_follow_the_sorted_names():
    features = make_features(squares(), ["b", "a", "c", "b"], crs=UTM)
    assert features.class_names == {1: "a", 2: "b", 3: "c"}
    assert features.burn(GRID_8X4)[0].tolist() == [2, 2, 1, 1, 1, 1, 3, 3]
    assert features.bounds == (0, 0, 8, 4)
    assert features.near(GRID_8X4).tolist() == [0, 1, 2, 3]


def test_classes_not_asked_for_are_absent_or_burned_as_other():
    features = make_features(squares(), ["b", "a", "c", "b"], crs=UTM, classes=["c", "b"])
    assert features.class_names == {1: "c", 2: "b"}
    assert features.burn(GRID_8X4)[0].tolist() == [2, 2, 2, 2, 0, 0, 1, 1]
    assert features.burn(GRID_8X4, other=9, fill=7)[0].tolist() == [2, 2, 9, 9, 9, 9, 1, 1]


def test_nested_groups_make_one_class():
    groups = make_features(squares(), ["b", "a", "c", "b"], crs=UTM, classes=["c", ["a", "b"]])
    assert groups.class_names == {1: "c", 2: "a + b"}
    assert groups.burn(GRID_8X4)[0].tolist() == [2, 2, 2, 2, 2, 2, 1, 1]
    named = make_features(
        squares(), ["b", "a", "c", "b"], crs=UTM, classes={"cleared": ["a", "b"], "c": ["c"]}
    )
    assert named.class_names == {1: "cleared", 2: "c"}


def test_codes_above_255_take_16_bits():
    features = make_features([box(0, 0, 1, 4)], None, crs=UTM)
    assert features.burn(GRID_8X4, fill=300).dtype == np.uint16
    with pytest.raises(VectorError, match="65535"):
        features.burn(GRID_8X4, fill=-1)


def test_centre_rule_and_all_touched_differ_on_a_sliver():
    sliver = make_features([box(2.6, 0, 3.4, 4)], None, crs=UTM)
    assert sliver.burn(GRID_8X4)[0].tolist() == [0] * 8
    assert sliver.burn(GRID_8X4, all_touched=True)[0].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


def test_points_and_lines_burn_their_pixels():
    points = make_features([shapely.Point(2.2, 3.3), shapely.Point(7.9, 0.1)], ["a", "b"], crs=UTM)
    assert np.argwhere(points.burn(GRID_8X4)).tolist() == [[0, 2], [3, 7]]
    line = make_features([shapely.LineString([(0.5, 1.5), (7.5, 1.5)])], None, crs=UTM)
    assert line.burn(GRID_8X4)[2].tolist() == [1] * 8
    assert line.burn(GRID_8X4).sum() == 8


def test_a_grid_beside_all_features_is_all_fill():
    features = make_features(squares(), None, crs=UTM)
    away = GeoBox((4, 8), Affine(1, 0, 1000, 0, -1, 4), UTM)
    assert (features.burn(away, fill=5) == 5).all()


def test_features_travel_to_other_processes():
    features = make_features(squares(), ["b", "a", "c", "b"], crs=UTM)
    features.burn(GRIDS["degrees"])
    again = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(again.burn(GRID_8X4), features.burn(GRID_8X4))


def layer(tmp_path, name="labels.gpkg", **changes):
    columns = {"class": ["forest", "water", None, "forest"], "year": [2015, 2016, 2016, 2017]}
    frame = gpd.GeoDataFrame({**columns, **changes}, geometry=squares(), crs=UTM)
    frame.to_file(tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("suffix", ["shp", "gpkg", "geojson", "parquet"])
def test_every_format_reads_alike(tmp_path, suffix, caplog):
    path = tmp_path / f"labels.{suffix}"
    frame = gpd.GeoDataFrame({"class": ["b", "a", "c", None]}, geometry=squares(), crs="EPSG:4326")
    frame.to_parquet(path) if suffix == "parquet" else frame.to_file(path)
    with caplog.at_level(logging.WARNING):
        features = read_features(path, class_field="class")
    assert features.class_names == {1: "a", 2: "b", 3: "c"}
    assert features.crs == "EPSG:4326"
    assert len(features) == 3
    assert "dropped 1 feature without a class" in caplog.text
    assert "class" in list_fields(path)


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326", "OGC:CRS84", None])
def test_geoparquet_is_read_as_geopandas_reads_it(tmp_path, monkeypatch, crs):
    """In pieces, only the columns needed, heights left out."""
    monkeypatch.setattr("geoloom.io.vector.geoparquet._ROWS_AT_ONCE", 3)
    shapes = [*squares(), *shapely.force_3d(squares(), 7.0)]
    values = [1, 2, None, 4, 5, 6, 7, 2]
    frame = gpd.GeoDataFrame(
        {"k": values, "other": ["x"] * 8}, geometry=shapes, crs=crs
    ).rename_geometry("outline")
    frame.to_parquet(tmp_path / "a.parquet")
    if crs is None:
        with pytest.raises(VectorError, match="has no CRS"):
            read_features(tmp_path / "a.parquet")
    features = read_features(tmp_path / "a.parquet", class_field="k", crs=None if crs else UTM)
    asked = read_features(
        tmp_path / "a.parquet", class_field="k", where="k > 0", crs=None if crs else UTM
    )
    assert features.geometries.tolist() == asked.geometries.tolist()
    assert features.codes.tolist() == asked.codes.tolist()
    assert features.class_names == asked.class_names == dict(enumerate("124567", 1))
    assert features.crs == asked.crs == (crs or UTM)
    assert not shapely.has_z(features.geometries).any()


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
@pytest.mark.parametrize(
    ("where", "years"),
    [
        ("year = 2016", [2016, 2016]),
        ("class = 'forest' AND year <> 2015", [2017]),
        ("class IS NULL or year in (2015)", [2015, 2016]),
        ("\"class\" LIKE 'w%' AND NOT year = 3", [2016]),
        ("taken < '2016-06-01' and share >= 0.5", [2016]),
        ("", [2015, 2016, 2016, 2017]),
    ],
)
def test_sql_picks_the_rows_of_geoparquet_too(tmp_path, where, years, encoding):
    days = pd.to_datetime(["2015-01-01", "2016-01-01", "2016-07-01", "2017-01-01"])
    frame = gpd.GeoDataFrame(
        {
            "class": ["forest", "water", None, "forest"],
            "year": [2015, 2016, 2016, 2017],
            "taken": days,
            "share": [0.25, 0.5, 0.75, None],
        },
        geometry=squares(),
        crs=UTM,
    )
    frame.to_parquet(tmp_path / "a.parquet", geometry_encoding=encoding, schema_version="1.1.0")
    found = read_features(tmp_path / "a.parquet", class_field="year", where=where)
    assert [int(found.class_names[code]) for code in found.codes] == years
    kept = [frame.geometry[i] for i in range(4) if not where or frame.year[i] in years]
    assert all(any(shape.equals(other) for other in kept) for shape in found.geometries)


@pytest.mark.parametrize("where", ["yeer = 2", "((", "year = 2 UNION SELECT 1", "1; SELECT 2"])
def test_sql_that_cannot_be_understood_is_refused_with_the_fields(tmp_path, where):
    frame = gpd.GeoDataFrame({"year": [1, 2, 3, 4]}, geometry=squares(), crs=UTM)
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(VectorError, match=r"a\.parquet cannot be searched: .* fields: year\)"):
        read_features(tmp_path / "a.parquet", where=where)


def test_metadata_of_geoparquet_that_make_no_sense_are_named(tmp_path):
    frame = gpd.GeoDataFrame({"k": [1]}, geometry=squares()[:1], crs=UTM)
    frame.to_parquet(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    column = {"encoding": "WKB"}
    for geo in (
        b"{" * 100_000,
        b"[" * 100_000,
        b"7",
        b'{"primary_column": "geometry"}',
        b'{"primary_column": ["geometry"], "columns": {}}',
        json.dumps({"primary_column": "x", "columns": {"x": column}}).encode(),
        json.dumps({"primary_column": "k", "columns": {"k": column}}).encode(),
        json.dumps(
            {"primary_column": "geometry", "columns": {"geometry": {**column, "crs": "banana"}}}
        ).encode(),
    ):
        pq.write_table(table.replace_schema_metadata({b"geo": geo}), tmp_path / "b.parquet")
        with pytest.raises(VectorError, match=r"b\.parquet"):
            read_features(tmp_path / "b.parquet")


def test_a_layer_that_is_directions_to_others_is_refused(tmp_path):
    source = layer(tmp_path)
    text = (
        f'<OGRVRTDataSource><OGRVRTLayer name="labels"><SrcDataSource>{source}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    )
    (tmp_path / "labels.geojson").write_text(text)
    with pytest.raises(VectorError, match=r"labels\.geojson is not a layer but directions"):
        read_features(tmp_path / "labels.geojson")
    (tmp_path / "labels.vrt").write_text(text)
    assert len(read_features(tmp_path / "labels.vrt")) == 4


def test_features_without_a_place_are_reported_once(caplog):
    """There is no latitude of 90.5 degrees."""
    near = box(-20, 88, 20, 89)
    beyond = shapely.Polygon([(-20, 88), (20, 88), (0, 90.5)])
    features = make_features([near, beyond], ["a", "b"], crs="EPSG:4326", source="poles.gpkg")
    grid = GeoBox.from_bbox((-3e5, -3e5, 3e5, 3e5), crs="EPSG:3413", resolution=1e4)
    with caplog.at_level(logging.WARNING):
        burned = [features.burn(part) for part in (grid, grid[20:], grid, grid.zoom_out(2))]
    assert all((codes == 1).any() for codes in burned)
    assert not any((codes == 2).any() for codes in burned)
    records = [record for record in caplog.records if "no place" in record.message]
    assert len(records) == 1
    assert "poles.gpkg: 1 feature" in records[0].message


def test_threads_that_ask_for_many_grids_share_what_is_remembered():
    """More CRSs than are kept, so that each thread drops what the others ask for."""
    features = make_features([box(14, 49, 16, 51)], ["a"], crs="EPSG:4326")
    grids = [
        GeoBox.from_bbox((14.9, 49.9, 15.1, 50.1), crs="EPSG:4326", resolution=0.01).to_crs(
            f"EPSG:{code}"
        )
        for code in (32631, 32632, 32633, 32634, 3857, 3035, 5514, 3395)
    ]
    kept = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(features.burn, grids * 100))
    finally:
        sys.setswitchinterval(kept)
    assert all((codes == 1).all() for codes in found)


def test_parquet_that_is_no_layer_says_so(tmp_path):
    pd.DataFrame({"k": [1]}).to_parquet(tmp_path / "table.parquet")
    with pytest.raises(VectorError, match="Parquet without geometries"):
        read_features(tmp_path / "table.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(VectorError, match=r"broken\.parquet cannot be read as a vector layer"):
        read_features(tmp_path / "broken.parquet")
    gpd.GeoDataFrame({"kind": [1]}, geometry=squares()[:1], crs=UTM).to_parquet(
        tmp_path / "a.parquet"
    )
    with pytest.raises(VectorError, match="no field 'kin'; did you mean 'kind'"):
        read_features(tmp_path / "a.parquet", class_field="kin")


def test_numeric_classes_sort_by_size_and_where_filters(tmp_path):
    path = layer(tmp_path, **{"class": [10.0, 9.0, 2.0, 10.0]})
    assert read_features(path, class_field="class").class_names == {1: "2", 2: "9", 3: "10"}
    late = read_features(path, class_field="class", where="year > 2015", classes=[9, 10])
    assert late.class_names == {1: "9", 2: "10"}
    assert late.codes.tolist() == [1, 0, 2]


def test_broken_and_empty_geometries_are_repaired_or_dropped_and_counted(tmp_path, caplog):
    bow_tie = shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])
    frame = gpd.GeoDataFrame(
        {"k": ["a", "a", "a"]}, geometry=[bow_tie, shapely.Polygon(), None], crs=UTM
    )
    frame.to_file(tmp_path / "broken.gpkg")
    with caplog.at_level(logging.WARNING):
        features = read_features(tmp_path / "broken.gpkg", class_field="k")
    assert "repaired 1 invalid geometry" in caplog.text
    assert "geometries" not in caplog.text
    assert "dropped 2 features without a geometry" in caplog.text
    assert shapely.is_valid(features.geometries).all()
    assert features.geometries[0].area == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_field": "clas"}, "no field 'clas'; did you mean 'class'"),
        (
            {"class_field": "class", "classes": ["forrest"]},
            "no class 'forrest'; did you mean 'forest'",
        ),
        ({"class_field": "class", "classes": ["water", ["water", "forest"]]}, "listed twice"),
        ({"class_field": "class", "classes": "water"}, "give a list"),
        ({"class_field": "class", "classes": []}, "name some of: forest, water"),
        ({"classes": ["water"]}, "give class_field"),
        ({"class_field": "class", "classes": [None]}, "holds None; give values"),
        ({"class_field": "class", "classes": [[]]}, r"holds \[\]; give values"),
        ({"class_field": "class", "classes": 7}, "give a list of values"),
        ({"class_field": ["class"]}, r"class_field is \['class'\]; give a text"),
        ({"where": 7}, "where is 7; give a text"),
        ({"layer": "label"}, "no layer 'label' with geometries; did you mean 'labels'"),
        ({"where": "yeer = 2"}, "fields: class, year"),
        ({"class_field": "class", "where": "year = 1900"}, "no usable feature among 0"),
    ],
)
def test_a_wrong_wish_is_answered_with_the_right_one(tmp_path, options, message):
    with pytest.raises(VectorError, match=message):
        read_features(layer(tmp_path), **options)


def test_a_missing_file_a_raster_and_a_missing_crs_are_distinguished(tmp_path):
    path = layer(tmp_path)
    with pytest.raises(VectorError, match=r"did you mean 'labels\.gpkg'"):
        read_features(tmp_path / "label.gpkg")
    with rasterio.open(
        tmp_path / "r.tif", "w", driver="GTiff", width=1, height=1, count=1, dtype="uint8"
    ):
        pass
    with pytest.raises(VectorError, match=r"r\.tif cannot be read as a vector layer"):
        read_features(tmp_path / "r.tif")
    frame = gpd.read_file(path)
    frame.set_crs(None, allow_override=True).to_file(tmp_path / "bare.shp")
    with pytest.raises(VectorError, match=r"by assume_crs= \(--assume-crs\), such as EPSG"):
        read_features(tmp_path / "bare.shp")
    with pytest.raises(VectorError, match=r"by assume_crs="):
        VectorDataset(tmp_path / "bare.shp")
    assert len(VectorDataset(tmp_path / "bare.shp", assume_crs=UTM).regions) == 1
    assert read_features(tmp_path / "bare.shp", crs=UTM).crs == UTM


def test_several_layers_need_a_choice(tmp_path):
    path = layer(tmp_path)
    gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)], crs=UTM).to_file(path, layer="parcels")
    with pytest.raises(VectorError, match=r"2 layers .* labels .*parcels"):
        read_features(path)
    assert read_features(path, layer="parcels").class_names == {1: "parcels"}


@pytest.mark.shared
def test_prodes_polygons_fall_on_the_landsat_image_in_degrees(shared_data):
    """Counts on valid pixels, published with the data."""
    folder = shared_data / "prodes_landsat8"
    features = read_features(folder / "prodes_shp_crop.shp", class_field="agregClass")
    with rasterio.open(folder / "raster_R6G5B4contrast.tif") as source:
        grid, valid = GeoBox.from_rio(source), (source.read() != 0).any(axis=0)
    counts = np.bincount(features.burn(grid)[valid], minlength=5)
    assert dict(zip(features.class_names.values(), counts[1:].tolist(), strict=True)) == {
        "DESMATAMENTO": 361_865,
        "FLORESTA": 286_853,
        "HIDROGRAFIA": 64_812,
        "NAO_FLORESTA": 7_980,
    }


def test_a_file_that_the_system_will_not_read_is_a_refusal(tmp_path, monkeypatch):
    path = tmp_path / "a.geojson"
    path.write_text("{}")

    def refused(self, *_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(type(path), "open", refused)
    with pytest.raises(VectorError, match=r"a\.geojson cannot be read .*Permission denied"):
        read_features(path)


def test_a_shapefile_without_its_table_is_refused(tmp_path):
    table = gpd.GeoDataFrame({"kind": ["a"]}, geometry=[box(0, 0, 1, 1)], crs=UTM)
    table.to_file(tmp_path / "a.shp")
    (tmp_path / "a.dbf").unlink()
    with pytest.raises(VectorError, match=r"no field 'kind'; it has none .*\.dbf"):
        read_features(tmp_path / "a.shp", class_field="kind")


@pytest.mark.parametrize(
    ("head", "crs", "same_as"),
    [("Longitude,latitude,class", None, "EPSG:4326"), ("x,y,class", UTM, UTM)],
)
def test_a_table_of_coordinates_is_a_layer_of_points(tmp_path, caplog, head, crs, same_as):
    path = tmp_path / "points.csv"
    path.write_text(f"{head}\n-60.1,-3.2,forest\n-60.2,-3.25,water\n,,forest\n")
    read = read_features(path, class_field="class", crs=crs)
    assert (str(read.crs), read.class_names) == (same_as, {1: "forest", 2: "water"})
    assert shapely.get_coordinates(read.geometries).tolist() == [[-60.1, -3.2], [-60.2, -3.25]]
    assert ("taken as degrees" in caplog.text) == (crs is None)
    assert "dropped 1 feature without a geometry" in caplog.text
    assert field_values(path, "class") == {"forest": 2, "water": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("east,y,class\n1,2,forest\n", "columns are east, y, class.*lon and lat, or x and y"),
        ("x,y\n594868,4403011\n", "no CRS"),
        ("lon,lat\n594868,4403011\n", "reach 594868, expected degrees.*--assume-crs"),
    ],
)
def test_a_table_whose_coordinates_are_unknown_is_refused(tmp_path, text, message):
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(VectorError, match=message):
        read_features(path)
