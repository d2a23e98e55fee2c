"""Untrusted and careless catalogues: identified by their contents, bounded, kept within reach."""

from __future__ import annotations

import json
import logging
import operator
import os
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest
from stac_files import GRID, band_asset, catalog, item, write_band, write_json

from geoloom.core.errors import BandError, DatasetError, ReadError
from geoloom.datasets import StacDataset
from geoloom.testing.server import serving


@pytest.fixture
def two_days(tmp_path):
    """Two items, of 10 and 20 percent of cloud, with pixels of 1 and 2."""
    for number in (1, 2):
        write_band(tmp_path / f"day{number}.tif", number)
        document = item(
            f"day{number}",
            {"red": band_asset(f"./day{number}.tif", "red", GRID)},
            f"2019-07-{number:02d}T10:00:00Z",
            **{"eo:cloud_cover": 10 * number},
        )
        write_json(tmp_path / f"day{number}.json", document)
    return tmp_path


class TestToldApartByWhatTheyHold:
    def test_a_union_of_two_that_functions_chose_holds_both(self, two_days):
        def chosen(wanted):
            return StacDataset(
                two_days, where=lambda properties: properties["eo:cloud_cover"] == wanted
            )

        for _ in range(3):  # functions come and go, and their addresses come again
            both = chosen(10) | chosen(20)
            names = {region.name for region in both.regions}
            assert names == {"day1", "day2"}
        assert chosen(10) != chosen(20)
        assert chosen(10) == chosen(10)

    def test_an_index_of_one_function_answers_no_other(self, two_days, tmp_path):
        index = tmp_path / "kept" / "scenes.parquet"

        def names(wanted):
            def where(properties):
                return properties["eo:cloud_cover"] == wanted

            return [s.name for s in StacDataset(two_days, where=where, index=index).scenes]

        assert [names(10), names(20), names(10)] == [["day1"], ["day2"], ["day1"]]

    def test_an_index_knows_an_equal_function_again(self, two_days, tmp_path, caplog):
        index = tmp_path / "kept" / "scenes.parquet"
        limit = 15
        for _ in range(2):
            StacDataset(
                two_days, where=lambda properties: properties["eo:cloud_cover"] < limit, index=index
            )
        with caplog.at_level(logging.INFO):
            StacDataset(
                two_days, where=lambda properties: properties["eo:cloud_cover"] < limit, index=index
            )
        assert "another question" not in caplog.text

    def test_a_function_without_identity_keeps_no_index(self, two_days, tmp_path):
        where = partial(lambda properties, extra: bool(properties), extra=object())
        assert len(StacDataset(two_days, where=where).scenes) == 2
        with pytest.raises(DatasetError, match="give a mapping"):
            StacDataset(two_days, where=where, index=tmp_path / "scenes.parquet")

    def test_collections_in_memory_are_all_that_they_hold(self, two_days):
        def collection(second):
            documents = [json.loads((two_days / f"day{n}.json").read_text()) for n in (1, second)]
            for n, document in zip((1, second), documents, strict=True):
                document["assets"]["red"]["href"] = str(two_days / f"day{n}.tif")
            documents[1]["id"] = "other" if second == 1 else "day2"
            return {"type": "FeatureCollection", "features": documents}

        one, other = StacDataset(collection(1)), StacDataset(collection(2))
        assert one != other
        assert {r.name for r in (one | other).regions} == {"day1", "day2", "other"}
        assert StacDataset(collection(2)) == other


def test_relative_addresses_in_memory_start_from_the_working_folder(two_days, monkeypatch):
    monkeypatch.chdir(two_days)
    document = json.loads((two_days / "day1.json").read_text())
    dataset = StacDataset(document)
    assert dataset.scenes[0].assets[0].uri == str(two_days / "day1.tif")
    assert (dataset[GRID[:8, :8]]["image"] == 1).all()


