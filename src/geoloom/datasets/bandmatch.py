"""Which channels of several sensors measure the same."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..core.bands import Band
from ..core.errors import BandError

log = logging.getLogger(__name__)

_UNTOLD = "other"


def match_bands(
    sensors: Sequence[tuple[str, tuple[Band, ...]]],
) -> tuple[tuple[Band, ...], list[tuple[int, ...] | None]]:
    """The bands that all sensors share, and where each sensor has them.

    Equal names match as they are. Else bands match by role; those that some sensor lacks are dropped, and
    the log names them. Sensors without roles match by position where they have equally many bands.

    Args:
        sensors: Name, for messages, and bands of each.

    Returns:
        Bands, as the first sensor describes them; and for each sensor the channels, 0-based, or None where
        it is taken whole.

    Raises:
        BandError: the sensors share nothing that could be matched.
    """
    first_name, first = sensors[0]
    if all([b.name for b in bands] == [b.name for b in first] for _, bands in sensors):
        return first, [None] * len(sensors)
    tables = [_by_role(bands) for _, bands in sensors]
    if all(table is not None for table in tables):
        roles = [b.role for b in first if all(b.role in table for table in tables if table)]
        if roles:
            _log_dropped(sensors, set(roles))
            channels = [tuple(table[role] for role in roles) for table in tables if table]
            whole: list[tuple[int, ...] | None] = [
                None if chosen == tuple(range(len(bands))) else chosen
                for chosen, (_, bands) in zip(channels, sensors, strict=True)
            ]
            return tuple(first[tables[0][role]] for role in roles), whole  # type: ignore[index]
    elif all(len(bands) == len(first) for _, bands in sensors):
        log.warning(
            "bands of %s are matched by position: they have neither equal names nor roles",
            " and ".join(name for name, _ in sensors),
        )
        return first, [None] * len(sensors)
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


def _log_dropped(sensors: Sequence[tuple[str, tuple[Band, ...]]], kept: set[str]) -> None:
    for name, bands in sensors:
        dropped = [f"{b.name} ({b.role})" for b in bands if b.role not in kept]
        if dropped:
            log.warning(
                "%s: not in all sensors of the union, so dropped: %s", name, ", ".join(dropped)
            )
