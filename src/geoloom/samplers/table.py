"""An epoch as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..core.grid import PixelWindow, window_grid
from ..core.query import Query
from ..datasets.region import Region

ROW = np.dtype([("region", "i4"), ("row", "i8"), ("col", "i8"), ("height", "i4"), ("width", "i4")])
"""Region number, and the chip's window in that region's frame, whole pixels."""

_AT_ONCE = 1024
"""Rows that become Python numbers together."""


@dataclass(frozen=True, slots=True, eq=False)
class ChipTable:
    """The chips of an epoch, in order; each becomes a `Query` when it is asked for.

    Example:
        >>> table = GridGeoSampler(dataset, size=256).table()  # doctest: +SKIP
        >>> table.rows["region"], table[0].grid                # doctest: +SKIP
    """

    regions: tuple[Region, ...]
    rows: np.ndarray
    """(N,) of dtype `ROW`."""

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} chips in {len(self.regions)} regions)"

    def __getitem__(self, position: int) -> Query:
        return self._query(*self.rows[position].tolist())

    def __iter__(self) -> Iterator[Query]:
        for start in range(0, len(self), _AT_ONCE):
            for row in self.rows[start : start + _AT_ONCE].tolist():
                yield self._query(*row)

    def batches(self, size: int) -> Iterator[list[Query]]:
        """Successive lists of `size` queries; the last one may be shorter."""
        queries = iter(self)
        while batch := list(islice(queries, size)):
            yield batch

    def _query(self, number: int, row: int, col: int, height: int, width: int) -> Query:
        region = self.regions[number]
        assert region.frame is not None  # samplers take only regions with pixels
        return Query(window_grid(region.frame, PixelWindow(row, col, height, width)), region.when)


def rows_of(
    region: int | np.ndarray, row: np.ndarray, col: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Rows of a table for chips of one shape."""
    rows = np.empty(len(row), dtype=ROW)
    rows["region"], rows["row"], rows["col"] = region, row, col
    rows["height"], rows["width"] = shape
    return rows


def joined_rows(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of several parts, one after the other."""
    return np.concatenate(parts) if parts else np.empty(0, dtype=ROW)
