"""Several areas of interest: what of the scenes lies in them, and how often each is drawn."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry
from pyproj import Transformer

from geoloom.core.errors import RoiError, SamplerError, VectorError
from geoloom.samplers import GridGeoSampler, RandomBatchGeoSampler, RandomGeoSampler

UTM = GeoBox((300, 200), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
FAR = GeoBox((300, 200), Affine(30, 0, 400000, 0, -30, 4500000), "EPSG:32634")
TOP, BOTTOM = UTM[10:40, 10:40], UTM[220:280, 150:180]


def outline(grid, crs=None):
    """The grid's outline as a shapely geometry of a CRS (its own, if None), by pyproj alone."""
    shape = shapely.segmentize(grid.extent.geom, 30 * 8)
    if crs is None:
        return shape
    move = Transformer.from_crs(grid.crs.to_wkt(), crs, always_xy=True).transform
    return shapely.transform(shape, lambda xy: np.column_stack(move(xy[:, 0], xy[:, 1])))


def table_of(shapes, crs):
    return geopandas.GeoDataFrame({"name": range(len(shapes))}, geometry=list(shapes), crs=crs)


def areas(kind, tmp_path):
    """TOP and BOTTOM, given in several ways."""
    degrees = [outline(TOP, "EPSG:4326"), outline(BOTTOM, "EPSG:4326")]
    own = [outline(TOP), outline(BOTTOM)]
    if kind == "file":
        table_of(degrees, "EPSG:4326").to_file(tmp_path / "two.gpkg")
        return tmp_path / "two.gpkg"
    return {
        "grids": [TOP, BOTTOM],
        "multipolygon": shapely.MultiPolygon(degrees),
        "multipolygon with a crs": Geometry(shapely.MultiPolygon(own), UTM.crs),
        "table": table_of(own, UTM.crs.to_wkt()),
        "column": table_of(degrees, "EPSG:4326").geometry,
        "mixed": (TOP, degrees[1]),
        "boxes": [shape.bounds for shape in degrees],
    }[kind]


KINDS = [
    "grids",
    "multipolygon",
    "multipolygon with a crs",
    "table",
    "column",
    "mixed",
    "boxes",
    "file",
]


def in_areas(rows, size):
    """Which of TOP and BOTTOM holds each centre, give or take the pixel that a box in degrees adds."""
    row, col = rows["row"] + size / 2, rows["col"] + size / 2
    top = (row > 8) & (row < 42) & (col > 8) & (col < 42)
    bottom = (row > 218) & (row < 282) & (col > 148) & (col < 182)
    return top, bottom


@pytest.mark.parametrize("kind", KINDS)
def test_areas_of_any_kind_are_sampled_by_their_ground(regions, tmp_path, kind):
    roi = areas(kind, tmp_path)
    table = RandomGeoSampler(regions(UTM, FAR), 6, 3000, roi=roi, generator=0).table()
    assert len(table.regions) == 1
    top, bottom = in_areas(table.rows, 6)
    assert (top | bottom).all()
    assert top.mean() == pytest.approx(30 * 30 / (30 * 30 + 60 * 30), abs=0.04)


@pytest.mark.parametrize("kind", KINDS)
def test_each_place_may_have_its_share(regions, tmp_path, kind):
    roi = areas(kind, tmp_path)
    for weights, share in (("equal", 0.5), ([3, 1], 0.75), (np.array([0.0, 2.0]), 0.0)):
        sampler = RandomGeoSampler(
            regions(UTM, FAR), 6, 3000, roi=roi, roi_weights=weights, generator=0
        )
        top, bottom = in_areas(sampler.table().rows, 6)
        assert (top | bottom).all()
        assert top.mean() == pytest.approx(share, abs=0.03)


