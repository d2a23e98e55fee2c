"""Areas of interest: every form means the same ground, and edges stay where they are in any CRS."""

from __future__ import annotations

import pickle
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.geom import BoundingBox, Geometry
from pyproj import Geod, Transformer

from geoloom.core.area import polygon_areas_m2
from geoloom.core.errors import GridError, RoiError, VectorError
from geoloom.core.grid import WGS84
from geoloom.core.roi import Roi
from geoloom.io.vector.areas import roi_mask, roi_of, rois_of
from geoloom.testing.strategies import crs_choices, grids

UTM = GeoBox((300, 200), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
BOX = UTM.boundingbox.bbox


def along(geometry, source, target, points=2000):
    """The outline of a geometry in another CRS by pyproj alone, with so many points an edge."""
    move = Transformer.from_crs(source, target, always_xy=True).transform
    rings = []
    for part in shapely.get_parts(geometry):
        xy = shapely.get_coordinates(part.exterior)
        steps = np.linspace(0, 1, points, endpoint=False)[:, None]
        dense = np.concatenate([a + steps * (b - a) for a, b in pairwise(xy)])
        rings.append(np.column_stack(move(*dense.T)))
    return rings


def ellipsoid_km2(geometry, crs):
    return float(polygon_areas_m2([geometry], CRS(crs)).sum()) / 1e6


@pytest.fixture
def file(tmp_path):
    gpd.GeoSeries([shapely.box(*BOX)], crs="EPSG:32633").to_file(tmp_path / "area.gpkg")
    return tmp_path / "area.gpkg"


def test_every_form_means_the_same_ground(file):
    shape = shapely.box(*BOX)
    for given_ in (
        UTM,
        UTM.boundingbox,
        Geometry(shape, "EPSG:32633"),
        (shape, "EPSG:32633"),
        (BOX, 32633),
        [*BOX[:3], BOX[3]] and (list(BOX), CRS("EPSG:32633")),
        gpd.GeoSeries([shape], crs="EPSG:32633"),
        gpd.GeoDataFrame({"a": [1]}, geometry=[shape], crs="EPSG:32633"),
        [UTM[:150], UTM[150:]],
        [UTM[:, :100], Geometry(shapely.box(*UTM[:, 100:].boundingbox.bbox), "EPSG:32633")],
        Roi(shape, CRS("EPSG:32633")),
        file,
        str(file),
    ):
        roi = roi_of(given_)
        assert roi.crs == UTM.crs
        assert shapely.equals(shapely.normalize(roi.geometry), shape)
        assert roi_mask(roi, UTM).all()
    degrees = Roi.of((13, 45, 14, 46))
    assert degrees == Roi.of(shapely.box(13, 45, 14, 46))
    assert degrees == Roi.of(BoundingBox(13, 45, 14, 46, "EPSG:4326"))
    assert degrees == Roi.of(np.array([13.0, 45.0, 14.0, 46.0]))
    assert (degrees.crs, pickle.loads(pickle.dumps(degrees))) == (WGS84, degrees)


def test_members_stay_apart_where_they_are_asked_for_one_by_one(file):
    two = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
    assert len(Roi.each(two)) == 2
    assert len(Roi.each([two])) == 1
    assert [roi.name for roi in Roi.each([(13, 45, 14, 46), UTM])] == ["roi 0", "roi 1"]
    assert len(rois_of(file)) == 1
    mixed = Roi.of([UTM[:150], (13, 45, 14, 46)])
    assert mixed.crs == UTM.crs
    assert len(shapely.get_parts(mixed.geometry)) == 2


@pytest.mark.parametrize(
    ("box", "source", "target"),
    [
        ((10, 40, 20, 50), "EPSG:4326", "EPSG:3035"),
        ((10, 40, 10.4, 40.4), "EPSG:4326", "EPSG:32632"),
        ((-60, -80, 60, -70), "EPSG:4326", "EPSG:3031"),
        ((400000, 5000000, 600000, 5200000), "EPSG:32633", "EPSG:4326"),
        ((400000, 5000000, 600000, 5200000), "EPSG:32633", "EPSG:32634"),
        ((4000000, 2000000, 5000000, 3000000), "EPSG:3035", "EPSG:4326"),
        ((13, 45, 14, 46), "EPSG:4326", "EPSG:4674"),
    ],
)
def test_edges_stay_in_place_in_another_crs(box, source, target):
    """Pyproj's own answer at thousands of points of each edge lies on the outline."""
    there = Roi.of((box, source)).to_crs(target).geometry
    (truth,) = along(shapely.box(*box), source, target)
    size = np.ptp(truth, axis=0).max()
    off = shapely.distance(there.boundary, shapely.points(truth)).max()
    assert off < 6e-7 * size
    back = shapely.Polygon(truth)
    assert shapely.symmetric_difference(there, back).area < 1e-6 * back.area
    assert len(shapely.get_coordinates(there)) < 4000


@given(grids(), st.data())
def test_an_area_is_the_same_ground_in_any_crs(grid, data):
    """Polar, antimeridian, rotated and other grids: equal areas on the ellipsoid, and all pixels inside."""
    roi = Roi.of(grid)
    west, south, east, north = roi.lonlat_bounds
    middle = (west + (east - west) % 360 / 2), (south + north) / 2
    target = data.draw(st.sampled_from(crs_choices(*middle)))
    there = roi.to_crs(target)
    assert there.crs == CRS(target)
    assert roi_mask(there, grid[1:-1, 1:-1]).all()
    expected = ellipsoid_km2(roi.geometry, grid.crs)
    assert ellipsoid_km2(there.geometry, target) == pytest.approx(expected, rel=2e-5)


def test_an_area_across_the_antimeridian_stays_whole():
    fiji = Roi.of(((170, -20, -170, -10), "EPSG:4326"))
    assert fiji.lonlat_bounds == (170, -20, -170, -10)
    assert len(shapely.get_parts(fiji.footprint)) == 2
    east, west = fiji.to_crs("EPSG:32760"), fiji.to_crs("+proj=laea +lat_0=-15 +lon_0=180")
    assert len(shapely.get_parts(east.geometry)) == len(shapely.get_parts(west.geometry)) == 1
    around, _ = Geod(ellps="WGS84").geometry_area_perimeter(
        shapely.segmentize(shapely.box(170, -20, 190, -10), 0.01)
    )
    assert west.geometry.area == pytest.approx(around, rel=1e-6)
    mercator = fiji.to_crs("EPSG:3857")
    assert len(shapely.get_parts(mercator.geometry)) == 2
    assert ellipsoid_km2(mercator.geometry, "EPSG:3857") == pytest.approx(around / 1e6, rel=1e-6)
    for grid in (
        GeoBox((4, 4), Affine(1, 0, 178, 0, -1, -12), "EPSG:4326"),
        GeoBox((4, 4), Affine(1, 0, -182, 0, -1, -12), "EPSG:4326"),
    ):
        assert roi_mask(fiji, grid).all()
    assert not roi_mask(fiji, GeoBox((4, 4), Affine(1, 0, 0, 0, -1, -12), "EPSG:4326")).any()


def test_a_ring_around_a_pole_holds_the_pole():
    cap = Roi.of(((-1e6, -1e6, 1e6, 1e6), "EPSG:3031"))
    degrees = cap.to_crs("EPSG:4326")
    assert degrees.geometry.bounds[:2] == (-180, -90)
    assert shapely.contains(degrees.geometry, shapely.Point(45, -89.9))
    other = cap.to_crs("+proj=laea +lat_0=-90 +datum=WGS84")
    assert ellipsoid_km2(other.geometry, str(other.crs)) == pytest.approx(
        ellipsoid_km2(degrees.geometry, "EPSG:4326"), rel=1e-5
    )


def test_holes_and_parts_stay_holes_and_parts():
    ring = shapely.box(10, 40, 12, 42) - shapely.box(10.5, 40.5, 11.5, 41.5)
    there = Roi.of(ring | shapely.box(13, 40, 14, 41)).to_crs("EPSG:3035").geometry
    parts = shapely.get_parts(there)
    assert sorted(len(part.interiors) for part in parts) == [0, 1]


def test_a_mask_holds_the_pixels_whose_centres_are_inside():
    turned = GeoBox((40, 50), UTM.affine * Affine.rotation(30), UTM.crs)
    roi = Roi.of(UTM[5:20, 3:17])
    x, y = turned.affine @ (np.arange(50)[None] + 0.5, np.arange(40)[:, None] + 0.5)
    np.testing.assert_array_equal(roi_mask(roi, turned), shapely.contains_xy(roi.geometry, x, y))


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ((0, 1, 2), r"roi 0 is 0; expected a geometry, a GeoBox, \(geometry, crs\)"),
        ("13,45,14,46", r"the roi is '13,45,14,46'; expected a geometry"),
        ([], "the roi is empty"),
        (shapely.Point(1, 2), "is a Point without area; give polygons, such as its buffer"),
        ([UTM, shapely.LineString([(0, 0), (1, 1)])], "roi 1 is a LineString without area"),
        (shapely.box(0, 0, np.inf, 1), "not finite numbers"),
        ((13, 46, 14, 45), "is not a box: four numbers are west, south, east, north in degrees"),
        ((600000, 4500000, 601000, 4501000), r"in another CRS give \(geometry, crs\)"),
        (
            ((1, 2, 0, 3), "EPSG:32633"),
            r"is not a box in EPSG:32633: expected left, bottom, right, top",
        ),
        ((-200, 10, 200, 20), "reaches around the Earth"),
        (Geometry(shapely.box(0, 0, 1, 1), None), "has no CRS; build it with one"),
        (gpd.GeoSeries([shapely.box(0, 0, 1, 1)]), "table has no CRS; say which with set_crs"),
    ],
)
def test_what_is_no_area_is_refused(given_, message):
    with pytest.raises(RoiError, match=message):
        Roi.of(given_)


