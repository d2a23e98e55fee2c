"""Pairings: what goes with what, by hand and by trying all; and what datasets make of it."""

from __future__ import annotations

import pickle
from datetime import timedelta

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import assume, given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.core.errors import DatasetError, QueryError
from geoloom.core.interval import ALWAYS, Interval
from geoloom.core.query import MomentQuery, Query
from geoloom.datasets import CDL, IntersectionDataset, RasterDataset, intersection
from geoloom.datasets.region import Region
from geoloom.datasets.time.pairing import Pairing, meet, newest_pair
from geoloom.samplers import RandomGeoSampler
from geoloom.testing.strategies import timelines

UTM = GeoBox((60, 80), Affine(30, 0, 600000, 0, -30, 4500000), "EPSG:32633")
DAILY = {"filename_regex": r".*_(?P<date>\d{8})\.tif"}
YEARLY = {"filename_regex": r".*_(?P<date>\d{4})\.tif", "date_format": "%Y"}


def of(*texts):
    return tuple(Interval.of(text) for text in texts)


def pairings():
    return st.one_of(
        st.sampled_from([Pairing("overlap"), Pairing("same_year"), Pairing("static")]),
        st.integers(0, 400).map(lambda days: Pairing("nearest", days)),
    )


class TestPartners:
    YEARS = of("2018", "2019", "2020")

    @pytest.mark.parametrize(
        ("pairing", "moment", "others", "partners"),
        [
            (Pairing("overlap"), "2019-07-27", YEARS, of("2019")),
            (Pairing("overlap"), "2018-12-31/2019-01-15", YEARS, of("2018", "2019")),
            # The composite's middle lies in 2019, and midnight of New Year belongs to 2020.
            (Pairing("same_year"), "2018-12-31/2019-01-15", YEARS, of("2019")),
            (Pairing("same_year"), "2019-12-31", YEARS, of("2019")),
            (Pairing("same_year"), "2019-03-01", of("2019-01-01", "2019-12-31", "2020-01-01"),
             of("2019-01-01", "2019-12-31")),
            (Pairing("nearest", 5), "2019-07-10", of("2019-07-04", "2019-07-14"), of("2019-07-14")),
            (Pairing("nearest", 4), "2019-07-10", of("2019-07-14"), of("2019-07-14")),
            (Pairing("nearest", 3), "2019-07-10", of("2019-07-14"), ()),
            # As far before as after: the earlier.
            (Pairing("nearest", 9), "2019-07-10", of("2019-07-12", "2019-07-08"), of("2019-07-08")),
            # It lies in both: the one whose ends are nearer.
            (Pairing("nearest", 0), "2019-07-10", of("2019", "2019-07"), of("2019-07")),
            (Pairing("static"), "2019-07-10", of("1950", "2030"), of("1950", "2030")),
        ],
    )  # fmt: skip
    def test_by_hand(self, pairing, moment, others, partners):
        assert pairing.partners(Interval.of(moment), others) == partners

    @given(timelines(min_size=1), timelines(max_size=12), st.integers(0, 400))
    def test_the_nearest_is_the_nearest_of_all(self, moments, others, days):
        moment = moments[0]
        gaps = {other: moment.distance(other) for other in others}
        found = Pairing("nearest", days).partners(moment, others)
        if min(gaps.values(), default=timedelta.max) > timedelta(days=days):
            assert found == ()
            return
        (nearest,) = found
        assert gaps[nearest] == min(gaps.values())
        ends = {o: abs(o.start - moment.start) + abs(o.stop - moment.stop) for o in others}
        assert ends[nearest] == min(ends[o] for o in others if gaps[o] == gaps[nearest])

    @given(timelines(min_size=1), timelines(max_size=12))
    def test_of_one_year_is_what_touches_it(self, moments, others):
        year = Interval.of(str(moments[0].middle.year))
        assert Pairing("same_year").partners(moments[0], others) == tuple(
            o for o in others if o.start < year.stop and year.start < o.stop
        )

    @given(pairings(), timelines(min_size=1), timelines())
    def test_partners_are_some_of_the_others_in_their_order(self, pairing, moments, others):
        found = pairing.partners(moments[0], others)
        assert found == tuple(other for other in others if other in found)

    @given(pairings(), timelines(min_size=1))
    def test_everything_goes_with_itself(self, pairing, moments):
        for moment in moments:
            assert moment in pairing.partners(moment, moments)

    @given(pairings(), timelines(min_size=1))
    def test_undated_goes_with_everything(self, pairing, moments):
        assert pairing.partners(ALWAYS, moments) == moments
        assert pairing.partners(moments[0], (ALWAYS,)) == (ALWAYS,)


