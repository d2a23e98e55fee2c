"""How documents and tables of STAC are damaged: by careless servers, and by attackers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .damage import Damage, flip_bits, one_of, overwrite_run, places, truncate


def write_document(path: Path, document: Any) -> None:
    """Write JSON to a file, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def change_value(path: Path, rng: np.random.Generator) -> None:
    """One value, to what no standard has there."""
    document = json.loads(path.read_text())
    holder, key = one_of(list(places(document)), rng)
    holder[key] = one_of(HOSTILE, rng)
    write_document(path, document)


def change_values(path: Path, rng: np.random.Generator) -> None:
    """Several values."""
    for _ in range(int(rng.integers(2, 6))):
        change_value(path, rng)


def lose_key(path: Path, rng: np.random.Generator) -> None:
    """A field, or a member of a list."""
    document = json.loads(path.read_text())
    holder, key = one_of(list(places(document)), rng)
    del holder[key]
    write_document(path, document)


def swap_values(path: Path, rng: np.random.Generator) -> None:
    """Two values of one document."""
    document = json.loads(path.read_text())
    (one, first), (other, second) = (one_of(list(places(document)), rng) for _ in range(2))
    a, b = json.dumps(one[first]), json.dumps(other[second])
    one[first] = json.loads(b)
    if (second in other) if isinstance(other, dict) else second < len(other):
        other[second] = json.loads(a)
    write_document(path, document)


def multiply(path: Path, rng: np.random.Generator) -> None:
    """A member of a list or an object, many times."""
    document = json.loads(path.read_text())
    filled = [(h, k) for h, k in places(document) if isinstance(h[k], dict | list) and h[k]]
    holder, key = one_of(filled, rng)
    inside, count = holder[key], int(one_of([10, 1000, 20_000], rng))
    if isinstance(inside, list):
        holder[key] = inside * min(count, 5000)
    else:
        name, value = next(iter(inside.items()))
        inside.update({f"{name}{i}": value for i in range(count)})
    write_document(path, document)


def nest(path: Path, rng: np.random.Generator) -> None:
    """A value, many levels down."""
    document = json.loads(path.read_text())
    holder, key = one_of(list(places(document)), rng)
    holder[key] = "here it is"
    depth = int(one_of([50, 400, 900, 5000, 100_000], rng))
    start, end = one_of([("[", "]"), ('{"a":', "}")], rng)
    path.write_text(json.dumps(document).replace('"here it is"', start * depth + "1" + end * depth))


def lead_elsewhere(path: Path, rng: np.random.Generator) -> None:
    """All addresses of a document, to places that are none of its business."""
    document = json.loads(path.read_text())
    for holder, key in list(places(document)):
        if key == "href" and rng.random() < 0.5:
            holder[key] = one_of(ADDRESSES, rng)
    write_document(path, document)


def replace_all(path: Path, rng: np.random.Generator) -> None:
    """The whole document."""
    path.write_text(one_of(NO_DOCUMENTS, rng))


def make_special(path: Path, rng: np.random.Generator) -> None:
    """The file, by something that can be opened but has no end, or never begins."""
    path.unlink()
    kind = one_of(["pipe", "zeros", "folder", "loop"], rng)
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
    name = one_of(table.column_names, rng)
    number = table.column_names.index(name)
    fill = one_of([None, *HOSTILE], rng)
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
    holder, key = one_of(list(places(one_of(rows, rng))), rng)
    holder[key] = one_of(HOSTILE, rng)
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


DOCUMENT_DAMAGES: list[Damage] = [
    change_value, change_value, change_values, change_values, lose_key, swap_values, multiply, nest,
    lead_elsewhere, flip_bits, truncate, overwrite_run, replace_all, make_special,
]  # fmt: skip
TABLE_DAMAGES: list[Damage] = [
    change_column,
    change_column,
    change_cell,
    flip_bits,
    truncate,
    overwrite_run,
]

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
