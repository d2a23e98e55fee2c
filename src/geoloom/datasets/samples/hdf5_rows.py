"""Samples in the rows of HDF5 arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.bands import Band
from ...core.errors import ReadError
from .listing import Listing
from .pixels import PixelArray


@dataclass(frozen=True, slots=True)
class Hdf5Rows:
    """A row of an array for each sample, by the columns `file` and `row` of the listing."""

    bands: tuple[Band, ...]
    """Of the channels, in order."""
    array: str
    """Its name in the file."""
    axes: str
    """Of a row, a letter each: `T` dates, `H` rows, `W` columns, `C` channels, such as `HWC`."""
    size: tuple[int, int]
    """Rows and columns."""
    stored: str
    """numpy's name of the type that holds the values."""
    dates: int | None = None
    """How many a row has, where there is an axis of dates."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """As `stored`."""
        return np.dtype(self.stored)

    def read(self, listing: Listing, row: int, channels: Sequence[int] | None = None) -> PixelArray:
        """See `ImageSource.read`."""
        values = self._values(listing, row)
        if channels is not None:
            values = values[..., list(channels), :, :]
        valid = np.isfinite(values).all(axis=-3) if values.dtype.kind == "f" else None
        if valid is None:
            valid = np.ones((*values.shape[:-3], *values.shape[-2:]), np.bool_)
        return PixelArray(np.ascontiguousarray(values), valid)

    def _values(self, listing: Listing, row: int) -> NDArray[Any]:
        """(C, H, W), or (T, C, H, W)."""
        from ...io.pictures.hdf5 import in_order  # declarations are listed without it
        from ...io.pictures.hdf5_rows import read_rows

        path = listing.path(row)
        (stored,) = read_rows(path, self.array, [int(listing.columns["row"][row])])
        sides = {"T": self.dates, "C": len(self.bands), "H": self.size[0], "W": self.size[1]}
        expected = tuple(sides[axis] for axis in self.axes)
        if stored.shape != expected or not np.can_cast(stored.dtype, self.dtype, "safe"):
            raise ReadError(
                f"{path}: a row of {self.array} is {stored.dtype} of {stored.shape}, expected "
                f"{self.dtype} of {expected}; it is another file: fetch it again"
            )
        return in_order(stored, self.axes)

    def shape(self, listing: Listing, row: int) -> tuple[int, int]:
        """See `ImageSource.shape`."""
        return self.size

    def grid(self, listing: Listing, row: int) -> None:
        """None: rows of arrays say nothing of a place."""
        return
