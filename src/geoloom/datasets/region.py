"""Where and when a dataset has something to give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ..core.antimeridian import around, full_turn
from ..core.area import polygon_areas_m2
from ..core.grid import WGS84, crs_name, window_around, window_grid, window_inside
from ..core.interval import Interval
from ..core.outline import footprint, from_lonlat, surface, to_lonlat


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the Earth during an interval, and the pixel lattice on which it is best sampled."""

    frame: GeoBox | None
    """The lattice, at least as large as the area; None where a layer has no pixels of its own."""
    area: BaseGeometry = field(repr=False)
    """Outline in the frame's CRS."""
    crs: CRS
    """Of the area and the frame."""
    when: Interval
    footprint: BaseGeometry = field(compare=False, repr=False)
    """The area in longitude and latitude, split at the antimeridian."""
    name: str = ""
    """Of the scene or file, for messages."""
    moments: tuple[Interval, ...] = ()
    """When inside `when` there is data, oldest first, where that is not all the time; () = all the time."""
    limit: BaseGeometry | None = field(default=None, repr=False)
    """In which chips that are drawn here must lie wholly, as the ground of a split; None: in the frame."""

    @classmethod
    def of_frame(
        cls,
        frame: GeoBox,
        when: Interval,
        *,
        name: str = "",
        outline: BaseGeometry | None = None,
    ) -> Region:
        """The whole of a grid. `outline` is its footprint, where it is known already."""
        height, width = frame.shape
        corners = [(0, 0), (width, 0), (width, height), (0, height)]
        return cls(
            frame=frame,
            area=shapely.Polygon(_forward(frame.affine, np.array(corners, dtype=float))),
            crs=frame.crs,
            when=when,
            footprint=footprint(frame) if outline is None else outline,
            name=name,
        )

    def __repr__(self) -> str:
        shape = (
            "no pixels" if self.frame is None else " x ".join(map(str, self.frame.shape)) + " px"
        )
        when = "undated" if self.when == Interval.always() else str(self.when)
        return f"Region({self.name!r}, {shape} in {crs_name(self.crs)[:60]}, {when}, {self.weight:.4g} km2)"

    @property
    def weight(self) -> float:
        """Area on the ground, square kilometres: that of the ellipsoid."""
        return float(ground_km2([self])[0])

    def __and__(self, other: Region) -> Region | None:
        """The part that lies in the other as well, on this one's lattice; None where there is none."""
        shared = self.during(other.when)
        if shared is None or other.during(shared.when) is None:
            return None
        outline = _common(self.footprint, other.footprint)
        if outline.is_empty:
            return None
        inside = area_for(other.area, other.crs, outline, self)
        narrowed = shared._narrowed(_common(self.area, inside), outline)
        return narrowed and replace(narrowed, limit=self._limit_with(other))

    def _limit_with(self, other: Region) -> BaseGeometry | None:
        if other.limit is None:
            return self.limit
        moved = area_for(other.limit, other.crs, to_lonlat(other.limit, other.crs), self)
        return moved if self.limit is None else surface(_common(self.limit, moved))

    def within(self, geometry: BaseGeometry, crs: CRS) -> Region | None:
        """The part inside a geometry of any CRS; None where there is none."""
        outline = _common(self.footprint, to_lonlat(geometry, crs))
        if outline.is_empty:
            return None
        inside = area_for(geometry, crs, outline, self)
        return self._narrowed(_common(self.area, inside), outline)

    def within_footprint(self) -> Region:
        """The part of the area inside the footprint, which may be less than the frame."""
        return replace(
            self, area=surface(self.area & from_lonlat(self.footprint, self.crs, _middle(self)))
        )

    def during(self, when: Interval) -> Region | None:
        """The part within an interval; None where there is none."""
        if not self.when.overlaps(when):
            return None
        moments = tuple(moment for moment in self.moments if moment.overlaps(when))
        if self.moments and not moments:
            return None
        return replace(self, when=self.when & when, moments=moments)

    def at(self, moments: Sequence[Interval]) -> Region:
        """The same place at some of its moments."""
        return replace(self, when=Interval.hull(moments), moments=tuple(moments))

    @property
    def times(self) -> tuple[Interval, ...]:
        """When there is data: its moments, or all the time of `when`."""
        return self.moments or (self.when,)

    def without(self, other: Region) -> Region | None:
        """The part outside another of the same CRS; None where there is none."""
        return self._narrowed(self.area - other.area, self.footprint - other.footprint)

    def on_lattice(self, lattice: GeoBox, *, bounded: bool = False) -> Region | None:
        """The same place on another lattice, in any CRS; None where `bounded` and outside the lattice."""
        area = area_for(self.area, self.crs, self.footprint, lattice)
        pixels = shapely.bounds(pixel_geometry(area, lattice))
        if not np.isfinite(pixels).all():
            return None
        window = window_around(*pixels.tolist())
        if bounded and window is not None:
            window = window_inside(window, lattice.shape)
        if window is None:
            return None
        limit = self.limit
        if limit is not None:
            limit = area_for(limit, self.crs, to_lonlat(limit, self.crs), lattice)
        frame = window_grid(lattice, window)
        return replace(self, frame=frame, area=area, crs=lattice.crs, limit=limit)

    def _narrowed(self, area: BaseGeometry, outline: BaseGeometry) -> Region | None:
        area, outline = surface(area), surface(outline)
        return None if area.is_empty else replace(self, area=area, footprint=outline)


