"""Areas of interest: a geometry and its CRS, made of whatever says where."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol, TypeAlias

import numpy as np
import shapely
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.geom import BoundingBox, Geometry
from shapely.geometry.base import BaseGeometry

from .antimeridian import TURN, lonlat_bounds, lonlat_box
from .errors import RoiError
from .grid import WGS84, as_crs, crs_name, crs_title
from .outline import moved_to, surface, to_lonlat

log = logging.getLogger(__name__)


class Table(Protocol):
    """A GeoDataFrame or GeoSeries of geopandas."""

    @property
    def crs(self) -> Any:
        """Of all its geometries; None where not given."""

    @property
    def geometry(self) -> Any:
        """The geometries."""

    def to_crs(self, crs: Any) -> Any:
        """The same in another CRS."""


def is_table(given: object) -> bool:
    """Whether it is a GeoDataFrame or GeoSeries; geopandas need not be imported to find out."""
    lone = isinstance(given, GeoBox | Geometry | BaseGeometry | BoundingBox)
    return not lone and hasattr(given, "geometry") and hasattr(given, "to_crs")


Box: TypeAlias = tuple[float, float, float, float]
Shape: TypeAlias = BaseGeometry | Geometry | GeoBox | BoundingBox | Box
RoiLike: TypeAlias = (
    "Roi | Shape | tuple[BaseGeometry | Box, str | int | CRS] | Table | Sequence[RoiLike]"
)
"""What says where: a shapely geometry or (west, south, east, north) in degrees, either of them in another CRS
as a pair `(geometry, crs)`, a GeoBox, odc-geo's Geometry or BoundingBox, a table of geopandas, or a sequence
of these. Where files are read, also a vector file: see `io.vector.areas`."""


@dataclass(frozen=True, slots=True)
class Roi:
    """Polygons and the CRS that they are given in, in which their edges are straight.

    Raises:
        RoiError: the geometry has no area, coordinates that are not numbers, or no CRS.

    Example:
        >>> Roi.of((13.0, 45.0, 14.0, 46.0)).geometry.area
        1.0
        >>> Roi.of(((600000, 0, 601000, 1000), "EPSG:32633")).crs.epsg
        32633
    """

    geometry: BaseGeometry
    """Polygons in `crs`; longitudes may run on beyond 180."""
    crs: CRS
    name: str = "the roi"
    """For messages."""

    def __post_init__(self) -> None:
        if self.crs is None:
            raise RoiError(f"{self.name} has no CRS; give (geometry, crs)")
        object.__setattr__(self, "crs", as_crs(self.crs))
        if not np.isfinite(shapely.get_coordinates(self.geometry)).all():
            raise RoiError(
                f"{self.name} has coordinates that are not finite numbers: {self.geometry!s:.200}"
            )
        area = surface(self.geometry)
        if area.is_empty:
            raise RoiError(
                f"{self.name} is a {self.geometry.geom_type} without area; give polygons, such as its "
                "buffer"
            )
        object.__setattr__(self, "geometry", area)

    @classmethod
    def of(cls, given: RoiLike) -> Roi:
        """The one area that is meant: of several, all of them together, in the CRS of the first.

        Raises:
            RoiError: it is not an area, or has none; the message says what is expected.
        """
        first, *others = cls.each(given)
        if not others:
            return first
        shapes = [first.geometry, *(other.to_crs(first.crs).geometry for other in others)]
        return cls(shapely.union_all(shapes), first.crs)

    @classmethod
    def each(cls, given: RoiLike) -> tuple[Roi, ...]:
        """The areas that are meant.

        A sequence or table gives one per member, a geometry of several polygons that stands alone one per
        polygon.

        Raises:
            RoiError: one is not an area, or has none; the message says which, and what is expected.
        """
        members = _members(given)
        if not members:
            raise RoiError("the roi is empty; give at least one area of interest")
        if len(members) == 1:
            return tuple(cls(shape, crs) for shape, crs in members)
        return tuple(cls(shape, crs, f"roi {i}") for i, (shape, crs) in enumerate(members))

    @property
    def footprint(self) -> BaseGeometry:
        """The area in longitude and latitude (EPSG:4326), cut at the antimeridian."""
        return to_lonlat(self.geometry, self.crs)

    @property
    def lonlat_bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees; west above east where it crosses the antimeridian."""
        return lonlat_bounds(self.footprint)

    def to_crs(self, crs: Any) -> Roi:
        """The same area in another CRS: along its edges, to 3e-7 of its size.

        In degrees it lies between -180 and 180, cut at the antimeridian.

        Raises:
            GridError: there is no such CRS.
            RoiError: the CRS has no place for the area.
        """
        target = as_crs(crs)
        if target == self.crs:
            return self
        geometry = moved_to(self.geometry, self.crs, target)
        if geometry.is_empty:
            raise RoiError(
                f"{self.described()} has no place in {crs_title(crs_name(target))}; check the CRS of both"
            )
        return Roi(geometry, target, self.name)

    def on(self, grid: GeoBox) -> BaseGeometry:
        """The area in a grid's CRS, in degrees on the grid's side of the world.

        It may lie beside the grid; where the grid's CRS has no place for it, it is empty.
        """
        left, _, right, _ = grid.boundingbox
        return moved_to(self.geometry, self.crs, grid.crs, (left + right) / 2)

    def described(self) -> str:
        """Where it lies, for messages."""
        west, south, east, north = self.lonlat_bounds
        own = "" if self.crs == WGS84 else f", given in {crs_title(crs_name(self.crs))}"
        return f"{self.name} (longitude {west:.4f}..{east:.4f}, latitude {south:.4f}..{north:.4f}{own})"


