"""The seam from which a map is made: pixels of any grid, of whatever holds them.

Legend: C bands, T dates, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from ...models.scene_bands import SourceBands


@dataclass(frozen=True, slots=True, eq=False)
class SourcePixels:
    """What a source holds on a grid."""

    values: NDArray[Any]
    """(C, H, W), or of a series (T, C, H, W) from the oldest date to the newest; stored values, native
    dtype."""
    valid: NDArray[np.bool_]
    """(H, W), True = observed: the pixels that get an answer."""
    times: NDArray[np.float64] | None = None
    """(T,), seconds since 1970 UTC, NaN for a date that only fills up the number; None where there is no T
    axis."""
    valid_series: NDArray[np.bool_] | None = None
    """(T, H, W), True = observed at that date; wherever there are `times`."""


class Source(Protocol):
    """Anything that a map can be made from.

    Guarantee, which every source keeps: the pixels of a grid do not depend on how it is cut, `read(g)` at a
    window equals `read(g[window])`; and of a series every read holds equally many dates. Picklable, as it
    travels to worker processes; several threads may read at once.
    """

    @property
    def grid(self) -> GeoBox:
        """The pixels of the map."""
        ...

    @property
    def bands(self) -> SourceBands:
        """What it holds, of each date where there are several."""
        ...

    @property
    def is_series(self) -> bool:
        """Whether what it reads has a T axis."""
        ...

    @property
    def files(self) -> tuple[str, ...]:
        """The rasters that it reads, each once: no product replaces one of them."""
        ...

    @property
    def identity(self) -> Mapping[str, Any] | None:
        """All that decides its pixels, as JSON values: the state of the files and how they are read. By it a
        killed run knows that it may go on. None where it cannot be known, and runs start over."""
        ...

    def read(self, grid: GeoBox, numbers: Sequence[int]) -> SourcePixels | None:
        """The pixels of a grid, also beyond the map's edges.

        Args:
            grid: A window of the map's lattice.
            numbers: Bands, by the numbers of `bands`, in the order wanted.

        Returns:
            None where nothing was observed.
        """
        ...
