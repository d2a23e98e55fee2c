"""Sounds that were recorded where samples lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .listing import Listing
from .target import Frame


@dataclass(frozen=True, slots=True)
class Audio:
    """A WAV file per sample. Sounds are of the files' own lengths and rates: none is cut or resampled."""

    column: str = "audio"
    """Of the listing."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The sound, and its values per second."""
        return ("audio", "audio_hz")

    def given(self, listing: Listing) -> bool:
        """Whether the listing has sounds."""
        return self.column in listing.columns

    def read(self, listing: Listing, row: int, frame: Frame) -> dict[str, NDArray[Any]]:
        """See `TargetSource.read`; `audio` (S,) float32 and `audio_hz` () int64."""
        from ...io.sounds import read_sound  # declarations are listed without it

        sound = read_sound(listing.path(row, self.column))
        return {"audio": sound.values, "audio_hz": np.asarray(sound.rate_hz, np.int64)}
