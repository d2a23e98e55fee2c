"""STAC catalogues as a dataset."""

from __future__ import annotations

import json
import logging
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, get_args

from odc.geo.crs import CRS

from ...core.composite import CompositeRule
from ...core.errors import DatasetError, ReadError, suggest
from ...core.interval import Instant, Interval
from ...core.progress import Progress
from ...core.query import Query, Sample, Scene
from ...core.resampling import Resampling
from ...io.access.remote import is_remote, together
from ...io.headers.header import read_header
from ...io.vector.areas import RoiSource, roi_of
from ..base import Layer, Transform
from ..raster import RasterDataset
from ..reading.calibration import Calibration
from ..reading.pending import PendingRead
from ..reading.read_plan import Plan, at_once
from ..scenes.cached import IndexPlace
from .addresses import in_memory, located
from .cached import Question, kept_scenes
from .catalogs import Source, found_items
from .check_files import check, completed
from .filters import Filters, Where
from .json_values import records
from .reach import Allowed, Reach
from .scenes import Grids, scenes_of
from .search import Search
from .signing import Sign, Signer

log = logging.getLogger(__name__)

_SETTLED = 8192

Given = str | Path | Mapping[str, Any] | Any
"""An address, a document in memory, or an object that has one (`to_dict`), such as pystac's."""


