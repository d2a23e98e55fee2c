"""Sources put together: channels behind channels, dates behind dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from ...core.bands import Band
from ...core.errors import DatasetError, ReadError
from ...io.pictures.fit import fit_into, fitted_transform
from .listing import Listing
from .pixels import ImageSource, InFiles, PixelArray

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox


@dataclass(frozen=True, slots=True)
class BandStack:
    """The channels of several sources, such as of a file for each band; only those asked for are read."""

    sources: tuple[ImageSource, ...]
    """In the order of the channels; none of them a series."""
    size: tuple[int, int] | None = None
    """Rows and columns to which each is resized (bilinear), pixels, where they differ in resolution; None:
    they must not differ."""

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of all sources."""
        return tuple(band for source in self.sources for band in source.bands)

    @property
    def dtype(self) -> np.dtype[Any]:
        """That holds the values of all sources."""
        return np.result_type(*(source.dtype for source in self.sources))

    @property
    def dates(self) -> None:
        """None: there is no axis of dates."""
        return

    def read(self, listing: Listing, row: int, channels: Sequence[int] | None = None) -> PixelArray:
        """See `ImageSource.read`."""
        count = sum(len(source.bands) for source in self.sources)
        wanted = list(range(count) if channels is None else channels)
        pieces = []
        start = 0
        for source in self.sources:
            within = range(start, start + len(source.bands))
            own = [k for k, channel in enumerate(wanted) if channel in within]
            if own:
                chosen = [wanted[k] - start for k in own]
                pieces.append((own, source.read(listing, row, chosen)))
            start = within.stop
        size = self.size or _one_shape(listing, row, [piece for _, piece in pieces])
        values = np.empty((len(wanted), *size), self.dtype)
        valid = np.ones(size, np.bool_)
        for own, piece in pieces:
            resized, seen = _resized(piece, size, self.dtype)
            values[own] = resized
            valid &= seen
        return PixelArray(values, valid, _placed([piece for _, piece in pieces], size))

    def shape(self, listing: Listing, row: int) -> tuple[int, int]:
        """See `ImageSource.shape`."""
        return self.size or self.sources[0].shape(listing, row)

    def grid(self, listing: Listing, row: int) -> GeoBox | None:
        """See `ImageSource.grid`."""
        grid = self.sources[0].grid(listing, row)
        return grid if grid is None or self.size is None else _at_size(grid, self.size)

    def places(self, listing: Listing, row: int) -> list[tuple[str, int]]:
        """File and band number, from 1, of each channel of a sample.

        Raises:
            DatasetError: a source does not lie in files.
        """
        places: list[tuple[str, int]] = []
        for source in self.sources:
            if not isinstance(source, InFiles):
                raise DatasetError(
                    f"{', '.join(band.name for band in source.bands)} of {listing.root} do not lie in files "
                    "of their own, so that they cannot be asked by place; take the samples by number"
                )
            places += source.places(listing, row)
        return places


@dataclass(frozen=True, slots=True)
class DateStack:
    """A series: one source for each date, all of the same bands, from the oldest date to the newest."""

    sources: tuple[ImageSource, ...]
    times: tuple[str, ...] = ()
    """Columns of the listing that hold each date, seconds since 1970 UTC; empty where dates are not known."""

    @property
    def bands(self) -> tuple[Band, ...]:
        """Of each date."""
        return self.sources[0].bands

    @property
    def dtype(self) -> np.dtype[Any]:
        """That holds the values of all dates."""
        return np.result_type(*(source.dtype for source in self.sources))

    @property
    def dates(self) -> int:
        """How many there are."""
        return len(self.sources)

    def read(self, listing: Listing, row: int, channels: Sequence[int] | None = None) -> PixelArray:
        """See `ImageSource.read`."""
        pieces = [source.read(listing, row, channels) for source in self.sources]
        _one_shape(listing, row, pieces)
        times = np.full(len(pieces), np.nan)
        for t, column in enumerate(self.times):
            times[t] = listing.columns[column][row]
        values = np.stack([piece.values for piece in pieces])
        return PixelArray(values, np.stack([p.valid for p in pieces]), pieces[0].grid, times)

    def shape(self, listing: Listing, row: int) -> tuple[int, int]:
        """See `ImageSource.shape`."""
        return self.sources[0].shape(listing, row)

    def grid(self, listing: Listing, row: int) -> GeoBox | None:
        """See `ImageSource.grid`."""
        return self.sources[0].grid(listing, row)


def narrowed(source: ImageSource, channels: Sequence[int]) -> tuple[ImageSource, tuple[int, ...]]:
    """The parts of a source that hold some channels, so that no file of others is opened, even for its size.

    Args:
        source: Any; one that is not put together is given back.
        channels: Positions among its bands.

    Returns:
        The source, and the positions among its bands.
    """
    if isinstance(source, DateStack):
        parts = [narrowed(date, channels) for date in source.sources]
        return replace(source, sources=tuple(date for date, _ in parts)), parts[0][1]
    if not isinstance(source, BandStack):
        return source, tuple(channels)
    kept: list[ImageSource] = []
    moved: dict[int, int] = {}
    start = before = 0
    for part in source.sources:
        own = range(start, start + len(part.bands))
        if not set(own).isdisjoint(channels):
            kept.append(part)
            moved |= {channel: before + k for k, channel in enumerate(own)}
            before += len(own)
        start = own.stop
    return replace(source, sources=tuple(kept)), tuple(moved[channel] for channel in channels)


def _one_shape(listing: Listing, row: int, pieces: Sequence[PixelArray]) -> tuple[int, int]:
    high, wide = pieces[0].values.shape[-2:]
    odd = next((p for p in pieces if p.values.shape[-2:] != (high, wide)), None)
    if odd is not None:
        raise ReadError(
            f"sample {listing.name(row)} in {listing.root} has files of {high} x {wide} and of "
            f"{' x '.join(map(str, odd.values.shape[-2:]))} pixels, expected one size; fetch them again"
        )
    return high, wide


def _resized(
    piece: PixelArray, size: tuple[int, int], dtype: np.dtype[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if piece.values.shape[-2:] == size:
        return piece.values, piece.valid
    values = np.empty((len(piece.values), *size), dtype)
    valid = np.empty(size, np.bool_)
    fit_into(piece.values, piece.valid, "resize", values, valid)
    return values, valid


def _placed(pieces: Sequence[PixelArray], size: tuple[int, int]) -> GeoBox | None:
    grid = next((piece.grid for piece in pieces if piece.grid is not None), None)
    return None if grid is None else _at_size(grid, size)


def _at_size(grid: GeoBox, size: tuple[int, int]) -> GeoBox:
    """The same ground in so many rows and columns."""
    from odc.geo.geobox import GeoBox  # declarations are listed without it

    if tuple(grid.shape) == size:
        return grid
    moved = grid.affine @ fitted_transform(tuple(grid.shape), size, "resize")
    return GeoBox(size, Affine(*moved[:6]), grid.crs)
