"""Pictures: what their files say of them, and their pixels."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from geoloom.core.bands import Band
from geoloom.core.errors import ReadError

from ..access.paths import path_text

Format = Literal["PNG", "JPEG", "TIFF"]

RGB = ("red", "green", "blue")

_ALWAYS_BYTES = 1 << 20
"""Any file may claim so much: small pictures of one value are packed without bound."""


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What a file says of its picture, without its pixels."""

    uri: str
    """Absolute path."""
    format: Format
    """By its first bytes, whatever its name."""
    shape: tuple[int, int]
    """Rows and columns, pixels, turned upright as the file says."""
    dtype: str
    """numpy's name of the type that `values` have."""
    bands: tuple[Band, ...]
    """One for each channel, named `red`, `green`, `blue` in a colour picture, else as in the file, else by
    number; with unit, scale, offset and nodata where the file declares them."""
    grid: GeoBox | None = None
    """Where the pixels lie; None where the file gives no place."""

    @property
    def band_names(self) -> tuple[str, ...]:
        """Of the channels."""
        return tuple(band.name for band in self.bands)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Pixels, and which of them the file says are there."""

    values: NDArray[Any]
    """(C, H, W), the file's dtype; palettes as red, green and blue."""
    valid: NDArray[np.bool_]
    """(H, W), True = observed: neither wholly transparent, nor nodata, nor NaN, in every band."""
    info: PictureInfo


@lru_cache(maxsize=64)
def named_bands(names: tuple[str, ...]) -> tuple[Band, ...]:
    """Bands of which nothing is known but their names."""
    return tuple(Band.named(name) for name in names)


def local_file(uri: str | Path) -> str:
    """The absolute path of a file that is neither a pipe nor a device.

    Raises:
        ReadError: it is none.
    """
    name = os.path.abspath(path_text(uri, ReadError))  # noqa: PTH100 - one of many
    try:
        status = os.stat(name)  # noqa: PTH116 - as above
    except (OSError, ValueError) as error:
        raise ReadError(f"{name} cannot be opened: {error}; check the path") from error
    if not stat.S_ISREG(status.st_mode):
        raise ReadError(f"{name} is a folder, a pipe or a device, not a file")
    return name


def check_claim(uri: str, claimed_bytes: int, stored_bytes: int, most_per_byte: int) -> None:
    """Refuse a picture that its file is too small to hold, before memory is taken for it.

    Args:
        uri: For the message.
        claimed_bytes: Of the decoded picture.
        stored_bytes: Of the file.
        most_per_byte: What a stored byte can unfold to in this format.

    Raises:
        ReadError: it is.
    """
    if claimed_bytes > stored_bytes * most_per_byte + _ALWAYS_BYTES:
        raise ReadError(
            f"{uri} claims a picture of {claimed_bytes:,} bytes, which its {stored_bytes:,} cannot hold; it "
            "is damaged, or made to exhaust memory: fetch it again, or leave it out"
        )
