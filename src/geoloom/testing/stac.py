"""STAC documents as attackers, careless servers and disks damage them, and what opening one may then do.

Example:
    A trial is a number; 500 of them, in bounded processes::

        tally = Tally.of(run_trials(open_damaged_stac, range(500), warm_up=warm_up))
        assert not tally.failures, tally.report()
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from geoloom.datasets import StacDataset

from .ramps import write_raster
from .trials import require

_T = TypeVar("_T")

GRID = GeoBox((64, 48), Affine(10, 0, 600_000, 0, -10, 5_000_000), "EPSG:32633")
VALUES = {"red": 1000, "nir": 2000, "classes": 7}
"""Of the sound files, each of one value: what is valid in an answer is one of these."""


def sound_item(name: str, folder: str = ".") -> dict[str, Any]:
    """An item with all that is looked at in one, whose files lie in a folder."""
    left, bottom, right, top = 16.2719, 45.1406, 16.2781, 45.1464
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "fields",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [left, bottom, right, top],
        "properties": {
            "datetime": "2019-07-01T10:00:00Z",
            "start_datetime": "2019-07-01T10:00:00Z",
            "end_datetime": "2019-07-01T10:01:00Z",
            "eo:cloud_cover": 12.5,
            "gsd": 10,
            "proj:code": "EPSG:32633",
            "proj:shape": list(GRID.shape),
            "proj:transform": list(GRID.affine[:6]),
        },
        "links": [{"rel": "self", "href": f"./{name}.json"}],
        "assets": {
            band: {
                "href": f"{folder}/{band}.tif",
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "eo:bands": [{"name": f"b_{band}", "common_name": band, "center_wavelength": 0.66}],
                "raster:bands": [
                    {"scale": 1.0, "offset": 0.0, "nodata": 0, "spatial_resolution": 10}
                ],
            }
            for band in VALUES
        },
    }


def write_sound(folder: Path) -> list[Path]:
    """A catalogue with a collection of items, an item collection, an item alone, a table, and their files.

    Returns:
        What can be opened; the last is the folder of documents without a catalogue.
    """
    (folder / "items").mkdir(parents=True, exist_ok=True)
    for band, value in VALUES.items():
        write_raster(
            folder / "items" / f"{band}.tif", np.full((1, *GRID.shape), value, "uint16"), GRID
        )
    names = ["first", "second"]
    for name in names:
        _write(folder / "items" / f"{name}.json", sound_item(name))
    items = [sound_item(name, "./items") for name in names]
    _write(folder / "collected.json", {"type": "FeatureCollection", "features": items})
    extent = {
        "spatial": {"bbox": [[16.0, 45.0, 17.0, 46.0]]},
        "temporal": {"interval": [["2019-01-01T00:00:00Z", None]]},
    }
    links = [{"rel": "item", "href": f"./items/{name}.json"} for name in names]
    _write(folder / "collection.json", _catalog("Collection", links, extent=extent))
    links = [{"rel": "child", "href": "./collection.json"}, {"rel": "root", "href": "./top.json"}]
    _write(folder / "top.json", _catalog("Catalog", links))
    _write_table(folder / "table.parquet", items)
    paths = ["top.json", "collected.json", "items/first.json", "table.parquet", "items"]
    return [folder / path for path in paths]


def open_damaged_stac(seed: int) -> str:
    """Damage a document in the way of a number, open what leads to it, and read from it.

    Raises:
        GeoloomError: the damage was noticed.
        DiffersError: it was not, and pixels came out that no file holds.
    """
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="geoloom-stac-") as made:
        folder = Path(made) / "stac"
        shutil.copytree(_sound(), folder)
        opened = folder / _one(_OPENED, rng)
        tables = opened.suffix == ".parquet"
        damage = _one(_OF_TABLES if tables else _DAMAGES, rng)
        changed = opened if tables else _one(sorted(folder.rglob("*.json")), rng)
        damage(changed, rng)
        source: Any = opened
        if opened.is_file() and not tables and seed % 4 == 0:
            source = _in_memory(opened)
        dataset = StacDataset(source, **_one(_ASKED, rng))
        _check(dataset)
    return damage.__name__


def warm_up() -> None:
    """Make the sound documents and load what reading them needs."""
    for path in _OPENED:
        _check(StacDataset(_sound() / path))


def _check(dataset: StacDataset) -> None:
    """Read a corner of each scene: what is valid is what the files hold."""
    for region in dataset.regions[:3]:
        frame = region.frame
        assert frame is not None  # scenes have pixels
        rows, cols = (slice(0, min(side, 16)) for side in frame.shape)
        sample = dataset[frame[rows, cols]]
        values = sample["image"].numpy()[:, sample["valid"].numpy()]
        require(np.isin(values, list(VALUES.values())).all(), "pixels that no file holds")


@lru_cache
def _sound() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="geoloom-stac-")
    _KEPT.append(folder)
    write_sound(Path(folder.name))
    return Path(folder.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
"""Folders of sound documents, which go with the process."""

_OPENED = ("top.json", "collected.json", "items/first.json", "table.parquet", "items")
_ASKED: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"bands": ["red", "nir"]},
    {"roi": (16.0, 45.0, 16.5, 45.5), "when": "2019-07"},
    {"where": {"eo:cloud_cover": (None, 50)}, "collections": "fields"},
    {"grids": "files"},
)


def _catalog(kind: str, links: list[dict[str, str]], **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "stac_version": "1.0.0",
        "id": "fields",
        "description": "made for a trial",
        "links": links,
        **more,
    }


def _write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def _write_table(path: Path, items: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from shapely.geometry import shape

    rows = [
        {
            **{k: v for k, v in item.items() if k not in ("properties", "geometry")},
            **item["properties"],
            "geometry": shape(item["geometry"]).wkb,
        }
        for item in items
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)


def _in_memory(path: Path) -> Any:
    """A document as it came from somewhere, with absolute addresses; the path where it is none any more."""
    try:
        document = json.loads(path.read_text().replace('"./', f'"{path.parent}/'))
    except (ValueError, RecursionError):
        return path
    kind = document.get("type") if isinstance(document, dict) else None
    return document if str(kind).startswith("Feature") else path


def _one(choices: Sequence[_T], rng: np.random.Generator) -> _T:
    return choices[int(rng.integers(len(choices)))]


def change_value(path: Path, rng: np.random.Generator) -> None:
    """One value, to what no standard has there."""
    document = json.loads(path.read_text())
    holder, key = _one(list(_places(document)), rng)
    holder[key] = _one(HOSTILE, rng)
    _write(path, document)


def change_values(path: Path, rng: np.random.Generator) -> None:
    """Several values."""
    for _ in range(int(rng.integers(2, 6))):
        change_value(path, rng)


def lose_key(path: Path, rng: np.random.Generator) -> None:
    """A field, or a member of a list."""
    document = json.loads(path.read_text())
    holder, key = _one(list(_places(document)), rng)
    del holder[key]
    _write(path, document)


def swap_values(path: Path, rng: np.random.Generator) -> None:
    """Two values of one document."""
    document = json.loads(path.read_text())
    places = list(_places(document))
    (one, first), (other, second) = _one(places, rng), _one(places, rng)
    a, b = json.dumps(one[first]), json.dumps(other[second])
    one[first] = json.loads(b)
    if (second in other) if isinstance(other, dict) else second < len(other):
        other[second] = json.loads(a)
    _write(path, document)


def multiply(path: Path, rng: np.random.Generator) -> None:
    """A member of a list or an object, many times."""
    document = json.loads(path.read_text())
    places = [(h, k) for h, k in _places(document) if isinstance(h[k], dict | list) and h[k]]
    holder, key = _one(places, rng)
    inside, count = holder[key], int(_one([10, 1000, 20_000], rng))
    if isinstance(inside, list):
        holder[key] = inside * min(count, 5000)
    else:
        name, value = next(iter(inside.items()))
        inside.update({f"{name}{i}": value for i in range(count)})
    _write(path, document)


def nest(path: Path, rng: np.random.Generator) -> None:
    """A value, many levels down."""
    document = json.loads(path.read_text())
    holder, key = _one(list(_places(document)), rng)
    holder[key] = "here it is"
    depth = int(_one([50, 400, 900, 5000, 100_000], rng))
    start, end = _one([("[", "]"), ('{"a":', "}")], rng)
    path.write_text(json.dumps(document).replace('"here it is"', start * depth + "1" + end * depth))


def lead_elsewhere(path: Path, rng: np.random.Generator) -> None:
    """All addresses of a document, to places that are none of its business."""
    document = json.loads(path.read_text())
    for holder, key in list(_places(document)):
        if key == "href" and rng.random() < 0.5:
            holder[key] = _one(ADDRESSES, rng)
    _write(path, document)


def flip_bits(path: Path, rng: np.random.Generator) -> None:
    """Some bits of the file."""
    data = bytearray(path.read_bytes())
    for _ in range(int(rng.integers(1, 9))):
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def truncate(path: Path, rng: np.random.Generator) -> None:
    """The end of the file."""
    path.write_bytes(path.read_bytes()[: int(rng.integers(path.stat().st_size))])


def overwrite_run(path: Path, rng: np.random.Generator) -> None:
    """A run of bytes, by zeros, ones or noise."""
    data = bytearray(path.read_bytes())
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 60))
    kind = _one([b"\0", b"\xff", None], rng)
    data[start : start + length] = kind * length if kind else rng.bytes(length)
    path.write_bytes(data)


def replace_all(path: Path, rng: np.random.Generator) -> None:
    """The whole document."""
    path.write_text(_one(NO_DOCUMENTS, rng))


def make_special(path: Path, rng: np.random.Generator) -> None:
    """The file, by something that can be opened but has no end, or never begins."""
    path.unlink()
    kind = _one(["pipe", "zeros", "folder", "loop"], rng)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "zeros" else path)


def change_column(path: Path, rng: np.random.Generator) -> None:
    """One column of a table, to another type, or out of it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    name = _one(table.column_names, rng)
    number = table.column_names.index(name)
    fill = _one([None, *HOSTILE], rng)
    try:
        values = pa.array([fill] * table.num_rows)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        values = pa.nulls(table.num_rows)
    table = table.remove_column(number)
    if rng.random() < 0.8:
        table = table.add_column(number, name, values)
    _rewrite(path, table, rng)