class TestNewestPair:
    @given(pairings(), timelines(), st.lists(timelines(), min_size=1, max_size=3))
    def test_is_what_trying_all_finds(self, pairing, leading, others):
        partners = {m: tuple(pairing.partners(m, o) for o in others) for m in leading}
        whole = [m for m in leading if all(partners[m])]
        found = newest_pair(pairing, leading, others)
        if not whole:
            assert found is None
            return
        members, *beside = found
        assert tuple(beside) == partners[whole[-1]]
        assert members == tuple(m for m in leading if partners[m] == partners[whole[-1]])


class TestMeet:
    """Regions on one lattice, each some columns of it."""

    def region(self, when, left=0, right=80):
        return Region.of_frame(UTM[:, left:right], Interval.of(when), name=str(when))

    @given(
        pairings(),
        timelines(min_size=1, max_size=4),
        timelines(min_size=1, max_size=4),
        st.data(),
    )
    def test_what_is_met_lies_inside_and_has_partners(self, pairing, mine, theirs, data):
        columns = st.tuples(st.integers(0, 30), st.integers(40, 80))
        regions = [self.region(when, *data.draw(columns)) for when in mine]
        others = [self.region(when, *data.draw(columns)) for when in theirs]
        try:
            met = meet(regions, others, pairing)
        except DatasetError:
            assert not any(pairing.partners(m, theirs) for m in mine)
            return
        for cut in met:
            home = next(r for r in regions if r.name == cut.name)
            assert home.area.buffer(1e-6).contains(cut.area)
            assert (home.when & cut.when) == cut.when
            going = [o for o in others if o.when in pairing.partners(cut.when, theirs)]
            if pairing.rule == "nearest":
                going = [o for o in others if home.when.distance(o.when).days <= pairing.days]
            assert shapely.union_all([o.area for o in going]).buffer(1e-6).contains(cut.area)

    def test_each_place_goes_with_the_nearest_that_lies_there(self):
        lead = self.region("2019-07-10")
        near, far = self.region("2019-07-11", 0, 30), self.region("2019-07-20", 10, 60)
        met = meet([lead], [far, near], Pairing("nearest", 16))
        areas = [round(cut.area.bounds[0] - 600_000) // 30 for cut in met]
        widths = [round(cut.area.bounds[2] - cut.area.bounds[0]) // 30 for cut in met]
        assert (areas, widths) == ([0, 30], [30, 30])
        assert {cut.when for cut in met} == {lead.when}

    def test_places_of_many_moments_part_by_year(self):
        series = self.region("2018").at(of("2018-05-01", "2018-09-01", "2019-05-01"))
        met = meet([series], [self.region("2018"), self.region("2019")], Pairing("same_year"))
        assert [cut.moments for cut in met] == [series.moments[:2], series.moments[2:]]
        assert [cut.when for cut in met] == list(of("2018-05-01/2018-09-01", "2019-05-01"))

    @pytest.mark.parametrize(
        ("when", "left", "message"),
        [
            ("2021", 0, "they share places, but no time by the pairing 'nearest' within 16 days"),
            ("2019-07-15", 70, "they share no place on Earth"),
            ("2021", 70, "they share neither place nor time by the pairing 'nearest'"),
        ],
    )
    def test_what_never_meets_is_refused(self, when, left, message):
        with pytest.raises(DatasetError, match=message):
            meet(
                [self.region("2019-07-10", 0, 60)],
                [self.region(when, left)],
                Pairing("nearest", 16),
            )


@pytest.fixture
def images(raster):
    """Three dates of an image; the pixels' value is the date's number."""
    for number, date in enumerate(("20180801", "20190401", "20190801"), 1):
        path = raster(f"i/s_{date}.tif", number)
    return RasterDataset(path.parent, **DAILY)


@pytest.fixture
def labels(raster):
    """A class a year, the year's last two digits."""
    for year in (2018, 2019, 2020):
        path = raster(f"y/l_{year}.tif", year - 2000, dtype="uint8")
    return RasterDataset(path.parent, is_image=False, **YEARLY)


def pair_of(sample):
    """The one value of image and mask."""
    (image,), (mask,) = sample["image"].unique().tolist(), sample["mask"].unique().tolist()
    return image, mask


class TestDatasets:
    def test_crops_of_2019_go_with_scenes_of_2019(self, raster, images, utm):
        for year, code in ((2018, 1), (2019, 5)):
            path = raster(f"c/{year}_30m_cdls.tif", code, dtype="uint8")
        crops = CDL(path.parent)
        for both in (images & crops, images.paired(crops, "same_year")):
            assert [r.when for r in both.regions] == list(
                of("2018-08-01", "2019-04-01", "2019-08-01")
            )
            pairs = [pair_of(both[Query(utm, r.when)]) for r in both.regions]
            assert pairs == [(1, 1), (2, 5), (3, 5)]

    def test_a_wide_query_is_answered_by_one_pair(self, raster, images, labels, utm):
        """Plain overlap gives each layer's newest, here of 2019 and of 2020; the others one pair."""
        assert pair_of((images & labels)[utm]) == (3, 20)
        assert pair_of(images.paired(labels, "same_year")[utm]) == (3, 19)
        assert pair_of(images.paired(labels, "nearest", days=30)[utm]) == (3, 19)
        assert pair_of(images.paired(labels, "same_year")[Query(utm, Interval.of("2018"))]) == (
            1,
            18,
        )

    def test_a_gap_is_filled_only_from_scenes_of_the_same_partner(self, raster, labels, utm):
        hole = np.full((60, 80), 3, "int16")
        hole[:, :10] = -1
        raster("g/s_20190801.tif", hole, nodata=-1)
        raster("g/s_20190401.tif", 2, nodata=-1)
        folder = raster("g/s_20180801.tif", 1, nodata=-1).parent
        both = RasterDataset(folder, **DAILY).paired(labels, "same_year")
        assert both[utm]["image"].unique().tolist() == [2, 3]
        (folder / "s_20190401.tif").unlink()
        both = RasterDataset(folder, **DAILY).paired(labels, "same_year")
        assert both[utm]["valid"][0].tolist() == [False] * 10 + [True] * 70

    def test_the_partner_may_lie_outside_the_query(self, raster, images, utm):
        path = raster("n/r_20190810.tif", 40, dtype="float32")
        raster("n/r_20180720.tif", 50, dtype="float32")
        radar = RasterDataset(path.parent, **DAILY)
        both = images.paired(radar, "nearest", days=16)
        assert [r.when for r in both.regions] == list(of("2018-08-01", "2019-08-01"))
        found = [both[Query(utm, r.when)]["image"][:, 0, 0].tolist() for r in both.regions]
        assert found == [[1, 50], [3, 40]]
        with pytest.raises(QueryError, match="nothing at"):
            both[Query(utm, Interval.of("2019-04-01"))]
        with pytest.raises(
            DatasetError, match="but no time by the pairing 'nearest' within 8 days"
        ):
            images.paired(radar, "nearest", days=8)

    def test_static_layers_come_whatever_their_date(self, raster, images, utm):
        heights = RasterDataset(raster("h_2000.tif", 7), **YEARLY)
        with pytest.raises(DatasetError, match="but no time"):
            images & heights
        both = images.paired(heights, "static")
        assert [r.when for r in both.regions] == [r.when for r in images.regions]
        assert both[Query(utm, Interval.of("2018"))]["image"][:, 0, 0].tolist() == [1, 7]
        undated = RasterDataset(raster("h.tif", 8))
        for plain in (images & undated, images.paired(undated, "same_year")):
            assert [r.when for r in plain.regions] == [r.when for r in images.regions]
            assert plain[utm]["image"][:, 0, 0].tolist() == [3, 8]

    def test_labels_named_first_still_come_to_the_image(self, images, labels, utm):
        both = labels.paired(images, "same_year")
        assert [r.when for r in both.regions] == [r.when for r in images.regions]
        assert pair_of(both[utm]) == (3, 19)

    @given(data=st.data())
    def test_samplers_draw_pairs(self, images, labels, data):
        pairing = data.draw(pairings())
        both = intersection(images, labels, pairing=pairing)
        queries = list(RandomGeoSampler(both, 8, 6, generator=data.draw(st.integers(0, 99))))
        for one, query in zip(both.__getitems__(queries), queries, strict=True):
            image, mask = pair_of(one)
            assert pair_of(both[query]) == (image, mask)
            if pairing.rule != "static":
                assert mask == {1: 18, 2: 19, 3: 19}[image]


class TestAlgebra:
    def three(self, raster, images, labels):
        radar = RasterDataset(raster("r_20190808.tif", 9), **DAILY)
        return images, labels, radar

    @given(pairing=pairings())
    def test_grouping_does_not_matter_and_repeats_vanish(
        self, raster, images, labels, pairing, utm
    ):
        assume(pairing.rule != "overlap" and (pairing.days is None or pairing.days >= 7))
        a, b, c = self.three(raster, images, labels)
        left = intersection(intersection(a, b, pairing=pairing), c, pairing=pairing)
        right = intersection(a, intersection(b, c, pairing=pairing), pairing=pairing)
        assert left == right == intersection(a, b, c, pairing=pairing)
        assert hash(left) == hash(right)
        assert left.regions == right.regions
        assert intersection(a, a, pairing=pairing) is a
        assert intersection(left, left, pairing=pairing) == left

    def test_three_parts_each_go_with_the_leading_one(self, raster, images, labels, utm):
        a, b, c = self.three(raster, images, labels)
        both = intersection(a, b, c, pairing=Pairing("nearest", 16))
        (region,) = both.regions
        assert region.when == Interval.of("2019-08-01")
        sample = both[utm]
        assert sample["image"][:, 0, 0].tolist() == [3, 9]
        assert sample["mask"].unique().tolist() == [19]

    def test_rules_do_not_mix_when_they_are_nested(self, raster, images, labels, utm):
        heights = RasterDataset(raster("h_2000.tif", 7), **YEARLY)
        both = images.paired(labels, "same_year").paired(heights, "static")
        assert len(both.parts) == 2
        assert both.pairing == Pairing("static")
        sample = both[utm]
        assert sample["image"][:, 0, 0].tolist() == [3, 7]
        assert sample["mask"].unique().tolist() == [19]
        assert both != intersection(images, labels, heights, pairing="static")

    def test_pairing_changes_no_part(self, images, labels, utm):
        before = images.regions, labels.regions, images[utm]["image"].clone()
        images.paired(labels, "same_year")[utm]
        assert (images.regions, labels.regions) == before[:2]
        assert (images[utm]["image"] == before[2]).all()

    def test_is_a_value(self, images, labels, utm):
        both = images.paired(labels, "nearest", days=30)
        again = pickle.loads(pickle.dumps(both))
        assert again == both
        assert pair_of(again[utm]) == (3, 19)
        assert both != images.paired(labels, "nearest", days=31)
        assert both != images & labels
        assert repr(both).endswith("pairing=Pairing(rule='nearest', days=30))")

    def test_transforms_hold_a_pair_together(self, raster, images, labels):
        whole = images.paired(labels, "same_year").with_transforms(dict)
        extra = RasterDataset(raster("e.tif", 1))
        assert len(intersection(whole, extra, pairing="same_year").parts) == 2


class TestMoments:
    def test_a_query_for_moments_takes_nothing_that_merely_overlaps(self, raster, utm):
        folder = raster("m/a_20190101_20190116.tif", 1).parent
        raster("m/b_20190110_20190125.tif", 2)
        stamps = r".*_(?P<start>\d{8})_(?P<stop>\d{8})\.tif"
        dataset = RasterDataset(folder, filename_regex=stamps)
        first, second = (scene.when for scene in dataset.scenes)
        assert first.overlaps(second)
        assert (dataset[Query(utm, first)]["image"] == 2).all()
        assert (dataset[MomentQuery.at(utm, (first,))]["image"] == 1).all()
        with pytest.raises(QueryError):
            dataset[MomentQuery.at(utm, (Interval.of("2019-01-05"),))]

    def test_the_dates_of_a_pair_are_those_of_its_leading_part(self, images, labels, utm):
        both = images.paired(labels, "nearest", days=30)
        (found,) = both._moments([Query(utm)])
        assert found == of("2018-08-01", "2019-04-01", "2019-08-01")
        assert isinstance(both, IntersectionDataset)
        assert both._moments([Query(utm, Interval.of("2018"))]) == [found[:1]]


@pytest.mark.parametrize(
    ("rule", "days", "message"),
    [
        ("closest", None, "no pairing is called 'closest'"),
        ("nearest", None, "'nearest' with days=None; give days"),
        ("nearest", -1, "give days, 0 or more"),
        ("nearest", float("nan"), "give days, 0 or more"),
        ("same_year", 3, "only 'nearest' takes days"),
    ],
)
def test_refuses_what_is_no_rule(rule, days, message):
    with pytest.raises(DatasetError, match=message):
        Pairing(rule, days)
