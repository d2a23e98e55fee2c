"""Which channels of several sensors measure the same."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..core.bands import Band
from ..core.errors import BandError

log = logging.getLogger(__name__)

_UNTOLD = "other"


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
        """Tell the log what those that are joined lose by it, and whether they were matched by position."""
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
    """Role -> channel, where all roles are told and different."""
    table: dict[str, int] = {band.role: i for i, band in enumerate(bands)}
    told = _UNTOLD not in table and len(table) == len(bands)
    return table if told else None
