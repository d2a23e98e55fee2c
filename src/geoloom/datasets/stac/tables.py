"""Items in GeoParquet tables, by columns.

Source: the stac-geoparquet specification 1.0: one row per item, its properties as columns of their own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from ...core.errors import DatasetError
from ...io.access.remote import without_query
from .addresses import is_address, joined
from .assets import AssetKind, asset_kind, is_items_own
from .documents import open_seekable, read_bytes
from .filters import Filters
from .items import PLACING, Item, Located, declared_grid, item_time
from .json_values import MOST_ASSETS, records
from .reach import Reach

_NEEDED = {"id", "geometry", "assets"}
_TIMES = ("datetime", "start_datetime", "end_datetime")
_NO_PROPERTIES = {
    *_NEEDED,
    "links",
    "bbox",
    "type",
    "stac_version",
    "stac_extensions",
    "collection",
}
_ROWS = 8192
_MOST_BYTES = 1 << 31
"""Of a table on a web server, which is fetched whole."""

_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BINARIES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)


def is_stac_table(path: str) -> bool:
    """Whether a local Parquet file holds STAC items."""
    try:
        names = set(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        return False
    return _holds_items(names)


def _holds_items(names: set[str]) -> bool:
    return names >= _NEEDED and bool(names & set(_TIMES))


def table_items(address: str, filters: Filters, reach: Reach | None = None) -> Iterator[Item]:
    """The items wanted of a table, in its order.

    Raises:
        DatasetError: it cannot be read, or its columns are not those of items.
    """
    remote = address.startswith(("http://", "https://"))
    shown = without_query(address)
    with _readable(shown):
        content = read_bytes(address, most=_MOST_BYTES, reach=reach) if remote else b""
        file = pq.ParquetFile(io.BytesIO(content) if remote else open_seekable(address))
        schema = file.schema_arrow
    names = set(schema.names)
    if not _holds_items(names):
        raise DatasetError(
            f"{shown} has the columns {', '.join(sorted(names))}; a table of STAC items has "
            f"{', '.join(sorted(_NEEDED))} and a datetime"
        )
    _require_types(schema, shown)
    batches = file.iter_batches(_ROWS, columns=_columns(names, filters))
    first = 0
    while True:
        with _readable(shown):
            batch = next(batches, None)
        if batch is None:
            return
        with _readable(shown):
            items = list(_Batch(batch, file, first, address).items(filters))
        yield from items
        first += batch.num_rows


@contextmanager
def _readable(shown: str) -> Iterator[None]:
    """Errors of Arrow and of geometries as our own."""
    try:
        yield
    except (OSError, pa.ArrowException, shapely.errors.ShapelyError, UnicodeDecodeError) as error:
        raise DatasetError(f"{shown} is not a readable table of items: {error}") from error


def _require_types(schema: pa.Schema, shown: str) -> None:
    """Hold the columns to the types of stac-geoparquet, as far as they are looked into.

    Raises:
        DatasetError: one has another; the message names it.
    """

    def require(where: str, found: pa.DataType, kinds: Sequence[Any], expected: str) -> None:
        if not any(kind(found) for kind in (*kinds, pa.types.is_null)):
            raise DatasetError(f"{where} of {shown} is of type {found}; expected {expected}")

    plain = {field.name: _plain(field.type) for field in schema}
    for name in ("id", "collection"):
        if name in plain:
            require(f"the column {name}", plain[name], _TEXTS, "text")
    require("the column geometry", plain["geometry"], _BINARIES, "WKB")
    if "gsd" in plain:
        require("the column gsd", plain["gsd"], _NUMBERS, "numbers")
    for name in _TIMES:
        if name in plain:
            require(f"the column {name}", plain[name], (pa.types.is_temporal, *_TEXTS), "instants")
    if not pa.types.is_struct(plain["assets"]):
        raise DatasetError(
            f"{shown} has assets of type {plain['assets']}; expected a struct with a field an asset, as "
            "stac-geoparquet 1.0 has it"
        )
    if plain["assets"].num_fields > MOST_ASSETS:
        raise DatasetError(
            f"{shown} has {plain['assets'].num_fields:,} assets; at most {MOST_ASSETS:,}"
        )
    for asset in plain["assets"]:
        fields = (
            {field.name: _plain(field.type) for field in asset.type}
            if (pa.types.is_struct(asset.type))
            else {}
        )
        if "href" not in fields:
            raise DatasetError(f"asset {asset.name!r} of {shown} has no href; write it with one")
        require(f"the href of asset {asset.name!r}", fields["href"], _TEXTS, "text")


def _plain(found: pa.DataType) -> pa.DataType:
    """A column's type, whatever stands for it."""
    if isinstance(found, pa.ExtensionType):
        return _plain(found.storage_type)
    return _plain(found.value_type) if pa.types.is_dictionary(found) else found


