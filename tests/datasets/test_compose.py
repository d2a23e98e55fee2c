"""Unions and intersections: their algebra, their regions, and what their samples hold."""

from __future__ import annotations

import logging
from itertools import permutations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from geoloom.core.bands import Band
from geoloom.core.errors import BandError, DatasetError, QueryError
from geoloom.core.interval import Interval
from geoloom.core.query import Query
from geoloom.datasets.intersect import IntersectionDataset
from geoloom.datasets.raster import RasterDataset
from geoloom.datasets.unite import UnionDataset
from geoloom.datasets.vector import VectorDataset

DATED = {"filename_regex": r".*?(?P<date>\d{4})\.tif", "date_format": "%Y"}


@pytest.fixture
def three(raster, utm):
    """Three datasets of one band that overlap in part: a and b in 2019, c in 2020."""
    shifts = {"a_2019": 0, "b_2019": 30, "c_2020": 50}
    return {
        name[0]: RasterDataset(
            raster(f"{name}.tif", value, utm.pad(0).translate_pix(shift, 0)), **DATED
        )
        for value, (name, shift) in enumerate(shifts.items(), 1)
    }


class TestUnion:
    @given(order=st.lists(st.sampled_from("abc"), min_size=3, max_size=5), data=st.data())
    def test_grouping_does_not_matter_and_repeats_vanish(self, three, order, data):
        parts = [three[name] for name in order]
        cut = data.draw(st.integers(1, len(parts) - 1))
        left, right = fold(parts[:cut]), fold(parts[cut:])
        whole = fold(parts)
        assert (left | right) == whole
        assert hash(left | right) == hash(whole)
        assert (whole | whole) == whole
        grid = parts[0].regions[0].frame.pad(20)
        np.testing.assert_array_equal((left | right)[grid]["image"], whole[grid]["image"])

    def test_one_part_stands_alone(self, three):
        assert (three["a"] | three["a"]) is three["a"]

    def test_composing_changes_no_part(self, three, utm):
        before = three["a"][utm]["image"].clone(), three["a"].regions
        (three["a"] | three["b"] | three["c"])[utm]
        assert (three["a"][utm]["image"] == before[0]).all()
        assert three["a"].regions == before[1]

    def test_the_newest_gives_a_pixel_and_the_others_fill(self, three, utm):
        wide = GeoBox((60, 130), utm.affine, utm.crs)
        sample = (three["a"] | three["b"] | three["c"])[wide]
        row = sample["image"][0, 0]
        assert sample["valid"].all()
        assert (row[:50].unique().tolist(), row[50:].unique().tolist()) == ([1], [3])

    def test_regions_are_those_of_all_parts(self, three):
        whole = three["a"] | three["c"]
        assert whole.regions == three["a"].regions + three["c"].regions
        assert len(whole) == 2

    def test_elsewhere_none_answers(self, three, utm):
        with pytest.raises(QueryError, match="3 regions"):
            (three["a"] | three["b"] | three["c"])[Query(utm, Interval.of("1999"))]

    def test_kinds_do_not_mix(self, three, raster):
        labels = RasterDataset(raster("l.tif", 1), is_image=False)
        with pytest.raises(DatasetError, match="use &"):
            three["a"] | labels


def test_only_datasets_are_joined(three):
    for join in (lambda: three["a"] & 3, lambda: three["a"] | [three["b"]]):
        with pytest.raises(TypeError, match="unsupported operand"):
            join()


def test_declared_names_that_are_roles_are_matched_as_roles(raster, utm):
    """As those are that files declare themselves."""
    values = np.stack([np.full(utm.shape, value, "int16") for value in (1, 2)])
    by_name = RasterDataset(raster("a.tif", values), all_bands=("nir", "red"))
    by_role = RasterDataset(
        raster("b.tif", values, utm.translate_pix(80, 0)),
        all_bands=[Band("B4", "red"), Band("B8", "nir")],
    )
    east = (by_name | by_role)[utm.translate_pix(80, 0)]
    assert east["image"][:, 0, 0].tolist() == [2, 1]


