"""Scenes made ready to be read in one go: which stacks of bands fill which channels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.bands import Band
from ...core.query import Asset, Scene
from ...core.resampling import DEFAULT_OF_CLASSES, Resampling, default_resampling
from ...io.blocks.stack import Channel, Stack
from ...io.headers.header import Header
from ...io.loops.rounding import given_dtype
from ..scenes.located import header_of, require_band

_CODED = frozenset({"qa", "class"})
_STACKS_KEPT = 4096
"""Scenes' stacks kept at most; each holds its files' headers, some 2 KB per file."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Successive channels that are read at once."""

    stack: Stack
    resampling: Resampling
    start: int
    """First channel."""
    stop: int
    """Channel after the last."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneStacks:
    """All channels wanted of a scene."""

    pieces: tuple[Piece, ...]
    """In the order of the channels."""
    dtype: np.dtype[Any]
    """That holds all channels as they are read."""
    one_dtype: bool
    """Whether all channels are stored in one."""
    headers: tuple[Header, ...]
    assets: tuple[Asset, ...]
    """One of each file, in the headers' order."""
    crs: str | None
    """Instead of the files' own."""

    def fills_like(self, other: SceneStacks) -> bool:
        """Whether gaps of one are filled from the other as a whole, value for value."""
        if len(self.pieces) > 1 or len(other.pieces) > 1 or self.dtype != other.dtype:
            return False
        return self.pieces[0].resampling == other.pieces[0].resampling

    def ready(self) -> bool:
        """Whether all can be read without GDAL now."""
        return all(piece.stack.ready() is not None for piece in self.pieces)

    def current(self) -> bool:
        """Whether the files are still those whose headers were read."""
        pairs = zip(self.assets, self.headers, strict=True)
        return all(header_of(asset, self.crs) is header for asset, header in pairs)


def scene_stacks(
    scene: Scene,
    channels: tuple[int, ...] | None,
    *,
    resampling: Resampling | None,
    nodata: float | None,
    crs: str | None,
    unrounded: bool = False,
) -> SceneStacks:
    """How to read a scene's bands; `read_scene` says what the arguments mean.

    Raises:
        ReadError: a file is gone, damaged, or replaced by one on another grid.
    """
    chosen = range(len(scene.bands)) if channels is None else channels
    assets = {scene.assets[i].uri: scene.assets[i] for i in chosen}
    headers = {uri: header_of(asset, crs) for uri, asset in assets.items()}
    picked: list[tuple[Channel, Resampling]] = []
    for i in chosen:
        band, asset = scene.bands[i], scene.assets[i]
        header = headers[asset.uri]
        require_band(header, asset)
        how = resampling_of(band, resampling) or default_resampling(categorical=header.categorical)
        own = nodata if nodata is not None else band.nodata
        picked.append((Channel(header, asset.index, own), how))
    dtypes = [channel.dtype for channel, _ in picked]
    common = np.result_type(*dtypes)
    return SceneStacks(
        pieces=tuple(_pieces(picked, unrounded=unrounded)),
        dtype=given_dtype(common, unrounded=unrounded),
        one_dtype=all(dtype == common for dtype in dtypes),
        headers=tuple(headers.values()),
        assets=tuple(assets.values()),
        crs=crs,
    )


def resampling_of(band: Band, resampling: Resampling | None) -> Resampling | None:
    """The resampling of a band: bit flags and classes are never averaged."""
    if band.role in _CODED and resampling != "mode":
        return DEFAULT_OF_CLASSES
    return resampling


def _pieces(picked: Sequence[tuple[Channel, Resampling]], *, unrounded: bool) -> list[Piece]:
    """Runs of channels of one lattice, dtype and resampling; of one file where the files differ inside."""
    pieces = []
    for start, stop in _runs(picked, _alike):
        run = picked[start:stop]
        stack = Stack(tuple(channel for channel, _ in run), unrounded)
        if stack.ready() is not None:
            pieces.append(Piece(stack, run[0][1], start, stop))
            continue
        for first, after in _runs(run, lambda a, b: a[0].header is b[0].header):
            own = Stack(tuple(channel for channel, _ in run[first:after]), unrounded)
            pieces.append(Piece(own, run[0][1], start + first, start + after))
    return pieces


def _alike(one: tuple[Channel, Resampling], other: tuple[Channel, Resampling]) -> bool:
    (a, a_resampling), (b, b_resampling) = one, other
    return a_resampling == b_resampling and a.dtype == b.dtype and a.header.grid == b.header.grid


def _runs(items: Sequence[Any], belong: Any) -> list[tuple[int, int]]:
    """First and last-plus-one positions of runs whose items belong to the run's first."""
    starts = [0]
    for i in range(1, len(items)):
        if not belong(items[starts[-1]], items[i]):
            starts.append(i)
    return list(zip(starts, [*starts[1:], len(items)], strict=True))


class StackShelf:
    """The stacks of a dataset's scenes, made when they are first asked for, and the last used of them kept.

    Empty when it is pickled.

    Args:
        scene_at: Position and channels -> the scene, as it is to be read.
        resampling, nodata, crs, unrounded: As `read_scene`.
    """

    def __init__(
        self,
        scene_at: Callable[[int, tuple[int, ...] | None], Scene],
        *,
        resampling: Resampling | None,
        nodata: float | None,
        crs: str | None,
        unrounded: bool = False,
    ) -> None:
        self._unrounded = unrounded
        self._scene_at = scene_at
        self._resampling, self._nodata, self._crs = resampling, nodata, crs
        self._known: OrderedDict[tuple[int, tuple[int, ...] | None], SceneStacks] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": OrderedDict()}

    def find(self, scene: int, channels: tuple[int, ...] | None) -> SceneStacks | None:
        """The stacks of a scene's channels, by its position; None where the scene is left to GDAL.

        Raises:
            ReadError: a file is gone or damaged.
        """
        key = scene, channels
        known = self._known.get(key)
        if known is None or not (known.ready() or known.current()):
            known = scene_stacks(
                self._scene_at(scene, channels),
                channels,
                resampling=self._resampling,
                nodata=self._nodata,
                crs=self._crs,
                unrounded=self._unrounded,
            )
        self._keep(key, known)
        return known if known.ready() else None

    def _keep(self, key: tuple[int, tuple[int, ...] | None], stacks: SceneStacks) -> None:
        # Each step is one of the dictionary's own, so that threads at worst forget a scene too many.
        self._known[key] = stacks
        try:
            self._known.move_to_end(key)
            while len(self._known) > _STACKS_KEPT:
                self._known.popitem(last=False)
        except KeyError:
            return
