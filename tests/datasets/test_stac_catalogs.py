"""Catalogues, collections, folders and searches to items; and what is reported when a link leads nowhere."""

from __future__ import annotations

import json

import pytest
from shapely.geometry import box, mapping
from stac_files import GRID, band_asset, catalog, item, write_json

from geoloom.core.errors import DatasetError, RoiError
from geoloom.core.interval import Interval
from geoloom.core.roi import Roi
from geoloom.datasets import StacDataset
from geoloom.datasets.stac.addresses import located
from geoloom.datasets.stac.catalogs import found_items
from geoloom.datasets.stac.filters import Filters
from geoloom.testing.server import serving


def plain(name, when="2019-07-01T10:00:00Z", **more):
    return item(name, {"red": band_asset(f"./{name}.tif", "red", GRID)}, when, **more)


def names(source, roi=None, **filters):
    filters["roi"] = None if roi is None else Roi.of(roi)
    found = found_items(
        [source if isinstance(source, dict) else located(source)], Filters(**filters)
    )
    return [one.name for one in found.items]


def hrefs(*sources):
    found = found_items([located(source) for source in sources], Filters())
    return [one.located("red").href for one in found.items]


@pytest.fixture
def tree(tmp_path):
    """A catalogue of two collections, each in a folder of its own, one with a catalogue between."""
    for collection, days in (("a", (1, 2)), ("b", (3,))):
        for day in days:
            document = plain(
                f"{collection}{day}", f"2019-07-0{day}T10:00:00Z", collection=collection
            )
            write_json(tmp_path / collection / "items" / f"{collection}{day}.json", document)
    write_json(
        tmp_path / "a" / "collection.json",
        catalog("a", [("item", "./items/a1.json"), ("item", "items/a2.json"), ("root", "../catalog.json")],
                kind="Collection"),
    )  # fmt: skip
    write_json(tmp_path / "b" / "inner.json", catalog("inner", [("item", "items/b3.json")]))
    extent = {"spatial": {"bbox": [[16, 45, 17, 46]]},
              "temporal": {"interval": [["2019-07-03T00:00:00Z", None]]}}  # fmt: skip
    write_json(
        tmp_path / "b" / "collection.json",
        catalog("b", [("child", "inner.json")], kind="Collection", extent=extent),
    )
    links = [
        ("child", "a/collection.json"),
        ("child", "./b/collection.json"),
        ("self", "catalog.json"),
    ]
    write_json(tmp_path / "catalog.json", catalog("root", links))
    return tmp_path


