"""Where many samples or scenes lie on Earth: their outlines, and which ground two sets of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ...core.antimeridian import HALF_TURN
from ...core.area import polygon_areas_m2
from ...core.grid import WGS84, has_place
from ...core.outline import footprints, surface
from ...datasets.region import Region

Numbers = NDArray[np.int64]
Outlines = NDArray[Any]
"""(n,) polygons, objects."""

_EARTH_M = 6_371_007.2
_BOW_M = 0.01
"""How far an edge that is straight in degrees may lie from where it is straight in its own CRS."""
_MOST_POINTS = 32
_DEGREE_M = 111_195.0
_HAIR = 1e-6
"""Of the smaller of two outlines: less of it in common is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Outlines of n things that lie on Earth."""

    own: Outlines
    """In the CRS of each, where the edges are straight."""
    lonlat: Outlines
    """In longitude and latitude, cut at the antimeridian."""
    crs_of: Numbers
    """(n,) position in `crs` of each."""
    crs: tuple[CRS, ...]

    @classmethod
    def of_grids(cls, grids: Sequence[GeoBox]) -> Self:
        """Outlines of grids, each of which has a place on Earth.

        Raises:
            GridError: a grid's CRS has no place for any of it.
        """
        crs_of, known = _numbered([grid.crs for grid in grids])
        shape = np.array([tuple(grid.shape) for grid in grids], float).reshape(-1, 2)
        maps = (grid.affine for grid in grids)
        factors = np.array([(m.a, m.b, m.c, m.d, m.e, m.f) for m in maps], float).reshape(-1, 6)
        a, b, c, d, e, f = factors.T[..., None]
        rows = np.array([0, 0, 1, 1]) * shape[:, :1]
        cols = np.array([0, 1, 1, 0]) * shape[:, 1:]
        corners = np.stack([a * cols + b * rows + c, d * cols + e * rows + f], axis=-1)
        return cls(shapely.polygons(corners), _in_degrees(grids), crs_of, known)

    @classmethod
    def of_regions(cls, regions: Sequence[Region]) -> Self:
        """Outlines of regions."""
        crs_of, known = _numbered([region.crs for region in regions])
        own, lonlat = np.empty(len(regions), object), np.empty(len(regions), object)
        own[:] = [region.area for region in regions]
        lonlat[:] = [region.footprint for region in regions]
        return cls(own, lonlat, crs_of, known)

    def __len__(self) -> int:
        return len(self.own)

    def take(self, rows: Any) -> Self:
        """Some of them, by number or by a mask."""
        return type(self)(self.own[rows], self.lonlat[rows], self.crs_of[rows], self.crs)

    def centres(self) -> NDArray[np.float64]:
        """(n, 2) longitude and latitude of a point in the middle of each."""
        largest = shapely.get_geometry(self.lonlat, 0)
        single = shapely.get_num_geometries(self.lonlat) == 1
        points = shapely.centroid(np.where(single, self.lonlat, largest))
        return np.asarray(shapely.get_coordinates(points))

    def areas_m2(self) -> NDArray[np.float64]:
        """(n,) of the ellipsoid."""
        areas = np.empty(len(self))
        for number, crs in enumerate(self.crs):
            own = self.crs_of == number
            areas[own] = polygon_areas_m2(self.own[own], crs)
        return areas

    def meeting(self, other: Places) -> tuple[Numbers, Numbers]:
        """Pairs, of these and of the others, that share ground; those that only touch share none."""
        mine, theirs = shapely.STRtree(other.lonlat).query(self.lonlat, "intersects")
        shared = np.zeros(len(mine), bool)
        numbers = {crs: number for number, crs in enumerate(other.crs)}
        same_as = np.array([numbers.get(crs, -1) for crs in self.crs], np.int64)
        flat = np.array([not crs.geographic for crs in self.crs], bool)
        alike = np.empty(0, bool)
        if len(mine):
            of_mine = self.crs_of[mine]
            alike = flat[of_mine] & (same_as[of_mine] == other.crs_of[theirs])
        for chosen, one, two in (
            (alike, self.own, other.own),
            (~alike, self.lonlat, other.lonlat),
        ):
            if chosen.any():
                shared[chosen] = _common_area(one[mine[chosen]], two[theirs[chosen]])
        return mine[shared].astype(np.int64), theirs[shared].astype(np.int64)

    def shared_km2(self, other: Places, mine: Numbers, theirs: Numbers) -> float:
        """Ground of pairs that share some, square kilometres of the ellipsoid; each place counts once."""
        if not len(mine):
            return 0.0
        own, others = self.take(np.unique(mine)), other.take(np.unique(theirs))
        used = {own.crs[k] for k in np.unique(own.crs_of).tolist()}
        used |= {others.crs[k] for k in np.unique(others.crs_of).tolist()}
        crs = next(iter(used))
        flat = len(used) == 1 and not crs.geographic
        if len(mine) > len(own) + len(others):
            one, two = (_united(some.own if flat else some.lonlat) for some in (own, others))
            shared = shapely.intersection(one, two)
        else:
            one, two = (self.own, other.own) if flat else (self.lonlat, other.lonlat)
            shared = _united(shapely.intersection(one[mine], two[theirs]))
        area = surface(shared)
        return (
            float(polygon_areas_m2([area], crs if flat else WGS84)[0]) / 1e6 if area.area else 0.0
        )


def _numbered(given: Sequence[CRS]) -> tuple[Numbers, tuple[CRS, ...]]:
    """Which CRSs there are, and the position of each thing's among them."""
    known: dict[str, int] = {}
    # By their texts: the hash of a CRS is that of its WKT, which is written anew each time.
    numbers = np.array([known.setdefault(str(crs), len(known)) for crs in given], np.int64)
    _, first = np.unique(numbers, return_index=True)
    return numbers, tuple(given[i] for i in first.tolist())


