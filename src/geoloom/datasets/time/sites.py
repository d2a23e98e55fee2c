"""Acquisitions of one place as one region, so that a place is drawn, not a date."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely import STRtree

from ..region import Region, area_for
from ..scenes.index import grid_key

_SAME_SITE = 0.5


def sites_of(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Regions merged where they are acquisitions of one place.

    Acquisitions belong together where they share a lattice and shape, or where what they share is at least
    half of what they cover together: scenes of one path and row, whose frames shift from pass to pass, or
    years whose grids are offset. The site's lattice is that of most of its acquisitions, its area all that
    they cover, its moments their times.
    """
    alike: dict[Hashable, list[int]] = {}
    for number, region in enumerate(regions):
        alike.setdefault(_key(region), []).append(number)
    stacks = sorted(alike.values(), key=len, reverse=True)
    by_leader: dict[int, list[list[int]]] = {}
    for stack, leader in zip(stacks, _leaders([regions[s[0]] for s in stacks]), strict=True):
        by_leader.setdefault(leader, []).append(stack)
    in_order = sorted(
        by_leader.values(), key=lambda site_stacks: min(stack[0] for stack in site_stacks)
    )
    return tuple(
        _site([[regions[i] for i in stack] for stack in site_stacks]) for site_stacks in in_order
    )


def _key(region: Region) -> Hashable:
    """Equal for regions of one lattice, shape and area."""
    frame = None if region.frame is None else grid_key(region.frame)
    return frame, str(region.crs), region.area.wkb


def _leaders(regions: Sequence[Region]) -> list[int]:
    """For each region the position of the first, itself at the latest, that covers about the same place."""
    outlines = np.array([region.footprint for region in regions])
    areas, bounds = shapely.area(outlines), shapely.bounds(outlines)
    later, before = _near_earlier(outlines)
    # What two share is at most what their boxes share, and that is known at once.
    low, high = (
        np.maximum(bounds[later, :2], bounds[before, :2]),
        np.minimum(bounds[later, 2:], bounds[before, 2:]),
    )
    possible = np.prod(high - low, axis=1) >= _least_shared(areas[later], areas[before])
    later, before = later[possible], before[possible]
    starts = np.searchsorted(later, np.arange(len(regions) + 1))
    leaders = np.arange(len(regions))
    for number, outline in enumerate(outlines):
        earlier = before[starts[number] : starts[number + 1]]
        earlier = earlier[leaders[earlier] == earlier]
        shared = shapely.area(shapely.intersection(outlines[earlier], outline))
        same = shared >= _least_shared(areas[earlier], areas[number])
        if same.any():
            leaders[number] = earlier[same.argmax()]
    positions: list[int] = leaders.tolist()
    return positions


def _least_shared(area: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What two share at least where that is the wanted share of what they cover together."""
    least: np.ndarray = _SAME_SITE / (1 + _SAME_SITE) * (area + other)
    return least


def _near_earlier(outlines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of outlines whose boxes meet, each once: the later, in ascending order, and the earlier."""
    parts, owners = shapely.get_parts(outlines, return_index=True)
    later, earlier = owners[STRtree(parts).query(parts)]
    pairs = np.sort((later * len(outlines) + earlier)[earlier < later])
    return np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], len(outlines))


def _site(stacks: Sequence[Sequence[Region]]) -> Region:
    """Stacks of acquisitions that share lattice and shape each as one region, on the first one's lattice."""
    moments = sorted({time for stack in stacks for region in stack for time in region.times})
    leader, *others = (stack[0] for stack in stacks)
    if not others:
        return leader.at(moments)
    areas = [area_for(other.area, other.crs, other.footprint, leader) for other in others]
    merged = replace(
        leader,
        area=shapely.union_all([leader.area, *areas]),
        footprint=shapely.union_all([stack[0].footprint for stack in stacks]),
    ).at(moments)
    placed = merged if leader.frame is None else merged.on_lattice(leader.frame)
    assert placed is not None  # it holds the leader
    return placed
