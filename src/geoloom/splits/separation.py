"""How far two grounds are apart on Earth, or how much they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from ..core.antimeridian import TURNS
from ..core.area import polygon_areas_m2
from ..core.grid import WGS84
from ..core.interval import ALWAYS
from ..core.outline import surface
from ..datasets.region import Region

_ELLIPSOID = Geod(ellps="WGS84")
_TOUCHING_M = 1e-3


@dataclass(frozen=True, slots=True)
class Separation:
    """What two splits share, and what lies between them. Either place or time keeps them apart."""

    overlap_km2: float
    """Ground that both have, square kilometres of the ellipsoid, whenever that is."""
    gap_m: float
    """Between the nearest places of both, metres, to a thousandth or so; 0 where they touch or overlap."""
    gap_days: float | None
    """Between the nearest times of both; 0 where they meet, None where a scene has no date."""

    @classmethod
    def of(cls, one: Sequence[Region], other: Sequence[Region]) -> Separation:
        """Measured on the regions of two datasets."""
        first, second = (shapely.union_all([r.footprint for r in some]) for some in (one, other))
        shared = surface(shapely.intersection(first, second))
        overlap = float(polygon_areas_m2([shared], WGS84)[0]) / 1e6 if shared.area else 0.0
        return cls(
            overlap, 0.0 if overlap else _gap_m(first, second), _gap_days(list(one), list(other))
        )


def _gap_m(first: BaseGeometry, second: BaseGeometry) -> float:
    """Between two grounds in degrees: of each piece to the nearest of the other's, by the ellipsoid."""
    pieces = shapely.get_parts(first)
    turned = [np.array([turn, 0.0]) for turn in TURNS]
    others = np.concatenate(
        [shapely.transform(shapely.get_parts(second), lambda xy, by=by: xy + by) for by in turned]
    )
    # Degrees of longitude are as long as those of latitude in the middle between the two.
    middle = np.radians(
        (first.bounds[1] + first.bounds[3] + second.bounds[1] + second.bounds[3]) / 4
    )
    squeezed = _squeezed(others, np.cos(middle))
    near = shapely.STRtree(squeezed).nearest(_squeezed(pieces, np.cos(middle)))
    gaps = [_between_m(piece, others[k]) for piece, k in zip(pieces, near.tolist(), strict=True)]
    gap = min(gaps)
    return 0.0 if gap < _TOUCHING_M else gap


def _between_m(one: BaseGeometry, other: BaseGeometry) -> float:
    """Geodesic distance of the nearest points of two pieces, found in a plane that fits their latitude."""
    latitude = (one.bounds[1] + one.bounds[3] + other.bounds[1] + other.bounds[3]) / 4
    by = max(float(np.cos(np.radians(latitude))), 1e-6)
    line = shapely.shortest_line(_squeezed(one, by), _squeezed(other, by))
    (x1, y1), (x2, y2) = shapely.get_coordinates(line)
    return float(_ELLIPSOID.inv(x1 / by, y1, x2 / by, y2)[2])


def _squeezed(shapes: BaseGeometry | np.ndarray, by: float) -> BaseGeometry | np.ndarray:
    return shapely.transform(shapes, lambda xy: xy * (by, 1.0))


def _gap_days(one: list[Region], other: list[Region]) -> float | None:
    times = [[moment for region in some for moment in region.times] for some in (one, other)]
    if any(ALWAYS in own for own in times):
        return None
    gaps = [
        max(a.start - b.stop, b.start - a.stop, timedelta(0))
        for a in times[0]
        for b in set(times[1])
    ]
    return min(gaps) / timedelta(days=1)
