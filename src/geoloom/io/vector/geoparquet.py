"""Vector layers in GeoParquet, read piece by piece."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from ...core.errors import GridError, VectorError, suggest
from ...core.grid import as_crs
from ...core.suffixes import PARQUET_SUFFIXES

_ROWS_AT_ONCE = 1 << 15


@dataclass(frozen=True, slots=True)
class GeoTable:
    """What is read of a file."""

    geometries: np.ndarray
    values: np.ndarray | None
    """Of the field asked for."""
    crs: str | None
    """As WKT."""


def is_geoparquet(path: Path) -> bool:
    """Whether the name is that of a GeoParquet file."""
    return path.suffix.lower() in PARQUET_SUFFIXES


def open_geoparquet(path: Path) -> Any:
    """The file, of which nothing but the schema is read.

    Raises:
        VectorError: it is not Parquet, or damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise VectorError(f"{path} cannot be read as a vector layer: {error}") from error


def read_geoparquet(path: Path, *, field: str | None, where: str | None) -> GeoTable:
    """Geometries, and the values of a field, of the rows that a condition picks.

    Args:
        path: The file.
        field: Which attribute; None for none.
        where: SQL condition on attributes, as SQLite has it; None for all rows.

    Raises:
        VectorError: there is no such field, the condition cannot be understood, or the file is damaged.
    """
    import pyarrow

    file = open_geoparquet(path)
    names = file.schema_arrow.names
    geometry, encoding, crs = _about_geometry(path, file.schema_arrow)
    fields = [name for name in names if name != geometry]
    if field is not None and field not in fields:
        raise VectorError(f"{path} has no field {field!r}{suggest(field, fields)}")
    try:
        rows = None if where is None else _picked_rows(path, file, fields, where)
        if encoding != "WKB":
            return _read_by_geopandas(path, field, rows)
        # Piece by piece: a million outlines as text, as objects and as shapes at once take a gigabyte more.
        shapes: list[np.ndarray] = []
        values: list[Any] = []
        columns = [geometry, *([field] if field else [])]
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
            wkb = batch[geometry].to_numpy(zero_copy_only=False)
            shapes.append(shapely.force_2d(shapely.from_wkb(wkb, on_invalid="ignore")))
            values += batch[field].to_pylist() if field else []
    except (pyarrow.ArrowException, OSError, shapely.errors.ShapelyError, TypeError) as error:
        raise VectorError(f"{path} cannot be read as a vector layer: {error}") from error
    geometries = np.concatenate(shapes) if shapes else np.empty(0, dtype=object)
    labels = np.array(values, dtype=object) if field else None
    if rows is not None:
        geometries, labels = geometries[rows], None if labels is None else labels[rows]
    return GeoTable(geometries, labels, crs)


def _about_geometry(path: Path, schema: Any) -> tuple[str, str, str | None]:
    """Name of the geometries' column, how they are stored, and their CRS as WKT."""
    try:
        geo = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
        geometry = geo.get("primary_column")
        if geometry is None:
            raise VectorError(
                f"{path} is Parquet without geometries: it lacks the `geo` metadata of GeoParquet; write it "
                "with geopandas' to_parquet"
            )
        column = geo["columns"][geometry]
        encoding, crs = str(column["encoding"]), column.get("crs", "OGC:CRS84")
        if geometry not in schema.names:
            raise KeyError(geometry)
        return geometry, encoding, None if crs is None else str(as_crs(crs).to_wkt())
    except VectorError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, GridError) as error:
        raise VectorError(
            f"{path}: its `geo` metadata cannot be understood ({type(error).__name__}: {str(error)[:200]}), "
            "expected those of GeoParquet 1; write it with geopandas' to_parquet"
        ) from error


def _picked_rows(path: Path, file: Any, fields: Sequence[str], where: str) -> np.ndarray:
    """Positions, ascending, of the rows for which the condition holds."""
    named = [name for name in fields if name.lower() in where.lower()] or list(fields[:1])
    columns = ", ".join(_quoted(name) for name in named)
    with closing(sqlite3.connect(":memory:")) as base:
        base.execute(f"CREATE TABLE features ({columns})")
        places = ", ".join("?" * len(named))
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=named):
            listed = [batch[name].to_pylist() for name in named]
            rows = zip(*([_plain(value) for value in values] for values in listed), strict=True)
            base.executemany(f"INSERT INTO features VALUES ({places})", rows)
        try:
            picked = base.execute(f"SELECT rowid - 1 FROM features WHERE ({where}) ORDER BY rowid")
            return np.array([row for (row,) in picked], dtype=np.int64)
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            raise VectorError(
                f"{path} cannot be searched: {error} (where={where!r}; fields: {', '.join(fields)})"
            ) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(value: Any) -> Any:
    """A value as SQLite takes it: times as ISO text."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if value is None or isinstance(value, (int, float, str, bytes)):
        return value
    return str(value)


def _read_by_geopandas(path: Path, field: str | None, rows: np.ndarray | None) -> GeoTable:
    import geopandas

    frame = geopandas.read_parquet(path)
    if rows is not None:
        frame = frame.iloc[rows]
    values = frame[field].to_numpy(dtype=object) if field else None
    crs = None if frame.crs is None else frame.crs.to_wkt()
    return GeoTable(shapely.force_2d(frame.geometry.to_numpy()), values, crs)


def parquet_rows(path: Path, rows: np.ndarray) -> Any:
    """Some rows of a table in Parquet, in the order given; of no more of the file than they lie in.

    Args:
        path: The file.
        rows: Positions, from 0.

    Returns:
        A GeoDataFrame where the file has geometries, else a DataFrame; its index is the positions.

    Raises:
        VectorError: the file is damaged, or its geometries cannot be understood.
    """
    import geopandas
    import pyarrow

    file = open_geoparquet(path)
    starts = np.cumsum(
        [0] + [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    )
    order = np.argsort(rows, kind="stable")
    groups = np.searchsorted(starts, rows[order], side="right") - 1
    try:
        parts = [
            file.read_row_group(int(group)).take(rows[order][groups == group] - starts[group])
            for group in np.unique(groups)
        ]
        table = pyarrow.concat_tables(parts) if parts else file.schema_arrow.empty_table()
        frame = table.to_pandas().iloc[np.argsort(order)].set_axis(rows)
        if b"geo" not in (file.schema_arrow.metadata or {}):
            return frame
        geometry, encoding, crs = _about_geometry(path, file.schema_arrow)
        if encoding != "WKB":
            return geopandas.read_parquet(path).iloc[rows].set_axis(rows)
        shapes = shapely.from_wkb(frame[geometry].to_numpy())
        return geopandas.GeoDataFrame(
            frame.assign(**{geometry: shapes}), geometry=geometry, crs=crs
        )
    except (pyarrow.ArrowException, OSError, shapely.errors.ShapelyError, TypeError) as error:
        raise VectorError(f"{path} cannot be read as a vector layer: {error}") from error