def test_a_place_in_several_scenes_shares_its_weight_among_them(regions):
    twin = GeoBox((300, 200), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
    far = outline(FAR[:50, :50], "EPSG:4326")
    sampler = RandomGeoSampler(
        regions(UTM, twin, FAR), 6, 4000, roi=[TOP, far], roi_weights="equal", generator=0
    )
    table = sampler.table()
    names = np.array([region.name for region in table.regions])[table.rows["region"]]
    shares = [(names == f"scene{i}").mean() for i in range(3)]
    assert shares == pytest.approx([0.25, 0.25, 0.5], abs=0.03)


def test_overlapping_areas_count_once_unless_kept_apart(regions):
    whole, part = UTM[:100, :100], UTM[:20, :20]

    def share(**options):
        sampler = RandomGeoSampler(regions(UTM), 2, 8000, roi=[whole, part], generator=0, **options)
        rows = sampler.table().rows
        return ((rows["row"] < 19) & (rows["col"] < 19)).mean()

    assert share() == pytest.approx((19 / 99) ** 2, abs=0.01)
    assert share(roi_weights="equal") == pytest.approx(0.5 + 0.5 * (19 / 99) ** 2, abs=0.02)


def test_a_hole_stays_a_hole_in_another_crs(regions):
    ring = shapely.Polygon(outline(UTM[50:250, 20:180]).exterior.coords) - outline(
        UTM[100:200, 60:140]
    )
    there = Transformer.from_crs(UTM.crs.to_wkt(), "EPSG:3035", always_xy=True).transform
    moved = shapely.transform(
        shapely.segmentize(ring, 300), lambda xy: np.column_stack(there(xy[:, 0], xy[:, 1]))
    )
    rows = (
        RandomGeoSampler(regions(UTM), 4, 2000, roi=Geometry(moved, "EPSG:3035"), generator=0)
        .table()
        .rows
    )
    row, col = rows["row"] + 2, rows["col"] + 2
    assert ((row >= 49) & (row <= 251) & (col >= 19) & (col <= 181)).all()
    assert not ((row > 101) & (row < 199) & (col > 61) & (col < 139)).any()
    assert row.min() < 55
    assert row.max() > 245


@pytest.mark.parametrize(
    ("shape", "turn", "corner", "crs", "windows"),
    [
        (
            (28, 27),
            ((26.530991217026, -4.7748054617608044), (-4.7748054617608044, -26.530991217026)),
            (-291.3211049651997, 435.89375077213487),
            "+proj=stere +lat_0=-1.0 +lon_0=0.5 +datum=WGS84 +units=m",
            [(0, 17, 22, 26), (0, 13, 21, 22), (9, 11, 0, 17)],
        ),
        (
            (33, 14),
            (
                (4.999999999999924, 8.726646259971605e-07),
                (8.726646259971605e-07, -4.999999999999924),
            ),
            (277403.263506738, 9889484.527470076),
            "EPSG:32731",
            [(0, 33, 1, 14), (0, 31, 0, 13)],
        ),
    ],
)
def test_windows_of_turned_grids_are_sampled_whole(regions, shape, turn, corner, crs, windows):
    """Their edges run along the scene's and one another's: plain overlays by GEOS 3.14.1 lose an eighth."""
    (a, b), (d, e) = turn
    grid = GeoBox(shape, Affine(a, b, corner[0], d, e, corner[1]), crs)
    wanted = np.zeros(shape, bool)
    for top, bottom, left, right in windows:
        wanted[top:bottom, left:right] = True
    roi = [Geometry(grid[t:b, le:r].extent.geom, grid.crs) for t, b, le, r in windows]
    rows = RandomGeoSampler(regions(grid), 1, 20_000, roi=roi, generator=0).table().rows
    drawn = np.zeros(shape, int)
    np.add.at(drawn, (rows["row"], rows["col"]), 1)
    assert (drawn[~wanted] == 0).all()
    assert (drawn[wanted] > 0).all()


def test_batches_keep_to_the_areas(regions):
    sampler = RandomBatchGeoSampler(
        regions(UTM), 6, 4, 4000, roi=[TOP, BOTTOM], roi_weights=[1, 3], generator=0
    )
    top, bottom = in_areas(sampler.table().rows, 6)
    assert (top | bottom).all()
    assert top.mean() == pytest.approx(0.25, abs=0.05)
    assert (top.reshape(-1, 4).all(axis=1) | bottom.reshape(-1, 4).all(axis=1)).all()


def test_a_grid_covers_each_area_with_each_chip_once(regions):
    beside = UTM[10:40, 30:60]  # shares ground with TOP
    sampler = GridGeoSampler(regions(UTM), 16, roi=[TOP, BOTTOM, beside])
    rows = sampler.table().rows
    count = np.zeros(UTM.shape, int)
    for row, col in zip(rows["row"], rows["col"], strict=True):
        count[row : row + 16, col : col + 16] += 1
    for place in (TOP, BOTTOM, beside):
        left, top = ~UTM.affine @ (place.affine.c, place.affine.f)
        high, wide = place.shape
        inside = count[round(top) : round(top) + high, round(left) : round(left) + wide]
        assert inside.min() >= 1
    assert len(set(zip(rows["row"], rows["col"], strict=True))) == len(rows)
    assert count[60:200].max() == 0


def test_many_areas_over_many_scenes_are_met_each_where_it_lies(regions):
    """Ten by ten scenes, an area in every one, given in degrees."""
    scenes = [
        GeoBox((50, 50), Affine(30, 0, 500000 + 1500 * i, 0, -30, 4500000 - 1500 * j), "EPSG:32633")
        for i in range(10)
        for j in range(10)
    ]
    roi = [outline(scene[20:30, 20:30], "EPSG:4326") for scene in scenes]
    sampler = RandomGeoSampler(regions(*scenes), 4, 3000, roi=roi, roi_weights="equal", generator=0)
    table = sampler.table()
    assert len(table.regions) == 100
    counts = np.bincount(table.rows["region"], minlength=100)
    assert (np.abs(counts - 30) < 5 * np.sqrt(30)).all()
    for axis in ("row", "col"):
        assert ((table.rows[axis] + 2 >= 20) & (table.rows[axis] + 2 <= 30)).all()


def test_areas_without_data_are_named_in_the_log(regions, caplog):
    nowhere = (10.0, 10.0, 11.0, 11.0)
    sampler = RandomGeoSampler(
        regions(UTM), 6, 100, roi=[nowhere, TOP], roi_weights="equal", generator=0
    )
    assert "1 of 2 have a weight but hold no chip, such as number 0" in caplog.text
    assert in_areas(sampler.table().rows, 6)[0].all()


@pytest.mark.parametrize(
    ("roi", "message"),
    [
        ([], "the roi is empty"),
        ([TOP, shapely.Point(15, 40)], "roi 1 is a Point without area"),
        ([TOP, "park"], "a geometry, a GeoBox, "),
        ((1, 2, 3), "a geometry, a GeoBox, "),
        (table_of([shapely.box(0, 0, 1, 1)], None), "set_crs"),
        ([Geometry(shapely.box(0, 0, 1, 1), None)], "no CRS"),
        (
            [(0, 0, 1, 1), (2, 2, 3, 3)],
            r"inside roi \(2 regions in longitude 0.0000..3.0000.* four numbers are west",
        ),
    ],
)
def test_an_impossible_place_says_why(regions, roi, message):
    with pytest.raises((RoiError, SamplerError), match=message):
        RandomGeoSampler(regions(UTM), 6, 10, roi=roi)


def test_a_missing_file_of_areas_is_named(regions, tmp_path):
    with pytest.raises(VectorError, match=r"no file .*parks\.gpkg"):
        GridGeoSampler(regions(UTM), 6, roi=tmp_path / "parks.gpkg")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"roi_weights": "equal"}, "roi_weights are given, but no roi"),
        ({"roi": [TOP], "roi_weights": "area"}, "expected 'equal' or one number"),
        ({"roi": [TOP], "roi_weights": [1, 2]}, "one number per area of interest: 1"),
        ({"roi": [TOP, BOTTOM], "roi_weights": [0, 0]}, "not all 0"),
    ],
)
def test_impossible_shares_say_why(regions, options, message):
    with pytest.raises(SamplerError, match=message):
        RandomGeoSampler(regions(UTM), 6, 10, **options)


