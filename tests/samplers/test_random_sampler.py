"""Random chips: where they may lie, how often, and that seeds hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
import torch
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry
from pyproj import Geod, Transformer
from scipy.stats import chisquare

from geoloom.core.errors import SamplerError
from geoloom.core.grid import lattice_window
from geoloom.core.interval import Interval
from geoloom.samplers import RandomBatchGeoSampler, RandomGeoSampler
from geoloom.testing import strategies as some

UTM = GeoBox((300, 200), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")


@pytest.mark.parametrize("kind", some.KINDS)
@given(data=st.data())
def test_chips_are_whole_pixels_of_the_scene_and_lie_in_it(regions, kind, data):
    grid = data.draw(some.grids(kind))
    height, width = (
        data.draw(st.integers(1, grid.shape[0])),
        data.draw(st.integers(1, grid.shape[1])),
    )
    sampler = RandomGeoSampler(regions(grid), (height, width), 12, generator=0)
    for query in sampler.table():
        found = lattice_window(grid, query.grid, tolerance_px=1e-6)
        assert found is not None
        assert (found.height, found.width) == (height, width)
        assert 0 <= found.row <= grid.shape[0] - height
        assert 0 <= found.col <= grid.shape[1] - width


def test_a_chip_as_large_as_the_scene_is_the_scene(regions):
    (query,) = RandomGeoSampler(regions(UTM), UTM.shape.yx, 1, generator=0)
    assert query.grid == UTM


def test_every_position_is_as_likely_as_the_others(regions):
    small = UTM[:12, :14]
    rows = RandomGeoSampler(regions(small), 10, 30_000, generator=1).table().rows
    counts = np.bincount(rows["row"] * 5 + rows["col"], minlength=15)
    assert len(counts) == 15
    expected = 30_000 / 15
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_scenes_are_drawn_by_the_ground_on_which_chips_fit(regions):
    """30 m and 10 m pixels over equal ground are equally likely, though one has nine times the pixels."""
    fine = GeoBox((900, 600), Affine(10, 0, 700000, 0, -10, 4500000), "EPSG:32633")
    tiny = GeoBox((3, 3), Affine(30, 0, 650000, 0, -30, 4500000), "EPSG:32633")
    rows = RandomGeoSampler(regions(UTM, fine, tiny), 4, 20_000, generator=2).table().rows
    assert set(rows["region"]) == {0, 1}
    share = (rows["region"] == 0).mean()
    ground = np.array([(300 - 3) * (200 - 3) * 900, (900 - 3) * (600 - 3) * 100])
    assert share == pytest.approx(ground[0] / ground.sum(), abs=0.015)


def test_centres_lie_in_the_area(regions):
    dataset = regions(UTM)
    ring = shapely.Point(603000, 4495500).buffer(2500) - shapely.Point(603000, 4495500).buffer(1500)
    dataset._given = (replace(dataset._given[0], area=ring),)
    for query in RandomGeoSampler(dataset, (9, 16), 300, generator=3).table():
        box = query.grid.boundingbox
        centre = shapely.Point((box.left + box.right) / 2, (box.bottom + box.top) / 2)
        assert ring.contains(centre)


@pytest.mark.parametrize(
    "roi",
    [
        UTM[50:100, 20:80],
        Geometry(UTM[50:100, 20:80].extent.geom, UTM.crs),
        UTM[50:100, 20:80].to_crs("EPSG:3857"),
        UTM[50:100, 20:80].extent.to_crs("EPSG:4326").geom,
    ],
    ids=["grid", "geometry", "other crs", "degrees"],
)
def test_a_region_of_interest_holds_the_centres(regions, roi):
    rows = RandomGeoSampler(regions(UTM), 6, 500, roi=roi, generator=0).table().rows
    centre_row, centre_col = rows["row"] + 3, rows["col"] + 3
    # The Mercator grid's own outline is a little larger than the window that it was made from.
    assert (centre_row >= 48).all()
    assert (centre_row <= 102).all()
    assert (centre_col >= 18).all()
    assert (centre_col <= 82).all()
    assert centre_row.max() - centre_row.min() > 40


def test_several_areas_of_interest_at_once(regions):
    parts = shapely.MultiPolygon([UTM[:30, :30].extent.geom, UTM[200:230, :30].extent.geom])
    rows = (
        RandomGeoSampler(regions(UTM), 4, 400, roi=Geometry(parts, UTM.crs), generator=0)
        .table()
        .rows
    )
    assert set((rows["row"] + 2) // 30) == {0, 6, 7}


def test_a_box_in_degrees_may_cross_the_antimeridian(regions):
    fiji = GeoBox((400, 400), Affine(30, 0, 815000, 0, -30, 8116000), "EPSG:32760")
    sampler = RandomGeoSampler(
        regions(fiji), 4, 50, roi=(179.99, -17.1, -179.99, -17.0), generator=0
    )
    to_degrees = Transformer.from_crs("EPSG:32760", "EPSG:4326", always_xy=True)
    for query in sampler:
        lon, lat = to_degrees.transform(*(query.grid.affine @ (2, 2)))
        assert abs(lon) > 179.99
        assert -17.1 < lat < -17.0


def test_a_time_of_interest_cuts_the_scenes_and_their_times(regions):
    dataset = regions((UTM, "2018"), (UTM, "2019"), (UTM, None))
    table = RandomGeoSampler(dataset, 8, 100, toi="2019-07", generator=0).table()
    assert {query.when for query in table} == {Interval.of("2019-07")}
    assert len(table.regions) == 2


class TestGrids:
    zone_34 = GeoBox((300, 200), Affine(10, 0, 100_000, 0, -10, 4_506_000), "EPSG:32634")

    def test_native_chips_keep_the_pixels_of_each_scene(self, regions):
        table = RandomGeoSampler(regions(UTM, self.zone_34), 8, 200, generator=0).table()
        assert {(q.grid.crs.epsg, q.grid.resolution.x) for q in table} == {(32633, 30), (32634, 10)}

    def test_common_chips_share_one_lattice(self, regions):
        table = RandomGeoSampler(
            regions(UTM, self.zone_34), 8, 200, grid="common", generator=0
        ).table()
        for query in table:
            assert query.grid.crs == UTM.crs
            assert query.grid.affine.a == 30
            assert (query.grid.affine.c % 30, query.grid.affine.f % 30) == (0, 0)

    def test_a_given_grid_gives_its_lattice_inside_its_bounds(self, regions):
        grid = GeoBox((60, 70), Affine(25, 0, 601_003, 0, -25, 4_499_001), "EPSG:32633")
        for query in RandomGeoSampler(regions(UTM), 8, 100, grid=grid, generator=0):
            found = lattice_window(grid, query.grid)
            assert 0 <= found.row <= 52
            assert 0 <= found.col <= 62

    def test_sizes_on_the_ground_differ_in_pixels(self, regions):
        sampler = RandomGeoSampler(regions(UTM, self.zone_34), 600.0, 50, units="crs", generator=0)
        assert {tuple(q.grid.shape) for q in sampler} == {(20, 20), (60, 60)}


class TestEpochs:
    def test_equal_seeds_give_equal_epochs_and_epochs_differ(self, regions):
        dataset = regions(UTM)
        one, two = (RandomGeoSampler(dataset, 8, 20, generator=5) for _ in range(2))
        first, second = list(one), list(one)
        assert first == list(two)
        assert second == list(two)
        assert first != second
        one.set_epoch(0)
        assert list(one) == first == list(one.table(0))

    def test_torch_seeds_it_by_default(self, regions):
        def draw(generator=None):
            return list(RandomGeoSampler(regions(UTM), 8, 5, generator=generator))

        torch.manual_seed(1)
        first = draw()
        assert draw() != first
        torch.manual_seed(1)
        assert draw() == first
        assert draw(torch.Generator().manual_seed(3)) == draw(torch.Generator().manual_seed(3))

    def test_by_default_as_many_as_tile_the_area_once(self, regions):
        assert len(RandomGeoSampler(regions(UTM), 50)) == 24
        assert len(RandomGeoSampler(regions(UTM), 50, 7)) == 7


class TestBatches:
    def test_a_batch_lies_in_one_scene(self, regions):
        far = GeoBox((300, 200), Affine(30, 0, 700000, 0, -30, 4500000), "EPSG:32633")
        sampler = RandomBatchGeoSampler(regions(UTM, far), 8, batch_size=5, length=52, generator=0)
        batches = list(sampler)
        assert len(batches) == len(sampler) == 10
        assert {len(b) for b in batches} == {5}
        sides = [{q.grid.boundingbox.left > 650000 for q in batch} for batch in batches]
        assert {len(side) for side in sides} == {1}
        assert len({side.pop() for side in sides}) == 2

    def test_a_batch_larger_than_the_epoch_is_refused(self, regions):
        with pytest.raises(SamplerError, match="batch_size=9 with length=8"):
            RandomBatchGeoSampler(regions(UTM), 8, 9, 8)


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                {"size": 400},
                r"400 x 400 pixels\) exceeds every scene; the largest, scene0, has 300 x 200",
            ),
            ({"size": 0}, "at least 1"),
            ({"size": 7.5}, "units='crs'"),
            ({"size": 8, "units": "metres"}, "expected 'pixels' or 'crs'"),
            ({"size": 8, "grid": "nativ"}, "expected 'native', 'common' or a GeoBox"),
            ({"size": 8, "length": 0}, "at least 1"),
            ({"size": 8, "toi": "1999"}, r"inside toi \[1999.*the dataset holds 1 regions"),
            ({"size": 8, "roi": (0, 0, 1, 1)}, "inside roi"),
            ({"size": 8, "generator": -1}, "0 or more"),
            ({"size": (300, 100), "roi": UTM[:50, :]}, "smaller size or a larger roi"),
        ],
    )
    def test_an_impossible_order_says_why(self, regions, options, message):
        with pytest.raises(SamplerError, match=message):
            RandomGeoSampler(regions((UTM, "2019")), **options)

    def test_a_layer_without_pixels_needs_a_grid(self, regions):
        dataset = regions(UTM)
        dataset._given = (replace(dataset._given[0], frame=None),)
        with pytest.raises(SamplerError, match="imagery & labels"):
            RandomGeoSampler(dataset, 8)
        assert len(list(RandomGeoSampler(dataset, 8, 3, grid=UTM))) == 3


def chi_square_p(counts, shares):
    """How likely counts at least this far from their shares are, by chance."""
    expected = np.asarray(shares) / np.sum(shares) * np.sum(counts)
    return chisquare(counts, expected).pvalue


class TestEvenly:
    """Ten scenes hardly larger than a chip, one as large as one, others with finer and coarser pixels."""

    SCENES = (
        *(
            GeoBox((260, 260), Affine(10, 0, 300_000 + 5000 * i, 0, -10, 4_500_000), "EPSG:32633")
            for i in range(10)
        ),
        GeoBox((256, 256), Affine(10, 0, 500_000, 0, -10, 4_600_000), "EPSG:32633"),
        GeoBox((2600, 2600), Affine(10, 0, 400_000, 0, -10, 4_500_000), "EPSG:32633"),
        GeoBox((300, 900), Affine(30, 0, 500_000, 0, -30, 4_500_000), "EPSG:32633"),
        GeoBox((400, 300), Affine(4e-4, 0, 12, 0, -4e-4, 60), "EPSG:4326"),
        GeoBox((700, 270), Affine(20, 0, 0, 0, -20, 8_400_000), "EPSG:3857"),
    )

    def ground(self):
        """Of the whole scenes: each can be covered by chips to its corners."""
        geod = Geod(ellps="WGS84")
        found = []
        for grid in self.SCENES:
            move = Transformer.from_crs(grid.crs.proj, "EPSG:4326", always_xy=True).transform
            edge = shapely.get_coordinates(grid.extent.geom.segmentize(200 * grid.affine.a))
            found.append(abs(geod.polygon_area_perimeter(*move(*edge.T))[0]))
        return found

    def test_scenes_are_drawn_by_the_ground_that_chips_can_cover(self, regions):
        rows = RandomGeoSampler(regions(*self.SCENES), 256, 40_000, generator=0).table().rows
        counts = np.bincount(rows["region"], minlength=len(self.SCENES))
        assert counts.min() > 0
        assert chi_square_p(counts, self.ground()) > 1e-3

    def test_batches_are_drawn_alike(self, regions):
        sampler = RandomBatchGeoSampler(regions(*self.SCENES), 256, 2, 40_000, generator=1)
        counts = np.bincount(sampler.table().rows["region"], minlength=len(self.SCENES)) // 2
        assert chi_square_p(counts, self.ground()) > 1e-3

    @pytest.mark.parametrize("number", [0, 10, 11, 12, 14])
    def test_positions_inside_a_scene_are_alike(self, regions, number):
        grid = self.SCENES[number]
        rows = RandomGeoSampler(regions(*self.SCENES), 256, 200_000, generator=2).table().rows
        rows = rows[rows["region"] == number]
        free = np.array(grid.shape) - 256 + 1
        cells = np.minimum(
            free, 5
        )  # blocks of positions, of unequal size where these do not divide evenly
        at = [
            rows[name] * n // size
            for name, n, size in zip(("row", "col"), cells, free, strict=True)
        ]
        sizes = [
            np.bincount(np.arange(size) * n // size, minlength=n)
            for n, size in zip(cells, free, strict=True)
        ]
        counts = np.bincount(at[0] * cells[1] + at[1], minlength=cells.prod())
        if cells.prod() > 1:
            assert chi_square_p(counts, np.outer(*sizes).ravel()) > 1e-3
        assert rows["row"].max() == free[0] - 1 or number == 11
        assert rows["row"].min() == 0 or number == 11

    def test_the_log_reports_ground_that_is_never_drawn(self, regions, caplog):
        with caplog.at_level("INFO", "geoloom.samplers"):
            RandomGeoSampler(regions(*self.SCENES), 300, 10, generator=0)
        (line,) = (r for r in caplog.records if "do not reach" in r.getMessage())
        assert line.levelname == "WARNING"
        assert "12 of 15 regions cannot hold one" in line.getMessage()
        assert "scene" in line.getMessage()
        caplog.clear()
        with caplog.at_level("INFO", "geoloom.samplers"):
            RandomGeoSampler(regions(*self.SCENES), 256, 10, generator=0)
        assert "do not reach" not in caplog.text

    def test_of_a_slanted_outline_the_tips_that_no_chip_covers_do_not_count(self, regions):
        """A triangle in the frame's corner: centres lie in it, its sharp ends beyond their reach."""
        dataset = regions(UTM, UTM)
        corners = [(0, 0), (200, 0), (0, 300)]
        triangle = shapely.Polygon([UTM.affine @ corner for corner in corners])
        dataset._given = (replace(dataset._given[0], area=triangle), dataset._given[1])
        rows = RandomGeoSampler(dataset, 60, 40_000, generator=0).table().rows
        # By brute force: pixels of the triangle that lie in a chip with its centre in the triangle.
        covered_px = np.zeros(UTM.shape, bool)
        inside = lambda row, col: col / 200 + row / 300 <= 1  # noqa: E731
        for row in range(UTM.shape[0] - 60 + 1):
            for col in range(UTM.shape[1] - 60 + 1):
                if inside(row + 30, col + 30):
                    covered_px[row : row + 60, col : col + 60] = True
        at_row, at_col = np.mgrid[: UTM.shape[0], : UTM.shape[1]] + 0.5
        covered = (covered_px & inside(at_row, at_col)).sum()
        counts = np.bincount(rows["region"], minlength=2)
        assert counts[0] / counts.sum() == pytest.approx(covered / (covered + 60_000), abs=0.008)
