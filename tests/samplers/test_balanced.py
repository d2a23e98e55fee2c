"""Class-balanced chips: that each shows the class it was drawn for, and how often each class is drawn."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from label_files import RARE, UTM, with_rare_class, write_codes, write_image, write_polygons
from odc.geo.geobox import GeoBox
from shapely import Point, box
from torch.utils.data import DataLoader

import geoloom as gl
from geoloom.core.errors import SamplerError
from geoloom.datasets import RasterDataset, VectorDataset
from geoloom.samplers import (
    BalancedGeoSampler,
    LabelStatistics,
    RandomGeoSampler,
    class_shares,
    label_statistics,
)
from geoloom.samplers.tally import Tally
from geoloom.testing import strategies as some


@pytest.fixture
def codes():
    return with_rare_class()


@pytest.fixture
def labels(tmp_path, codes):
    return RasterDataset(write_codes(tmp_path / "codes.tif", codes), is_image=False)


def windows(codes, table):
    """What each chip of the table shows, cut from the array that was written."""
    for row in table.rows:
        yield codes[row["row"] : row["row"] + row["height"], row["col"] : row["col"] + row["width"]]


def shown(codes, table, code):
    return np.array([(chip == code).any() for chip in windows(codes, table)])


@pytest.mark.parametrize("every_px", [1, 4])
def test_a_rare_class_is_seen_in_its_share_of_the_chips(labels, codes, every_px):
    """0.1 % of the ground: chance would show it in a few chips."""
    assert 5e-4 < (codes == RARE).sum() / (codes > 0).sum() < 1.2e-3
    statistics = label_statistics(labels, every_px=every_px)
    sampler = BalancedGeoSampler(labels, 16, 900, statistics=statistics, generator=0)
    table, drawn = sampler.table(), sampler.drawn()
    assert Counter(drawn.tolist()) == {1: 300, 2: 300, RARE: 300}
    for code in (1, 2, RARE):
        assert shown(codes, table, code)[drawn == code].all()
    by_chance = RandomGeoSampler(labels, 16, 900, generator=0).table()
    assert shown(codes, by_chance, RARE).mean() < 0.02
    for query, chip in zip(list(table)[:20], windows(codes, table), strict=False):
        assert (labels[query]["mask"].numpy() == chip).all()


def test_chips_of_a_class_are_drawn_by_how_much_of_it_they_show(tmp_path):
    """Every position that shows the class, by the number of its pixels of it, and no other."""
    codes = np.ones((12, 10), np.uint8)
    codes[0, 0] = codes[5:7, 4:9] = codes[11, 9] = 2
    labels = RasterDataset(
        write_codes(tmp_path / "codes.tif", codes, UTM[:12, :10]), is_image=False
    )
    sampler = BalancedGeoSampler(labels, (3, 4), 60_000, class_weights={2: 1}, generator=0)
    rows = sampler.table().rows
    found = np.zeros((10, 7))
    np.add.at(found, (rows["row"], rows["col"]), 1)
    # A pixel gives the same chance to each position that holds it; those of the border have fewer.
    wanted = np.zeros((10, 7))
    for row, col in np.argwhere(codes == 2):
        top, left = max(row - 2, 0), max(col - 3, 0)
        part = wanted[top : min(row, 9) + 1, left : min(col, 6) + 1]
        part += 1 / part.size
    wanted *= 60_000 / wanted.sum()
    assert (np.abs(found - wanted) <= 5 * np.sqrt(wanted)).all()


@given(data=st.data())
@pytest.mark.parametrize("kind", some.KINDS)
def test_chips_are_whole_pixels_inside_their_scene(regions, kind, data):
    grid = data.draw(some.grids(kind))
    size = tuple(data.draw(st.integers(1, side)) for side in grid.shape)
    dataset = regions(grid)
    high, wide = grid.shape
    pixels = data.draw(
        st.lists(
            st.tuples(st.integers(0, high - 1), st.integers(0, wide - 1)), min_size=1, max_size=5
        )
    )
    rows, cols = np.array(pixels).T
    tally = Tally(1)
    tally.add(0, 0, np.zeros(len(rows), int), rows, cols)
    sampler = BalancedGeoSampler(
        dataset, size, 20, statistics=statistics_of(dataset, tally), generator=0
    )
    table = sampler.table()
    for row, query in zip(table.rows, table, strict=True):
        assert 0 <= row["row"] <= high - size[0]
        assert 0 <= row["col"] <= wide - size[1]
        assert tuple(query.grid.shape) == size
        below, right = rows - row["row"], cols - row["col"]
        inside = (below >= 0) & (below < size[0]) & (right >= 0) & (right < size[1])
        assert inside.any()


def statistics_of(dataset, tally):
    """Statistics of what a tally counted on each pixel of a dataset's regions."""
    found = tally.result()
    return LabelStatistics(
        dataset.regions, found.codes, found.counts, found.points, np.ones(found.counts.shape), 1
    )


