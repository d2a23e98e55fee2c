"""Scenes as rows of a GeoParquet table."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from ...core.bands import Band
from ...core.files import replacing
from ...core.grid import crs_name
from ...core.query import Scene
from .changes import file_stamps, is_elsewhere

VERSION = 4
"""Of the format."""
GROUP = 8192
"""Rows that are read at once."""
KEY = b"geoloom"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
BandSet = tuple[tuple[Band, str | None], ...]
"""The bands of a scene, each with the type that its values are stored in, where the scene says it."""
_GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Polygon", "MultiPolygon"]}},
}
"""No `crs`: longitude and latitude, as the standard has it."""
PER_BAND = ("file_of_band", "number_of_band")
PER_FILE = ("files", "mtimes_ns", "sizes", "measured_in_file", "grid_of_file")
LISTS = (*PER_BAND, *PER_FILE)
FOR_OTHERS = ("geometry", "bands")
"""What is not read when an index is opened: outlines come later, bands stand in the metadata."""
SCHEMA = pa.schema(
    {
        "name": pa.string(),
        "start": pa.timestamp("us", "UTC"),
        "stop": pa.timestamp("us", "UTC"),
        "height": pa.int64(),
        "width": pa.int64(),
        "transform": pa.list_(pa.float64(), 6),
        "crs": pa.dictionary(pa.int32(), pa.string()),
        "band_set": pa.int32(),
        "bands": pa.list_(pa.string()),
        "files": pa.list_(pa.string()),
        "file_of_band": pa.list_(pa.int32()),
        "number_of_band": pa.list_(pa.int32()),
        "measured_in_file": pa.list_(pa.int32()),
        "grid_of_file": pa.list_(pa.string()),
        "mtimes_ns": pa.list_(pa.int64()),
        "sizes": pa.list_(pa.int64()),
        "west": pa.float64(),
        "south": pa.float64(),
        "east": pa.float64(),
        "north": pa.float64(),
        "parts": pa.int32(),
        "geometry": pa.binary(),
    }
)


def scene_table(scenes: Sequence[Scene], base: str, sets: dict[BandSet, int]) -> Any:
    """Scenes as a table; `sets` learns their bands."""
    outlines = np.array([scene.footprint for scene in scenes])
    columns: dict[str, Any] = {name: [] for name in SCHEMA.names}
    for scene in scenes:
        for name, value in _row(scene, base, sets).items():
            columns[name].append(value)
    stamps = iter(file_stamps([file for files in columns["files"] for file in files]).tolist())
    for files in columns["files"]:
        mtimes, sizes = zip(*(next(stamps) for _ in files), strict=True)
        columns["mtimes_ns"].append(mtimes)
        columns["sizes"].append(sizes)
    columns["files"] = [[_relative(file, base) for file in files] for files in columns["files"]]
    columns["geometry"] = shapely.to_wkb(outlines)
    columns["parts"] = shapely.get_num_geometries(outlines)
    bounds = shapely.bounds(outlines).T
    columns.update(zip(("west", "south", "east", "north"), bounds, strict=True))
    return pa.table(columns, schema=SCHEMA)


def write_table(
    path: Path, table: Any, sets: Mapping[BandSet, int], record: Mapping[str, Any] | None
) -> Path:
    """Write a table whole or not at all, with the bands of its scenes and what else to keep."""
    metadata = {
        "version": VERSION,
        "band_sets": [[(asdict(band), dtype) for band, dtype in band_set] for band_set in sets],
        "record": record,
    }
    table = table.replace_schema_metadata({KEY: json.dumps(metadata), b"geo": json.dumps(_GEO)})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as scratch:
        pq.write_table(
            table, scratch, compression="zstd", row_group_size=GROUP, write_page_checksum=True
        )
    return path


def numbers(array: Any, dtype: str) -> np.ndarray:
    """An arrow array's numbers; its own `to_numpy` would import pandas, which takes longer than opening."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def _row(scene: Scene, base: str, sets: dict[BandSet, int]) -> dict[str, Any]:
    """One scene's values, but for the columns made all at once."""
    of_file = {asset.uri: asset for asset in scene.assets}
    files = list(of_file)
    band_set = tuple(zip(scene.bands, (asset.dtype for asset in scene.assets), strict=True))
    return {
        "name": scene.name,
        "start": (scene.when.start - EPOCH) // MICROSECOND,
        "stop": (scene.when.stop - EPOCH) // MICROSECOND,
        "height": scene.grid.shape[0],
        "width": scene.grid.shape[1],
        "transform": list(scene.grid.affine[:6]),
        "crs": crs_name(scene.grid.crs),
        "band_set": sets.setdefault(band_set, len(sets)),
        "bands": [band.name for band in scene.bands],
        "files": files,
        "file_of_band": [files.index(asset.uri) for asset in scene.assets],
        "number_of_band": [asset.index for asset in scene.assets],
        "measured_in_file": [asset.measured for asset in of_file.values()],
        "grid_of_file": [_grid_text(asset.grid, scene.grid) for asset in of_file.values()],
    }


def _grid_text(grid: GeoBox | None, scene: GeoBox) -> str:
    """A file's lattice as text: empty where it is the scene's, `null` where unknown."""
    if grid is None:
        return "null"
    if grid == scene:
        return ""
    return json.dumps([*grid.shape, *grid.affine[:6], crs_name(grid.crs)])


@lru_cache(maxsize=1024)
def stored_grid(text: str) -> GeoBox | None:
    """A file's lattice from the text in its row; None where unknown."""
    values = json.loads(text)
    if values is None:
        return None
    height, width, *affine, crs = values
    return GeoBox((height, width), Affine(*affine), crs)


def lengths(column: Any) -> np.ndarray:
    """How many items each row's list has."""
    return np.diff(numbers(column.combine_chunks().offsets, "i4"))


def _relative(file: str, base: str) -> str:
    if is_elsewhere(file):
        return file
    inside = base + os.sep
    return file[len(inside) :] if file.startswith(inside) else os.path.relpath(file, base)