def placed(grids: Sequence[GeoBox | None] | None) -> NDArray[np.bool_]:
    """(n,) which of some grids have a place on Earth."""
    return np.array([g is not None and has_place(g.crs) for g in grids or ()], bool)


def _in_degrees(grids: Sequence[GeoBox]) -> Outlines:
    """Outlines in degrees, with as many points as keep edges in place."""
    outlines = np.empty(len(grids), object)
    outlines[:] = footprints(grids, 1)
    if not len(grids):
        return outlines
    west, south, east, north = shapely.bounds(outlines).T
    wide = (east - west) * np.cos(np.radians((south + north) / 2))
    # What is cut at the antimeridian is as high as it is wide, or nearly so.
    wide = np.where(east - west < HALF_TURN, wide, north - south)
    side_m = _DEGREE_M * float(np.maximum(wide, north - south).max())
    # Over a length L, a straight line of a map bows by about L**2 / 8R against one of another map.
    points = int(np.clip(np.ceil(np.sqrt(side_m**2 / (8 * _EARTH_M) / _BOW_M)), 1, _MOST_POINTS))
    if points > 1:
        outlines[:] = footprints(grids, points)
    return outlines


def _common_area(one: Outlines, two: Outlines) -> NDArray[np.bool_]:
    """Whether the outlines of each pair have more than a line or a point in common."""
    size = np.minimum(shapely.area(one), shapely.area(two))
    first, second = shapely.bounds(one), shapely.bounds(two)
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    area = np.maximum(sides, 0).prod(axis=1)  # of what fills its bounds, as most samples do
    filled = [
        np.isclose(shapely.area(own), (box[:, 2:] - box[:, :2]).prod(axis=1), rtol=1e-9, atol=0)
        for own, box in ((one, first), (two, second))
    ]
    odd = ~(filled[0] & filled[1]) & (area > _HAIR * size)
    area[odd] = shapely.area(shapely.intersection(one[odd], two[odd]))
    more: NDArray[np.bool_] = area > _HAIR * size
    return more


def _united(outlines: Outlines) -> Any:
    """All as one; those far from each other are not compared."""
    return shapely.disjoint_subset_union_all(outlines)