def test_ground_counts_and_not_pixels(tmp_path):
    """The same ground at 30 m and at 10 m is drawn alike."""
    fine = GeoBox((300, 300), Affine(10, 0, 700000, 0, -10, 4500000), "EPSG:32633")
    coarse = GeoBox((100, 100), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
    write_codes(tmp_path / "a.tif", np.ones(coarse.shape, np.uint8), coarse)
    write_codes(tmp_path / "b.tif", np.ones(fine.shape, np.uint8), fine)
    labels = RasterDataset(tmp_path, is_image=False)
    rows = BalancedGeoSampler(labels, 5, 4000, generator=0).table().rows
    assert (rows["region"] == 0).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({RARE: 1}, {RARE: 100}),
        ({"2": 3, RARE: 1}, {2: 75, RARE: 25}),
        ({1: 0.5, 2: 0.5, RARE: 0}, {1: 50, 2: 50}),
    ],
)
def test_weights_set_how_often_each_class_is_drawn(labels, weights, expected):
    sampler = BalancedGeoSampler(labels, 16, 100, class_weights=weights, generator=0)
    for epoch in range(3):
        assert Counter(sampler.drawn(epoch).tolist()) == expected
    assert sampler.chances == {
        name: expected.get(code, 0) / 100 for code, name in ((1, "1"), (2, "2"), (RARE, str(RARE)))
    }


def test_classes_of_a_vector_layer_are_drawn_by_name_on_the_imagerys_pixels(tmp_path):
    shapes = [Point(200, 300).buffer(8), box(300, 200, 600, 800)]
    path = write_polygons(tmp_path / "truth.gpkg", shapes, ["lake", "field"])
    dataset = RasterDataset(write_image(tmp_path / "image.tif")) & VectorDataset(
        path, class_field="class"
    )
    sampler = BalancedGeoSampler(
        dataset, 24, 90, class_weights={"lake": 2, "field": 1}, generator=0
    )
    drawn = sampler.drawn()
    assert Counter(drawn.tolist()) == {2: 60, 1: 30}  # codes by alphabet: field, lake
    for code, query in zip(drawn, sampler.table(), strict=True):
        sample = dataset[query]
        assert sample["image"].shape == (1, 24, 24)
        assert (sample["mask"] == code).any()
    shares = class_shares(dataset, sampler.table())
    assert shares["lake"] > 0.2


def test_labels_in_another_crs_are_seen_where_they_were_counted(tmp_path):
    around = UTM.to_crs("EPSG:3035")
    codes = np.ones(around.shape, np.uint8)
    codes[400:404, 300:303] = RARE
    labels = RasterDataset(write_codes(tmp_path / "codes.tif", codes, around), is_image=False)
    dataset = RasterDataset(write_image(tmp_path / "image.tif")) & labels
    sampler = BalancedGeoSampler(dataset, 12, 80, generator=0)
    for code, query in zip(sampler.drawn(), sampler.table(), strict=True):
        assert query.grid.crs == UTM.crs
        assert (dataset[query]["mask"] == code).any()


