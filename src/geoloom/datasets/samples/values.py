"""Measured values of pixels, to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import ReadError
from ...io.pictures.fit import fit_into
from .listing import Listing
from .pixels import ImageSource
from .target import Frame


@dataclass(frozen=True, slots=True)
class PixelValues:
    """`value` (K, H, W) float32 in the bands' units, NaN where nothing was measured."""

    source: ImageSource
    """Of one band for each value; scale and offset of the bands are applied."""
    column: str = "value"
    """Of the listing; where it has None, nothing was measured of a sample."""

    @property
    def keys(self) -> tuple[str, ...]:
        """`value`."""
        return ("value",)

    def given(self, listing: Listing) -> bool:
        """Whether any of the samples has values."""
        return any(file is not None for file in listing.columns[self.column].tolist())

    def read(self, listing: Listing, row: int, frame: Frame) -> dict[str, NDArray[Any]]:
        """See `TargetSource.read`."""
        values = np.full((len(self.source.bands), *frame.size), np.nan, np.float32)
        if listing.columns[self.column][row] is None:
            return {"value": values}
        pixels = self.source.read(listing, row)
        if pixels.values.shape[-2:] != frame.stored:
            raise ReadError(
                f"{listing.columns[self.column][row]} in {listing.root} has "
                f"{' x '.join(map(str, pixels.values.shape[-2:]))} pixels, its image "
                f"{' x '.join(map(str, frame.stored))}; one of them is another file: fetch both again"
            )
        valid = np.empty(frame.size, np.bool_)
        for band, stored, out in zip(self.source.bands, pixels.values, values, strict=True):
            measured = pixels.valid & np.isfinite(stored)
            physical = stored.astype(np.float32) * band.scale + band.offset
            fit_into(physical[None], measured, frame.fit, out[None], valid)
            out[~valid] = np.nan
        return {"value": values}