class TestWalking:
    def test_all_levels(self, tree):
        assert names(tree / "catalog.json") == ["a1", "a2", "b3"]
        assert names(tree) == ["a1", "a2", "b3"], "a folder is by its catalogue"
        assert names(tree / "a" / "collection.json") == ["a1", "a2"]
        assert names(tree / "a" / "items" / "a1.json") == ["a1"]
        assert names(tree / "a" / "items") == ["a1", "a2"], "a folder of items"

    def test_hrefs_start_from_the_items_own_place(self, tree):
        assert hrefs(tree)[0] == str(tree / "a" / "items" / "a1.tif")

    def test_over_http_many_at_once(self, tree):
        with serving(tree, delay_s=0.05) as server:
            assert names(server.address("catalog.json")) == ["a1", "a2", "b3"]
            assert hrefs(server.address("catalog.json"))[2] == server.address("b/items/b3.tif")
            assert server.requests("catalog.json") == 2
            assert 2 <= server.most_at_once <= 16

    def test_a_circle_ends(self, tree):
        links = [("child", "../catalog.json"), ("item", "items/b3.json")]
        write_json(tree / "b" / "inner.json", catalog("inner", links))
        assert names(tree) == ["a1", "a2", "b3"]

    def test_a_missing_link_names_both_ends(self, tree):
        (tree / "a" / "items" / "a2.json").rename(tree / "a" / "items" / "a7.json")
        with pytest.raises(DatasetError) as error:
            names(tree)
        assert f"{tree}/a/items/a2.json (linked as item from {tree}/a/collection.json)" in str(
            error.value
        )
        assert "does not exist; did you mean" in str(error.value)
        with serving(tree) as server, pytest.raises(DatasetError, match=r"linked as item .* 404"):
            names(server.address("catalog.json"))

    def test_what_is_linked_must_be_stac(self, tree):
        write_json(tree / "a" / "items" / "a2.json", {"type": "Feature"})
        with pytest.raises(DatasetError, match=r"a2\.json \(linked as item .*no STAC item"):
            names(tree)
        (tree / "a" / "items" / "a2.json").write_text("{")
        with pytest.raises(DatasetError, match=r"a2\.json \(linked as item .*is not JSON"):
            names(tree)

    def test_a_link_to_nowhere(self, tree):
        write_json(tree / "b" / "inner.json", catalog("inner", [("item", None)]))
        with pytest.raises(DatasetError, match=r"inner\.json has a link \(item\) without href"):
            names(tree)

    def test_a_collection_of_an_api_says_how_to_search_it(self, tree):
        links = [("items", "./items"), ("root", "https://example.org/v1/")]
        write_json(tree / "api.json", catalog("api", links, kind="Collection"))
        with pytest.raises(DatasetError, match=r"search\('https://example\.org/v1/', collections"):
            names(tree / "api.json")

    def test_a_server_that_fails_now_and_then(self, tree):
        with serving(tree, failures={"a/items/a1.json": 1}) as server:
            assert len(names(server.address("catalog.json"))) == 3
            assert [a.status for a in server.asked if a.path.endswith("a1.json")] == [503, 200]

    def test_extents_and_collections_save_requests(self, tree):
        with serving(tree) as server, pytest.raises(DatasetError, match="is wanted"):
            names(server.address("b/collection.json"), roi=(2, 2, 3, 3))
        with serving(tree) as server:
            assert names(server.address("catalog.json"), when=Interval.of("2019-07-01")) == ["a1"]
            assert server.requests("inner.json") == 0
        with serving(tree) as server:
            assert names(server.address("catalog.json"), collections=frozenset("b")) == ["b3"]
            assert server.requests("a1.json") == 0


class TestItemCollections:
    def test_hrefs_start_from_the_items_self_link_or_the_file(self, tmp_path):
        linked = {**plain("a"), "links": [{"rel": "self", "href": "https://example.org/x/a.json"}]}
        features = [linked, plain("b")]
        path = write_json(
            tmp_path / "all.json", {"type": "FeatureCollection", "features": features}
        )
        assert hrefs(path) == ["https://example.org/x/a.tif", str(tmp_path / "b.tif")]

    def test_in_memory(self, tmp_path):
        one = item("a", {"red": band_asset(str(tmp_path / "a.tif"), "red", GRID)})
        assert names(one) == ["a"]
        assert names({"type": "FeatureCollection", "features": [one]}) == ["a"]

        class Foreign:
            def to_dict(self):
                return one

        assert [s.name for s in StacDataset([Foreign()]).scenes] == ["a"]
        with pytest.raises(DatasetError, match="int is not STAC"):
            StacDataset([3])

    def test_each_item_once(self, tmp_path, caplog):
        path = write_json(tmp_path / "a.json", plain("a"))
        with caplog.at_level("INFO"):
            assert len(hrefs(path, path)) == 1
        assert "1 of 2 items came more than once" in caplog.text


class TestFilters:
    @pytest.fixture
    def path(self, tmp_path):
        features = [
            plain(f"d{day}", f"2019-07-{day:02d}T10:00:00Z", collection="even" if day % 2 == 0 else "odd",
                  **{"eo:cloud_cover": 10 * day, "platform": "s2a"})
            for day in range(1, 10)
        ]  # fmt: skip
        features[8]["properties"].pop("eo:cloud_cover")
        for day, feature in enumerate(features, 1):
            feature["geometry"] = mapping(box(day, 45, day + 0.5, 46))
        return write_json(
            tmp_path / "all.json", {"type": "FeatureCollection", "features": features}
        )

    def test_time_is_half_open(self, path):
        assert names(path, when=Interval.of(("2019-07-02", "2019-07-03"))) == ["d2", "d3"]

    def test_place(self, path):
        assert names(path, roi=(2.4, 45, 3.2, 50)) == ["d2", "d3"]
        assert names(path, roi=(9.2, 40, 1.2, 50)) == ["d1", "d9"], "across the antimeridian"

    def test_collections(self, path):
        assert names(path, collections=frozenset(["even"])) == ["d2", "d4", "d6", "d8"]

    def test_properties(self, path):
        assert names(path, where={"eo:cloud_cover": (None, 20)}) == ["d1", "d2"]
        assert names(path, where={"eo:cloud_cover": (70, 80)}) == ["d7", "d8"]
        assert names(path, where={"eo:cloud_cover": {10, 30}, "platform": "s2a"}) == ["d1", "d3"]
        assert names(path, where=lambda properties: properties.get("eo:cloud_cover") is None) == [
            "d9"
        ]

    def test_nothing_left_says_so(self, path):
        with pytest.raises(DatasetError, match=r"no item of \S+all\.json is wanted; widen roi"):
            StacDataset(path, when="2020")

    def test_a_box_that_is_none(self):
        with pytest.raises(RoiError, match="west, south, east, north"):
            StacDataset("items.json", roi=(0, 50, 1, 40))