class TestWhatAUnionTells:
    """Of sensors that lack bands of one another."""

    def sensor(self, raster, name, roles):
        kind = type(name, (RasterDataset,), {})
        bands = [Band(f"{name}-{role}", role) for role in roles]
        return kind(raster(f"{name}.tif", 1, bands=len(roles)), all_bands=bands)

    @pytest.fixture
    def sensors(self, raster):
        bands = {"One": ["blue", "green", "red"], "Two": ["green", "red"], "Three": ["red"]}
        return [self.sensor(raster, name, roles) for name, roles in bands.items()]

    def messages(self, caplog, join):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            join()
        return [record.getMessage() for record in caplog.records]

    def test_each_loss_is_logged_once_and_of_its_sensor(self, sensors, caplog):
        one, two, three = sensors
        (first,) = self.messages(caplog, lambda: one | two)
        assert first.startswith("One: ")
        assert "One-blue (blue)" in first
        both = one | two
        (second,) = self.messages(caplog, lambda: both | three)
        assert second == "One | Two: not in all sensors of the union, so dropped: One-green (green)"

    def test_a_union_with_transforms_is_named_by_its_sensors(self, sensors, caplog):
        one, two, three = sensors
        altered = (one | two).with_transforms(dict)
        (message,) = self.messages(caplog, lambda: altered | three)
        assert message.startswith("One | Two: ")


class TestUnionOfSensors:
    def sensor(self, raster, name, roles, value):
        bands = [Band(f"{name}{i}", role) for i, role in enumerate(roles, 1)]
        values = [np.full((60, 80), value + 10 * i, "int16") for i in range(len(roles))]
        return RasterDataset(raster(f"{name}.tif", np.stack(values)), all_bands=bands)

    def test_bands_are_matched_by_what_they_measure(self, raster, utm, caplog):
        old = self.sensor(raster, "old", ["blue", "red", "nir"], 1)
        new = self.sensor(raster, "new", ["coastal", "nir", "blue"], 2)
        with caplog.at_level(logging.WARNING):
            both = old | new
        assert [b.name for b in both.bands] == ["old1", "old3"]
        assert "old2 (red)" in caplog.text
        assert "new1 (coastal)" in caplog.text
        assert both[utm]["image"][:, 0, 0].tolist() == [1, 21]
        assert (new | old)[utm]["image"][:, 0, 0].tolist() == [12, 22]

    def test_bands_without_roles_are_matched_by_position(self, raster, utm, caplog):
        plain = RasterDataset(raster("p.tif", 1, bands=2), all_bands=["x", "y"])
        other = RasterDataset(raster("q.tif", 2, bands=2), all_bands=["u", "v"])
        with caplog.at_level(logging.WARNING):
            both = plain | other
        assert "matched by position" in caplog.text
        assert [b.name for b in both.bands] == ["x", "y"]
        assert both[utm]["image"].shape == (2, 60, 80)

    def test_bands_that_cannot_match_are_listed(self, raster):
        plain = RasterDataset(raster("p.tif", 1, bands=2), all_bands=["x", "y"])
        old = self.sensor(raster, "old", ["blue", "red", "nir"], 1)
        with pytest.raises(BandError, match=r"x, y; RasterDataset: old1, old2, old3"):
            plain | old


