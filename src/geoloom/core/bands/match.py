"""Choosing channels by name, and how the bands of several sensors go together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import BandError, suggest
from .band import Band

log = logging.getLogger(__name__)


def names_of(bands: Sequence[str | Band]) -> tuple[str, ...]:
    """Names of bands that are given by name or as they are.

    Example:
        >>> names_of([Band("B04", "red"), "B03"])
        ('B04', 'B03')
    """
    return tuple(band.name if isinstance(band, Band) else band for band in bands)


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
    Sensors without roles match by position where they have equally many bands. The unit of a channel is known
    where those of all sensors are.

    Raises:
        BandError: the sensors share nothing that could be matched, or measure it in different units.
    """
    match = _match(sensors)
    names = [name for name, _ in sensors]
    shared = [
        bands if chosen is None else tuple(bands[i] for i in chosen)
        for chosen, (_, bands) in zip(match.channels, sensors, strict=True)
    ]
    joined = (with_common_unit(channel, names) for channel in zip(*shared, strict=True))
    return replace(match, bands=tuple(joined))


def _match(sensors: Sensors) -> BandMatch:
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


def with_common_unit(channel: Sequence[Band], names: Sequence[str] = ()) -> Band:
    """The first of the bands that give one channel, its unit None where that of another is unknown.

    Args:
        channel: At least one.
        names: Who gives each, for messages.

    Raises:
        BandError: two are in different units; the message names both.
    """
    first = channel[0]
    named = {
        band.unit: i for i, band in reversed(list(enumerate(channel))) if band.unit is not None
    }
    if len(named) > 1:
        listed = " and ".join(
            f"{unit} ({names[i]})" if names else str(unit) for unit, i in sorted(named.items())
        )
        raise BandError(
            f"band {first.name!r} would mix values in {listed}, which do not compare; keep them apart, or "
            "convert one first"
        )
    if len(named) == 1 and any(band.unit is None for band in channel):
        log.warning(
            "band %r: the unit of some values is not known, that of others is %s: it counts as not known",
            first.name,
            next(iter(named)),
        )
        return replace(first, unit=None)
    return first