def _columns(names: set[str], filters: Filters) -> list[str]:
    wanted = {*_NEEDED, *_TIMES, "collection", "gsd"}
    wanted |= {name for name in names if name.startswith("proj:")} - {"proj:geometry", "proj:bbox"}
    if callable(filters.where):
        wanted |= names - _NO_PROPERTIES
    elif filters.where is not None:
        wanted |= set(filters.where)
    return sorted(wanted & names)


class _Batch:
    """Some rows of a table."""

    def __init__(self, batch: pa.RecordBatch, file: pq.ParquetFile, first: int, home: str) -> None:
        self._batch, self._file, self._first, self._home = batch, file, first, home
        assets = batch.column("assets")
        self._assets = dict(zip((f.name for f in assets.type), assets.flatten(), strict=True))
        self._values: dict[tuple[str | None, str], list[Any]] = {}
        self._places: dict[str, list[list[list[Any]]]] = {}

    def items(self, filters: Filters) -> Iterator[Item]:
        """The items wanted, in the order of the rows."""
        names, collections = self._column("id"), self._column("collection")
        outlines = shapely.from_wkb(np.array(self._column("geometry"), dtype=object))
        near: Any = np.ones(len(names), dtype=bool)
        if filters.area is not None:
            shapely.prepare(area := filters.area)
            near = shapely.intersects(area, outlines) | shapely.is_missing(outlines)
        times = [(name, self._column(name)) for name in _TIMES]
        filtered = [(n, self._column(n)) for n in self._properties] if filters.where else []
        shown = without_query(self._home)
        for row in np.flatnonzero(near).tolist():
            when = item_time({n: c[row] for n, c in times}, f"item {names[row]!r} of {shown}")
            item = Item(
                name=str(names[row]),
                collection=collections[row],
                when=when,
                outline=outlines[row],
                kinds=self._alike or self._kinds(row),
                located=partial(self._located, row),
                home=self._home,
            )
            if filters.takes(item, {name: column[row] for name, column in filtered}):
                yield item

    @property
    def _properties(self) -> list[str]:
        """Columns that are properties of items."""
        return [name for name in self._batch.schema.names if name not in _NO_PROPERTIES]

    def _column(self, name: str, asset: str | None = None) -> list[Any]:
        """A column, or a field of an asset, as Python values; None where it is not there."""
        known = self._values.get((asset, name))
        if known is None:
            known = self._values[asset, name] = self._converted(name, asset)
        return known

    def _converted(self, name: str, asset: str | None) -> list[Any]:
        if asset is None:
            column = self._batch.column(name) if name in self._batch.schema.names else None
        else:
            column = dict(self._fields(asset)).get(name)
        if column is None:
            return [None] * self._batch.num_rows
        if pa.types.is_timestamp(column.type):  # Python has no nanoseconds
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        return list(column.to_pylist())

    def _fields(self, asset: str) -> Iterator[tuple[str, pa.Array]]:
        array = self._assets[asset]
        return zip((f.name for f in array.type), array.flatten(), strict=True)

    @cached_property
    def _alike(self) -> tuple[AssetKind, ...] | None:
        """The assets of all rows, where they are the same in each."""
        gsd, *others = set(self._column("gsd"))
        alike = all(len(described) == 1 for described in self._described.values())
        if others or not alike or any(None in self._column("href", key) for key in self._described):
            return None
        return tuple(_kind_of(key, rows[0], gsd) for key, rows in self._described.items())

    def _kinds(self, row: int) -> tuple[AssetKind, ...]:
        kinds = [
            _kind_of(key, described[row if len(described) > 1 else 0], self._column("gsd")[row])
            for key, described in self._described.items()
            if self._column("href", key)[row] is not None
        ]
        mark = tuple(id(kind) for kind in kinds)  # kinds are remembered, so equal ones are one
        return self._known_kinds.setdefault(mark, tuple(kinds))

    @cached_property
    def _known_kinds(self) -> dict[Any, tuple[AssetKind, ...]]:
        return {}

    @cached_property
    def _described(self) -> dict[str, list[Any]]:
        """What each asset is, by rows; one value where all rows agree, as they mostly do."""
        return {key: self._description(key) for key in self._assets}

    def _description(self, key: str) -> list[Any]:
        fields = [
            (n, array) for n, array in self._fields(key) if n == "href" or not is_items_own(n)
        ]
        plain = {name: array for name, array in fields if name != "href"}
        href = next((h for h in self._column("href", key) if h is not None), "")
        if not plain:
            return [_Described({"href": href})]
        rows = pa.StructArray.from_arrays(list(plain.values()), names=list(plain))
        last = len(rows) - 1
        if last > 0 and rows.slice(1).equals(rows.slice(0, last)):
            rows = rows.slice(0, 1)
        known: dict[str, _Described] = {}
        parts = []
        for value in rows.to_pylist():
            text = repr(value)
            if text not in known:
                known[text] = _Described({**_without_nulls(value), "href": href})
            parts.append(known[text])
        return parts

    def _located(self, row: int, key: str) -> Located:
        href = str(self._column("href", key)[row])
        if not is_address(href):
            href = joined(self._self_links[row] or self._home, href)
        shape, transform, crs = (
            next((value for column in columns if (value := column[row])), None)
            for columns in self._placing(key)
        )
        return Located(href, declared_grid(shape, transform, crs))

    def _placing(self, key: str) -> list[list[list[Any]]]:
        """The columns that may declare an asset's shape, transform and CRS; its own before the item's."""
        known = self._places.get(key)
        if known is None:
            own = set(self._assets[key].type.names)
            shared = set(self._batch.schema.names)
            known = self._places[key] = [
                [self._column(name, key) for name in names if name in own]
                + [self._column(name) for name in names if name in shared]
                for names in PLACING
            ]
        return known

    @cached_property
    def _self_links(self) -> list[str | None]:
        """Addresses of the rows' items where given; read only when an asset's address is relative."""
        if "links" not in self._file.schema_arrow.names:
            return [None] * self._batch.num_rows
        whose = without_query(self._home)
        with _readable(whose):
            links = self._file.read(["links"])["links"].slice(self._first, self._batch.num_rows)
        return [
            next(
                (
                    href
                    for link in records(row, "links", whose)
                    if link.get("rel") == "self" and "://" in (href := str(link.get("href")))
                ),
                None,
            )
            for row in links.to_pylist()
        ]


class _Described:
    """What an item says of an asset; made once for many rows."""

    __slots__ = ("fields", "kinds")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.kinds: dict[Any, AssetKind] = {}


def _kind_of(key: str, described: _Described, gsd_m: float | None) -> AssetKind:
    known = described.kinds.get(gsd_m)
    if known is None:
        known = described.kinds[gsd_m] = asset_kind(key, described.fields, gsd_m)
    return known


def _without_nulls(value: Any) -> Any:
    """Fields that an item has not are nulls in a table."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value
