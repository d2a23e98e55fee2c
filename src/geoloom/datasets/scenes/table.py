"""Scenes kept in a GeoParquet file, so that headers are read once."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj.exceptions import CRSError

from ...core.antimeridian import HALF_TURN
from ...core.bands import Band, find_bands
from ...core.errors import DatasetError
from ...core.files import sweep
from ...core.interval import Interval
from ...core.query import Asset, Scene
from ...core.suffixes import PARQUET_SUFFIXES
from .changes import file_stamps, is_elsewhere
from .table_rows import (
    EPOCH,
    FOR_OTHERS,
    GROUP,
    KEY,
    LISTS,
    MICROSECOND,
    PER_BAND,
    PER_FILE,
    SCHEMA,
    VERSION,
    BandSet,
    lengths,
    numbers,
    scene_table,
    stored_grid,
    write_table,
)

log = logging.getLogger(__name__)

_GROUPS_KEPT = 8
"""Outlines are large beside the rest: they are read a group of scenes at a time, when asked for."""
_LEAST_BYTES = 1
"""Of a scene in a whole file; a file that claims more scenes than bytes is damaged."""
_SWELLS = 1000
"""How much a whole file grows at most when it is unpacked."""
_WRONG = (KeyError, IndexError, TypeError, ValueError, OSError, pa.ArrowException, CRSError)
"""What damaged contents raise where they are put together."""


def save_scenes(
    path: str | Path, scenes: Sequence[Scene], record: Mapping[str, Any] | None = None
) -> Path:
    """Write scenes to a GeoParquet file, one row per scene, with the sizes and times of their files.

    Local files are named relative to the index's folder, so both may be moved together.

    Args:
        path: The file.
        scenes: At least one.
        record: What else to keep, as JSON has it; `SavedScenes` gives it back.

    Returns:
        The path, written whole or not at all, also where several processes write it at once.

    Raises:
        DatasetError: there are no scenes.
    """
    if not scenes:
        raise DatasetError("there are no scenes to save; scan some files first")
    path = Path(path)
    sets: dict[BandSet, int] = {}
    table = scene_table(scenes, str(path.absolute().parent), sets)
    return write_table(path, table, sets, record)


def opened_index(path: Path) -> SavedScenes | None:
    """The index in a file; None where it is damaged or of another version, so that it is to be made again.

    Raises:
        DatasetError: what is there is no index.
    """
    sweep(path)
    try:
        saved = SavedScenes(path)
        saved.check()
    except UnusableIndexError as error:
        if path.suffix.lower() not in PARQUET_SUFFIXES:
            raise  # perhaps no index at all, but a file named by mistake
        log.warning("an index is made again: %s", error)
        return None
    return saved


def with_channels(scenes: Sequence[Scene], channels: Sequence[int]) -> Sequence[Scene]:
    """The scenes with some of their bands, by position, in order; those of an index stay in it."""
    if isinstance(scenes, SavedScenes):
        return scenes.with_bands([scenes[0].bands[i].name for i in channels])
    return tuple(
        replace(
            scene,
            bands=tuple(scene.bands[i] for i in channels),
            assets=tuple(scene.assets[i] for i in channels),
        )
        for scene in scenes
    )


class UnusableIndexError(DatasetError):
    """An index that is damaged, or of another version of geoloom: a cache, which can be made again."""


class SavedScenes(Sequence[Scene]):
    """The scenes of an index file; each becomes a `Scene` when it is asked for.

    Guarantee: equal to the scenes that were saved, but that local files are named by absolute paths. They
    stay what they were when the file is replaced by another one.

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
        metadata = self._opened()
        self.record: Mapping[str, Any] | None = metadata["record"]
        """What was given when it was saved."""
        self._sets: list[BandSet] = [
            tuple((Band(**band), dtype) for band, dtype in band_set)
            for band_set in metadata["band_sets"]
        ]
        self._bands = bands
        self._channels = self._found(bands)
        self._outlines: dict[int, Any] = {}
        self._made: dict[int, Scene] = {}

    def _opened(self) -> dict[str, Any]:
        """Maps the file, so that outlines read later come from it, whatever has its name by then."""
        try:
            self._source = pa.memory_map(str(self.path))
            file = self._parquet()
            metadata: dict[str, Any] = json.loads(
                (file.schema_arrow.metadata or {}).get(KEY, b"{}")
            )
            version = metadata.get("version")
        except (*_WRONG, AttributeError, RecursionError) as error:
            raise self._unusable(f"it cannot be read ({error})") from error
        if version is None:
            raise DatasetError(
                f"{self.path} has no scenes as this version writes them: it is Parquet of another kind; name "
                "another file"
            )
        if version != VERSION:
            raise self._unusable(f"its format is {version}, expected {VERSION}")
        try:
            for band_set in metadata["band_sets"]:
                _ = [(Band(**band), dtype) for band, dtype in band_set]
            _ = metadata["record"], metadata["band_sets"][0]
        except _WRONG as error:
            raise self._unusable(f"its bands cannot be understood ({error})") from error
        about, size = file.metadata, self._source.size()
        unpacked = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if about.num_rows * _LEAST_BYTES > size or unpacked > _SWELLS * size:
            raise self._unusable(f"{size} bytes cannot hold {about.num_rows} scenes")
        if not file.schema_arrow.remove_metadata().equals(SCHEMA):
            raise self._unusable("its columns are others")
        self._length = int(about.num_rows)
        return metadata

    def _parquet(self) -> Any:
        return pq.ParquetFile(self._source, page_checksum_verification=True)

    def _unusable(self, why: str) -> UnusableIndexError:
        return UnusableIndexError(f"{self.path} is not a readable index of scenes: {why}")

    def check(self) -> None:
        """Read all but the outlines.

        Raises:
            UnusableIndexError: they are damaged.
        """
        try:
            table, sets = self._table, np.array([len(band_set) for band_set in self._sets])
            counts = {name: lengths(table[name]) for name in LISTS}
            wide = sets[self._column("band_set", "i4")]
            whole = all((counts[name] == wide).all() for name in PER_BAND)
            whole &= all((counts[name] == counts["files"]).all() for name in PER_FILE)
            if not whole or any(table[name].null_count for name in table.column_names):
                raise ValueError("rows do not fit together")
        except _WRONG as error:
            raise self._unusable(f"it is damaged ({error})") from error

    @cached_property
    def _table(self) -> Any:
        wanted = [name for name in SCHEMA.names if name not in FOR_OTHERS]
        return self._parquet().read(wanted).combine_chunks()

    def __len__(self) -> int:
        return self._length

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
            try:
                known = self._made[number] = self._scene(number)
            except (*_WRONG, shapely.errors.ShapelyError) as error:
                raise self._unusable(
                    f"scene {number} is damaged ({error}); delete it to have it made again"
                ) from error
        return known

    def __reduce__(self) -> tuple[Any, ...]:
        return SavedScenes, (self.path, self._bands)

    @property
    def band_names(self) -> tuple[str, ...]:
        """Of all bands that were saved, in their order."""
        return tuple(band.name for band, _ in self._sets[0])

    def band_sets(self) -> list[tuple[tuple[Band, ...], tuple[str | None, ...]]]:
        """The different bands that scenes have, and the types that these are stored in."""
        used = np.unique(self._column("band_set", "i4")).tolist()
        chosen = [[self._sets[number][i] for i in self._channels[number]] for number in used]
        return [
            (tuple(b for b, _ in band_set), tuple(dtype for _, dtype in band_set))
            for band_set in chosen
        ]

    def with_bands(self, bands: Sequence[str]) -> SavedScenes:
        """The same scenes with bands by name, in order; nothing is read again.

        Raises:
            BandError: a band was not saved; the message names the nearest.
        """
        other = copy(self)
        other._bands, other._channels, other._made = bands, self._found(bands), {}
        return other

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Boxes, shapely's, that cover the footprints, and the scene of each; two across the antimeridian."""
        west, south, east, north = (
            self._column(name, "f8") for name in ("west", "south", "east", "north")
        )
        split = (self._column("parts", "i4") > 1) & (east - west > HALF_TURN)
        apart, whole = np.flatnonzero(split), np.flatnonzero(~split)
        boxes = shapely.box(west[whole], south[whole], east[whole], north[whole])
        parts, owners = shapely.get_parts(
            [self[i].footprint for i in apart.tolist()], return_index=True
        )
        return np.concatenate([boxes, parts]), np.concatenate([whole, apart[owners]])

    def times(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts and stops, seconds since 1970, float64."""
        starts, stops = (self._column(name, "i8") / 1e6 for name in ("start", "stop"))
        return starts, stops

    def files(self) -> tuple[list[str], np.ndarray]:
        """All files, and the position of the scene to which each belongs."""
        listed = self._table["files"].combine_chunks()
        owners = np.repeat(np.arange(len(self)), np.diff(numbers(listed.offsets, "i4")))
        return [self._located(file) for file in listed.flatten().to_pylist()], owners

    def stale(self) -> list[int]:
        """Positions, ascending, of the scenes with files that changed or went since they were saved."""
        listed = self._table["files"].combine_chunks()
        mtimes, sizes = (
            numbers(self._table[name].combine_chunks().flatten(), "i8")
            for name in ("mtimes_ns", "sizes")
        )
        local = np.flatnonzero(sizes >= 0)
        files = listed.flatten().take(pa.array(local)).to_pylist()
        now = file_stamps([f"{self._base}/{file}" for file in files])
        changed = local[(now != np.stack([mtimes, sizes], axis=1)[local]).any(axis=1)]
        owners = np.searchsorted(numbers(listed.offsets, "i4"), changed, side="right") - 1
        rows: list[int] = np.unique(owners).tolist()
        return rows

    def rewrite(
        self, order: Sequence[int | Scene], record: Mapping[str, Any] | None = None
    ) -> Path:
        """Put an index of some of these scenes, by position, and of others in the file's place.

        Raises:
            DatasetError: there are none.
        """
        if not order:
            raise DatasetError("there are no scenes to save; scan some files first")
        fresh = [scene for scene in order if isinstance(scene, Scene)]
        places = iter(range(len(self), len(self) + len(fresh)))
        wanted = [
            next(places) if isinstance(scene_or_row, Scene) else scene_or_row
            for scene_or_row in order
        ]
        sets = {band_set: number for number, band_set in enumerate(self._sets)}
        table = self._parquet().read()
        if fresh:
            table = pa.concat_tables(
                [table, scene_table(fresh, self._base, sets)]
            ).unify_dictionaries()
        return write_table(self.path, table.take(wanted), sets, record)

    def _found(self, bands: Sequence[str] | None) -> list[tuple[int, ...]]:
        """Positions of bands in each set that was saved."""
        return [
            tuple(range(len(band_set)))
            if bands is None
            else find_bands(
                bands, [band.name for band, _ in band_set], where=f"the index {self.path}"
            )
            for band_set in self._sets
        ]

    def _outline(self, number: int) -> Any:
        """A scene's footprint."""
        group, row = divmod(number, GROUP)
        known = self._outlines.get(group)
        if known is None:
            if len(self._outlines) >= _GROUPS_KEPT:
                self._outlines.pop(next(iter(self._outlines)))
            known = self._parquet().read_row_group(group, columns=["geometry"])["geometry"]
            self._outlines[group] = known
        return shapely.from_wkb(known[row].as_py())

    @cached_property
    def _crs(self) -> tuple[Any, list[str]]:
        column = self._table["crs"].combine_chunks()
        return column.indices, column.dictionary.to_pylist()

    def _column(self, name: str, dtype: str) -> np.ndarray:
        return numbers(self._table[name].combine_chunks(), dtype)

    def _located(self, file: str) -> str:
        """Where a file is: an absolute path, without the way by a folder's parent."""
        if is_elsewhere(file):
            return file
        return os.path.normpath(f"{self._base}/{file}") if ".." in file else f"{self._base}/{file}"

    def _scene(self, number: int) -> Scene:
        row = {
            name: self._table[name][number].as_py()
            for name in SCHEMA.names
            if name not in (*FOR_OTHERS, "start", "stop", "crs")
        }
        files = [self._located(file) for file in row["files"]]
        channels, band_set = self._channels[row["band_set"]], self._sets[row["band_set"]]
        codes, names = self._crs
        start, stop = (
            EPOCH + int(self._table[name][number].value) * MICROSECOND for name in ("start", "stop")
        )
        grid = GeoBox(
            (row["height"], row["width"]), Affine(*row["transform"]), names[codes[number].as_py()]
        )
        grids = [grid if text == "" else stored_grid(text) for text in row["grid_of_file"]]
        assets = (
            Asset(files[of], number, grids[of], row["measured_in_file"][of], dtype)
            for of, number, (_, dtype) in zip(
                row["file_of_band"], row["number_of_band"], band_set, strict=True
            )
        )
        listed = tuple(assets)
        return Scene(
            name=row["name"],
            grid=grid,
            when=Interval(start, stop),
            bands=tuple(band_set[i][0] for i in channels),
            assets=tuple(listed[i] for i in channels),
            footprint=self._outline(number),
        )
