"""What items say: times, places, bands; STAC 1.0 and 1.1 alike."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pyproj
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import MultiPolygon, box, mapping
from stac_files import COG, GRID, band_asset, item, place

from geoloom.core.errors import BandError, DatasetError
from geoloom.core.interval import Interval
from geoloom.core.outline import footprint
from geoloom.datasets.stac.addresses import joined
from geoloom.datasets.stac.assets import asset_kind, data_assets
from geoloom.datasets.stac.items import item_time, parse_item
from geoloom.datasets.stac.scenes import scenes_of

HOME = "https://example.org/fields/day1/day1.json"


def utc(*numbers):
    return datetime(*numbers, tzinfo=UTC)


class TestTimes:
    @pytest.mark.parametrize(
        ("start", "end", "stop"),
        [
            ("2019-01-01T00:00:00Z", "2019-12-31T23:59:59Z", utc(2020, 1, 1)),
            ("2019-01-01T00:00:00Z", "2019-12-31T23:59:59.999Z", utc(2020, 1, 1)),
            ("2019-01-01T00:00:00Z", "2020-01-01T00:00:00Z", utc(2020, 1, 1)),
            ("2019-01-01T10:00:00Z", "2019-01-01T10:00:30Z", utc(2019, 1, 1, 10, 0, 31)),
            ("2019-01-01T00:00:00Z", "2019-01-01T00:00:00Z", utc(2019, 1, 1, 0, 0, 1)),
            ("2019-01-01T02:00:00+02:00", "2019-01-02T01:59:59+02:00", utc(2019, 1, 2)),
        ],
    )
    def test_a_range_is_half_open_and_holds_its_end(self, start, end, stop):
        declared = {"datetime": None, "start_datetime": start, "end_datetime": end}
        when = item_time(declared, "x")
        assert when.stop == stop
        assert when.start == datetime.fromisoformat(start)

    def test_an_instant_is_its_second(self):
        when = item_time({"datetime": "2019-07-01T10:20:30.250Z"}, "x")
        assert when == Interval(utc(2019, 7, 1, 10, 20, 30, 250000), utc(2019, 7, 1, 10, 20, 31))

    def test_a_range_counts_more_than_the_nominal_instant(self):
        declared = {"datetime": "2019-07-01T00:00:00Z"}
        declared |= {
            "start_datetime": "2019-01-01T00:00:00Z",
            "end_datetime": "2019-12-31T23:59:59Z",
        }
        assert item_time(declared, "x") == Interval.of("2019")

    def test_no_time_names_the_item(self):
        with pytest.raises(DatasetError, match=r"item 'a' of https://\S+ has neither a datetime"):
            parse_item(item("a", {}, None), HOME)
        with pytest.raises(DatasetError, match=r"'yesterday'.*not a time"):
            parse_item(item("a", {}, "yesterday"), HOME)
        with pytest.raises(DatasetError, match="end not before the start"):
            parse_item(item("a", {}, ("2019-02-01T00:00:00Z", "2019-01-01T10:00:00Z")), HOME)


class TestPlaces:
    def grid(self, asset, **declared):
        found = parse_item(
            item("a", {"red": band_asset("red.tif", "red") | asset}, **declared), HOME
        )
        here = found.located("red").declared
        return None if here is None else here.grid()

    def test_each_way_of_telling_a_crs(self):
        crs = pyproj.CRS.from_epsg(32633)
        shape = {k: v for k, v in place(GRID).items() if k != "proj:code"}
        for declared in (
            {"proj:code": "EPSG:32633"},
            {"proj:epsg": 32633},
            {"proj:epsg": None, "proj:wkt2": crs.to_wkt("WKT2_2019")},
            {"proj:projjson": json.loads(crs.to_json())},
        ):
            assert self.grid({**shape, **declared}) == GRID, declared
            assert self.grid({}, **shape, **declared) == GRID, "declared by the item as a whole"

    def test_nine_numbers_are_an_affine_too(self):
        nine = [*place(GRID)["proj:transform"], 0, 0, 1]
        assert self.grid({**place(GRID), "proj:transform": nine}) == GRID

    def test_the_asset_counts_before_the_item(self):
        other = place(GRID[:100, :100])
        assert self.grid(place(GRID), **other) == GRID

    def test_a_shape_of_its_own_with_the_items_crs(self):
        declared = {"proj:code": "EPSG:32633", "proj:shape": [1, 1]}
        mine = {k: v for k, v in place(GRID).items() if k != "proj:code"}
        assert self.grid(mine, **declared) == GRID

    @pytest.mark.parametrize(
        "wrong",
        [
            {"proj:shape": None},
            {"proj:transform": [10, 0, 0]},
            {"proj:code": None},
            {"proj:code": "EPSG:999999"},
            {"proj:transform": [1, 0, 0, 0, 1, 0]},
            {"proj:transform": [10, 0, 0, 0, 0, 0]},
            {"proj:shape": [0, 10]},
            {"proj:shape": "ten"},
            {"proj:transform": ["a"] * 6},
        ],
    )
    def test_what_is_not_whole_or_makes_no_sense_is_left_to_the_file(self, wrong):
        assert self.grid({**place(GRID), **wrong}) is None


def test_items_that_are_broken_are_named():
    with pytest.raises(DatasetError, match=r"asset 'red' of item 'a' of https://\S+ has no href"):
        parse_item(item("a", {"red": {"type": COG}}), HOME)
    geometry = {"type": "Polygon", "coordinates": [[1, 2]]}
    with pytest.raises(
        DatasetError, match=r"item 'a' of https://\S+ has a geometry that is not GeoJSON"
    ):
        parse_item({**item("a", {}), "geometry": geometry}, HOME)


@pytest.mark.parametrize(
    ("home", "href", "found"),
    [
        (HOME, "./red.tif", "https://example.org/fields/day1/red.tif"),
        (HOME, "/data/red.tif", "https://example.org/data/red.tif"),
        (f"{HOME}?sig=1", "red.tif", "https://example.org/fields/day1/red.tif"),
        (HOME, "s3://bucket/red.tif", "s3://bucket/red.tif"),
        ("s3://bucket/a/item.json", "../red.tif", "s3://bucket/red.tif"),
        ("/data/a/item.json", "./b/red.tif", "/data/a/b/red.tif"),
        ("/data/a/item.json", "file:///c/red%20one.tif", "/c/red one.tif"),
        ("/data/a/item.json", "/vsizip/a.zip/red.tif", "/vsizip/a.zip/red.tif"),
    ],
)
def test_where_an_href_leads(home, href, found):
    assert joined(home, href) == found


class TestBands:
    def test_version_1_0(self):
        asset = {
            "href": "B04.tif",
            "eo:bands": [{"name": "B04", "common_name": "red", "center_wavelength": 0.665}],
            "raster:bands": [
                {"scale": 1e-4, "offset": -0.1, "nodata": 0, "spatial_resolution": 10}
            ],
        }
        (found,) = asset_kind("red", asset).bands
        assert (found.band.name, found.names) == ("red", ("B04",))
        assert (found.band.role, found.band.wavelength_um, found.band.gsd_m) == ("red", 0.665, 10)
        assert (found.band.scale, found.band.offset, found.band.nodata) == (1e-4, -0.1, 0)

    def test_version_1_1(self):
        asset = {
            "href": "all.tif",
            "nodata": "nan",
            "raster:scale": 1e-4,
            "gsd": 20,
            "bands": [
                {"name": "B04", "eo:common_name": "red"},
                {"name": "B11", "eo:common_name": "swir16", "raster:scale": 1e-3, "nodata": -1},
                {"description": "nameless"},
            ],
        }
        red, swir, third = (b.band for b in asset_kind("all", asset, 10).bands)
        assert [red.name, swir.name, third.name] == ["B04", "B11", "all_3"]
        assert [red.role, swir.role, third.role] == ["red", "swir1", "other"]
        assert [red.scale, swir.scale] == [1e-4, 1e-3]
        assert math.isnan(red.nodata)
        assert swir.nodata == -1
        assert red.gsd_m == 20

    def test_three_red_edges_by_wavelength(self):
        roles = [
            asset_kind("x", {"href": "x", "eo:bands": [{"common_name": "rededge", **more}]})
            .bands[0]
            .band.role
            for more in ({"center_wavelength": w} for w in (0.704, 0.74, 0.783))
        ]
        assert roles == ["rededge1", "rededge2", "rededge3"]

    def test_classes_and_bits_are_never_averaged(self):
        classes = {"classification:classes": [{"value": 1, "name": "water"}]}
        bits = {"classification:bitfields": [{"offset": 0, "length": 1}]}
        for declared, role in ((classes, "class"), (bits, "qa")):
            old = asset_kind("a", {"href": "a.tif", "raster:bands": [declared]})
            new = asset_kind("a", {"href": "a.tif", "bands": [declared]})
            flat = asset_kind("a", {"href": "a.tif", "bands": [{"name": "x"}], **declared})
            assert {kind.bands[0].band.role for kind in (old, new, flat)} == {role}

    def test_which_assets_are_data(self):
        def kinds(**assets):
            return [asset_kind(key, asset) for key, asset in assets.items()]

        tiff = {"href": "a.tif", "type": COG}
        pictures = {
            "visual": {**tiff, "roles": ["visual"]},
            "thumbnail": {"href": "t.png", "type": "image/png", "roles": ["thumbnail"]},
            "overview": {**tiff, "roles": ["overview"]},
            "info": {"href": "m.xml", "type": "application/xml", "roles": ["metadata"]},
            "json": {"href": "m.json"},
            "jpeg": {"href": "m.jpg"},
        }
        data = {
            "red": {**tiff, "roles": ["data"]},
            "nir": {**tiff, "roles": ["data", "reflectance"]},
        }
        mask = {"qa": {**tiff, "roles": ["cloud"]}}
        found = [kind.key for kind in data_assets(kinds(**pictures, **data, **mask))]
        assert found == ["red", "nir"]
        bare = {"red": {"href": "r.tif"}, "qa": {"href": "https://example.org/q.tiff?sig=1"}}
        assert [kind.key for kind in data_assets(kinds(**pictures, **bare))] == ["red", "qa"]

    def test_of_copies_the_optimised_one(self):
        bands = {"eo:bands": [{"name": "B04", "common_name": "red"}], "roles": ["data"]}
        jp2 = asset_kind("red-jp2", {"href": "a.jp2", "type": "image/jp2", **bands})
        cog = asset_kind("red", {"href": "a.tif", "type": COG, **bands})
        assert data_assets([jp2, cog]) == (cog,)
        assert data_assets([cog, jp2]) == (cog,)


class TestChoosing:
    assets = {  # noqa: RUF012 - never changed
        "B04": band_asset("b04.tif", "red", GRID),
        "B08": band_asset("b08.tif", "nir", GRID),
        "visual": {
            "href": "visual.tif",
            "roles": ["visual"],
            "eo:bands": [{"name": n, "common_name": n} for n in ("red", "green", "blue")],
            **place(GRID),
        },
    }

    def scene(self, bands, assets=None):
        (found,) = scenes_of([parse_item(item("a", assets or self.assets), HOME)], bands)
        return found

    @pytest.mark.parametrize("name", ["B04", "x_red", "red"])
    def test_by_asset_own_name_or_common_name(self, name):
        scene = self.scene([name])
        assert [a.uri for a in scene.assets] == ["https://example.org/fields/day1/b04.tif"]
        assert [(b.name, b.role) for b in scene.bands] == [(name, "red")]

    def test_in_the_order_asked(self):
        assert [b.name for b in self.scene(["nir", "B04"]).bands] == ["nir", "B04"]

    def test_an_asset_of_several_bands_means_all_of_them(self):
        scene = self.scene(["visual"])
        assert [b.name for b in scene.bands] == ["red", "green", "blue"]
        assert [a.index for a in scene.assets] == [1, 2, 3]

    def test_a_band_of_an_asset_that_is_no_data(self):
        assert [a.index for a in self.scene(["blue"]).assets] == [3]

    def test_unknown_names_list_what_there_is(self):
        with pytest.raises(
            BandError, match=r"item 'a' of https.* has no band 'rad'; did you mean 'red'"
        ):
            self.scene(["rad"])

    def test_a_name_of_several_bands_is_refused(self):
        assets = {
            "B05": band_asset("b05.tif", "rededge", GRID),
            "B06": band_asset("b06.tif", "rededge", GRID),
        }
        assets["B06"]["eo:bands"][0]["name"] = "other"
        with pytest.raises(BandError, match=r"several bands 'rededge': in the assets B05, B06"):
            self.scene(["rededge"], assets)

    def test_only_what_all_items_have(self, caplog):
        one = parse_item(item("a", self.assets), HOME)
        other = parse_item(item("b", {"B04": self.assets["B04"]}), HOME)
        scenes = scenes_of([one, other], None)
        assert [[b.name for b in scene.bands] for scene in scenes] == [["B04"], ["B04"]]
        assert "left out: B08" in caplog.text
        with pytest.raises(DatasetError, match="no band in common"):
            scenes_of([parse_item(item("c", {"B08": self.assets["B08"]}), HOME), other], None)

    def test_a_name_that_means_other_bands_elsewhere(self):
        visual = self.assets["visual"]
        two = {"visual": {**visual, "eo:bands": visual["eo:bands"][:2]}}
        items = [
            parse_item(item(name, assets), HOME)
            for name, assets in (("a", self.assets), ("b", two))
        ]
        with pytest.raises(
            DatasetError, match=r"red, green, blue in item 'a' and red, green in 'b'"
        ):
            scenes_of(items, ["visual"])


class TestOutlines:
    def outline(self, geometry, grid=GRID):
        document = item("a", {"red": band_asset("r.tif", "red", grid)}, grid=grid)
        document["geometry"] = geometry
        (scene,) = scenes_of([parse_item(document, HOME)], ["red"])
        return scene.footprint

    def test_a_scene_covers_its_items_geometry(self):
        part = box(16.3, 45.12, 16.31, 45.13)
        assert self.outline(mapping(part)).equals(part)
        two = MultiPolygon([part, box(16.28, 45.11, 16.29, 45.12)])
        assert self.outline(mapping(two)).equals(two)

    def test_without_one_it_covers_its_grid(self):
        assert self.outline(None).equals(footprint(GRID))
        assert self.outline(mapping(box(0, 0, 0, 0))).equals(footprint(GRID))

    def test_a_third_dimension_is_dropped(self):
        ring = [[16.3, 45.1, 5], [16.31, 45.1, 5], [16.31, 45.11, 5], [16.3, 45.1, 5]]
        found = self.outline({"type": "Polygon", "coordinates": [ring]})
        assert not found.has_z
        assert found.area > 0

    def test_drawn_across_the_antimeridian_instead_of_split(self):
        dateline = GeoBox((100, 1000), Affine(100, 0, 630000, 0, -100, 7000000), "EPSG:32660")
        whole = footprint(dateline)
        assert whole.geom_type == "MultiPolygon"
        around = box(-179.9, 62.9, 179.5, 63.1)
        beyond = box(179.5, 62.9, 181, 63.1)
        for geometry in (around, beyond):
            assert self.outline(mapping(geometry), dateline).equals(whole)
        assert self.outline(mapping(whole), dateline).equals(whole)
