"""Areas of regions against the geodesic library and projected points."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import assume, given
from hypothesis import strategies as st
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer

from geoloom.core.interval import Interval
from geoloom.datasets.region import Region
from geoloom.testing import strategies as some
from geoloom.testing.ramps import truth

ALBERS = GeoBox((400, 400), Affine(300, 0, -60_000, 0, -300, 2_060_000), "EPSG:5070")
UTM14 = GeoBox((300, 300), Affine(300, 0, 700_000, 0, -300, 4_660_000), "EPSG:32614")


def region(grid, when=None):
    return Region.of_frame(grid, Interval.of(when))


@pytest.mark.parametrize("kind", some.KINDS)
@given(data=st.data())
def test_a_shared_area_holds_the_centres_that_lie_in_both(kind, data):
    source, grid = data.draw(some.overlapping_grids(kind))
    if kind == "antimeridian":  # Web Mercator ends at 180 degrees: beyond it lies no place
        assume("EPSG:3857" not in (str(source.crs), str(grid.crs)))
    shared = region(grid) & region(source)
    inside = truth(source, grid)
    cols, rows = np.meshgrid(np.arange(grid.shape[1]) + 0.5, np.arange(grid.shape[0]) + 0.5)
    if shared is None:
        assert not inside.inside(0.1).any()
        return
    assert shared.frame == grid
    x, y = grid.affine @ (cols, rows)
    contained = shapely.contains_xy(shared.area, x, y)
    assert contained[inside.inside(0.05)].all()
    assert not contained[~inside.inside(-0.05)].any()


def test_both_sides_of_the_antimeridian_are_shared():
    """Two outlines that GEOS joins wrongly, found at random: one side of 180 degrees was lost."""
    side = 51.07033348879445
    source = GeoBox(
        (42, 20), Affine(side, 0, 165510.73974565262, 0, -side, 1072.4770032646834), "EPSG:32601"
    )
    side = 153.21100046638333
    grid = GeoBox(
        (15, 8), Affine(side, 0, -506259.74351759715, 0, -side, 1149.082503497875), "EPSG:32602"
    )
    shared = region(grid) & region(source)
    assert shared.weight == pytest.approx(region(source).weight, rel=1e-3)


def test_regions_meet_only_at_the_same_time():
    assert (region(UTM14, "2019") & region(UTM14, "2020")) is None
    both = region(UTM14, "2019-07-01") & region(UTM14, "2019")
    assert both.when == Interval.of("2019-07-01")
    assert both.area.equals(region(UTM14).area)


def test_large_labels_in_albers_are_cut_to_the_scene():
    shared = region(UTM14) & region(ALBERS)
    to_albers = Transformer.from_crs("EPSG:32614", "EPSG:5070", always_xy=True)
    rng = np.random.default_rng(0)
    x, y = rng.uniform(700_000, 790_000, 4000), rng.uniform(4_570_000, 4_660_000, 4000)
    ax, ay = to_albers.transform(x, y)
    truth = (np.abs(ax) < 60_000) & (ay > 1_940_000) & (ay < 2_060_000)
    assert 0 < truth.sum() < 4000
    differ = shapely.contains_xy(shared.area, x, y) != truth
    assert differ.mean() < 1e-3
    assert shared.weight < region(UTM14).weight


@pytest.mark.parametrize(
    "grid",
    [
        UTM14,
        GeoBox((100, 100), Affine(0.1, 0, 175, 0, -0.1, -10), "EPSG:4326"),
        GeoBox((100, 100), Affine(1000, 0, 750_000, 0, -1000, 8_200_000), "EPSG:32760"),
        GeoBox((100, 100), Affine(9000, 0, -450_000, 0, -9000, 450_000), "EPSG:3413"),
    ],
    ids=["utm", "over 180 in degrees", "over 180 in utm", "pole"],
)
def test_weights_are_square_kilometres(grid):
    """Geodesic area of the finely cut outline."""
    edge = shapely.segmentize(region(grid).area, 1e4 if grid.crs.projected else 0.1).exterior
    x, y = shapely.get_coordinates(edge).T
    lon, lat = Transformer.from_crs(grid.crs.to_wkt(), "EPSG:4326", always_xy=True).transform(x, y)
    area_m2, _ = Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)
    assert region(grid).weight == pytest.approx(abs(area_m2) / 1e6, rel=1e-5)


def test_an_interest_in_any_crs_cuts_the_area():
    left = UTM14[:, :150]
    same = region(UTM14).within(region(left).area, UTM14.crs)
    assert same.area.equals(region(left).area)
    lonlat = region(UTM14).within(region(left).footprint, CRS("EPSG:4326"))
    assert lonlat.area.area == pytest.approx(region(left).area.area, rel=1e-4)
    assert region(UTM14).within(shapely.box(0, 0, 1, 1), CRS("EPSG:4326")) is None


def test_a_window_whose_edges_run_along_the_scenes_is_found():
    """Turned pixels of 1.5 m in degrees: GEOS 3.14.1 finds but points in both."""
    turned = Affine(
        *(-1.1471120441977757e-05, -4.342603842845895e-05, 0.0002998864785755911),
        *(-4.342603842845895e-05, 1.1471120441977757e-05, 0.0004318019409451374),
    )
    scene = region(GeoBox((8, 22), turned, "EPSG:4326"))
    part = region(scene.frame[0:5, 0:1])
    for shared in (scene & part, scene.within(part.area, part.crs)):
        assert shared.area.area == pytest.approx(part.area.area, rel=1e-6)


def test_a_lattice_of_another_crs_holds_the_whole_area():
    lattice = GeoBox((1, 1), Affine(100, 0, 0, 0, -100, 0), "EPSG:5070")
    moved = region(UTM14).on_lattice(lattice)
    a, b, c, d, e, f = moved.frame.affine[:6]
    assert (a, b, d, e) == (100, 0, 0, -100)
    assert (c % 100, f % 100) == (0, 0)
    left, bottom, right, top = moved.area.bounds
    box = moved.frame.boundingbox
    assert 0 <= left - box.left < 100
    assert 0 <= box.right - right < 100
    assert 0 <= bottom - box.bottom < 100
    assert 0 <= box.top - top < 100
    assert region(UTM14).on_lattice(ALBERS[:10, :10], bounded=True) is None


def test_its_own_lattice_gives_the_frame_back():
    assert region(UTM14).on_lattice(UTM14).frame == UTM14


class TestMoments:
    """A region that has data now and then, not all the time."""

    YEARS = tuple(Interval.of(year) for year in ("1985", "2000", "2010"))

    @pytest.fixture
    def place(self):
        return region(UTM14).at(self.YEARS)

    def test_a_part_of_time_holds_the_moments_that_it_touches(self, place):
        assert place.when == Interval.of("1985/2010")
        part = place.during(Interval.of("1999/2005"))
        assert part.moments == part.times == self.YEARS[1:2]
        assert part.when == Interval.of("1999/2005")

    def test_between_the_moments_there_is_nothing(self, place):
        assert place.during(Interval.of("1995")) is None
        assert place & region(UTM14, "1995") is None
        assert region(UTM14, "1995") & place is None

    def test_both_sides_have_data_in_what_they_share(self, place):
        shared = place & region(UTM14, "2010-06/2012")
        assert shared.moments == self.YEARS[2:]
        assert (region(UTM14, "2000") & place).moments == ()

    def test_what_lies_outside_another(self, place):
        left = region(UTM14[:, :100])
        rest = place.without(left)
        assert rest.area.equals(region(UTM14[:, 100:]).area)
        assert rest.footprint.area == pytest.approx(place.footprint.area * 2 / 3, rel=0.01)
        assert left.without(place) is None
