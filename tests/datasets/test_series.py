"""Series: against stored values and composites by hand; their places, their algebra, their batches."""

from __future__ import annotations

import pickle
from datetime import timedelta

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from torch.utils.data import DataLoader

from geoloom.core.errors import DatasetError, QueryError
from geoloom.core.interval import ALWAYS, Interval
from geoloom.core.query import Query
from geoloom.datasets import (
    EveryDate,
    FixedSteps,
    IntersectionDataset,
    NearestDates,
    RasterDataset,
    SeriesDataset,
)
from geoloom.datasets.loader import loader
from geoloom.datasets.reading.collate import collate, require_stacked
from geoloom.samplers import GridGeoSampler, RandomGeoSampler
from geoloom.testing.ramps import write_raster
from geoloom.testing.strategies import timelines
from geoloom.transforms.augment import augment_sample
from geoloom.transforms.normalize import Normalization

UTM = GeoBox((60, 80), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
DAILY = {"filename_regex": r".*_(?P<date>\d{8})\.tif"}
YEARLY = {"filename_regex": r".*_(?P<date>\d{4})\.tif", "date_format": "%Y"}
HOLE = -1
DATES = ("20190110", "20190120", "20190305", "20190410")


def noise(seed, shape=(2, *UTM.shape), dtype="int16"):
    """Values 0..59, of which those below 15 become holes."""
    values = np.random.default_rng(seed).integers(0, 60, shape).astype(dtype)
    values[:, values[0] < 15] = HOLE
    return values


@pytest.fixture(scope="module")
def stored():
    """(T, C, H, W) of the dates, with holes."""
    return np.stack([noise(seed) for seed in range(len(DATES))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory, stored):
    root = tmp_path_factory.mktemp("series")
    for date, values in zip(DATES, stored, strict=True):
        write_raster(root / f"s_{date}.tif", values, UTM, nodata=HOLE)
    return root


@pytest.fixture(scope="module")
def dataset(folder):
    return RasterDataset(folder, **DAILY)


def seconds(*dates):
    return [Interval.of(date).middle.timestamp() for date in dates]


def same(sample):
    """A transform that changes nothing, but that composing has to respect."""
    return dict(sample)


class TestEveryDate:
    def test_a_sample_is_all_dates_in_order(self, dataset, stored):
        sample = dataset.series()[UTM[5:37, 10:58]]
        window = stored[:, :, 5:37, 10:58]
        np.testing.assert_array_equal(sample["image"], window)
        np.testing.assert_array_equal(sample["valid_series"], window[:, 0] != HOLE)
        np.testing.assert_array_equal(sample["valid"], (window[:, 0] != HOLE).all(axis=0))
        assert sample["times"].dtype == torch.float64
        assert sample["times"].tolist() == seconds(
            "2019-01-10", "2019-01-20", "2019-03-05", "2019-04-10"
        )
        assert sample["image"].dtype == torch.int16

    @pytest.mark.parametrize("least", [1, 2, 3, 4, 5])
    def test_a_pixel_is_valid_where_enough_dates_observed_it(self, dataset, stored, least):
        sample = dataset.series(min_dates=least)[UTM]
        count = (stored[:, 0] != HOLE).sum(axis=0)
        np.testing.assert_array_equal(sample["valid"], count >= least)

    def test_the_query_chooses_the_dates(self, dataset, stored):
        series = dataset.series()
        sample = series[Query(UTM, Interval.of("2019-01-20/2019-03"))]
        np.testing.assert_array_equal(sample["image"], stored[1:3])
        with pytest.raises(QueryError, match="nothing at"):
            series[Query(UTM, Interval.of("2019-02"))]

    def test_the_newest_so_many_and_slots_that_fill_up(self, dataset, stored):
        newest = dataset.series(EveryDate(count=3))[UTM]
        np.testing.assert_array_equal(newest["image"], stored[1:])
        filled = dataset.series(EveryDate(count=6))[UTM]
        np.testing.assert_array_equal(filled["image"][:4], stored)
        assert (filled["image"][4:] == 0).all()
        assert not filled["valid_series"][4:].any()
        assert filled["times"].isnan().tolist() == [False] * 4 + [True] * 2
        np.testing.assert_array_equal(filled["valid"], dataset.series()[UTM]["valid"])

    def test_overlapping_composites_do_not_fill_each_other(self, raster):
        first, second = noise(1), noise(2)
        raster("m/a_20190101_20190116.tif", first, nodata=HOLE)
        path = raster("m/b_20190110_20190125.tif", second, nodata=HOLE)
        stamps = r".*_(?P<start>\d{8})_(?P<stop>\d{8})\.tif"
        sample = RasterDataset(path.parent, filename_regex=stamps).series()[UTM]
        np.testing.assert_array_equal(sample["image"], np.stack([first, second]))

    def test_tiles_of_one_moment_are_one_date(self, raster, stored):
        raster("t/left_20190110.tif", stored[0][..., :40], UTM[:, :40], nodata=HOLE)
        raster("t/right_20190110.tif", stored[0][..., 40:], UTM[:, 40:], nodata=HOLE)
        path = raster("t/whole_20190120.tif", stored[1], nodata=HOLE)
        sample = RasterDataset(path.parent, **DAILY).series()[UTM]
        seen = stored[:2, 0] != HOLE
        np.testing.assert_array_equal(sample["valid_series"], seen)
        for number in range(2):
            at = seen[number]
            np.testing.assert_array_equal(sample["image"][number][:, at], stored[number][:, at])

    def test_labels_of_many_years_make_a_series_of_masks(self, raster):
        codes = np.arange(4800).reshape(60, 80) % 3
        raster("y/l_2018.tif", codes.astype("uint8"), nodata=0)
        path = raster("y/l_2019.tif", (codes + 1).astype("uint8"), nodata=0)
        labels = RasterDataset(path.parent, is_image=False, **YEARLY)
        sample = labels.series()[UTM]
        np.testing.assert_array_equal(sample["mask"], np.stack([codes, codes + 1]))
        np.testing.assert_array_equal(sample["valid"], codes > 0)
        assert labels.series().layers == {"mask"}


class TestFixedSteps:
    MONTHS = Interval.of("2019-01/2019-04").by("month")

    @pytest.mark.parametrize("transforms", [None, same])
    @pytest.mark.parametrize("composite", ["newest", "first", "mean"])
    def test_composites_by_hand(self, dataset, stored, composite, transforms):
        """January has two dates, February none; both ways of reading give the same."""
        steps = FixedSteps(self.MONTHS, composite)
        sample = dataset.with_transforms(transforms).series(steps, min_dates=3)[UTM]
        old, new = stored[:2].astype(float)
        seen = stored[:, 0] != HOLE
        january = {
            "newest": np.where(seen[1], new, old),
            "first": np.where(seen[0], old, new),
            "mean": np.where(seen[0] & seen[1], (old + new) / 2, np.where(seen[0], old, new)),
        }[composite]
        valid = np.stack([seen[0] | seen[1], np.zeros_like(seen[0]), seen[2], seen[3]])
        np.testing.assert_array_equal(sample["valid_series"], valid)
        for number, values in ((0, january), (2, stored[2]), (3, stored[3])):
            got = sample["image"][number].numpy()
            np.testing.assert_allclose(got[:, valid[number]], values[:, valid[number]], rtol=1e-6)
        np.testing.assert_array_equal(sample["valid"], valid.sum(axis=0) >= 3)
        assert sample["times"].tolist() == [step.middle.timestamp() for step in self.MONTHS]
        assert sample["image"].dtype == (torch.float32 if composite == "mean" else torch.int16)

    def test_an_empty_step_is_not_observed_and_so_nothing_is_valid_at_all_dates(self, dataset):
        sample = dataset.series(FixedSteps(self.MONTHS))[UTM]
        assert not sample["valid"].any()
        assert (sample["image"][1] == 0).all()

    def test_the_query_chooses_whole_steps(self, dataset, stored):
        series = dataset.series(FixedSteps(self.MONTHS), min_dates=1)
        sample = series[Query(UTM, Interval.of("2019-01-31/2019-03-01"))]
        whole = series[UTM]
        np.testing.assert_array_equal(sample["image"][:3], whole["image"][:3])
        assert not sample["valid_series"][3].any()
        with pytest.raises(QueryError, match="nothing at"):
            series[Query(UTM, Interval.of("2019-02-14"))]

    @given(moments=timelines(max_size=12), data=st.data())
    def test_each_acquisition_counts_for_the_step_of_its_middle(self, moments, data):
        steps = data.draw(st.sampled_from(["month", "year", timedelta(days=16)]))
        composite = data.draw(st.sampled_from(["newest", "first", "mean"]))
        rule = FixedSteps.of(("2018", "2020"), steps, composite=composite)
        slots = rule.lay_out(moments, ALWAYS.overlaps)
        assert len(slots) == len(rule.steps)
        laid = [moment for slot in slots for moment in slot.moments]
        assert sorted(laid) == [m for m in moments if m.middle in Interval.of("2018/2020")]
        for slot, step in zip(slots, rule.steps, strict=True):
            assert all(moment.middle in step for moment in slot.moments)
            in_order = sorted(slot.moments, reverse=composite != "first")
            assert list(slot.moments) == in_order

    def test_steps_of_equal_length(self):
        assert FixedSteps.of("2019", count=73) == FixedSteps.of("2019", timedelta(days=5))
        assert len(FixedSteps.of(("2018-07", "2019-06"), "month").steps) == 12


class TestNearestDates:
    def test_nothing_within_the_tolerance_is_not_observed(self, dataset, stored):
        steps = NearestDates(("2019-01-12", "2019-02-10", "2019-03-07"), within_days=3)
        sample = dataset.series(steps, min_dates=2)[UTM]
        np.testing.assert_array_equal(sample["image"][::2], stored[::2])
        assert not sample["valid_series"][1].any()
        np.testing.assert_array_equal(
            sample["valid"], (stored[0, 0] != HOLE) & (stored[2, 0] != HOLE)
        )
        assert sample["times"].tolist() == seconds("2019-01-12", "2019-02-10", "2019-03-07")

    def test_of_two_as_near_the_earlier_and_one_may_stand_twice(self, dataset, stored):
        steps = NearestDates(("2019-01-11", "2019-01-15", "2019-01-21"), within_days=9)
        sample = dataset.series(steps)[UTM]
        np.testing.assert_array_equal(sample["image"], stored[[0, 0, 1]])

    def test_gaps_are_filled_only_when_asked(self, dataset, stored):
        seen = stored[:2, 0] != HOLE
        for fill, valid in ((False, seen[1]), (True, seen[0] | seen[1])):
            steps = NearestDates(("2019-01-19",), within_days=20, fill=fill)
            sample = dataset.series(steps)[UTM]
            np.testing.assert_array_equal(sample["valid"], valid)
            whole = np.where(seen[1], stored[1], stored[0])
            np.testing.assert_array_equal(sample["image"][0][:, valid], whole[:, valid])

    @given(moments=timelines(max_size=10), days=st.integers(0, 60))
    def test_is_the_nearest_of_all(self, moments, days):
        rule = NearestDates(("2018-03-01", "2019", "2020-06-15"), within_days=days)
        for slot, date in zip(rule.lay_out(moments, ALWAYS.overlaps), rule.dates, strict=True):
            gaps = [date.distance(moment) for moment in moments]
            if min(gaps, default=timedelta.max) > timedelta(days=days):
                assert slot.moments == ()
            else:
                (found,) = slot.moments
                assert date.distance(found) == min(gaps)


class TestPlaces:
    def test_acquisitions_of_one_lattice_are_one_region(self, dataset):
        (region,) = dataset.series().regions
        assert region.frame == UTM
        assert region.when == Interval.of("2019-01-10/2019-04-10")
        assert [str(m.start.date()).replace("-", "") for m in region.moments] == list(DATES)
        assert len(dataset) == 4

    def test_a_sampler_draws_places(self, dataset):
        series = dataset.series()
        for query in RandomGeoSampler(series, 16, 5, generator=0):
            assert series[query]["image"].shape == (4, 2, 16, 16)
        assert len(GridGeoSampler(series, 20)) == 12

    def test_the_time_of_interest_is_one_with_acquisitions(self, dataset):
        series = dataset.series()
        (query,) = RandomGeoSampler(series, 16, 1, toi="2019-01", generator=0)
        assert len(series[query]["times"]) == 2
        with pytest.raises(ValueError, match="nothing is left inside toi"):
            RandomGeoSampler(series, 16, 1, toi="2019-02")

    def test_frames_that_shift_are_one_place_and_neighbours_are_two(self, raster):
        for number, shift in enumerate((0, 3, -2)):
            raster(f"p/a_2019010{number + 1}.tif", number, UTM.translate_pix(shift, 0))
        path = raster("p/b_20190101.tif", 9, UTM.translate_pix(60, 0))
        here, beside = RasterDataset(path.parent, **DAILY).series().regions
        assert (len(here.moments), len(beside.moments)) == (3, 1)
        assert here.frame.shape == (60, 85)
        assert here.frame == UTM.translate_pix(-2, 0).pad(0)[:, :].crop((60, 85))
        assert here.area.bounds[::2] == (600_000 - 60, 600_000 + 83 * 30)

    def test_the_lattice_is_that_of_most(self, raster):
        off = GeoBox(UTM.shape, UTM.affine @ Affine.translation(0.2, 0.2), UTM.crs)
        raster("o/a_20190101.tif", 1, off)
        raster("o/b_20190102.tif", 2)
        path = raster("o/c_20190103.tif", 3)
        (region,) = RasterDataset(path.parent, **DAILY).series().regions
        assert region.frame.affine[:6] == pytest.approx(UTM.affine[:6])
        assert region.frame.shape == (61, 81)

    def test_places_without_a_date_that_is_wanted_are_left_out(self, raster):
        raster("w/a_20190101.tif", 1)
        path = raster("w/b_20200101.tif", 2, UTM.translate_pix(200, 0))
        scenes = RasterDataset(path.parent, **DAILY)
        assert len(scenes.series()) == 2
        (only,) = scenes.series(FixedSteps.of("2020", "month")).regions
        assert only.moments == (Interval.of("2020-01"),)
        with pytest.raises(DatasetError, match="no acquisition gives any of 12 steps in"):
            scenes.series(FixedSteps.of("2021", "month"))


class TestComposition:
    @pytest.fixture
    def labels(self, raster):
        codes = (np.arange(4800).reshape(60, 80) % 3).astype("uint8")
        raster("y/l_2018.tif", codes[::-1], nodata=0)
        path = raster("y/l_2019.tif", codes, nodata=0)
        return RasterDataset(path.parent, is_image=False, **YEARLY), codes

    def test_labels_lie_beside_the_series(self, dataset, labels, stored):
        masks, codes = labels
        for both in (dataset.series() & masks, masks & dataset.series()):
            (region,) = both.regions
            assert region.frame == UTM
            sample = both[Query(UTM, region.when)]
            np.testing.assert_array_equal(sample["image"], stored)
            np.testing.assert_array_equal(sample["mask"], codes)
            seen = (stored[:, 0] != HOLE).all(axis=0)
            np.testing.assert_array_equal(sample["observed"], seen)
            np.testing.assert_array_equal(sample["valid"], seen & (codes > 0))
            np.testing.assert_array_equal(sample["valid_series"], stored[:, 0] != HOLE)
        assert isinstance(both, IntersectionDataset)

    def test_labels_of_a_year_take_the_dates_of_that_year(self, raster, labels):
        for date in ("20180501", "20180901", "20190501", "20200501"):
            path = raster(f"d/s_{date}.tif", int(date[3]))
        both = RasterDataset(path.parent, **DAILY).series() & labels[0]
        assert [len(r.moments) for r in both.regions] == [2, 1]
        counts = [len(both[Query(UTM, r.when)]["times"]) for r in both.regions]
        assert counts == [2, 1]

    def test_a_static_image_comes_to_every_date(self, raster, dataset, stored):
        height = noise(9, (1, 60, 80), "float32")
        dem = RasterDataset(raster("dem.tif", height, nodata=HOLE))
        sample = (dataset.series() & dem)[UTM]
        assert sample["image"].shape == (4, 3, 60, 80)
        np.testing.assert_array_equal(sample["image"][:, :2], stored)
        np.testing.assert_array_equal(sample["image"][:, 2], np.stack([height[0]] * 4))
        seen = (stored[:, 0] != HOLE) & (height[0] != HOLE)
        np.testing.assert_array_equal(sample["valid_series"], seen)
        np.testing.assert_array_equal(sample["valid"], seen.all(axis=0))

    def test_series_of_one_rule_lie_side_by_side(self, raster, dataset):
        other = RasterDataset(raster("r/r_20190111.tif", 7), **DAILY)
        steps = NearestDates(("2019-01-10", "2019-01-25"), within_days=20)
        both = dataset.series(steps) & other.series(steps)
        sample = both[UTM]
        assert sample["image"].shape == (2, 3, 60, 80)
        assert (sample["image"][:, 2] == 7).all()

    def test_series_of_different_dates_do_not(self, raster, dataset):
        other = RasterDataset(raster("r/r_20190120.tif", 7), **DAILY)
        with pytest.raises(DatasetError, match="a series of 4 dates and one of 1"):
            (dataset.series() & other.series())[UTM]

    def test_each_date_may_have_its_own_labels(self, raster, dataset, labels):
        extra = raster("e/s_20180601.tif", 1, bands=2, nodata=HOLE)
        scenes = dataset | RasterDataset(extra, **DAILY)
        sample = (scenes & labels[0]).series()[UTM]
        codes = labels[1]
        np.testing.assert_array_equal(sample["mask"], np.stack([codes[::-1]] + [codes] * 4))
        assert sample["valid_series"].shape == (5, 60, 80)
        assert sample["observed"].shape == (60, 80)

    def test_series_unite_to_the_series_of_the_union(self, raster, dataset, stored):
        other = RasterDataset(raster("u/s_20190220.tif", 5, bands=2, nodata=HOLE), **DAILY)
        both = dataset.series() | other.series()
        assert both == (dataset | other).series()
        assert isinstance(both, SeriesDataset)
        sample = both[UTM]
        assert len(sample["times"]) == 5
        np.testing.assert_array_equal(sample["image"][[0, 1, 3, 4]], stored)
        assert (sample["image"][2] == 5).all()
        a = dataset.series()
        assert (a | a) is a
        assert ((a | other.series()) | a) == both
        for odd in (other, other.series(EveryDate(2)), other.series().with_transforms(same)):
            with pytest.raises(DatasetError, match="a union needs series of equal steps"):
                a | odd

    def test_grouping_does_not_matter(self, raster, dataset, labels):
        dem, series = RasterDataset(raster("dem.tif", 3)), dataset.series()
        assert ((series & labels[0]) & dem) == (series & (labels[0] & dem))
        assert (series & series) is series

    def test_unions_of_pairs_fill_date_by_date(self, raster, dataset, labels, stored):
        """Where the first pair is not valid the second gives the pixel at all dates."""
        steps = NearestDates(("2019-01-12", "2019-03-07"), within_days=3)
        path = raster("v/s_20190113.tif", 1, bands=2)
        raster("v/s_20190306.tif", 2, bands=2)
        second = RasterDataset(path.parent, **DAILY).series(steps) & labels[0]
        both = (dataset.series(steps) & labels[0]) | second
        sample = both[Query(UTM, Interval.of("2019"))]
        labelled = labels[1] > 0
        seen = stored[[0, 2], 0] != HOLE
        whole = seen.all(axis=0) & labelled
        np.testing.assert_array_equal(sample["valid"], labelled)
        expected = np.where(whole, stored[[0, 2], 0], np.array([1, 2])[:, None, None])
        got = sample["image"][:, 0].numpy()
        np.testing.assert_array_equal(got[:, labelled], expected[:, labelled])
        np.testing.assert_array_equal(sample["valid_series"], seen | ~whole)

    def test_composing_changes_no_part(self, dataset, labels):
        series = dataset.series()
        before = series.regions, series[UTM]["image"].clone()
        (series & labels[0])[UTM]
        assert series.regions == before[0]
        assert torch.equal(series[UTM]["image"], before[1])


class TestBatches:
    RULES = (
        EveryDate(),
        EveryDate(3),
        FixedSteps.of(("2019-01", "2019-04"), "month"),
        FixedSteps.of(("2019-01", "2019-04"), "month", composite="mean"),
        FixedSteps.of(("2019-01", "2019-04"), count=2, composite="first"),
        NearestDates(("2019-01-14", "2019-03-01"), within_days=9, fill=True),
    )

    @pytest.mark.parametrize("kind", ["plain", "labels", "scaled", "transforms", "union"])
    @settings(max_examples=10)
    @given(data=st.data())
    def test_a_batch_is_its_queries_one_after_the_other(self, folder, raster, kind, data):
        scenes = RasterDataset(folder, scaled=kind == "scaled", **DAILY)
        if kind == "transforms":
            scenes = scenes.with_transforms(same)
        if kind == "union":
            scenes = scenes | RasterDataset(
                raster("u/s_20190118.tif", 5, bands=2, nodata=HOLE), **DAILY
            )
        series = scenes.series(data.draw(st.sampled_from(self.RULES)), min_dates=1)
        if kind == "labels":
            path = raster("l_2019.tif", 2, UTM[:, 20:], dtype="uint8")
            series = series & RasterDataset(path, is_image=False, **YEARLY)
        corner = st.tuples(st.integers(-4, 40), st.integers(20, 60))
        shift = st.sampled_from([0.0, 0.0, 0.4])
        grids = [
            GeoBox((16, 16), UTM.affine @ Affine.translation(col + off, row + off), UTM.crs)
            for (row, col), off in data.draw(
                st.lists(st.tuples(corner, shift), min_size=1, max_size=4)
            )
        ]
        batch = series.__getitems__(grids)
        for one, grid in zip(batch, grids, strict=True):
            other = series[grid]
            assert list(one) == list(other)
            for name, value in one.items():
                if isinstance(value, torch.Tensor):
                    assert value.dtype == other[name].dtype
                    assert torch.equal(value.nan_to_num(), other[name].nan_to_num()), name
                else:
                    assert value == other[name]

    def test_dates_lie_behind_one_another_so_that_nothing_is_copied(self, dataset):
        grids = [UTM[i : i + 16, :16] for i in range(5)]
        samples = dataset.series().__getitems__(grids)
        whole = collate(samples)
        assert whole["image"].shape == (5, 4, 2, 16, 16)
        home = {s["image"].untyped_storage().data_ptr() for s in samples}
        assert home == {whole["image"].untyped_storage().data_ptr()}
        for i, sample in enumerate(samples):
            assert torch.equal(whole["image"][i], sample["image"])

    def test_series_go_through_plain_loaders(self, dataset):
        series = dataset.series(EveryDate(5))
        sampler = RandomGeoSampler(series, 16, 8, generator=0)
        shapes = (4, 5, 2, 16, 16)
        for batch in DataLoader(series, batch_size=4, sampler=sampler):
            assert batch["image"].shape == shapes
            assert batch["times"].shape == (4, 5)
        for batch in loader(series, sampler, 4, num_workers=1, start="spawn"):
            assert batch["image"].shape == shapes

    @pytest.mark.parametrize("steps", [EveryDate(5), RULES[2], RULES[3], RULES[5]])
    def test_batches_cross_to_the_device_as_the_files_have_them(self, raster, steps):
        """Gaps, empty steps and means of uint16, which torch scarcely computes with."""
        for seed, date in enumerate(DATES):
            values = (noise(seed) + 100).astype("uint16")
            path = raster(f"d/s_{date}.tif", values, nodata=99)
        series = RasterDataset(path.parent, **DAILY).series(steps)
        sampler = RandomGeoSampler(series, 16, 4, generator=0)
        (plain,) = loader(series, sampler, 4)
        sampler.set_epoch(0)
        (stored,) = loader(series, sampler, 4, device="cpu", convert=False)
        is_mean = steps.composite == "mean"
        assert stored["image"].dtype == (torch.float32 if is_mean else torch.uint16)
        assert torch.equal(stored["image"].float(), plain["image"])
        assert torch.equal(stored["valid_series"], plain["valid_series"])

    def test_batches_of_different_lengths_are_lists_which_trainings_refuse_with_the_fix(
        self, dataset
    ):
        series = dataset.series()
        samples = [series[UTM], series[Query(UTM, Interval.of("2019-01"))]]
        batch = collate(samples)
        assert batch["valid"].shape == (2, *UTM.shape)
        for name in ("image", "times", "valid_series"):
            assert isinstance(batch[name], list)
            assert [len(series) for series in batch[name]] == [4, 2]
            for sample, listed in zip(samples, batch[name], strict=True):
                assert torch.equal(sample[name], listed)
        with pytest.raises(DatasetError, match=r"series of 2, 4 dates .*EveryDate\(count"):
            require_stacked(batch)

    def test_samples_can_be_changed_apart(self, dataset):
        first, second = dataset.series().__getitems__([UTM, UTM])
        before = second["image"].clone(), second["valid_series"].clone(), second["valid"].clone()
        for name in ("image", "valid_series", "valid", "times"):
            first[name].zero_()
        assert torch.equal(second["image"], before[0])
        assert torch.equal(second["valid_series"], before[1])
        assert torch.equal(second["valid"], before[2])

    def test_some_channels_are_read_alone(self, dataset, stored):
        sample = dataset.series().answer(Query(UTM), channels=(1,))
        np.testing.assert_array_equal(sample["image"], stored[:, 1:])
        both = dataset.series().with_transforms(same).answer(Query(UTM), channels=(1, 0))
        np.testing.assert_array_equal(both["image"], stored[:, ::-1])


class TestTransforms:
    """What is done to samples is done date by date."""

    def test_what_a_date_did_not_observe_is_zero_after_normalising(self, dataset, stored):
        rule = Normalization("by hand", (10.0, 20.0), (2.0, 4.0))
        seen = (stored[:, :1] != HOLE) & np.ones_like(stored, bool)
        expected = (stored - np.array([10, 20])[:, None, None]) / np.array([2, 4])[:, None, None]
        expected = np.where(seen, expected, 0)
        series = dataset.series()
        np.testing.assert_allclose(rule(series[UTM])["image"], expected, rtol=1e-6)
        batch = collate(series.__getitems__([UTM] * 4))
        np.testing.assert_allclose(rule(batch)["image"], np.stack([expected] * 4), rtol=1e-6)

    @pytest.mark.parametrize("name", ["rot90", "flip_left_right"])
    def test_validity_is_turned_with_the_image(self, dataset, name):
        sample = dataset.series()[UTM[:40, :40]]
        turned = augment_sample(sample, name)
        assert torch.equal(turned["valid_series"], turned["image"][:, 0] != HOLE)
        assert not torch.equal(turned["valid_series"], sample["valid_series"])


class TestRefusals:
    def test_data_without_dates(self, raster):
        with pytest.raises(DatasetError, match="1 of 1 regions, such as 'x', have no date"):
            RasterDataset(raster("x.tif", 1)).series()

    def test_what_is_no_series(self, dataset, folder):
        with pytest.raises(DatasetError, match="is a series already"):
            dataset.series().series()
        with pytest.raises(DatasetError, match="min_dates=0; give at least 1"):
            dataset.series(min_dates=0)
        codes = RasterDataset(folder, is_image=False, **DAILY)
        with pytest.raises(DatasetError, match="the mean of class codes means nothing"):
            codes.series(FixedSteps.of("2019", "month", composite="mean"))

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: EveryDate(0), "a series of 0 dates is none"),
            (lambda: FixedSteps(()), "at least one step"),
            (lambda: FixedSteps.of("2019"), "give one of the two"),
            (lambda: FixedSteps.of("2019", "month", count=2), "give one of the two"),
            (lambda: FixedSteps.of("2019", "month", composite="best"), "no composite is called"),
            (lambda: FixedSteps(Interval.of("2019").by("month")[::-1]), "does not come after"),
            (lambda: NearestDates((), 3), "are not a series"),
            (lambda: NearestDates(("2020", "2019"), 3), "are not a series"),
            (lambda: NearestDates(("2019",), -1), "give 0 or more"),
        ],
    )
    def test_rules_that_are_none(self, make, message):
        with pytest.raises(DatasetError, match=message):
            make()


