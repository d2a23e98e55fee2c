"""Areas of interest, one or many, and what of a dataset lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import shapely
from odc.geo.crs import CRS
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from ..core.interval import ALWAYS
from ..core.outline import surface, to_lonlat
from ..datasets.region import Region, area_for
from ..io.vector.areas import RoiSource
from ..io.vector.areas import rois_of as areas_of
from .overlay import multipolygon, shared, united


def rois_of(roi: RoiSource | None) -> tuple[Region, ...] | None:
    """The areas of interest meant, each as a region of all time without pixels; None for everywhere.

    A sequence, table or file gives one per member, a geometry of several polygons that stands alone one per
    polygon.

    Raises:
        RoiError: a member has no CRS or no area, or is not an area of interest.
        VectorError: a file cannot be read as one layer of features with a CRS.
    """
    if roi is None:
        return None
    return tuple(_region(one.geometry, one.crs, one.name) for one in areas_of(roi))


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
        _region(patch, crs, "roi")
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


def _region(area: BaseGeometry, crs: CRS, name: str) -> Region:
    return Region(None, area, crs, ALWAYS, to_lonlat(area, crs), name)
