"""Scenes kept in a GeoParquet file, so that headers are read once."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from ..core.bands import Band, find_bands
from ..core.errors import DatasetError
from ..core.grid import crs_name
from ..core.interval import Interval
from ..core.query import Asset, Scene

log = logging.getLogger(__name__)

_VERSION = 1
_GROUP = 8192
_GROUPS_KEPT = 8
"""Outlines are large beside the rest: they are read a group of scenes at a time, when asked for."""
_KEY = b"geoloom"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Polygon", "MultiPolygon"]}},
}
"""No `crs`: longitude and latitude, as the standard has it."""
_FOR_OTHERS = ("geometry", "bands")
"""What is not read when an index is opened: outlines come later, bands stand in the metadata."""
_SCHEMA = pa.schema(
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


def save_scenes(path: str | Path, scenes: Sequence[Scene]) -> Path:
    """Write scenes to a GeoParquet file, a row each, with the sizes and times of their files.

    Local files are named relative to the index's folder, so both may be moved together.

    Returns:
        The path, written whole or not at all.

    Raises:
        DatasetError: there are no scenes.
    """
    if not scenes:
        raise DatasetError("there are no scenes to save; scan some files first")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    base = str(path.absolute().parent)
    sets: dict[tuple[Band, ...], int] = {}
    outlines = np.array([scene.footprint for scene in scenes])
    columns: dict[str, Any] = {name: [] for name in _SCHEMA.names}
    for scene in scenes:
        for name, value in _row(scene, base, sets).items():
            columns[name].append(value)
    columns["geometry"] = shapely.to_wkb(outlines)
    columns["parts"] = shapely.get_num_geometries(outlines)
    bounds = shapely.bounds(outlines).T
    columns.update(zip(("west", "south", "east", "north"), bounds, strict=True))
    told = {"version": _VERSION, "band_sets": [[asdict(b) for b in bands] for bands in sets]}
    table = pa.table(columns, schema=_SCHEMA).replace_schema_metadata(
        {_KEY: json.dumps(told), b"geo": json.dumps(_GEO)}
    )
    part = path.with_name(path.name + ".part")
    pq.write_table(table, part, compression="zstd", row_group_size=_GROUP)
    part.replace(path)
    return path


def kept_scenes(
    index: str | Path,
    paths: tuple[str, ...],
    scan: Callable[[tuple[str, ...]], Sequence[Scene]],
    bands: Sequence[str] | None = None,
) -> Sequence[Scene]:
    """The scenes of an index file where it exists, those that changed scanned anew; else saved to it.

    Args:
        index: The file.
        paths: Where to look when there is no such file.
        scan: Finds scenes at paths.
        bands: Bands by name, in order. Default: all that were saved.

    Raises:
        DatasetError: it is no index, or files that it names are gone.
        BandError: a band is not in it.
    """
    if not Path(index).exists():
        found = scan(paths)
        save_scenes(index, found)
        log.info("%d scenes saved to %s", len(found), index)
        return found
    scenes = SavedScenes(index, bands)
    changed = scenes.refreshed(scan)
    log.info("%d scenes from %s, %d of them scanned again", len(scenes), index, len(changed))
    return scenes


class SavedScenes(Sequence[Scene]):
    """The scenes of an index file; each becomes a `Scene` when it is asked for.

    Guarantee: equal to the scenes that were saved, but that local files are named by absolute paths.

    Args:
        path: A file that `save_scenes` wrote.
        bands: Bands by name, in order. Default: all that were saved.

    Raises:
        DatasetError: it is no such file.
        BandError: a band is not in it; the message names the nearest.

    Example:
        >>> scenes = SavedScenes("scenes.parquet")     # doctest: +SKIP
        >>> len(scenes), scenes[0].name                # doctest: +SKIP
    """

    def __init__(self, path: str | Path, bands: Sequence[str] | None = None) -> None:
        self.path = Path(path).absolute()
        self._base = str(self.path.parent)
        try:
            file = pq.ParquetFile(self.path)
        except (OSError, pa.ArrowInvalid) as error:
            raise DatasetError(
                f"{path} is no readable index of scenes ({error}); delete it to have it made anew"
            ) from error
        told = json.loads((file.schema_arrow.metadata or {}).get(_KEY, b"{}"))
        if told.get("version") != _VERSION:
            raise DatasetError(
                f"{path} has no scenes as this version writes them (format {told.get('version')}, expected "
                f"{_VERSION}); delete it to have it made anew"
            )
        self._sets = [tuple(Band(**band) for band in held) for held in told["band_sets"]]
        self._bands = bands
        self._channels = [
            tuple(range(len(held)))
            if bands is None
            else find_bands(bands, [band.name for band in held], where=f"the index {path}")
            for held in self._sets
        ]
        self._table = file.read([name for name in _SCHEMA.names if name not in _FOR_OTHERS])
        self._table = self._table.combine_chunks()
        self._outlines: dict[int, Any] = {}
        self._made: dict[int, Scene] = {}
        self._fresh: dict[int, Scene] = {}

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, position: int) -> Scene: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[Scene, ...]: ...
    def __getitem__(self, position: int | slice) -> Scene | tuple[Scene, ...]:
        if isinstance(position, slice):
            return tuple(self[i] for i in range(*position.indices(len(self))))
        if not -len(self) <= position < len(self):
            raise IndexError(f"scene {position} of {len(self)}")
        number = int(position) % len(self)
        known = self._made.get(number)
        if known is None:
            known = self._made[number] = self._scene(number)
        return known

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (self.path, self._bands, self._fresh)

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """What covers the footprints' parts, shapely boxes, and the scene of each."""
        sides = (self._column(name, "f8") for name in ("west", "south", "east", "north"))
        boxes = shapely.box(*sides)
        split = self._column("parts", "i4") > 1
        changed = np.zeros(len(self), dtype=bool)
        changed[list(self._fresh)] = True
        apart = np.flatnonzero(split | changed)
        whole = np.flatnonzero(~(split | changed))
        found, owners = shapely.get_parts(
            [self[i].footprint for i in apart.tolist()], return_index=True
        )
        return np.concatenate([boxes[whole], found]), np.concatenate([whole, apart[owners]])

    def times(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts and stops, seconds since 1970, float64."""
        starts, stops = (self._column(name, "i8") / 1e6 for name in ("start", "stop"))
        for number, scene in self._fresh.items():
            starts[number] = (scene.when.start - _EPOCH).total_seconds()
            stops[number] = (scene.when.stop - _EPOCH).total_seconds()
        return starts, stops

    def stale(self) -> list[int]:
        """Positions of the scenes with files that changed since they were saved.

        Raises:
            DatasetError: files are gone; the message names some.
        """
        listed = self._table["files"].combine_chunks()
        files, offsets = listed.flatten().to_pylist(), _numbers(listed.offsets, "i4")
        mtimes, sizes = (
            _numbers(self._table[name].combine_chunks().flatten(), "i8")
            for name in ("mtimes_ns", "sizes")
        )
        now = np.array([_stamp(self._found(file)) for file in files], dtype=np.int64)
        gone = np.flatnonzero((now[:, 1] < 0) & (sizes >= 0))
        if gone.size:
            named = ", ".join(self._located(files[i]) for i in gone[:3])
            raise DatasetError(
                f"{gone.size} of {len(files)} files in the index {self.path} are gone, such as {named}; put "
                "them back, or delete the index to have it made anew"
            )
        changed = np.flatnonzero((now[:, 0] != mtimes) | (now[:, 1] != sizes))
        numbers: list[int] = np.unique(np.searchsorted(offsets, changed, side="right") - 1).tolist()
        return numbers

    def refreshed(self, scan: Callable[[tuple[str, ...]], Sequence[Scene]]) -> list[int]:
        """Replace the scenes whose files changed by what a scan of their files gives; which they were.

        Raises:
            DatasetError: files are gone, or no longer give the scene that they gave.
        """
        numbers = self.stale()
        if not numbers:
            return numbers
        files = tuple(dict.fromkeys(a.uri for i in numbers for a in self[i].assets))
        found = {str(Path(scene.assets[0].uri).absolute()): scene for scene in scan(files)}
        for number in numbers:
            old = self[number]
            new = found.get(old.assets[0].uri)
            if new is None or [b.name for b in new.bands] != [b.name for b in old.bands]:
                raise DatasetError(
                    f"{old.assets[0].uri} no longer gives scene {old.name!r} with the bands "
                    f"{', '.join(b.name for b in old.bands)}; delete the index {self.path} to have it made "
                    "anew"
                )
            self._made[number] = self._fresh[number] = new
        return numbers

    def _outline(self, number: int) -> Any:
        """A scene's footprint."""
        group, row = divmod(number, _GROUP)
        known = self._outlines.get(group)
        if known is None:
            if len(self._outlines) >= _GROUPS_KEPT:
                self._outlines.pop(next(iter(self._outlines)))
            file = pq.ParquetFile(self.path)
            known = file.read_row_group(group, columns=["geometry"])["geometry"]
            self._outlines[group] = known
        return shapely.from_wkb(known[row].as_py())

    @cached_property
    def _crs(self) -> tuple[Any, list[str]]:
        column = self._table["crs"].combine_chunks()
        return column.indices, column.dictionary.to_pylist()

    def _column(self, name: str, dtype: str) -> np.ndarray:
        return _numbers(self._table[name].combine_chunks(), dtype)

    def _found(self, file: str) -> str:
        """Where a file is, perhaps by way of a folder's parent."""
        return file if _is_remote(file) else f"{self._base}/{file}"

    def _located(self, file: str) -> str:
        return file if _is_remote(file) else os.path.normpath(self._found(file))

    def _scene(self, number: int) -> Scene:
        row = {
            name: self._table[name][number].as_py()
            for name in _SCHEMA.names
            if name not in (*_FOR_OTHERS, "start", "stop", "crs")
        }
        files = [self._located(file) for file in row["files"]]
        channels = self._channels[row["band_set"]]
        codes, names = self._crs
        start, stop = (
            _EPOCH + int(self._table[name][number].value) * _MICROSECOND
            for name in ("start", "stop")
        )
        return Scene(
            name=row["name"],
            grid=GeoBox(
                (row["height"], row["width"]),
                Affine(*row["transform"]),
                names[codes[number].as_py()],
            ),
            when=Interval(start, stop),
            bands=tuple(self._sets[row["band_set"]][i] for i in channels),
            assets=tuple(
                Asset(files[row["file_of_band"][i]], row["number_of_band"][i]) for i in channels
            ),
            footprint=self._outline(number),
        )


def _reopened(path: Path, bands: Sequence[str] | None, fresh: Mapping[int, Scene]) -> SavedScenes:
    scenes = SavedScenes(path, bands)
    scenes._fresh.update(fresh)
    scenes._made.update(fresh)
    return scenes


def _numbers(array: Any, dtype: str) -> np.ndarray:
    """An arrow array's numbers; its own `to_numpy` would import pandas, which takes longer than opening."""
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def _row(scene: Scene, base: str, sets: dict[tuple[Band, ...], int]) -> dict[str, Any]:
    """One scene's values, but for the columns made all at once."""
    files = list(dict.fromkeys(asset.uri for asset in scene.assets))
    stamps = [_stamp(file) for file in files]
    return {
        "name": scene.name,
        "start": (scene.when.start - _EPOCH) // _MICROSECOND,
        "stop": (scene.when.stop - _EPOCH) // _MICROSECOND,
        "height": scene.grid.shape[0],
        "width": scene.grid.shape[1],
        "transform": list(scene.grid.affine[:6]),
        "crs": crs_name(scene.grid.crs),
        "band_set": sets.setdefault(scene.bands, len(sets)),
        "bands": [band.name for band in scene.bands],
        "files": [f if _is_remote(f) else os.path.relpath(f, base) for f in files],
        "file_of_band": [files.index(asset.uri) for asset in scene.assets],
        "number_of_band": [asset.index for asset in scene.assets],
        "mtimes_ns": [mtime for mtime, _ in stamps],
        "sizes": [size for _, size in stamps],
    }


def _stamp(file: str) -> tuple[int, int]:
    """Modification time, ns, and size of a local file; -1 for what is none."""
    if _is_remote(file):
        return -1, -1
    try:
        status = os.stat(file)  # noqa: PTH116 - once a file, a Path costs more than the call
    except OSError:
        return -1, -1
    return status.st_mtime_ns, status.st_size


def _is_remote(file: str) -> bool:
    return "://" in file or file.startswith("/vsi")