class TestIntersection:
    @pytest.fixture
    def labels(self, raster):
        """A label raster in another CRS over the left half of the image, of 2019."""
        albers = GeoBox((40, 30), Affine(45, 0, 4_600_000, 0, -45, 1_967_000), "EPSG:3035")
        codes = np.arange(1200).reshape(40, 30) % 3
        path = raster("labels_2019.tif", codes.astype("uint8"), albers, nodata=0)
        return RasterDataset(path, is_image=False, **DATED)

    def test_labels_come_to_the_pixels_of_the_image(self, three, raster, utm, labels):
        ground = labels.regions[0]
        here = shapely.centroid(ground.footprint)
        scene = image_around(raster, here, "2019")
        for both in (scene & labels, labels & scene):
            assert {r.frame for r in both.regions} == {r.frame for r in scene.regions}
            assert both.regions[0].crs == scene.crs
            sample = both[scene.regions[0].frame]
            assert sample["image"].shape == (1, 50, 50)
            assert sample["mask"].shape == (50, 50)
            mask = labels[scene.regions[0].frame]
            np.testing.assert_array_equal(sample["valid"], mask["valid"])
            assert sample["observed"].all()
            assert 0 < sample["valid"].float().mean() < 1

    def test_the_extent_lies_in_both(self, raster, labels):
        scene = image_around(raster, shapely.centroid(labels.regions[0].footprint), "2019")
        shared = (scene & labels).regions[0]
        assert scene.regions[0].area.buffer(1e-6).contains(shared.area)
        margin = 1e-7  # a centimetre, in degrees
        assert labels.regions[0].footprint.buffer(margin).contains(shared.footprint)

    def test_a_yearly_layer_pairs_with_the_days_of_its_year(self, raster, utm):
        day = {"filename_regex": r"s_(?P<date>\d{8})"}
        folder = raster("s/s_20190727.tif", 1).parent
        raster("s/s_20200727.tif", 2)
        scenes = RasterDataset(folder, **day)
        raster("y/y_2019.tif", 5)
        years = RasterDataset(folder.parent / "y", is_image=False, **DATED)
        both = scenes & years
        assert [r.when for r in both.regions] == [Interval.of("2019-07-27")]
        sample = both[Query(utm, both.regions[0].when)]
        assert (sample["image"] == 1).all()
        assert (sample["mask"] == 5).all()

    def test_several_label_tiles_of_one_time_act_as_one(self, three, raster, utm):
        raster("t/left_2019.tif", 1, utm[:, :40])
        folder = raster("t/right_2019.tif", 2, utm[:, 40:]).parent
        both = three["a"] & RasterDataset(folder, is_image=False, **DATED)
        (only,) = both.regions
        assert only.area.area == pytest.approx(utm.extent.geom.area)
        assert both[utm]["valid"].all()

    def test_images_are_concatenated_and_valid_in_all(self, three, utm):
        sample = (three["a"] & three["b"])[utm]
        assert sample["image"].shape == (2, 60, 80)
        assert sample["valid"].sum() == 60 * 50
        assert "observed" not in sample

    def test_grouping_does_not_matter_and_repeats_vanish(self, three, raster):
        a, b, d = three["a"], three["b"], RasterDataset(raster("d.tif", 4))
        assert ((a & b) & d) == (a & (b & d))
        assert (a & a) is a
        assert [band.name for band in (a & b & d).bands] == ["1", "1_2", "1_3"]

    @pytest.mark.parametrize("names", list(permutations("abd")))
    def test_every_order_shares_the_same_ground(self, three, raster, names):
        parts = {**three, "d": RasterDataset(raster("d.tif", 4))}
        x, y, z = (parts[n] for n in names)
        grounds = [region.footprint for region in (x & y & z).regions]
        assert shapely.union_all(grounds).area == pytest.approx(
            shapely.intersection(
                three["a"].regions[0].footprint, three["b"].regions[0].footprint
            ).area,
            rel=1e-6,
        )

    @pytest.mark.parametrize(
        ("other", "message"),
        [
            ({"when": "2020", "far": False}, "they share places, but no time"),
            ({"when": "2019", "far": True}, "they share no place on Earth"),
            ({"when": "2020", "far": True}, "they share neither place nor time"),
        ],
    )
    def test_what_never_meets_is_refused_with_both_extents(
        self, three, raster, utm, other, message
    ):
        grid = utm.translate_pix(5000, 0) if other["far"] else utm
        never = RasterDataset(raster(f"n_{other['when']}.tif", 1, grid), **DATED)
        with pytest.raises(DatasetError, match=message) as caught:
            three["a"] & never
        assert "2019-01-01" in str(caught.value)
        assert str(caught.value).count("longitude") == 2

    def test_transforms_of_parts_apply_to_parts(self, three, utm):
        def half(sample):
            return {**sample, "image": sample["image"] / 2, "source": "b"}

        sample = (three["a"] & three["b"].with_transforms(half))[utm]
        assert sample["image"][:, 0, 40].tolist() == [1.0, 1.0]
        assert sample["source"] == "b"


class TestMixed:
    def test_a_union_with_labels(self, three, raster, utm, tmp_path):
        shape = gpd.GeoDataFrame(
            {"k": ["x"]}, geometry=[shapely.box(*utm.extent.geom.bounds)], crs=utm.crs.to_wkt()
        )
        shape.to_file(tmp_path / "x.gpkg")
        labels = VectorDataset(tmp_path / "x.gpkg", class_field="k")
        both = (three["a"] | three["b"]) & labels
        assert isinstance(both, IntersectionDataset)
        assert isinstance(both.parts[0], UnionDataset)
        assert both.classes.names == ("x",)
        assert both.layers == {"image", "mask"}
        assert both[utm]["valid"].all()
        assert "|" in repr(both)

    def test_unions_of_labels_agree_on_their_classes(self, raster, utm):
        class Left(RasterDataset):
            is_image = False
            class_names = {1: "forest"}  # noqa: RUF012

        class Right(Left):
            class_names = {1: "water"}  # noqa: RUF012

        left, right = Left(raster("l.tif", 1)), Right(raster("r.tif", 1))
        with pytest.raises(DatasetError, match="different meanings"):
            (left | right).classes  # noqa: B018
        assert (left | Left(raster("m.tif", 1))).classes.names == ("forest",)


def fold(parts):
    whole = parts[0]
    for part in parts[1:]:
        whole = whole | part
    return whole


def image_around(raster, point, year):
    """50 x 50 pixels of 30 m, whose upper left corner lies at a place in degrees."""
    grid = GeoBox((50, 50), Affine(4e-4, 0, point.x, 0, -3e-4, point.y), "EPSG:4326")
    return RasterDataset(raster(f"near_{year}.tif", 9, grid), **DATED)
