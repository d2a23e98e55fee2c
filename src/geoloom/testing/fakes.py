"""Stand-ins for the seams, that answer at once and remember what they were asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.grid import lattice_window
from geoloom.core.resampling import Resampling
from geoloom.io.geometry.locate import to_source
from geoloom.io.headers.header import Header
from geoloom.io.headers.validity import fill_values, observed
from geoloom.io.loops.rounding import given_dtype


def fake_header(
    values: NDArray[Any],
    grid: GeoBox,
    *,
    uri: str = "memory",
    nodata: float | None = None,
    descriptions: tuple[str | None, ...] | None = None,
    class_names: Mapping[int, str] | None = None,
) -> Header:
    """The header that a plain file of these (C, H, W) values would have."""
    count = values.shape[0]
    return Header(
        uri=uri,
        driver="fake",
        grid=grid,
        count=count,
        dtypes=(values.dtype.name,) * count,
        nodata=(nodata,) * count,
        descriptions=descriptions if descriptions is not None else (None,) * count,
        scales=(1.0,) * count,
        offsets=(0.0,) * count,
        validity=("all" if nodata is None else "nodata",) * count,
        alpha=None,
        colormap=None,
        class_names=class_names,
        tags=MappingProxyType({}),
    )


@dataclass
class FakeEngine:
    """An engine over arrays in memory: exact copies, and nearest-neighbour for every resampling.

    Example:
        >>> from geoloom.testing.strategies import grid_around
        >>> grid = grid_around((10.0, 50.0), "EPSG:32632", (4, 4), 10.0)
        >>> values = np.arange(16, dtype="uint8").reshape(1, 4, 4)
        >>> engine = FakeEngine({"memory": values})
        >>> read, valid = engine.read(fake_header(values, grid), grid[1:3, 1:3], (1,), "nearest", None)
        >>> read.tolist(), bool(valid.all())
        ([[[5, 6], [9, 10]]], True)
    """

    arrays: Mapping[str, NDArray[Any]]
    """uri -> (C, H, W) values."""
    name: str = "fake"
    asked: list[tuple[str, GeoBox, tuple[int, ...], Resampling]] = field(default_factory=list)
    """Every read so far: uri, grid, bands, resampling."""

    def can_read(
        self, header: Header, grid: GeoBox, bands: tuple[int, ...], resampling: Resampling
    ) -> bool:
        """Whether it holds that uri."""
        return header.uri in self.arrays

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
        """Values (C, H, W) and validity (H, W), by the source pixel under each centre."""
        self.asked.append((header.uri, grid, bands, resampling))
        stored = self.arrays[header.uri][[band - 1 for band in bands]]
        seen = observed(stored, None, header, bands, nodata)
        rows, cols = _source_pixels(header.grid, grid)
        height, width = stored.shape[1:]
        inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
        at = np.where(inside, rows, 0), np.where(inside, cols, 0)
        fills = np.asarray(fill_values(header, bands, nodata)).reshape(-1, 1, 1)
        valid = inside & seen[:, at[0], at[1]].all(axis=0)
        dtype = given_dtype(stored.dtype, unrounded=unrounded)
        return np.where(inside, stored[:, at[0], at[1]], fills).astype(dtype), valid


def _source_pixels(source: GeoBox, grid: GeoBox) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(H, W) row and column of the source pixel under each centre; -1 where no place is."""
    height, width = grid.shape
    rows, cols = np.mgrid[:height, :width]
    window = lattice_window(source, grid)
    if window is not None:
        return rows + window.row, cols + window.col
    at_cols, at_rows = to_source(source, grid, cols + 0.5, rows + 0.5)
    placed = np.isfinite(at_cols) & np.isfinite(at_rows)
    return (
        np.where(placed, np.floor(at_rows), -1).astype(np.int64),
        np.where(placed, np.floor(at_cols), -1).astype(np.int64),
    )