def test_pixels_lie_in_the_areas_of_interest(labels, codes):
    left, right = UTM[600:700, 100:160], UTM[300:340, 500:600]
    sampler = BalancedGeoSampler(
        labels, 10, 200, roi=[left, right], class_weights={1: 1, 2: 1}, generator=0
    )
    rows, drawn = sampler.table().rows, sampler.drawn()
    for code, (top, bottom, west, east) in {
        1: (600, 700, 100, 160),
        2: (300, 340, 500, 600),
    }.items():
        own = rows[drawn == code]
        assert ((own["row"] > top - 10) & (own["row"] < bottom)).all()
        assert ((own["col"] > west - 10) & (own["col"] < east)).all()


class TestEpochs:
    def test_equal_seeds_give_equal_epochs_and_epochs_differ(self, labels):
        statistics = label_statistics(labels, every_px=4)
        one, two = (
            BalancedGeoSampler(labels, 8, 30, statistics=statistics, generator=5) for _ in range(2)
        )
        first, second = list(one), list(one)
        assert first == list(two)
        assert second == list(two)
        assert first != second
        assert (one.drawn(0) != one.drawn(1)).any()

    def test_ranks_share_each_epoch_and_go_on_where_they_stopped(self, labels):
        statistics = label_statistics(labels, every_px=4)

        def make(rank):
            return BalancedGeoSampler(
                labels, 8, 31, statistics=statistics, generator=5, rank=rank, world_size=3
            )

        seen = []
        for rank in range(3):
            sampler = make(rank)
            running = iter(sampler)
            seen += [next(running) for _ in range(4)]
            resumed = make(rank)
            resumed.load_state_dict(sampler.state_dict())
            seen += list(resumed)
        assert Counter(seen) == Counter(make(0).table(0))

    def test_by_default_as_many_as_tile_the_area_once(self, labels):
        statistics = label_statistics(labels, every_px=8)
        assert len(BalancedGeoSampler(labels, 100, statistics=statistics)) == 63


def test_a_plain_loader_and_ours_take_it(tmp_path, labels):
    dataset = RasterDataset(write_image(tmp_path / "image.tif")) & labels
    sampler = BalancedGeoSampler(dataset, 16, 12, generator=0)
    plain = [batch["mask"] for batch in DataLoader(dataset, sampler=sampler, batch_size=4)]
    sampler.set_epoch(0)
    ours = [batch["mask"] for batch in gl.loader(dataset, sampler, batch_size=4)]
    assert len(plain) == len(ours) == 3
    assert all(torch.equal(a, b) for a, b in zip(plain, ours, strict=True))


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                {"class_weights": {"Corn": 1}},
                r"no ground of class 'Corn' was found.*Known: 1, 2, 7",
            ),
            ({"class_weights": {9: 1}}, r"no ground of class 9 was found"),
            ({"class_weights": {1: -1}}, "0 or more and not all 0"),
            ({"class_weights": {1: 0}}, "0 or more and not all 0"),
            ({"class_weights": "inverse"}, "expected 'equal' or weights"),
            ({"size": 1000}, "exceeds every scene"),
            ({"length": 0}, "at least 1"),
            ({"generator": -1}, "0 or more"),
        ],
    )
    def test_an_impossible_order_says_why(self, labels, options, message):
        with pytest.raises(SamplerError, match=message):
            BalancedGeoSampler(labels, **{"size": 16, **options})

    def test_statistics_fix_where_and_which_labels(self, labels):
        statistics = label_statistics(labels, every_px=8)
        with pytest.raises(SamplerError, match="give these to label_statistics alone"):
            BalancedGeoSampler(labels, 16, statistics=statistics, roi=UTM[:50, :50])

    def test_a_class_only_in_scenes_that_hold_no_chip_is_named(self, tmp_path, codes):
        write_codes(tmp_path / "a.tif", codes)
        tiny = GeoBox((9, 9), Affine(30, 0, 700000, 0, -30, 4500000), "EPSG:32633")
        write_codes(tmp_path / "b.tif", np.full((9, 9), 5, np.uint8), tiny)
        labels = RasterDataset(tmp_path, is_image=False)
        with pytest.raises(SamplerError, match="no scene that can hold a chip shows 5"):
            BalancedGeoSampler(labels, 16, class_weights={5: 1, 1: 1})
        assert set(BalancedGeoSampler(labels, 16, 60).drawn().tolist()) == {1, 2, RARE}
