"""Samples that are windows of large rasters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.bands import Band
from ...core.errors import ReadError
from .listing import Listing
from .pixels import PixelArray

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from ...core.grid import PixelWindow


@dataclass(frozen=True, slots=True)
class Windows:
    """A window of a TIFF for each sample, by the listing's columns `row`, `col`, `height` and `width`."""

    bands: tuple[Band, ...]
    """Of the file's channels, in order."""
    path: str
    """Of the file, below the dataset's folder; columns of the listing in braces."""
    stored: str
    """numpy's name of the type that holds the values of all files."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """As `stored`."""
        return np.dtype(self.stored)

    @property
    def dates(self) -> None:
        """None: there is no axis of dates."""
        return

    def read(self, listing: Listing, row: int, channels: Sequence[int] | None = None) -> PixelArray:
        """See `ImageSource.read`."""
        from ...io.pictures.window import read_picture_window  # declarations are listed without it

        window = _window(listing, row)
        path = self._path(listing, row)
        values, valid, grid = read_picture_window(path, window, measured=len(self.bands))
        if len(values) != len(self.bands) or not np.can_cast(values.dtype, self.dtype, "safe"):
            raise ReadError(
                f"{path} holds {len(values)} bands of {values.dtype}, expected {len(self.bands)} of "
                f"{self.dtype}; fetch it again"
            )
        return PixelArray(values if channels is None else values[list(channels)], valid, grid)

    def shape(self, listing: Listing, row: int) -> tuple[int, int]:
        """See `ImageSource.shape`."""
        return int(listing.columns["height"][row]), int(listing.columns["width"][row])

    def grid(self, listing: Listing, row: int) -> GeoBox | None:
        """See `ImageSource.grid`."""
        from ...io.pictures.window import picture_window_grid

        path = self._path(listing, row)
        return picture_window_grid(path, _window(listing, row), measured=len(self.bands))

    def _path(self, listing: Listing, row: int) -> str:
        columns = {name: column[row] for name, column in listing.columns.items()}
        return f"{listing.root}/{self.path.format_map(columns)}"


def _window(listing: Listing, row: int) -> PixelWindow:
    from ...core.grid import PixelWindow  # declarations are listed without it

    names = ("row", "col", "height", "width")
    return PixelWindow(*(int(listing.columns[name][row]) for name in names))


def tiled(shape: tuple[int, int], side: int) -> Iterator[tuple[int, int, int, int]]:
    """Windows (row, col, height, width) that cover a raster; the last ones overlap those before them.

    Example:
        >>> list(tiled((5, 4), 4))
        [(0, 0, 4, 4), (1, 0, 4, 4)]
    """
    from ...core.grid import block_windows  # declarations are listed without it

    high, wide = min(side, shape[0]), min(side, shape[1])
    for block in block_windows(shape, side):
        yield min(block.row, shape[0] - high), min(block.col, shape[1] - wide), high, wide
