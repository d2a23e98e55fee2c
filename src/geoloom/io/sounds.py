"""Sounds from WAV files, as numbers between -1 and 1."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ReadError

_DAMAGED = (OSError, ValueError, EOFError, ArithmeticError, UnboundLocalError, struct.error)
"""What scipy raises where a file is damaged; of a part that is missing it uses what it was to fill."""

_UNSAID = 0xFFFFFFFF
"""The size of a file that was written to a pipe, whose length was not known when it began."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """One recording, its channels averaged."""

    values: NDArray[np.float32]
    """(S,), -1..1 where the file holds whole numbers, as stored where it holds others."""
    rate_hz: int
    """Values per second."""


def read_sound(path: str | Path) -> Sound:
    """The sound in a WAV file.

    Whole numbers are divided by the largest that their width can hold; unsigned bytes are centred first.

    Raises:
        ReadError: the file is missing, is no WAV, is packed by an unknown method, or is cut off.
    """
    from scipy.io import wavfile

    try:
        _require_whole(Path(path))
        rate_hz, stored = wavfile.read(path)
    except _DAMAGED as error:
        raise ReadError(
            f"{path} cannot be read as a sound: {error or type(error).__name__}; expected a WAV file of "
            "plain numbers (PCM): fetch it again, or convert it, as by `ffmpeg -i FILE FILE.wav`"
        ) from error
    return Sound(_averaged(_scaled(stored)), int(rate_hz))


def _require_whole(path: Path) -> None:
    """Refuse a file that is shorter than it says, of which scipy would give what there is."""
    with path.open("rb") as file:
        start = file.read(8)
    size = int.from_bytes(start[4:], "big" if start.startswith(b"RIFX") else "little")
    if start[:4] in (b"RIFF", b"RIFX") and path.stat().st_size < size + 8 and size != _UNSAID:
        raise ValueError(f"it has {path.stat().st_size:,} bytes of {size + 8:,}, and is cut off")


def _scaled(stored: NDArray[Any]) -> NDArray[np.float32]:
    if stored.dtype.kind == "f":
        return stored.astype(np.float32)
    # 24 bits come as 32, moved to the left; bytes alone have no sign.
    bits = 8 * stored.dtype.itemsize
    centred = stored.astype(np.float64) - (128 if stored.dtype == np.uint8 else 0)
    return (centred / 2.0 ** (bits - 1)).astype(np.float32)


def _averaged(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values if values.ndim == 1 else values.mean(axis=1, dtype=np.float32)