def test_a_crs_without_a_place_for_the_area_is_named(tmp_path):
    with pytest.raises(GridError, match="is not a CRS that PROJ knows"):
        Roi.of(((0, 0, 1, 1), "EPSG:nonsense"))
    with pytest.raises(RoiError, match=r"latitude 45\.0000..46\.0000\) has no place in"):
        Roi.of((13, 45, 14, 46)).to_crs("+proj=ortho +lat_0=0 +lon_0=190 +datum=WGS84")
    with pytest.raises(VectorError):
        roi_of(tmp_path / "missing.gpkg")


def test_what_may_be_meant_otherwise_is_logged(caplog):
    Roi.of((0, 0, 0.5, 1))
    assert "in the Gulf of Guinea" in caplog.text
    Roi.of((170, -20, -170, -10))
    assert "taken across the antimeridian, 20 degrees wide" in caplog.text


def test_an_area_lies_on_a_mercator_grid_that_runs_on_across_the_antimeridian():
    edge = 20037508.342789244
    for left in (-edge - 500, edge - 500):
        grid = GeoBox((10, 10), Affine(100, 0, left, 0, -100, 1000), "EPSG:3857")
        for roi in (
            Roi.of(grid),
            Roi.of((179.5, -1, -179.5, 1)),
            Roi.of(grid).to_crs("EPSG:32601"),
        ):
            assert roi_mask(roi, grid[1:-1, 1:-1]).all()


def test_a_bare_geometry_in_metres_is_told_to_bring_its_crs():
    metres = shapely.box(500_000, 8_997_000, 503_000, 9_000_000)
    with pytest.raises(RoiError, match=r"to \(503000, 9e\+06\), which are no degrees.*dataset.crs"):
        Roi.of(metres)
    assert Roi.of((metres, "EPSG:32722")).geometry.equals(metres)
    assert Roi.of(shapely.box(170, -10, 530, 10)).geometry.area == 7200  # longitudes run on
