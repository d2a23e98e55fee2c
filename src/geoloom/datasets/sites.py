"""Acquisitions of one place as one region, so that a place is drawn, not a date."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely import STRtree

from .index import grid_key
from .region import Region, project

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
    members: dict[int, list[int]] = {}
    for stack, leader in zip(stacks, _leaders([regions[s[0]] for s in stacks]), strict=True):
        members.setdefault(stacks[leader][0], []).extend(stack)
    sites = sorted(members.items(), key=lambda site: min(site[1]))
    return tuple(_site(regions[leader], [regions[i] for i in found]) for leader, found in sites)


def _key(region: Region) -> Hashable:
    """Equal for regions of one lattice, shape and area."""
    frame = None if region.frame is None else grid_key(region.frame)
    return frame, str(region.crs), region.area.wkb


def _leaders(regions: Sequence[Region]) -> list[int]:
    """For each region the position of the first, itself at the latest, that covers about the same place."""
    outlines = np.array([region.footprint for region in regions])
    areas = shapely.area(outlines)
    parts, owners = shapely.get_parts(outlines, return_index=True)
    near: dict[int, set[int]] = {}
    for one, other in zip(*STRtree(parts).query(parts), strict=True):
        near.setdefault(int(owners[one]), set()).add(int(owners[other]))
    leaders: list[int] = []
    for number, outline in enumerate(outlines):
        earlier = sorted(i for i in near[number] if i < number and leaders[i] == i)
        shared = shapely.area(shapely.intersection(outlines[earlier], outline))
        covered = areas[earlier] + areas[number] - shared
        same = np.flatnonzero(shared >= _SAME_SITE * covered)
        leaders.append(earlier[same[0]] if len(same) else number)
    return leaders


def _site(leader: Region, members: Sequence[Region]) -> Region:
    moments = sorted({moment for member in members for moment in member.times})
    others = {_key(member): member for member in members if _key(member) != _key(leader)}
    if not others:
        return leader.at(moments)
    areas = [
        other.area if other.crs == leader.crs else project(other.footprint, leader)
        for other in (leader, *others.values())
    ]
    outlines = [leader.footprint, *(other.footprint for other in others.values())]
    merged = replace(
        leader, area=shapely.union_all(areas), footprint=shapely.union_all(outlines)
    ).at(moments)
    placed = merged if leader.frame is None else merged.on_lattice(leader.frame)
    assert placed is not None  # it holds the leader
    return placed
