"""Bands: what a channel measures, and choosing channels by name."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from .errors import BandError, suggest

log = logging.getLogger(__name__)

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


Sensors = Sequence[tuple[str, tuple[Band, ...]]]
"""Name, for messages, and bands of each."""


@dataclass(frozen=True, slots=True)
class BandMatch:
    """The bands that all sensors share."""

    bands: tuple[Band, ...]
    """As the first sensor describes them."""
    channels: tuple[tuple[int, ...] | None, ...]
    """Where each sensor has them, 0-based; None where it is taken whole."""
    by: Literal["name", "role", "position"]

    def report(self, joined: Sensors) -> None:
        """Log what those that are joined lose by it, and whether they were matched by position."""
        names = " and ".join(name for name, _ in joined)
        if self.by == "position":
            log.warning(
                "bands of %s are matched by position: they have neither equal names nor roles",
                names,
            )
        kept = {band.role for band in self.bands}
        for name, bands in joined if self.by == "role" else ():
            dropped = [f"{b.name} ({b.role})" for b in bands if b.role not in kept]
            if dropped:
                log.warning(
                    "%s: not in all sensors of the union, so dropped: %s", name, ", ".join(dropped)
                )


def match_bands(sensors: Sensors) -> BandMatch:
    """How the bands of sensors go together.

    Equal names match as they are. Else bands match by role; those that some sensor lacks are dropped.
    Sensors without roles match by position where they have equally many bands.

    Raises:
        BandError: the sensors share nothing that could be matched.
    """
    first_name, first = sensors[0]
    if all([b.name for b in bands] == [b.name for b in first] for _, bands in sensors):
        return BandMatch(first, (None,) * len(sensors), "name")
    tables = [_by_role(bands) for _, bands in sensors]
    if all(table is not None for table in tables):
        roles = [b.role for b in first if all(b.role in table for table in tables if table)]
        if roles:
            channels = [tuple(table[role] for role in roles) for table in tables if table]
            whole = tuple(
                None if chosen == tuple(range(len(bands))) else chosen
                for chosen, (_, bands) in zip(channels, sensors, strict=True)
            )
            return BandMatch(tuple(first[i] for i in channels[0]), whole, "role")
    elif all(len(bands) == len(first) for _, bands in sensors):
        return BandMatch(first, (None,) * len(sensors), "position")
    listed = "; ".join(f"{name}: {', '.join(b.name for b in bands)}" for name, bands in sensors)
    raise BandError(
        f"the bands of {first_name} and the others cannot be matched by name, role or number ({listed}); "
        "choose matching ones with bands=[...], or give their roles: all_bands=[Band('B1', role='blue'), ...]"
    )


def _by_role(bands: tuple[Band, ...]) -> dict[str, int] | None:
    """Role -> channel, where all roles are known and different."""
    table: dict[str, int] = {band.role: i for i, band in enumerate(bands)}
    known = "other" not in table and len(table) == len(bands)
    return table if known else None
