"""How far two grounds are apart on Earth and in time, or how much they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...datasets.region import Region
from .distances import nearest
from .moments import Moments
from .places import Places


@dataclass(frozen=True, slots=True)
class Separation:
    """What two splits share, and what lies between them. Either place or time keeps them apart."""

    overlap_km2: float | None
    """Ground that both have, square kilometres of the ellipsoid, whenever that is; None without a place."""
    gap_m: float | None
    """Between the nearest places of both, metres, to a thousandth or so up to 100 km; 0 where they touch or
    overlap, None without a place."""
    gap_days: float | None
    """Between the nearest times of both; 0 where they meet, None where a scene has no date."""
    sharing: tuple[int, int] = field(default=(0, 0), compare=False)
    """How many of the first lie on ground of the second, and of the second on ground of the first."""
    nearest: tuple[int, int] | None = field(default=None, compare=False)
    """Numbers of two that are as near as `gap_m`, one of each."""
    nearest_in_time: tuple[int, int] | None = field(default=None, compare=False)
    """Numbers of two that are as near as `gap_days`."""

    @classmethod
    def of(cls, one: Sequence[Region], other: Sequence[Region]) -> Separation:
        """Measured on the regions of two datasets."""
        return cls.between(
            Places.of_regions(one),
            Places.of_regions(other),
            Moments.of_regions(one),
            Moments.of_regions(other),
        )

    @classmethod
    def between(
        cls,
        one: Places | None,
        other: Places | None,
        times: Moments | None = None,
        other_times: Moments | None = None,
    ) -> Separation:
        """Measured on places and times of two sets, where they are known."""
        overlap: float | None = None
        gap_m: float | None = None
        sharing, at, when = (0, 0), None, None
        if one is not None and other is not None and len(one) and len(other):
            mine, theirs = one.meeting(other)
            overlap = one.shared_km2(other, mine, theirs)
            sharing = len(np.unique(mine)), len(np.unique(theirs))
            if len(mine):
                gap_m, at = 0.0, (int(mine[0]), int(theirs[0]))
            else:
                gap_m, *numbers = nearest(one.lonlat, other.lonlat)
                at = numbers[0], numbers[1]
        days = None
        if times is not None and other_times is not None:
            found = times.gap_days(other_times)
            if found is not None:
                days, when = found[0], (found[1], found[2])
        return cls(overlap, gap_m, days, sharing, at, when)