def change_cell(path: Path, rng: np.random.Generator) -> None:
    """One value deep in a row of a table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.read_table(path).to_pylist()
    holder, key = _one(list(_places(_one(rows, rng))), rng)
    holder[key] = _one(HOSTILE, rng)
    try:
        table = pa.Table.from_pylist(rows)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):  # no column can hold it
        truncate(path, rng)
    else:
        _rewrite(path, table, rng)


def _rewrite(path: Path, table: Any, rng: np.random.Generator) -> None:
    """Another table in a file's place; where Parquet cannot hold it, the end of the old one is lost."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    other = path.with_suffix(".new")
    try:
        pq.write_table(table, other)
    except pa.ArrowException:
        truncate(path, rng)
    else:
        other.replace(path)


_DAMAGES: list[Callable[[Path, np.random.Generator], None]] = [
    change_value, change_value, change_values, change_values, lose_key, swap_values, multiply, nest,
    lead_elsewhere, flip_bits, truncate, overwrite_run, replace_all, make_special,
]  # fmt: skip
_OF_TABLES = [change_column, change_column, change_cell, flip_bits, truncate, overwrite_run]

HOSTILE: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**62, 2**70, 1e308, -0.5, float("nan"), float("inf"), "", "x", "NaN",
    "EPSG:99999", "EPSG:4979", "EPSG:5773", "../../etc/passwd", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00", [], {}, [1, 2], [[]], [None], {"a": 1}, [2**40] * 4, [[1, 2], [3]], ["x"],
    "y" * 5000, "\x00", "\ud800", [1e300] * 6, ["a"] * 6,
]  # fmt: skip

