"""Sources of maps that hold arrays in memory, and remember what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.bands import Band
from geoloom.core.grid import lattice_window, window_inside, window_slices
from geoloom.inference.sources.source import SourcePixels
from geoloom.models.scene_bands import SourceBands


@dataclass
class FakeSource:
    """An array as the source of a map: windows of it, and nothing observed beyond its edges.

    Example:
        >>> from geoloom.testing.strategies import grid_around
        >>> grid = grid_around((10.0, 50.0), "EPSG:32632", (4, 4), 10.0)
        >>> source = FakeSource(np.arange(16, dtype="uint8").reshape(1, 4, 4), grid)
        >>> source.read(grid[1:3, 1:3], (1,)).values.tolist()
        [[[5, 6], [9, 10]]]
    """

    values: NDArray[Any]
    """(C, H, W), or (T, C, H, W) where there are `times`."""
    grid: GeoBox
    names: tuple[str, ...] = ()
    """Of the bands; their numbers where empty."""
    times: NDArray[np.float64] | None = None
    """(T,), seconds since 1970 UTC."""
    valid: NDArray[np.bool_] | None = None
    """(H, W), or of a series (T, H, W); None for all."""
    asked: list[GeoBox] = field(default_factory=list)
    """Every grid read so far."""

    @property
    def bands(self) -> SourceBands:
        """Of no known unit."""
        count = self.values.shape[-3]
        numbers = tuple(range(1, count + 1))
        names = self.names or tuple(map(str, numbers))
        dtypes = (self.values.dtype.name,) * count
        return SourceBands("memory", tuple(map(Band.named, names)), numbers, dtypes)

    @property
    def is_series(self) -> bool:
        """Whether there are times."""
        return self.times is not None

    @property
    def files(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def identity(self) -> Mapping[str, Any] | None:
        """None: arrays may change."""
        return None

    def read(self, grid: GeoBox, numbers: Sequence[int]) -> SourcePixels | None:
        """The part of the arrays under a grid of their lattice."""
        self.asked.append(grid)
        window = lattice_window(self.grid, grid)
        assert window is not None, "a source is asked for windows of its own lattice"
        inside = window_inside(window, (int(self.grid.shape[0]), int(self.grid.shape[1])))
        if inside is None:
            return None
        chosen = self.values[..., [number - 1 for number in numbers], :, :]
        seen = np.ones((*self.values.shape[:-3], *self.grid.shape), bool)
        if self.valid is not None:
            seen &= self.valid
        rows, cols = window_slices(inside)
        top, left = inside.row - window.row, inside.col - window.col
        at = slice(top, top + inside.height), slice(left, left + inside.width)
        values = np.zeros((*chosen.shape[:-2], *grid.shape), chosen.dtype)
        valid = np.zeros((*seen.shape[:-2], *grid.shape), bool)
        values[..., at[0], at[1]] = chosen[..., rows, cols]
        valid[..., at[0], at[1]] = seen[..., rows, cols]
        if self.times is None:
            return SourcePixels(values, valid)
        return SourcePixels(values, np.logical_or.reduce(valid), self.times, valid)
