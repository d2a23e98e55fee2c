"""The engine that reads TIFFs without GDAL: blocks by address, coordinates by polynomials, one gather.

Its answers are GDAL's (see `gdal`), whose definitions of spans, boxes and majorities it shares.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.grid import PixelWindow, window_of
from geoloom.core.resampling import Resampling

from ..blocks.copy import copy_from
from ..blocks.stack import Channel, MappedStack, Stack
from ..geometry.coordinate_map import CoordinateMap, CrsToPixels, coordinate_maps
from ..geometry.shrinkage import Shrinkage, cells
from ..headers.header import Header
from ..loops.rounding import given_dtype
from .direct_warp import warp, warp_part

_STACKS = 1024
_AT_CENTRES = frozenset(("nearest", "bilinear", "cubic"))
"""Those that ask where the centres of the grid's own pixels lie."""


class DirectEngine:
    """Window copies and exact warps of plain GeoTIFFs."""

    name = "direct"

    def can_read(
        self, header: Header, grid: GeoBox, bands: tuple[int, ...], resampling: Resampling
    ) -> bool:
        """Local GeoTIFFs of plain numbers, uncompressed or DEFLATE, LZW or ZSTD, without mask bands."""
        return header.driver == "GTiff" and _stack(header, bands, None).ready() is not None

    def read(
        self,
        header: Header,
        grid: GeoBox,
        bands: tuple[int, ...],
        resampling: Resampling,
        nodata: float | None,
        *,
        unrounded: bool = False,
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values (C, H, W) and where all bands are observed (H, W); see `Engine.read`."""
        ready = _stack(header, bands, nodata, unrounded=unrounded).ready()
        assert ready is not None  # the caller has asked `can_read`
        height, width = grid.shape
        dtype = given_dtype(ready.like.dtype, unrounded=unrounded)
        values = np.empty((len(bands), height, width), dtype)
        valid = np.empty((height, width), np.bool_)
        read_stack(ready, grid, resampling, values, valid)
        ready.check()
        return values, valid


_KNOWN: OrderedDict[tuple[int, tuple[int, ...], float | None, bool], Stack] = OrderedDict()
_KNOWN_LOCK = threading.Lock()


def _stack(
    header: Header, bands: tuple[int, ...], nodata: float | None, *, unrounded: bool = False
) -> Stack:
    """One stack for each order, so that files are mapped once."""
    # By identity, which stays the header's own as long as the stack holds it.
    key = id(header), bands, nodata, unrounded
    stack = _KNOWN.get(key)
    if stack is None:
        stack = Stack(tuple(Channel(header, band, nodata) for band in bands), unrounded)
        with _KNOWN_LOCK:
            _KNOWN[key] = stack
            while len(_KNOWN) > _STACKS:
                _KNOWN.popitem(last=False)
    return stack


def _renew_in_child() -> None:
    global _KNOWN_LOCK
    _KNOWN_LOCK = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_in_child)


def maps_ahead(
    asked: Sequence[tuple[MappedStack | None, GeoBox, Resampling]],
) -> list[CoordinateMap | None]:
    """Coordinate maps for `read_ready`, of reads that will happen together; None where none is needed."""
    numbers: list[int] = []
    ways: list[tuple[CrsToPixels, GeoBox]] = []
    for number, (ready, grid, resampling) in enumerate(asked):
        if ready is not None and resampling in _AT_CENTRES and _same_lattice(ready, grid) is None:
            way = ready.way(grid.crs)
            if not way.turned(grid):
                numbers.append(number)
                ways.append((way, grid))
    maps: list[CoordinateMap | None] = [None] * len(asked)
    for number, places in zip(numbers, coordinate_maps(ways), strict=True):
        maps[number] = places
    return maps


def read_stack(
    ready: MappedStack,
    grid: GeoBox,
    resampling: Resampling,
    out: NDArray[Any],
    valid: NDArray[np.bool_],
    places: CoordinateMap | None = None,
) -> None:
    """Read a stack onto a grid, into arrays that are wholly overwritten; `ready.check` after it.

    Args:
        ready: What to read.
        grid: The pixels wanted.
        resampling: Used where the lattices differ.
        out: (C, H, W), C-contiguous, of any dtype; values are cast to it.
        valid: (H, W), C-contiguous, True where all bands are observed.
        places: From `maps_ahead`.

    Raises:
        ReadError: a block is damaged, or no transformation joins the CRSs.
    """
    turned = ready.way(grid.crs).turned(grid) if places is None else []
    if turned:
        for rows, cols, piece in turned:
            values = np.empty((len(out), *piece.shape), out.dtype)
            piece_valid = np.empty(piece.shape, np.bool_)
            # A piece that is turned lies beside the source, or nowhere: it is not turned again.
            _read_as_placed(ready, piece, resampling, values, piece_valid)
            out[:, rows, cols], valid[rows, cols] = values, piece_valid
        return
    _read_as_placed(ready, grid, resampling, out, valid, places)


def _read_as_placed(
    ready: MappedStack,
    grid: GeoBox,
    resampling: Resampling,
    out: NDArray[Any],
    valid: NDArray[np.bool_],
    places: CoordinateMap | None = None,
) -> None:
    seen = valid.view(np.uint8)
    window = _same_lattice(ready, grid) if places is None else None
    if window is not None:
        copy_from(ready, window, out, seen)
    elif resampling == "nearest":
        warp(ready, grid, resampling, Shrinkage((1, 1), True), out, seen, places)
    else:
        a, b, _, d, e, _ = grid.affine[:6]
        uniform = ready.way(grid.crs).shrinkage((a, b, d, e))
        if uniform is not None:
            warp(ready, grid, resampling, uniform, out, seen, places)
            return
        for rows, cols, shrinkage in cells(ready.grid, grid):
            warp_part(ready, grid, resampling, shrinkage, (rows, cols), out, seen)


def _same_lattice(ready: MappedStack, grid: GeoBox) -> PixelWindow | None:
    """The window of the source that is `grid`, where it needs no warp."""
    way = ready.way(grid.crs)
    return window_of(grid, way.to_pixel) if way.same else None
