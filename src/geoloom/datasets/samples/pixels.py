"""Pixels of numbered samples, and the seam that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ...core.bands import Band
from .listing import Listing

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox


@dataclass(frozen=True, slots=True, eq=False)
class PixelArray:
    """What was read of one sample."""

    values: NDArray[Any]
    """(C, H, W), or (T, C, H, W) of a series, as stored."""
    valid: NDArray[np.bool_]
    """(H, W), or (T, H, W) of a series, True = observed."""
    grid: GeoBox | None = None
    """Where the pixels lie; None where the file gives no place."""
    times: NDArray[np.float64] | None = None
    """(T,) seconds since 1970 UTC, NaN = unknown; of a series alone."""


class ImageSource(Protocol):
    """How samples' pixels are read. It holds no file and no row: both are the listing's."""

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of the channels, in order."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """That holds the values of all samples."""
        ...

    @property
    def dates(self) -> int | None:
        """How many dates each sample has; None where there is no axis of dates."""
        ...

    def read(self, listing: Listing, row: int, channels: Sequence[int] | None = None) -> PixelArray:
        """The pixels of one sample; of the channels wanted, in order (None: all).

        Raises:
            ReadError: a file is missing, damaged or another one.
        """
        ...

    def shape(self, listing: Listing, row: int) -> tuple[int, int]:
        """Rows and columns of one sample, no pixel decoded; raises as `read`."""
        ...

    def grid(self, listing: Listing, row: int) -> GeoBox | None:
        """Where one sample lies, no pixel decoded; raises as `read`."""
        ...


@runtime_checkable
class InFiles(Protocol):
    """A source whose channels are bands of files, so that they can be asked by place."""

    def places(self, listing: Listing, row: int) -> list[tuple[str, int]]:
        """File and band number, from 1, of each channel of a sample."""
        ...
