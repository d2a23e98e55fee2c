"""Areas of interest, one or many, and what of a dataset lies in them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import shapely
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from ..core.antimeridian import TURN, lonlat_box
from ..core.errors import SamplerError
from ..core.grid import WGS84
from ..core.interval import ALWAYS
from ..datasets.region import Region, area_for, surface, to_lonlat
from .overlay import multipolygon, shared, united

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries

log = logging.getLogger(__name__)

OneRoi: TypeAlias = BaseGeometry | Geometry | GeoBox | tuple[float, float, float, float]
Roi: TypeAlias = "OneRoi | Sequence[OneRoi] | GeoDataFrame | GeoSeries | str | Path"
"""One area of interest or several: a shapely geometry or (west, south, east, north) in degrees, a GeoBox, an
odc-geo Geometry in any CRS, a sequence of these, a GeoDataFrame, or a vector file's features."""


def rois_of(roi: Roi | None) -> tuple[Region, ...] | None:
    """The areas of interest meant, each as a region of all time without pixels; None for everywhere.

    A sequence, table or file gives one per member, a geometry of several polygons that stands alone one per
    polygon.

    Raises:
        SamplerError: a member has no CRS or no area, or is no area of interest.
        VectorError: a file cannot be read as one layer of features with a CRS.
    """
    if roi is None:
        return None
    shapes = _shapes(roi)
    if not shapes:
        raise SamplerError("the roi is empty; give at least one area of interest")
    return tuple(_region(shape, crs, number) for number, (shape, crs) in enumerate(shapes))


def cut_to_rois(regions: Sequence[Region], rois: Sequence[Region]) -> list[Region | None]:
    """The part of each region that lies in any of the areas; None where there is none."""
    patches = _patches(rois)
    near: dict[int, dict[CRS, list[Region]]] = {}
    for number, patch in _neighbours(regions, patches):
        near.setdefault(number, {}).setdefault(patches[patch].crs, []).append(patches[patch])
    cuts: list[Region | None] = []
    for number, region in enumerate(regions):
        inside = [_inside(region, _collected(same)) for same in near.get(number, {}).values()]
        cuts.append(_together([cut for cut in inside if cut is not None]))
    return cuts


def cut_by_rois(regions: Sequence[Region], rois: Sequence[Region]) -> list[tuple[int, int, Region]]:
    """The part of each region in each area, area by area: numbers of the region and the area, the part."""
    pairs = sorted(_neighbours(regions, rois), key=lambda pair: (pair[1], pair[0]))
    cuts = ((region, roi, _inside(regions[region], rois[roi])) for region, roi in pairs)
    return [(region, roi, cut) for region, roi, cut in cuts if cut is not None]


def _neighbours(regions: Sequence[Region], rois: Sequence[Region]) -> list[tuple[int, int]]:
    """Numbers of the regions and areas whose outlines' boxes meet, in order."""
    parts, owners = shapely.get_parts([r.footprint for r in regions], return_index=True)
    areas, area_owners = shapely.get_parts([r.footprint for r in rois], return_index=True)
    at_areas, at_parts = STRtree(parts).query(areas)
    met = zip(owners[at_parts].tolist(), area_owners[at_areas].tolist(), strict=True)
    return sorted(set(met))


def _patches(rois: Sequence[Region]) -> list[Region]:
    """The ground of all areas, those of one CRS as polygons apart from one another."""
    if len(rois) == 1:
        return list(rois)
    by_crs: dict[CRS, list[BaseGeometry]] = {}
    for roi in rois:
        by_crs.setdefault(roi.crs, []).append(roi.area)
    return [
        _area(patch, crs, "roi")
        for crs, areas in by_crs.items()
        for patch in shapely.get_parts(surface(united(areas)))
    ]


def _collected(patches: Sequence[Region]) -> Region:
    """Polygons that lie apart as one area."""
    if len(patches) == 1:
        return patches[0]
    return replace(
        patches[0],
        area=multipolygon([patch.area for patch in patches]),
        footprint=multipolygon([patch.footprint for patch in patches]),
    )


def _together(cuts: Sequence[Region]) -> Region | None:
    """Parts of one region as one."""
    if len(cuts) < 2:
        return next(iter(cuts), None)
    return replace(
        cuts[0],
        area=surface(united([cut.area for cut in cuts])),
        footprint=surface(united([cut.footprint for cut in cuts])),
    )