class TestSearch:
    @pytest.fixture
    def api(self, tmp_path):
        """Three pages of two, by POST with tokens."""
        days = [plain(f"d{day}", f"2019-07-0{day}T10:00:00Z") for day in range(1, 6)]
        for page, token, following in ((0, "", "p1"), (1, "-p1", "p2"), (2, "-p2", None)):
            link = {"rel": "next", "method": "POST", "href": "./search",
                    "body": {"token": following}, "merge": True}  # fmt: skip
            answer = {"type": "FeatureCollection", "features": days[2 * page : 2 * page + 2],
                      "links": [link] if following else []}  # fmt: skip
            write_json(tmp_path / "v1" / f"search{token}.json", answer)
        return tmp_path

    def test_pages_are_followed_to_the_end(self, api):
        with serving(api) as server:
            found = StacDataset.search(
                server.address("v1/"), collections="fields", roi=(16, 45, 17, 46), when="2019-07",
                query={"eo:cloud_cover": {"lt": 10}},
            )  # fmt: skip
            assert [scene.name for scene in found.scenes] == ["d1", "d2", "d3", "d4", "d5"]
            first, second, third = [json.loads(one.body) for one in server.asked]
        assert first["collections"] == ["fields"]
        assert first["bbox"] == [16, 45, 17, 46]
        assert first["datetime"] == "2019-07-01T00:00:00Z/2019-08-01T00:00:00Z"
        assert first["query"] == {"eo:cloud_cover": {"lt": 10}}
        assert (second["token"], third["token"]) == ("p1", "p2")
        assert second["collections"] == ["fields"], "a page is merged with the search"

    def test_pages_by_get(self, api):
        page = json.loads((api / "v1" / "search.json").read_text())
        page["links"] = [{"rel": "next", "href": "search-p1.json"}]
        write_json(api / "v1" / "search.json", page)
        last = json.loads((api / "v1" / "search-p1.json").read_text())
        write_json(api / "v1" / "search-p1.json", {**last, "links": []})
        with serving(api) as server:
            assert len(StacDataset.search(server.address("v1")).scenes) == 4
            assert [one.method for one in server.asked] == ["POST", "GET"]

    def test_a_limit_stops_early(self, api):
        with serving(api) as server:
            assert len(StacDataset.search(server.address("v1"), limit=3).scenes) == 3
            assert [json.loads(one.body)["limit"] for one in server.asked] == [3, 3]

    def test_what_a_careless_server_adds_is_left_out(self, api):
        with serving(api) as server:
            found = StacDataset.search(server.address("v1"), when="2019-07-02")
            assert [scene.name for scene in found.scenes] == ["d2"]

    def test_a_page_for_ever(self, api):
        page = json.loads((api / "v1" / "search-p1.json").read_text())
        page["links"][0]["body"]["token"] = "p1"
        write_json(api / "v1" / "search-p1.json", page)
        with (
            serving(api) as server,
            pytest.raises(DatasetError, match="asked for before, after 4 items"),
        ):
            StacDataset.search(server.address("v1"))

    def test_no_api(self, api):
        write_json(api / "v2" / "search.json", {"links": []})
        with serving(api) as server:
            with pytest.raises(DatasetError, match="give the root of a STAC API"):
                StacDataset.search(server.address("v2"))
            with pytest.raises(DatasetError, match=r"v3/search \(search\) cannot be read: .*404"):
                StacDataset.search(server.address("v3"))