ADDRESSES = [
    "", "file:///etc/passwd", "/etc/passwd", "/dev/zero", "/dev/null", "/proc/self/mem", "/proc/self/environ",
    "http://127.0.0.1:9/a.json", "http://[::1]:9/a.tif", "http://169.254.169.254/latest", "http://[bad",
    "http://2130706433:9/", "/vsicurl/http://127.0.0.1:9/a.tif", "vrt:///etc/passwd", "..", ".", "/",
    "./first.json", "./top.json", "../" * 40 + "etc/passwd", "a" * 5000, "\x00", "data:,x", "x:y",
    "/vsizip//etc/passwd", "./red.tif#x", "./red.tif?x", "\\\\host\\share", "mailto:a@b",
]  # fmt: skip

NO_DOCUMENTS = [
    "", "null", "[]", "{", "7", '"x"', "[" * 100_000, '{"a":' * 50_000, "1" * 10_000, "\x00\x01",
    '{"type": "Feature"}', '{"type": "Feature", "assets": [], "properties": []}', '{"type": []}',
    '{"type": "FeatureCollection", "features": []}', '{"type": "FeatureCollection", "features": {}}',
    '{"type": "FeatureCollection", "features": [7]}', '{"type": "Catalog", "stac_version": "1.0.0"}',
    '{"type": "Catalog", "stac_version": "1.0.0", "links": 7}',
    '{"type": "Catalog", "stac_version": "1.0.0", "links": [7]}',
    '{"type": "Collection", "stac_version": "1.0.0", "links": [], "extent": []}',
    '{"type": "Catalog", "stac_version": "1.0.0", "links": [{"rel": ["child"], "href": "x"}]}',
]  # fmt: skip


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value inside, as what holds it and under which key."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list) and value[key]:
            yield from _places(value[key])
