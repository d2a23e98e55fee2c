"""The seam behind `read`: engines, tried in order, that give equal answers."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.errors import ReadError, suggest
from geoloom.core.resampling import Resampling

from ..access.gdal_fallback import LeftToGdalError, leave
from ..headers.header import Header
from .direct import DirectEngine
from .gdal import GdalEngine

EngineName = Literal["auto", "gdal", "direct"]


class Engine(Protocol):
    """Something that puts a raster's pixels onto a grid."""

    @property
    def name(self) -> str:
        """What `read(engine=...)` calls it."""
        ...

    def can_read(
        self, header: Header, grid: GeoBox, bands: tuple[int, ...], resampling: Resampling
    ) -> bool:
        """Whether it can answer this read exactly as GDAL would; decided without reading pixels."""
        ...

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
        """Pixels on the grid.

        Args:
            header: The source.
            grid: The pixels wanted, in any CRS, anywhere.
            bands: Band numbers, from 1, at least one, all inside the file.
            resampling: Used only where the lattices differ; equal lattices are copied.
            nodata: Replaces the file's nodata values; None keeps them.
            unrounded: Resample stored integers as float64, and give them as that.

        Returns:
            values: (C, H, W) in the bands' common dtype, or float64; nodata (or 0) where there is no value.
            valid: (H, W) bool, True where every band is observed.

        Raises:
            ReadError: the file is damaged, or no transformation joins the CRSs.
        """
        ...


ENGINES: tuple[Engine, ...] = (DirectEngine(), GdalEngine())
"""Fastest first; the last one can read everything."""


def choose_engine(
    name: EngineName, header: Header, grid: GeoBox, bands: tuple[int, ...], resampling: Resampling
) -> Engine:
    """The named engine, or with `auto` the first one that can answer.

    Raises:
        ReadError: there is no engine of that name, or it cannot read this.
    """
    for engine in ENGINES:
        if name in ("auto", engine.name) and engine.can_read(header, grid, bands, resampling):
            return engine
    known = [engine.name for engine in ENGINES]
    if name not in known:
        raise ReadError(f"no engine is called {name!r}{suggest(name, [*known, 'auto'])}")
    raise ReadError(
        f"engine {name!r} cannot read {header.uri} onto this grid with resampling {resampling!r}; "
        "use engine='auto'"
    )


def read_with(
    name: EngineName,
    header: Header,
    grid: GeoBox,
    bands: tuple[int, ...],
    resampling: Resampling,
    nodata: float | None,
    *,
    unrounded: bool = False,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Pixels on the grid by the engine chosen; with `auto`, GDAL reads what turns out to be left to it.

    Arguments, result and errors are those of `choose_engine` and `Engine.read`.
    """
    engine = choose_engine(name, header, grid, bands, resampling)
    try:
        return engine.read(header, grid, bands, resampling, nodata, unrounded=unrounded)
    except LeftToGdalError as error:
        if name != "auto":
            raise
        leave(header.uri, error)
    return ENGINES[-1].read(header, grid, bands, resampling, nodata, unrounded=unrounded)