def test_is_a_value(dataset):
    series = dataset.series(FixedSteps.of("2019", "month"), min_dates=1)
    again = pickle.loads(pickle.dumps(series))
    assert again == series
    assert hash(again) == hash(series)
    assert torch.equal(again[UTM]["image"], series[UTM]["image"])
    assert series != dataset.series(FixedSteps.of("2019", "month"))
    assert series.bands == dataset.bands
    assert repr(dataset.series()).endswith(".series(every date)")


@pytest.mark.shared
class TestRealScenes:
    STAMPS = r".*_(?P<start>\d{4}-\d\d-\d\d)_(?P<stop>\d{4}-\d\d-\d\d)_NDVI"

    @pytest.fixture
    def composites(self, shared_data):
        folder = shared_data / "cbers_timeseries"
        return RasterDataset(folder, filename_regex=self.STAMPS, date_format="%Y-%m-%d")

    def windows(self, dataset, rows, cols):
        """(T, H, W) as rasterio reads them, in the order of the file names."""
        stored = []
        for scene in dataset.scenes:
            with rasterio.open(scene.assets[0].uri) as source:
                stored.append(source.read(1)[rows, cols])
        return np.stack(stored)

    def test_a_year_of_composites_is_one_place(self, composites):
        series = composites.series(min_dates=1)
        (region,) = series.regions
        assert region.when == Interval.of("2018-08-29/2019-08-28")
        batch = series.__getitems__(
            [region.frame[300:524, 200:424], region.frame[776:1000, 776:1000]]
        )
        for sample, start in zip(batch, ((300, 200), (776, 776)), strict=True):
            rows, cols = (slice(at, at + 224) for at in start)
            stored = self.windows(composites, rows, cols)
            np.testing.assert_array_equal(sample["image"][:, 0], stored)
            np.testing.assert_array_equal(sample["valid_series"], stored != -9999)
            np.testing.assert_array_equal(sample["valid"], (stored != -9999).any(axis=0))
        assert batch[0]["times"].diff().min() > 10 * 86_400

    def test_seasons_are_means_of_what_was_observed(self, composites):
        steps = FixedSteps.of(("2018-09", "2019-08"), count=4, composite="mean")
        sample = composites.series(steps)[composites.regions[0].frame[:64, :64]]
        stored = self.windows(composites, slice(64), slice(64)).astype(float)
        stored[stored == -9999] = np.nan
        middles = [scene.when.middle for scene in composites.scenes]
        for number, step in enumerate(steps.steps):
            inside = [i for i, middle in enumerate(middles) if middle in step]
            seen = ~np.isnan(stored[inside]).all(axis=0)
            np.testing.assert_array_equal(sample["valid_series"][number], seen)
            mean = np.nanmean(stored[inside][:, seen], axis=0)
            np.testing.assert_allclose(sample["image"][number, 0][seen], mean, rtol=1e-6)

    def test_decades_of_a_city(self, shared_data):
        scenes = RasterDataset(
            shared_data / "pucallpa_landsat_multidate",
            filename_regex=r"(?P<date>\d{4})\.tif",
            date_format="%Y",
        )
        series = scenes.series()
        (query,) = RandomGeoSampler(series, 128, 1, generator=3)
        sample = series[query]
        assert sample["image"].shape == (4, 4, 128, 128)
        for number, scene in enumerate(scenes.scenes):
            with rasterio.open(scene.assets[0].uri) as source:
                left, top = ~source.transform * (query.grid.affine * (0, 0))
                row, col = round(top), round(left)
                stored = source.read()[:, row : row + 128, col : col + 128]
            np.testing.assert_array_equal(sample["image"][number], stored)
        assert len(series[Query(query.grid, Interval.of("1990/2012"))]["times"]) == 2
        with pytest.raises(ValueError, match="nothing is left inside toi"):
            RandomGeoSampler(series, 128, 1, toi="1995")

    def test_years_whose_grids_are_offset_share_one_lattice(self, shared_data):
        scenes = RasterDataset(
            shared_data / "naip_multiyear_northdakota", filename_regex=r".*_(?P<date>\d{8})\.tif"
        )
        series = scenes.series()
        (region,) = series.regions
        lattice, other = (scene.grid for scene in scenes.scenes)
        offset = ~other.affine * (lattice.affine * (0.0, 0.0))
        assert np.abs(np.round(offset) - offset).max() == pytest.approx(0.2, abs=1e-6)
        grid = lattice[100:228, 200:328]
        sample = series[grid]
        with rasterio.open(scenes.scenes[0].assets[0].uri) as source:
            stored = source.read()[:, 100:228, 200:328]
        np.testing.assert_array_equal(sample["image"][0], stored)
        # The other year is read once onto this lattice: as it is read alone.
        alone = scenes[Query(grid, scenes.scenes[1].when)]
        assert torch.equal(sample["image"][1], alone["image"])
        assert sample["valid"].all()
        corner = ~lattice.affine * (region.frame.affine * (0.0, 0.0))
        assert np.abs(np.round(corner) - corner).max() < 1e-6
