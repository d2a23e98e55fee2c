"""Datasets of scenes: which scenes answer a query, and how their pixels become a sample."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.bands import Band
from ..core.composite import CompositeRule, composite
from ..core.errors import ReadError
from ..core.interval import ALWAYS, Interval
from ..core.outputs import Outputs, ValueOutputs
from ..core.query import MomentQuery, Query, Sample, Scene
from ..core.resampling import DEFAULT_OF_CLASSES, DEFAULT_OF_MEASUREMENTS, Resampling
from ..io.access.remote import is_remote
from ..io.batch import warm_up
from ..io.explain import FileRead
from ..io.headers.scan import OnError
from .base import GeoDataset, Layer
from .reading.by_file import explain_scenes, read_scene
from .reading.calibration import PHYSICAL, Calibration, common_bands, declared_calibrations
from .reading.channel_stacks import SceneStacks, StackShelf
from .reading.labels import as_codes, as_values
from .reading.pending import PendingRead, allot
from .reading.read_plan import Plan
from .reading.sample import stored_tensor, to_sample, torch_dtype
from .scenes.alike import is_same, stored_dtype
from .scenes.index import SceneIndex
from .scenes.located import header_of

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger(__name__)

Dtype = Literal["native", "float32", "stored"]

_USUAL_RESAMPLING: dict[Layer, Resampling | None] = {
    "image": None,  # as each file says
    "mask": DEFAULT_OF_CLASSES,
    "value": DEFAULT_OF_MEASUREMENTS,
}


class SceneDataset(GeoDataset):
    """What raster datasets share, wherever their scenes come from.

    A subclass finds scenes and sets what stands below before it answers.
    """

    is_image: bool
    gives: Layer | None = None
    """What samples hold; None: `image` or `mask`, as `is_image` says."""
    mosaic: CompositeRule
    resampling: Resampling | None
    nodata: float | None
    scaled: bool
    dtype: Dtype
    overviews: bool
    on_error: OnError = "raise"
    _assume_crs: str | None
    _index: SceneIndex
    _bands: tuple[Band, ...]
    _shelf: StackShelf
    _stored_dtype: np.dtype[Any] | None
    """That holds the stored values of all scenes; None where scenes do not say how theirs are stored."""

    def _hold(self, scenes: Sequence[Scene]) -> None:
        """Take scenes as the dataset's own, and settle by them what all samples have in common."""
        self._index = SceneIndex(scenes)
        self._stored_dtype = stored_dtype(self.scenes)
        self._bands = common_bands(self.scenes)
        self._shelf = self._new_shelf()
        self._left_out: set[int] = set()

    @property
    def scenes(self) -> Sequence[Scene]:
        """The acquisitions, in the order of their names."""
        return self._index.scenes

    @property
    def bands(self) -> tuple[Band, ...]:
        """In channel order."""
        return self._bands

    @property
    def files(self) -> tuple[str, ...]:
        """The files and addresses of all scenes, each once."""
        return tuple(dict.fromkeys(asset.uri for s in self.scenes for asset in s.assets))

    @property
    def layers(self) -> frozenset[Layer]:
        """One of `image`, `mask` and `value`."""
        return frozenset({self._layer})

    @property
    def _layer(self) -> Layer:
        return self.gives or ("image" if self.is_image else "mask")

    @property
    def outputs(self) -> Outputs | None:
        """Of a layer of values their names and units; see `GeoDataset.outputs`."""
        if self._layer != "value":
            return super().outputs
        return ValueOutputs(tuple(band.name for band in self.bands), self._units_of_values())

    def _units_of_values(self) -> tuple[str | None, ...]:
        """Of each band; what is none of the units of imagery, such as m, as the first scene's file has it."""
        units: list[str | None] = []
        scene = self._to_read(0, None)  # its addresses signed, where they have to be
        for band, asset in zip(self.bands, scene.assets, strict=True):
            own: str | None = band.unit
            if own is None:
                header = header_of(asset, self._assume_crs)
                own = header.units[asset.index - 1] or None if header.units else None
            units.append(own)
        return tuple(units)

    def only(self, positions: Sequence[int]) -> Self:
        """The same dataset of some of its scenes alone; no file is opened.

        Args:
            positions: In `scenes`, from 0.
        """
        other = copy(self)
        other.__dict__.pop("regions", None)
        other._hold([self.scenes[i] for i in positions])
        return other

    def warm_up(self) -> None:
        """Load the compiled loops that reading the first scene takes; far and damaged ones are left alone."""
        if is_remote(self.scenes[0].assets[0].uri):
            return
        try:
            stacks = self._shelf.find(0, None)
            for piece in () if stacks is None else stacks.pieces:
                warm_up(piece.stack, piece.resampling, self._delivered(piece.stack.dtype))
        except ReadError as error:
            # It may never be asked for; if it is, the query says so.
            log.debug("compiled loops are loaded later: %s", error)

    def as_stored(self) -> Self:
        """The same scenes in the types of the files; itself where values are altered."""
        if self.dtype != "native" or self.scaled or self._transforms is not None:
            return self
        if not self.is_image and (self._stored_dtype is None or self._stored_dtype.kind == "f"):
            return self  # codes that files hold as floats are made whole as they are read
        other = copy(self)
        other.dtype = "stored"
        return other

    def _as_scaled(self) -> GeoDataset:
        if self.scaled or not self.is_image:
            return self
        if self._transforms is not None:
            return super()._as_scaled()
        other = copy(self)
        other.scaled, other.dtype = True, "native"
        return other

    def _calibrations(self) -> tuple[Calibration, ...]:
        if not self.is_image or self._transforms is not None:
            return super()._calibrations()
        if self.scaled:
            return (PHYSICAL,) * len(self.bands)
        return declared_calibrations(self.scenes)

    def _found_as(self, other: Self) -> bool:
        return self.scenes is other.scenes or (
            len(self.scenes) == len(other.scenes) and all(map(is_same, self.scenes, other.scenes))
        )

    def _to_read(self, position: int, channels: tuple[int, ...] | None) -> Scene:
        """A scene as its files are read; datasets that know files only from documents settle it here."""
        return self.scenes[position]

    def _new_shelf(self) -> StackShelf:
        return StackShelf(
            self._to_read,
            resampling=self._resampling_asked,
            nodata=self.nodata,
            crs=self._assume_crs,
            unrounded=self._is_unrounded,
        )

    @property
    def _is_unrounded(self) -> bool:
        """Whether stored integers are interpolated without rounding."""
        return self._layer == "value"

    @property
    def _resampling_asked(self) -> Resampling | None:
        return self.resampling or _USUAL_RESAMPLING[self._layer]

    def _found(self, queries: Sequence[Query]) -> list[list[int]]:
        """Positions of the scenes near each query, in the order of the mosaic rule."""
        dated = iter(self._found_at([q for q in queries if isinstance(q, MomentQuery)]))
        plain = [(q.grid, q.when) for q in queries if not isinstance(q, MomentQuery)]
        positions = iter(self._index.find_many(plain))
        return [
            next(dated) if isinstance(query, MomentQuery) else self._ordered(next(positions))
            for query in queries
        ]

    def _found_at(self, queries: Sequence[MomentQuery]) -> list[list[int]]:
        """`_found` of queries for moments; many ask for the same grid, which is looked up once."""
        grids = {id(query.grid): query.grid for query in queries}
        looked_up = self._index.find_many([(grid, ALWAYS) for grid in grids.values()])
        by_grid: dict[int, dict[Interval, list[int]]] = {}
        for key, positions in zip(grids, looked_up, strict=True):
            by_moment = by_grid[key] = {}
            for i in positions:
                by_moment.setdefault(self.scenes[i].when, []).append(i)
        return [
            self._ordered(sorted(i for m in q.moments for i in by_grid[id(q.grid)].get(m, ())))
            for q in queries
        ]

    def _moments(self, queries: Sequence[Query]) -> list[tuple[Interval, ...]]:
        return [tuple(sorted({self.scenes[i].when for i in near})) for near in self._found(queries)]

    @property
    def _puts_newest_first(self) -> bool:
        return self.mosaic == "newest" and not self.scaled and self._transforms is None

    def _ordered(self, positions: Sequence[int]) -> list[int]:
        if self.mosaic != "newest" or len(positions) < 2:
            return list(positions)
        return self._index.newest_first(positions)

    def _plan(
        self, queries: Sequence[Query], channels: tuple[int, ...] | None
    ) -> list[Plan | None]:
        near, channels = self._found(queries), channels if self.is_image else None
        waiting = [
            self._waiting(query, scenes, channels)
            for query, scenes in zip(queries, near, strict=True)
        ]
        allot([pending for pending in waiting if pending is not None])
        return [
            None if not scenes else self._planned(query, scenes, channels, pending)
            for query, scenes, pending in zip(queries, near, waiting, strict=True)
        ]

    def _planned(
        self,
        query: Query,
        scenes: list[int],
        channels: tuple[int, ...] | None,
        waiting: PendingRead | None,
    ) -> Plan:
        if waiting is None:
            describe = partial(self._reads, query.grid, scenes, channels)
            return Plan((), lambda: self._composed(query, scenes, channels), describe=describe)

        def finish() -> Sample:
            if waiting.failed:
                return self._composed(query, scenes, channels)
            return self._as_sample(query, scenes, *waiting.filled())

        return Plan(waiting.orders(), finish)

    def _waiting(
        self, query: Query, scenes: list[int], channels: tuple[int, ...] | None
    ) -> PendingRead | None:
        """The arrays that `read_batch` can fill as `_composed` would; None where it cannot."""
        several = len(scenes) > 1
        if not scenes or self.overviews or self._is_known_by_band:
            return None
        if several and (self.mosaic == "mean" or self.scaled):
            return None
        stacks: list[SceneStacks] = []
        for scene in scenes:
            try:
                stack = self._shelf.find(scene, channels)
            except ReadError:
                if self.on_error == "raise":
                    raise
                return None
            if stack is None or (self.scaled and not stack.one_dtype):
                return None
            stacks.append(stack)
        if several and not all(stack.fills_like(stacks[0]) for stack in stacks):
            return None
        bands = self._to_read(scenes[0], channels).bands
        if channels is not None:
            bands = tuple(bands[i] for i in channels)
        dtype = stacks[0].dtype if self.scaled else self._delivered(stacks[0].dtype)
        return PendingRead(
            query.grid,
            tuple(stacks),
            len(bands),
            dtype,
            bands if self.scaled else None,
            [] if self.on_error == "skip" else None,
        )

    def _read(self, query: Query, channels: tuple[int, ...] | None) -> Sample | None:
        (scenes,) = self._found([query])
        channels = channels if self.is_image else None
        return self._composed(query, scenes, channels) if scenes else None

    def _composed(
        self, query: Query, scenes: list[int], channels: tuple[int, ...] | None
    ) -> Sample:
        """The answer scene by scene, file by file: for what `read_batch` has no rule for."""
        if self._is_known_by_band:
            bands = [self._merged(query.grid, scenes, (k,)) for k in range(len(self.bands))]
            values, valid = zip(*bands, strict=True)
            return self._as_sample(query, scenes, np.concatenate(values), np.stack(valid))
        return self._as_sample(query, scenes, *self._merged(query.grid, scenes, channels))

    def _merged(
        self, grid: GeoBox, scenes: Sequence[int], channels: tuple[int, ...] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        answers = (self._scene_on(grid, scene, channels) for scene in scenes)
        return composite(answers, self.mosaic)

    @property
    def _is_known_by_band(self) -> bool:
        """Whether each band says for itself where it is known, so that it is read alone."""
        return self._layer == "value" and len(self.bands) > 1

    def _reads(
        self, grid: GeoBox, scenes: list[int], channels: tuple[int, ...] | None
    ) -> Iterator[FileRead]:
        """What `_composed` reads."""
        return explain_scenes(
            (self._to_read(position, channels) for position in scenes),
            grid,
            channels=channels,
            resampling=self._resampling_asked,
            nodata=self.nodata,
            crs=self._assume_crs,
            overviews=self.overviews,
            fills_gaps=self.mosaic != "mean",
        )

    def _scene_on(
        self, grid: GeoBox, position: int, channels: tuple[int, ...] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values and validity of one scene; nothing is observed of one that is left out."""
        try:
            return self._read_scene(grid, self._to_read(position, channels), channels)
        except ReadError as error:
            if self.on_error == "raise":
                raise
            self._leave_out(position, error)
        count = len(self.bands) if channels is None else len(channels)
        return np.zeros((count, *grid.shape), self._given_dtype), np.zeros(grid.shape, np.bool_)

    def _read_scene(
        self, grid: GeoBox, scene: Scene, channels: tuple[int, ...] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values (C, H, W) and validity (H, W) of one scene."""
        return read_scene(
            scene,
            grid,
            channels=channels,
            resampling=self._resampling_asked,
            nodata=self.nodata,
            scaled=self.scaled,
            crs=self._assume_crs,
            overviews=self.overviews,
            unrounded=self._is_unrounded,
            deliver=self._delivered,
        )

    def _leave_out(self, position: int, error: ReadError) -> None:
        if position not in self._left_out:
            self._left_out.add(position)
            log.warning(
                "%s: scene %s cannot be read and is left out (on_error='skip'; %d of %d so far here): %s",
                type(self).__name__,
                self.scenes[position].name,
                len(self._left_out),
                len(self.scenes),
                error,
            )

    def _as_sample(
        self,
        query: Query,
        scenes: Sequence[int],
        values: np.ndarray | Tensor,
        valid: np.ndarray | Tensor,
    ) -> Sample:
        if self._layer == "value":
            values, valid = as_values(values, valid)
            return to_sample(query.grid, valid, value=values)
        if self._layer == "mask":
            names = [self.scenes[i].name for i in scenes]
            values = as_codes(values, valid, self._given_dtype, names)
        if self.dtype == "stored":
            values = stored_tensor(values)
        if self.is_image:
            return to_sample(query.grid, valid, image=values)
        return to_sample(query.grid, valid, mask=values[0] if len(values) == 1 else values)

    def sample_dtype(self, layer: Layer) -> np.dtype[Any] | None:
        """The type in which samples hold a layer; see `GeoDataset.sample_dtype`."""
        if self._transforms is not None or layer not in self.layers:
            return None
        return self._given_dtype

    @property
    def _given_dtype(self) -> np.dtype[Any]:
        """The one dtype of all samples, before transforms."""
        common = self._stored_dtype
        if self._layer == "value" or (self.is_image and (common is None or self._is_rounded)):
            return np.dtype(np.float32)
        if common is not None and self.dtype == "stored":
            return common
        return torch_dtype(common) if self.is_image and common is not None else np.dtype(np.int64)

    @property
    def _is_rounded(self) -> bool:
        """Whether images are float32 whatever the files hold."""
        return self.scaled or self.mosaic == "mean" or self.dtype == "float32"

    def _delivered(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype in which values stored in a dtype are read.

        Raises:
            ReadError: the dataset's own dtype cannot hold them.
        """
        if self._layer == "mask" and dtype.kind == "c":
            raise ReadError(f"a file of {self!r} holds {dtype}; class codes are whole numbers")
        if self._layer == "mask":
            return dtype.newbyteorder("=") if dtype.kind == "f" else self._given_dtype
        common = self._stored_dtype or np.dtype(np.float32)
        if not self._is_rounded and not np.can_cast(dtype, common):
            raise ReadError(
                f"a file of {self!r} holds {dtype}, which does not fit the {common} that its samples are "
                "given in, as no file declared more when the dataset was made; make it again where files "
                "changed, or with dtype='float32', which rounds"
            )
        return self._given_dtype