class TestWrongKinds:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"assets": [{"href": "a.tif"}]}, "assets of item 'a'.*expected an object"),
            ({"properties": ["x"]}, "properties of item 'a'.*expected an object"),
            ({"collection": {"id": 1}}, "the collection of item 'a'.*expected a text"),
            ({"geometry": "here"}, "geometry that is not GeoJSON"),
        ],
    )
    def test_of_an_item_are_named(self, tmp_path, change, message):
        path = write_json(tmp_path / "a.json", {**item("a", {}), **change})
        with pytest.raises(DatasetError, match=message):
            StacDataset(path)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("raster:bands", [{"scale": "x"}]),
            ("raster:bands", {"scale": 1}),
            ("eo:bands", ["red"]),
            ("roles", [["data"]]),
            ("gsd", "ten"),
        ],
    )
    def test_of_an_asset_are_named(self, tmp_path, field, value):
        asset = {**band_asset("./a.tif", "red", GRID), field: value}
        path = write_json(tmp_path / "a.json", item("a", {"B04": asset}))
        with pytest.raises(DatasetError, match=r"of asset 'B04'.*in item 'a' of"):
            StacDataset(path)

    def test_more_bands_than_the_file_has(self, tmp_path):
        write_band(tmp_path / "a.tif", 1)
        asset = band_asset("./a.tif", "red", GRID) | {"eo:bands": [{"name": "x"}, {"name": "y"}]}
        dataset = StacDataset(write_json(tmp_path / "a.json", item("a", {"B04": asset})))
        with pytest.raises((DatasetError, BandError), match=r"number 2 of .*the file has 1"):
            dataset[GRID[:8, :8]]

    def test_a_property_that_does_not_compare(self, tmp_path):
        write_band(tmp_path / "a.tif", 1)
        document = item(
            "a", {"red": band_asset("./a.tif", "red", GRID)}, **{"eo:cloud_cover": "few"}
        )
        with pytest.raises(DatasetError, match="eo:cloud_cover of item 'a' is 'few'"):
            StacDataset(
                write_json(tmp_path / "a.json", document), where={"eo:cloud_cover": (None, 10)}
            )

    def test_a_collection_without_items_says_so(self, tmp_path):
        path = write_json(tmp_path / "none.json", {"type": "FeatureCollection", "features": []})
        for source in (path, {"type": "FeatureCollection", "features": []}):
            with pytest.raises(DatasetError, match="check that the catalogue has items"):
                StacDataset(source)


class TestWithoutEnd:
    def test_a_chain_of_catalogues(self, tmp_path):
        for number in range(200):
            write_json(
                tmp_path / f"{number}.json", catalog("more", [("child", f"./{number + 1}.json")])
            )
        with pytest.raises(DatasetError, match=r"0\.json leads on after 32 levels of links"):
            StacDataset(tmp_path / "0.json")

    def test_a_document_larger_than_any(self, tmp_path):
        path = tmp_path / "catalog.json"
        with path.open("wb") as file:
            file.truncate(8 << 30)  # holes: nothing is written
        with pytest.raises(DatasetError, match="bytes, too many for one document"):
            StacDataset(path)

    def test_an_answer_larger_than_any(self, tmp_path, monkeypatch):
        monkeypatch.setattr("geoloom.datasets.stac.documents.MOST_BYTES", 1000)
        write_json(tmp_path / "a.json", item("a" * 2000, {}))
        with (
            serving(tmp_path) as server,
            pytest.raises(DatasetError, match="more than 1,000 bytes"),
        ):
            StacDataset(server.address("a.json"))

    def test_a_pipe_in_place_of_a_document(self, tmp_path):
        os.mkfifo(tmp_path / "a.json")
        with pytest.raises(DatasetError, match="it is not a file"):
            StacDataset(tmp_path / "a.json")

    def test_thousands_of_assets(self, tmp_path):
        asset = band_asset("./a.tif", "red", GRID)
        path = write_json(tmp_path / "a.json", item("a", {f"B{i}": asset for i in range(20_000)}))
        with pytest.raises(DatasetError, match="20,000 assets; at most 2,000"):
            StacDataset(path)

    def test_deep_nesting(self, tmp_path):
        depth = 100_000
        text = json.dumps(item("a", {"red": band_asset("./a.tif", "red", GRID)}))
        path = tmp_path / "a.json"
        path.write_text(text.replace('"roles": ["data"]', '"deep": ' + "[" * depth + "]" * depth))
        with pytest.raises(DatasetError, match="nested too deeply"):
            StacDataset(path)

    def test_a_tangled_geometry(self, tmp_path):
        document = item("a", {"red": band_asset("./a.tif", "red", GRID)})
        (ring,) = document["geometry"]["coordinates"]
        document["geometry"]["coordinates"] = [(ring[:-1] * 300) + ring[:1]]
        (region,) = StacDataset(write_json(tmp_path / "a.json", document)).regions
        assert region.area.area == pytest.approx(5120.0**2)