def _inside(region: Region, roi: Region) -> Region | None:
    """The part of a region in an area, as `&` has it, whole also where their edges run along one another."""
    outline = surface(shared(region.footprint, roi.footprint))
    if outline.is_empty:
        return None
    inside = area_for(roi.area, roi.crs, outline, region)
    area = surface(shared(region.area, inside))
    return None if area.is_empty else replace(region, area=area, footprint=outline)


def _region(shape: BaseGeometry, crs: CRS, number: int) -> Region:
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise SamplerError(
            f"area of interest {number} has coordinates that are no finite numbers: {shape!s:.200}"
        )
    area = surface(shape)
    if area.is_empty:
        raise SamplerError(
            f"area of interest {number} is a {shape.geom_type} without area; give polygons, such as "
            "its buffer"
        )
    return _area(area, crs, f"roi {number}")


def _area(area: BaseGeometry, crs: CRS, name: str) -> Region:
    return Region(None, area, crs, ALWAYS, to_lonlat(area, crs), name)


def _shapes(roi: Any) -> list[tuple[BaseGeometry, CRS]]:
    if isinstance(roi, (str, Path)):
        from ..io.vector.layers import read_features

        features = read_features(roi)
        return [(shape, features.crs) for shape in features.geometries]
    if hasattr(roi, "geometry") and hasattr(roi, "to_crs"):  # a table of geopandas
        if roi.crs is None:
            raise SamplerError("the roi's table has no CRS; say which with set_crs")
        return [(shape, CRS(roi.crs.to_wkt())) for shape in roi.geometry if shape is not None]
    if isinstance(roi, Iterable) and not isinstance(roi, (GeoBox, Geometry, BaseGeometry)):
        members = list(roi)
        if _is_box(members):
            return [_shape(tuple(members))]
        return [_shape(member) for member in members]
    shape, crs = _shape(roi)
    return [(part, crs) for part in shapely.get_parts(shape)] or [(shape, crs)]


def _shape(roi: Any) -> tuple[BaseGeometry, CRS]:
    """One area and the CRS of its coordinates."""
    if isinstance(roi, GeoBox):
        region = Region.of_frame(roi, ALWAYS)
        return region.area, region.crs
    if isinstance(roi, Geometry):
        if roi.crs is None:
            raise SamplerError(
                "the roi has no CRS; build it with odc.geo.geom.Geometry(shape, crs)"
            )
        return roi.geom, roi.crs
    if isinstance(roi, BaseGeometry):
        return roi, WGS84
    if isinstance(roi, Sequence) and _is_box(roi):
        return _box_of(*map(float, roi)), WGS84
    raise SamplerError(
        f"an area of interest is a geometry, a GeoBox or (west, south, east, north) in degrees, got {roi!r}"
    )


def _box_of(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """A box given in degrees. Elsewhere four numbers are left, bottom, right, top in a scene's CRS, or
    fractions of it: what cannot be degrees is refused, what may be meant otherwise is logged.
    """
    given = f"the roi ({west:g}, {south:g}, {east:g}, {north:g})"
    meant = "four numbers are west, south, east, north in degrees"
    finite = np.isfinite([west, south, east, north]).all()
    if not (finite and south < north and west != east and max(abs(south), abs(north)) <= 90):
        raise SamplerError(
            f"{given} is no box: {meant}, south below north; for another CRS give "
            "odc.geo.geom.box(left, bottom, right, top, crs)"
        )
    if max(abs(west), abs(east)) > TURN or abs(east - west) > TURN:
        raise SamplerError(
            f"{given} reaches around the Earth: {meant}, from -180 to 180 or 0 to 360"
        )
    if min(west, south) >= 0 and max(east, north) <= 1:
        log.warning(
            "%s is taken as %s, in the Gulf of Guinea; for a part of a scene give its grid, such as "
            "dataset.regions[0].frame[rows, columns]; shapely.box(...) is free of this line",
            given, meant,
        )  # fmt: skip
    box = lonlat_box(west, south, east, north)
    if west < east:
        return box
    log.warning(
        "%s has its west east of its east: taken across the antimeridian, %g degrees wide; give west below "
        "east (east beyond 180 there) if that is meant otherwise, and to be free of this line",
        given, box.bounds[2] - west,
    )  # fmt: skip
    return box


def _is_box(members: Sequence[Any]) -> bool:
    return len(members) == 4 and all(isinstance(member, Real) for member in members)