class StacDataset(RasterDataset):
    """The items of STAC catalogues as scenes: bands by name, pixels in place, near or far.

    Takes items, item collections, static catalogues and collections, stac-geoparquet tables and folders of
    these, from disk, a web server or an object store. No raster is opened before it is read where items
    declare their pixel grids (the projection extension); else headers are read, and the log says so. Remote
    files are read by ranges.

    What an item says of its files is checked when they are first read: another grid is an error. Scale and
    offset are the item's, where declared, else the file's; nodata is the file's, where declared.
    Images have the dtype that holds all that items declare (`data_type`); where one declares none, float32.

    Example:
        >>> s2 = StacDataset("items.parquet", bands=["red", "nir"], when="2019-07")    # doctest: +SKIP
        >>> s2 & labels                                                                # doctest: +SKIP
    """

    def __init__(
        self,
        paths: Given | Sequence[Given],
        crs: str | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        bands: Sequence[str] | None = None,
        transforms: Transform | None = None,
        *,
        roi: RoiSource | None = None,
        when: Interval | Instant | tuple[Instant, Instant] | None = None,
        collections: str | Iterable[str] | None = None,
        where: Where | None = None,
        grids: Grids = "items",
        sign: Sign | None = None,
        is_image: bool | None = None,
        gives: Layer | None = None,
        rgb_bands: Sequence[str] | None = None,
        mosaic: CompositeRule = "newest",
        resampling: Resampling | None = None,
        nodata: float | None = None,
        scaled: bool = False,
        dtype: Literal["native", "float32"] = "native",
        assume_crs: str | None = None,
        index: IndexPlace = None,
        progress: Progress | None = None,
        reach: Allowed = "safe",
    ) -> None:
        """Find the items wanted.

        Args:
            paths: Addresses of documents, tables or folders: local paths, `https://`, `s3://`, `gs://`,
                `az://`. Or items in memory.
            crs, res, transforms: As `RasterDataset`.
            bands: Names of bands or assets (all of whose bands are meant), or common names such as `red`,
                in order. Default: all bands of the assets that hold data, as far as all items have them.
            roi: Area of interest: (west, south, east, north) in degrees, a geometry, a grid, a vector file
                and more; see `core.roi.RoiLike`. Items whose geometry touches it are taken.
            when: Items of this time are taken; as `Interval.of`.
            collections: Names of the collections wanted.
            where: What properties must be: a function of them, or name -> value, set of values, or tuple
                (lowest, highest) of which one may be None: `{"eo:cloud_cover": (None, 10)}`.
            grids: Where pixel grids come from: `items`, where they declare them whole, or always the `files`.
            sign: Address -> address to read, for files that need a signature; asked when a file is read, and
                again after ten minutes or a refusal. A function of a module, where worker processes are to
                have it.
            is_image, gives, rgb_bands, mosaic, resampling, nodata, scaled, dtype, assume_crs: As
                `RasterDataset`.
            index: Where to keep the scenes, as GeoParquet, for the next dataset with the same arguments to
                open: a file; True for the folder `.geoloom` beside local documents; `"cache"` for the user's
                cache folder. It is made again when local documents changed; to see changes of remote ones,
                delete it.
            progress: Called with (files read, files in all), where headers are read.
            reach: Where addresses in documents may lead. `safe`: from remote documents to no local file, and
                from any to hosts of a private network only from these themselves; `anywhere`; or a list of
                hosts, addresses and folders that are allowed besides. What you hand over in memory may lead
                anywhere.

        Raises:
            DatasetError: a document is missing or no STAC, a link leads nowhere, no item is wanted, or items
                have no band in common.
            BandError: a band is unknown; the message lists what there is.
            ReadError: a header that is needed cannot be read.
        """
        if grids not in get_args(Grids):
            raise DatasetError(f"grids is {grids!r}{suggest(grids, get_args(Grids))}")
        self._sources = _sources(paths)
        self._filters = Filters(
            roi=None if roi is None else roi_of(roi),
            when=None if when is None else Interval.of(when),
            collections=_names(collections),
            where=where,
        )
        self._filtered = self._filters.identity()
        self._by_function = callable(where)
        self.grids = grids
        self._reach = Reach(reach)
        self._signer = None if sign is None else Signer(sign)
        self._settled: dict[tuple[int, tuple[int, ...] | None], Scene] = {}
        self._narrowed = False
        super().__init__(
            [_shown(source) for source in self._sources],
            crs,
            res,
            bands,
            transforms,
            is_image=is_image,
            gives=gives,
            rgb_bands=rgb_bands,
            mosaic=mosaic,
            resampling=resampling,
            nodata=nodata,
            scaled=scaled,
            dtype=dtype,
            assume_crs=assume_crs,
            index=index,
            progress=progress,
        )
        # Documents may be large, and a filter be a function that no other process could be sent.
        self._sources, self._filters = (), Filters()

    @classmethod
    def search(
        cls,
        url: str,
        crs: str | CRS | None = None,
        res: float | tuple[float, float] | None = None,
        bands: Sequence[str] | None = None,
        transforms: Transform | None = None,
        *,
        collections: str | Iterable[str] | None = None,
        roi: RoiSource | None = None,
        when: Interval | Instant | tuple[Instant, Instant] | None = None,
        limit: int | None = None,
        query: Mapping[str, Any] | None = None,
        where: Where | None = None,
        grids: Grids = "items",
        sign: Sign | None = None,
        is_image: bool | None = None,
        gives: Layer | None = None,
        rgb_bands: Sequence[str] | None = None,
        mosaic: CompositeRule = "newest",
        resampling: Resampling | None = None,
        nodata: float | None = None,
        scaled: bool = False,
        dtype: Literal["native", "float32"] = "native",
        assume_crs: str | None = None,
        index: IndexPlace = None,
        progress: Progress | None = None,
        reach: Allowed = "safe",
    ) -> StacDataset:
        """The items that a STAC API finds.

        Args:
            url: Address of the API's root; the search is at `/search` below it.
            collections, roi, when: What to search for; as the dataset's own.
            limit: The most items to take. Default: all.
            query: Of the query extension, for servers that have it: `{"eo:cloud_cover": {"lt": 10}}`.
            where: As the dataset's own: looked at here, after `limit`, whatever the server can do.
            crs, res, bands, transforms, grids, sign, is_image, gives, rgb_bands: As the dataset's own.
            mosaic, resampling, nodata, scaled, dtype, assume_crs, index, progress, reach: As well.

        Raises:
            DatasetError: the server refuses or finds nothing.

        Example:
            >>> StacDataset.search(                                                     # doctest: +SKIP
            ...     "https://example.org/stac/v1", collections="sentinel-2-l2a",
            ...     roi=(13, 45, 14, 46), when="2019-07", bands=["red", "nir"])
        """
        asked = Search(
            url,
            collections=tuple(sorted(_names(collections) or ())),
            roi=None if roi is None else roi_of(roi),
            when=None if when is None else Interval.of(when),
            limit=limit,
            query=query,
        )
        return cls(
            asked,
            crs,
            res,
            bands,
            transforms,
            roi=roi,
            when=when,
            collections=collections,
            where=where,
            grids=grids,
            sign=sign,
            is_image=is_image,
            gives=gives,
            rgb_bands=rgb_bands,
            mosaic=mosaic,
            resampling=resampling,
            nodata=nodata,
            scaled=scaled,
            dtype=dtype,
            assume_crs=assume_crs,
            index=index,
            progress=progress,
            reach=reach,
        )

    def only(self, positions: Sequence[int]) -> StacDataset:
        """The same dataset of some of its scenes alone; no file is opened."""
        other = super().only(positions)
        other._settled = {}
        return other

    def with_bands(self, bands: Sequence[str]) -> StacDataset:
        """The same scenes with some of their bands, in another order perhaps; no file is opened."""
        other = super().with_bands(bands)
        assert isinstance(other, StacDataset)  # it is made of this one's class
        other._settled, other._narrowed = {}, True
        return other

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_settled": {}}

    def _find_scenes(self, index: IndexPlace, progress: Progress | None) -> Sequence[Scene]:
        if index and not self._filters.has_identity:
            raise DatasetError(
                "where is a function that uses more than plain values, so that an index cannot know when it "
                'changes; give a mapping such as {"eo:cloud_cover": (None, 10)} or a function of plain '
                "values, or leave index out"
            )

        def find() -> tuple[list[Scene], list[str]]:
            matches = found_items(self._sources, self._filters, self._reach)
            log.info("%d items found", len(matches.items))
            scenes = scenes_of(
                matches.items,
                self._wanted,
                grids=self.grids,
                crs=self._assume_crs,
                sign=self._signer,
                progress=progress,
            )
            return scenes, matches.documents

        question = (
            self._paths, self._filtered, self._wanted, self.grids, self._assume_crs, self._reach.allowed,
        )  # fmt: skip
        return kept_scenes(index, Question(self._sources, repr(question)), find)

    def _identity(self) -> Hashable:
        # What a function chooses is identified by what it chose.
        chosen = tuple(map(_scene_key, self.scenes)) if self._by_function else None
        return super()._identity(), self._filtered, self.grids, chosen

    def _calibrations(self) -> tuple[Calibration, ...]:
        # What an item does not declare its file may yet declare; see `completed`.
        declared = super()._calibrations()
        return tuple(None if c and not self.scaled and (1.0, 0.0) in c else c for c in declared)

    def _to_read(self, position: int, channels: tuple[int, ...] | None) -> Scene:
        scene = self._settled.get((position, channels)) or self._settle(position, channels)
        return scene if self._signer is None else self._signer.scene(scene)

    def _settle(self, position: int, channels: tuple[int, ...] | None) -> Scene:
        """The scene, compared with its files and completed from them."""
        scene = self.scenes[position]
        chosen = tuple(range(len(scene.bands))) if channels is None else channels
        files = tuple(dict.fromkeys(scene.assets[i].uri for i in chosen))
        signed = [uri if self._signer is None else self._signer(uri) for uri in files]
        calls = [partial(read_header, uri, crs=self._assume_crs) for uri in signed]
        read = together(calls) if any(map(is_remote, files)) else [call() for call in calls]
        check(scene, read, whole=channels is None and not self._narrowed)
        headers = dict(zip(files, read, strict=True))
        bands = tuple(
            completed(band, headers[asset.uri], asset.index) if i in chosen else band
            for i, (band, asset) in enumerate(zip(scene.bands, scene.assets, strict=True))
        )
        if len(self._settled) >= _SETTLED:
            self._settled.clear()
        settled = self._settled[position, channels] = replace(scene, bands=bands)
        return settled

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        return at_once(super()._plan(queries, channels))

    def _planned(
        self,
        query: Query,
        scenes: list[int],
        channels: tuple[int, ...] | None,
        waiting: PendingRead | None,
    ) -> Plan:
        plan = super()._planned(query, scenes, channels, waiting)
        return replace(plan, waits=self._is_far(scenes))

    def _waiting(
        self, query: Query, scenes: list[int], channels: tuple[int, ...] | None
    ) -> PendingRead | None:
        return None if self._is_far(scenes) else super()._waiting(query, scenes, channels)

    def _is_far(self, scenes: Sequence[int]) -> bool:
        """Whether reading these scenes is waiting for a server."""
        return any(is_remote(asset.uri) for i in scenes for asset in self.scenes[i].assets)

    def _composed(
        self, query: Query, scenes: list[int], channels: tuple[int, ...] | None
    ) -> Sample:
        try:
            return super()._composed(query, scenes, channels)
        except ReadError:
            if self._signer is None:
                raise
            log.info("signing again after a refusal")
            self._signer.forget()
            return super()._composed(query, scenes, channels)