class TestFourNumbers:
    """They mean degrees here, fractions or a scene's own CRS elsewhere."""

    AT_180 = GeoBox((300, 200), Affine(1e-3, 0, 179.9, 0, -1e-3, 10), "EPSG:4326")

    def test_across_the_antimeridian_is_said(self, regions, caplog):
        sampler = RandomGeoSampler(
            regions(self.AT_180), 4, 200, roi=(179.95, 9.8, -179.95, 9.9), generator=0
        )
        col = sampler.table().rows["col"] + 2
        assert (col.min() >= 50, col.max() <= 150) == (True, True)
        assert "taken across the antimeridian, 0.1 degrees wide" in caplog.text
        caplog.clear()
        same = RandomGeoSampler(
            regions(self.AT_180), 4, 200, roi=(179.95, 9.8, 180.05, 9.9), generator=0
        )
        assert (same.table().rows == sampler.table().rows).all()
        assert not caplog.text

    @pytest.mark.parametrize(
        ("roi", "message"),
        [
            ((600_000, 4_490_000, 606_000, 4_500_000), r"in another CRS give \(geometry, crs\)"),
            ((16, 40.6, 16.1, 40.5), "south below north"),
            ((16, float("nan"), 16.1, 40.5), "is not a box"),
            ((-200, -10, 400, 10), "reaches around the Earth"),
        ],
    )
    def test_what_may_be_meant_otherwise_is_refused(self, regions, roi, message):
        with pytest.raises(RoiError, match=message):
            RandomGeoSampler(regions(UTM), 4, 10, roi=roi)

    def test_what_look_like_fractions_are_degrees_and_said_to_be(self, regions, caplog):
        off_ghana = GeoBox((300, 200), Affine(1e-3, 0, 0.2, 0, -1e-3, 0.6), "EPSG:4326")
        RandomGeoSampler(regions(off_ghana), 4, 10, roi=shapely.box(0.2, 0.4, 0.3, 0.6))
        assert not caplog.text
        RandomGeoSampler(regions(off_ghana), 4, 10, roi=(0.2, 0.4, 0.3, 0.6))
        assert "west, south, east, north in degrees, in the Gulf of Guinea" in caplog.text