def common_lattice(native: GeoBox, crs: CRS | None, res: tuple[float, float] | None) -> GeoBox:
    """A north-up lattice whose pixel corners are multiples of the pixel size; one pixel stands for all."""
    home = crs or native.crs
    if res is None:
        resolution = native.resolution if home == native.crs else native.to_crs(home).resolution
        res = abs(resolution.x), abs(resolution.y)
    return GeoBox((1, 1), Affine(res[0], 0, 0, 0, -res[1], 0), home)


def pixel_geometry(geometry: BaseGeometry, grid: GeoBox) -> BaseGeometry:
    """A geometry of the grid's CRS in its pixel coordinates (col, row)."""
    inverse = ~grid.affine
    return shapely.transform(geometry, lambda xy: _forward(inverse, xy))


def area_for(
    area: BaseGeometry, crs: CRS, outline: BaseGeometry, to: GeoBox | Region
) -> BaseGeometry:
    """An area, whose outline in longitude and latitude is known, in the CRS of a grid or region.

    As it is where the CRSs are equal; in degrees, on the other's side of the world.
    """
    if crs != to.crs:
        return from_lonlat(outline, to.crs, _middle(to))
    turn = full_turn(crs)
    return area if turn is None else around(area, _middle(to), turn)


def _middle(of: GeoBox | Region) -> float:
    left, _, right, _ = of.boundingbox if isinstance(of, GeoBox) else of.area.bounds
    return float(left + right) / 2


def _common(one: BaseGeometry, other: BaseGeometry) -> BaseGeometry:
    """What lies in both. GEOS 3.14 loses all of it at times where edges nearly coincide: then on a grid."""
    shared = one & other
    if shared.area or not shapely.relate_pattern(one, other, "2********"):
        return shared
    left, bottom, right, top = one.bounds
    return shapely.intersection(one, other, grid_size=1e-9 * max(right - left, top - bottom))


def ground_km2(regions: Sequence[Region]) -> np.ndarray:
    """`Region.weight` of each of many regions, float64 (N,), at a fraction of the cost."""
    areas_m2 = np.empty(len(regions))
    by_crs: dict[CRS, list[int]] = {}
    for number, region in enumerate(regions):
        by_crs.setdefault(region.crs, []).append(number)
    for crs, numbers in by_crs.items():
        areas_m2[numbers] = polygon_areas_m2([regions[n].area for n in numbers], crs)
    # A geostationary image's corners show space, its footprint does not.
    lacking = np.flatnonzero(~np.isfinite(areas_m2)).tolist()
    areas_m2[lacking] = polygon_areas_m2([regions[n].footprint for n in lacking], WGS84)
    return areas_m2 / 1e6


def _forward(affine: Affine, xy: np.ndarray) -> np.ndarray:
    a, b, c, d, e, f = affine[:6]
    return np.column_stack([a * xy[:, 0] + b * xy[:, 1] + c, d * xy[:, 0] + e * xy[:, 1] + f])


def describe_regions(regions: Sequence[Region]) -> str:
    """Extent of regions in space and time, for messages."""
    if not regions:
        return "nothing"
    boxes = [region.footprint.bounds for region in regions]
    west, south = min(b[0] for b in boxes), min(b[1] for b in boxes)
    east, north = max(b[2] for b in boxes), max(b[3] for b in boxes)
    when = Interval(min(r.when.start for r in regions), max(r.when.stop for r in regions))
    return (
        f"{len(regions)} regions in longitude {west:.4f}..{east:.4f}, latitude {south:.4f}..{north:.4f}, "
        f"time {'undated' if when == Interval.always() else when}"
    )
