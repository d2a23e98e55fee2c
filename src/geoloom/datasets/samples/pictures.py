"""A picture in a file of its own for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core.bands import Band
from ...core.errors import ReadError
from .listing import Listing
from .pixels import PixelArray

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from ...io.pictures.picture import Picture, PictureInfo


@dataclass(frozen=True, slots=True)
class Pictures:
    """PNG, JPEG and TIFF files, one a sample."""

    bands: tuple[Band, ...]
    """Of the channels that are read, in order."""
    stored: str = "uint8"
    """numpy's name of the type that holds the values of all files."""
    column: str = "file"
    """Of the listing, that names the files."""
    channels: tuple[int, ...] | None = None
    """Positions of `bands` among the files' channels, such as (0,) of a grey picture that is stored as three;
    None: the files have these bands, and no others."""
    inside: str = ""
    """A file's name where the column names the folders of samples, such as `B01.tif`; `{name}` is the
    folder's."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """As `stored`."""
        return np.dtype(self.stored)

    @property
    def dates(self) -> None:
        """None: a picture has no axis of dates."""
        return

    def read(self, listing: Listing, row: int, channels: Sequence[int] | None = None) -> PixelArray:
        """See `ImageSource.read`."""
        from ...io.pictures.read import read_picture  # declarations are listed without it

        picture = read_picture(self._path(listing, row), measured=self._measured)
        self._check(picture, listing, row)
        wanted = range(len(self.bands)) if channels is None else channels
        taken = [k if self.channels is None else self.channels[k] for k in wanted]
        values = picture.values
        if taken != list(range(len(values))):
            values = values[taken]
        grid = picture.info.grid
        return PixelArray(values, self._valid(values, picture.valid, wanted), grid)

    def shape(self, listing: Listing, row: int) -> tuple[int, int]:
        """See `ImageSource.shape`."""
        if listing.shapes is not None:
            high, wide = listing.shapes[row].tolist()
            return high, wide
        return self._info(listing, row).shape

    def grid(self, listing: Listing, row: int) -> GeoBox | None:
        """See `ImageSource.grid`."""
        if listing.grids is not None:
            known: GeoBox | None = listing.grids[row]
            return known
        return self._info(listing, row).grid

    def places(self, listing: Listing, row: int) -> list[tuple[str, int]]:
        """File and band number, from 1, of each channel of a sample."""
        path = self._path(listing, row)
        chosen = range(len(self.bands)) if self.channels is None else self.channels
        return [(path, channel + 1) for channel in chosen]

    def _path(self, listing: Listing, row: int) -> str:
        path = listing.path(row, self.column)
        if not self.inside:
            return path
        return f"{path}/{self.inside.format(name=path.rpartition('/')[2])}"

    def _info(self, listing: Listing, row: int) -> PictureInfo:
        from ...io.pictures.read import picture_info

        return picture_info(self._path(listing, row), measured=self._measured)

    @property
    def _measured(self) -> int:
        return len(self.bands) if self.channels is None else max(self.channels) + 1

    def _check(self, picture: Picture, listing: Listing, row: int) -> None:
        count, *shape = picture.values.shape
        bands = f"{self._measured} bands" + ("" if self.channels is None else " or more")
        expected = f"{self.dtype} of {bands}"
        fits = count == self._measured if self.channels is None else count >= self._measured
        if listing.shapes is not None and self.channels is None:
            known = [len(self.bands), *listing.shapes[row].tolist()]
            fits = [count, *shape] == known
            expected = f"{self.dtype} of {tuple(known)}, as when the dataset was made"
        if not (fits and np.can_cast(picture.values.dtype, self.dtype, "safe")):
            raise ReadError(
                f"{self._path(listing, row)} holds {picture.values.dtype} of {picture.values.shape} by "
                f"now, expected {expected}; fetch it again, or make the dataset again where it was replaced"
            )

    def _valid(
        self, values: NDArray[Any], valid: NDArray[np.bool_], channels: Sequence[int]
    ) -> NDArray[np.bool_]:
        """Also where nodata is declared, and not in the file."""
        from ...io.headers.validity import as_stored

        for band, k in zip(values, channels, strict=True):
            unobserved = as_stored(self.bands[k].nodata, band.dtype)
            if unobserved is not None:
                valid = valid & (band != unobserved)
        return valid