@contextmanager
def redirecting(address):
    """The address of a server that sends everyone on to another."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302)
            self.send_header("Location", address)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/a.json"
        finally:
            server.shutdown()
            thread.join()


class TestReach:
    """What a document may lead to depends on where it was found."""

    def opened(self, folder, server, href, **options):
        document = item("a", {"red": band_asset(href, "red", GRID)})
        write_json(folder / "a.json", document)
        return StacDataset(server.address("a.json"), **options)

    @pytest.mark.parametrize(
        "href", ["file:///etc/passwd", "file:///data/red.tif", "/vsizip//data/red.zip"]
    )
    def test_from_a_server_no_local_file(self, tmp_path, href):
        with (
            serving(tmp_path) as server,
            pytest.raises(DatasetError, match=r"to a local file, .*reach="),
        ):
            self.opened(tmp_path, server, href)

    @pytest.mark.parametrize(
        "href",
        [
            "http://169.254.169.254/latest/meta-data",
            "http://localhost:9/red.tif",
            "http://10.1.2.3/red.tif",
            "http://[::1]:9/red.tif",
            "/vsicurl/http://192.168.0.1/red.tif",
            "http://2130706434:9/red.tif",
        ],
    )
    def test_no_private_host_from_elsewhere(self, tmp_path, href):
        path = write_json(tmp_path / "a.json", item("a", {"red": band_asset(href, "red", GRID)}))
        with pytest.raises(DatasetError, match=r"to the private host .*reach="):
            StacDataset(path)

    def test_links_are_bound_by_the_same(self, tmp_path):
        write_json(tmp_path / "c.json", catalog("c", [("child", "file:///etc/catalog.json")]))
        with serving(tmp_path) as server, pytest.raises(DatasetError, match=r"a link .*local file"):
            StacDataset(server.address("c.json"))

    def test_a_vrt_elsewhere_is_not_followed(self, tmp_path):
        asset = band_asset("https://example.org/red.vrt", "red", GRID)
        path = write_json(tmp_path / "a.json", item("a", {"red": asset}))
        with pytest.raises(DatasetError, match="directions to other places"):
            StacDataset(path)

    def test_what_is_allowed_is_reached(self, tmp_path):
        (tmp_path / "served").mkdir()
        file = write_band(tmp_path / "red.tif", 5)
        with serving(tmp_path / "served") as server:
            for reach in ("anywhere", [str(tmp_path)]):
                dataset = self.opened(tmp_path / "served", server, f"file://{file}", reach=reach)
                assert (dataset[GRID[:8, :8]]["image"] == 5).all()
            with pytest.raises(DatasetError, match="local file"):
                self.opened(tmp_path / "served", server, f"file://{file}", reach=["/elsewhere"])

    def test_a_redirect_leads_no_further(self, tmp_path):
        write_band(tmp_path / "red.tif", 5)
        document = item("b", {"red": band_asset("./red.tif", "red", GRID)})
        write_json(tmp_path / "b.json", document)
        with serving(tmp_path) as server:
            inner = server.address("b.json").replace("127.0.0.1", "localhost")
            with redirecting(inner) as address:
                with pytest.raises(
                    DatasetError, match=r"a redirect leads .*the private host localhost"
                ):
                    StacDataset(address)
                assert len(StacDataset(address, reach=["localhost"]).scenes) == 1

    def test_ones_own_host_and_files_need_no_leave(self, tmp_path):
        file = write_band(tmp_path / "red.tif", 5)
        with serving(tmp_path) as server:
            assert self.opened(tmp_path, server, "./red.tif").scenes[0].assets[
                0
            ].uri == server.address("red.tif")
        local = write_json(
            tmp_path / "b.json", item("b", {"red": band_asset(str(file), "red", GRID)})
        )
        assert (StacDataset(local)[GRID[:8, :8]]["image"] == 5).all()

    def test_an_unknown_reach_is_refused(self, two_days):
        with pytest.raises(DatasetError, match="expected 'safe', 'anywhere'"):
            StacDataset(two_days, reach="everywhere")


def test_values_are_compared_as_they_are(two_days):
    chosen = StacDataset(two_days, where={"eo:cloud_cover": {10, 30}})
    assert [scene.name for scene in chosen.scenes] == ["day1"]
    assert np.array_equal(operator.itemgetter("image")(chosen[GRID[:2, :2]]), np.ones((1, 2, 2)))


def test_an_address_that_no_file_can_have(tmp_path):
    asset = band_asset("./\ud800.tif", "red", GRID)
    dataset = StacDataset(write_json(tmp_path / "a.json", item("a", {"red": asset})))
    with pytest.raises(ReadError, match="not text that can name a file"):
        dataset[GRID[:2, :2]]


@pytest.mark.parametrize("features", [[None], {"a": 1}, "ab", [3]])
def test_features_in_memory_that_are_no_objects_are_refused(features):
    with pytest.raises(
        DatasetError, match=r"features of a document in memory is .*expected a list"
    ):
        StacDataset({"type": "FeatureCollection", "features": features})
