"""stac-geoparquet: equal to the same items as JSON, by columns, with nulls where an item lacks something."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from stac_files import GRID, band_asset, item, place, write_json

import geoloom as gl
from geoloom.core.errors import DatasetError
from geoloom.core.interval import Interval
from geoloom.core.roi import Roi
from geoloom.datasets import StacDataset
from geoloom.datasets.stac.addresses import located
from geoloom.datasets.stac.catalogs import found_items
from geoloom.datasets.stac.filters import Filters
from geoloom.datasets.stac.scenes import scenes_of
from geoloom.testing.server import serving


def write_table(path, documents, **columns):
    """The table that the specification makes of items: a row each, properties as columns."""
    rows = []
    for document in documents:
        properties = dict(document["properties"])
        for name in ("datetime", "start_datetime", "end_datetime"):
            if properties.get(name):
                properties[name] = datetime.fromisoformat(properties[name])
        names = ("xmin", "ymin", "xmax", "ymax")
        rows.append({
            **{n: document[n] for n in ("type", "stac_version", "id", "collection", "assets")},
            "links": document["links"] or [{"rel": "license", "href": "https://example.org/license"}],
            "bbox": dict(zip(names, document["bbox"], strict=True)),
            "geometry": shapely.to_wkb(shapely.geometry.shape(document["geometry"])),
            **properties,
        })  # fmt: skip
    names = dict.fromkeys(name for row in rows for name in row)
    table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pq.write_table(table, path)
    return path


@pytest.fixture
def documents():
    """Items that differ in all that items may differ in."""
    scaled = {"raster:bands": [{"scale": 1e-4, "offset": -0.1, "nodata": 0.0}]}
    made = []
    for day in range(1, 7):
        grid = GRID[day * 10 :, :]
        red = band_asset(
            f"https://example.org/{day}/red.tif?a=b", "red", grid, **(scaled if day > 3 else {})
        )
        nir = band_asset(f"https://example.org/{day}/nir.tif", "nir", grid)
        assets = {"red": red, "nir": nir}
        if day == 5:
            del assets["nir"]
        when = f"2019-07-0{day}T10:00:00Z"
        if day == 6:
            when = "2019-08-01T00:00:00Z", "2019-08-31T23:59:59Z"
        made.append(item(f"d{day}", assets, when, collection="a" if day < 4 else "b",
                         **{"eo:cloud_cover": 10.0 * day, "gsd": 10 if day < 3 else 20}))  # fmt: skip
    return made


@pytest.fixture
def both(documents, tmp_path):
    table = write_table(tmp_path / "items.parquet", documents)
    features = {"type": "FeatureCollection", "features": documents}
    return str(table), str(write_json(tmp_path / "json" / "items.json", features))


FILTERS = {
    "none": {},
    "when": {"when": Interval.of(("2019-07-02", "2019-07-05"))},
    "roi": {"roi": Roi.of((16, 45.09, 16.4, 45.12))},
    "nowhere": {"roi": Roi.of((2, 2, 3, 3))},
    "collections": {"collections": frozenset("b")},
    "range": {"where": {"eo:cloud_cover": (15, None), "gsd": {10, 20}}},
    "function": {
        "where": lambda properties: properties["eo:cloud_cover"] > 35 and properties["gsd"] == 20
    },
}


@pytest.mark.parametrize("filters", FILTERS.values(), ids=list(FILTERS))
def test_a_table_gives_what_the_same_items_give_as_json(both, filters):
    found = []
    for source in both:
        try:
            items = found_items([source], Filters(**filters)).items
        except DatasetError:
            found.append(None)
            continue
        scenes = scenes_of(items, ["red"])
        found.append([(i.name, i.collection, s, s.footprint.wkb, len(i.kinds))
                      for i, s in zip(items, scenes, strict=True)])  # fmt: skip
    assert found[0] == found[1]
    assert (found[0] is None) == (filters == FILTERS["nowhere"])


def test_projection_of_the_item_and_times_to_the_nanosecond(tmp_path):
    bare = [item(f"d{i}", {"red": band_asset(f"/x/{i}.tif", "red")}, **place(GRID)) for i in (1, 2)]
    instant = pa.array([1561975200_123456789, 1561975201_000000000], pa.timestamp("ns", "UTC"))
    path = write_table(tmp_path / "items.parquet", bare, datetime=instant)
    first, second = StacDataset(path).scenes
    assert first.grid == GRID
    assert first.when.start.isoformat() == "2019-07-01T10:00:00.123456+00:00"
    assert second.when.start.isoformat() == "2019-07-01T10:00:01+00:00"


def test_relative_addresses_start_from_the_self_link_else_the_table(tmp_path):
    linked, plain = (item(n, {"red": band_asset(f"./{n}.tif", "red", GRID)}) for n in "ab")
    linked["links"] = [{"rel": "self", "href": "https://example.org/x/a.json"}]
    path = write_table(tmp_path / "items.parquet", [linked, plain])
    a, b = StacDataset(path).scenes
    assert a.assets[0].uri == "https://example.org/x/a.tif"
    assert b.assets[0].uri == str(tmp_path / "b.tif")


def test_remote_and_opened_by_looking_inside(both, tmp_path):
    local = gl.open(both[0], bands=["red"])
    assert isinstance(local, StacDataset)
    assert len(local.scenes) == 6
    with serving(tmp_path) as server:
        remote = gl.open(server.address("items.parquet"), bands=["red"])
        assert remote.scenes == local.scenes


def test_more_rows_than_are_looked_at_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("geoloom.datasets.stac.tables._ROWS", 7)
    many = []
    for i in range(30):
        assets = {"red": band_asset(f"./{i}.tif", "red", GRID[i:, :])}
        links = [{"rel": "self", "href": f"https://example.org/{i % 3}/x.json"}]
        many.append({**item(f"d{i:02d}", assets), "links": links})
    path = write_table(tmp_path / "items.parquet", many)
    for i, scene in enumerate(StacDataset(path).scenes):
        assert scene.assets[0].uri == f"https://example.org/{i % 3}/{i}.tif"
        assert scene.grid == GRID[i:, :]


def test_tables_that_are_none(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(
        DatasetError, match=r"a\.parquet has the columns a; a table of STAC items has assets"
    ):
        StacDataset(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("?")
    with pytest.raises(DatasetError, match=r"b\.parquet is not a readable table"):
        StacDataset(tmp_path / "b.parquet")
    columns = {
        "id": ["a"],
        "geometry": [b""],
        "assets": ["{}"],
        "datetime": ["2019-01-01T00:00:00Z"],
    }
    pq.write_table(pa.table(columns), tmp_path / "c.parquet")
    with pytest.raises(DatasetError, match="has assets of type string; expected a struct"):
        found_items([located(tmp_path / "c.parquet")], Filters())
