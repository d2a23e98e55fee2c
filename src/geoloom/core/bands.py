"""Bands: what a channel measures, and choosing channels by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import BandError, suggest

Role = Literal[
    "coastal",
    "blue",
    "green",
    "red",
    "rededge1",
    "rededge2",
    "rededge3",
    "nir",
    "nir08",
    "nir09",
    "cirrus",
    "swir1",
    "swir2",
    "pan",
    "thermal",
    "thermal2",
    "qa",
    "class",
    "other",
]


@dataclass(frozen=True, slots=True)
class Band:
    """One channel of a sensor, apart from how any file stores it.

    Physical value = stored value * scale + offset.
    """

    name: str
    """The provider's name, such as `SR_B4`."""
    role: Role = "other"
    """What it measures, the same word for every sensor; unions of sensors match on it."""
    wavelength_um: float | None = None
    """Centre wavelength, micrometres."""
    gsd_m: float | None = None
    """Ground sample distance, metres."""
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    """Stored value that means unobserved, where the provider's files leave it untagged."""

    @classmethod
    def named(cls, name: str) -> Band:
        """A band known by its name alone; a name that is a role, such as `red`, is taken as one.

        Example:
            >>> Band.named("Red").role, Band.named("SR_B4").role
            ('red', 'other')
        """
        role = name.lower()
        return cls(name, role=role) if role in get_args(Role) else cls(name)  # type: ignore[arg-type]


def find_bands(wanted: Sequence[str], known: Sequence[str], *, where: str) -> tuple[int, ...]:
    """Positions (0-based) of the wanted band names.

    Raises:
        BandError: a name is unknown; the message names the nearest and lists all.

    Example:
        >>> find_bands(["nir", "red"], ["red", "nir"], where="scene.tif")
        (1, 0)
    """
    positions = {name: i for i, name in enumerate(known)}
    for name in wanted:
        if name not in positions:
            raise BandError(f"{where} has no band {name!r}{suggest(name, known)}")
    return tuple(positions[name] for name in wanted)