def _sources(given: Given | Sequence[Given]) -> tuple[Source, ...]:
    listed = given if isinstance(given, (list, tuple)) else [given]
    if not listed:
        raise DatasetError("no item, document or address is given; give at least one")
    return tuple(_source(source) for source in listed)


def _source(given: Given) -> Source:
    if isinstance(given, (str, Path)):
        return located(given)
    if isinstance(given, Search):
        return given
    if isinstance(given, Mapping):
        records(given.get("features") or [], "features", "a document in memory")
        return given
    if hasattr(given, "to_dict"):
        document: Mapping[str, Any] = given.to_dict()
        return document
    raise DatasetError(
        f"{type(given).__name__} is not STAC; give addresses, documents as dicts, or objects with to_dict()"
    )


def _scene_key(scene: Scene) -> Hashable:
    return scene.name, scene.when, tuple((asset.uri, asset.index) for asset in scene.assets)


def _shown(source: Source) -> str:
    """A source by its address, or by its first item and all that it holds."""
    if not isinstance(source, Mapping):
        return str(source)
    inside = source.get("features") or [source]
    label = (
        f"{inside[0].get('collection')}/{inside[0].get('id')} and {len(inside) - 1} more, in memory"
    )
    content = json.dumps(source, sort_keys=True, default=str)
    # Relative addresses inside start from the working folder.
    return f"{label} ({blake2b(f'{in_memory()}{content}'.encode(), digest_size=8).hexdigest()})"


def _names(collections: str | Iterable[str] | None) -> frozenset[str] | None:
    if collections is None:
        return None
    return frozenset([collections] if isinstance(collections, str) else collections)