_FARTHEST = 540.0
"""Longitudes, in degrees, may run on a turn beyond the antimeridian."""

HINT = (
    "four numbers are west, south, east, north in degrees; in another CRS give (geometry, crs), such as "
    "((left, bottom, right, top), 'EPSG:32633')"
)
"""What often fixes an area of interest that lies beside the data."""


def _members(given: Any) -> list[tuple[BaseGeometry, CRS]]:
    """Geometries and the CRS that each is given in."""
    lone = isinstance(given, Roi | GeoBox | Geometry | BaseGeometry | BoundingBox)
    if not lone and is_table(given):
        if given.crs is None:
            raise RoiError("the roi's table has no CRS; say which with set_crs")
        crs = as_crs(given.crs.to_wkt())
        return [(shape, crs) for shape in given.geometry if shape is not None]
    if not lone and isinstance(given, Iterable) and not isinstance(given, str | bytes):
        members = list(given)
        if not (_is_box(members) or _is_pair(members)):
            return [_shape(member, f"roi {i}") for i, member in enumerate(members)]
        given = tuple(members)
    shape, crs = _shape(given, "the roi")
    return [(part, crs) for part in shapely.get_parts(shape)] or [(shape, crs)]


def _shape(given: Any, name: str) -> tuple[BaseGeometry, CRS]:
    """One area and the CRS that it is given in."""
    if isinstance(given, Roi):
        return given.geometry, given.crs
    if isinstance(given, GeoBox | Geometry | BoundingBox) and given.crs is None:
        raise RoiError(
            f"{name} has no CRS; build it with one, as odc.geo.geom.Geometry(shape, crs)"
        )
    if isinstance(given, GeoBox):
        return given.extent.geom, given.crs
    if isinstance(given, BoundingBox):
        return shapely.box(*given.bbox), given.crs
    if isinstance(given, Geometry):
        return given.geom, given.crs
    if isinstance(given, BaseGeometry):
        _check_degrees(given, name)
        return given, WGS84
    if isinstance(given, Sequence) and _is_pair(given):
        where, crs = given[0], as_crs(given[1])
        if isinstance(where, BaseGeometry):
            return where, crs
        return _box(*map(float, where), crs=crs, name=name), crs
    if isinstance(given, Sequence) and _is_box(given):
        return _box(*map(float, given), crs=WGS84, name=name), WGS84
    raise RoiError(
        f"{name} is {given!r:.200}; expected a geometry, a GeoBox, (geometry, crs), or (west, south, east, "
        "north) in degrees"
    )


def _check_degrees(shape: BaseGeometry, name: str) -> None:
    """Refuse a bare geometry whose coordinates can be no degrees: it is in some other CRS."""
    left, bottom, right, top = shape.bounds or (0.0,) * 4
    farthest = max(abs(bottom), abs(top)) / 90, max(abs(left), abs(right)) / _FARTHEST
    if 1 < max(farthest) < np.inf:
        raise RoiError(
            f"{name} reaches from ({left:g}, {bottom:g}) to ({right:g}, {top:g}), which are no degrees, as "
            "those of a geometry without a CRS are; give it with its CRS, such as (geometry, dataset.crs)"
        )


def _box(
    west: float, south: float, east: float, north: float, *, crs: CRS, name: str
) -> BaseGeometry:
    """A box of four numbers. What cannot be a box is refused; what may be meant otherwise is logged."""
    given = f"{name} ({west:g}, {south:g}, {east:g}, {north:g})"
    finite = np.isfinite([west, south, east, north]).all()
    if not crs.geographic:
        if not (finite and west < east and south < north):
            raise RoiError(
                f"{given} is not a box in {crs_title(crs_name(crs))}: expected left, bottom, right, top, "
                "left below right and bottom below top"
            )
        return shapely.box(west, south, east, north)
    meant = "four numbers are west, south, east, north in degrees"
    if not (finite and south < north and west != east and max(abs(south), abs(north)) <= 90):
        raise RoiError(
            f"{given} is not a box: {meant}, south below north; {HINT.partition('; ')[2]}"
        )
    if max(abs(west), abs(east)) > TURN or abs(east - west) > TURN:
        raise RoiError(f"{given} reaches around the Earth: {meant}, from -180 to 180 or 0 to 360")
    if crs == WGS84 and min(west, south) >= 0 and max(east, north) <= 1:
        log.warning(
            "%s is taken as %s, in the Gulf of Guinea; for a part of a scene give its grid, such as "
            "dataset.regions[0].frame[rows, columns]; shapely.box(...) is free of this line",
            given, meant,
        )  # fmt: skip
    box = lonlat_box(west, south, east, north)
    if west > east:
        log.warning(
            "%s has its west east of its east: taken across the antimeridian, %g degrees wide; give west "
            "below east (east beyond 180 there) if that is meant otherwise, and to be free of this line",
            given, box.bounds[2] - west,
        )  # fmt: skip
    return box


def _is_box(members: Sequence[Any]) -> bool:
    return len(members) == 4 and all(isinstance(member, Real) for member in members)


def _is_pair(members: Sequence[Any]) -> bool:
    """A shapely geometry or four numbers, and a CRS."""
    if len(members) != 2 or not isinstance(members[1], str | int | CRS):
        return False
    where = members[0]
    return isinstance(where, BaseGeometry) or (isinstance(where, Sequence) and _is_box(where))
