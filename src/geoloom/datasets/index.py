"""Which scenes lie under a grid, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely import STRtree

from ..core.grid import WGS84, crs_name, transformer
from ..core.interval import ALWAYS, Interval
from ..core.query import Scene
from .saved import SavedScenes

_NODES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SceneIndex:
    """A tree over the footprints of scenes, with their times beside it.

    Guarantee: `find` gives every scene that shares a pixel's place with the grid and an instant with the
    interval; rarely also one that only comes near.

    Args:
        scenes: In the order of their priority where times are equal.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        self.scenes = scenes if isinstance(scenes, SavedScenes) else tuple(scenes)
        if isinstance(scenes, SavedScenes):
            parts, owners = scenes.parts()
            self._starts, self._stops = scenes.times()
        else:
            parts, owners = shapely.get_parts([s.footprint for s in scenes], return_index=True)
            self._starts = np.array([_seconds(s.when.start) for s in scenes])
            self._stops = np.array([_seconds(s.when.stop) for s in scenes])
        self._tree, self._owners = STRtree(parts), owners

    def __reduce__(self) -> tuple[Any, ...]:
        return SceneIndex, (self.scenes,)

    def __len__(self) -> int:
        return len(self.scenes)

    def find(self, grid: GeoBox, when: Interval = ALWAYS) -> tuple[int, ...]:
        """Positions, ascending, of the scenes under a grid during an interval."""
        found: set[int] = set()
        for box in lonlat_boxes(grid):
            found.update(self._owners[self._tree.query(box)].tolist())
        if when is not ALWAYS and found:
            start, stop = _seconds(when.start), _seconds(when.stop)
            found = {i for i in found if self._starts[i] < stop and start < self._stops[i]}
        return tuple(sorted(found))


def _seconds(instant: datetime) -> float:
    return (instant - _EPOCH).total_seconds()


def lonlat_boxes(grid: GeoBox) -> list[Any]:
    """Boxes in longitude and latitude that surely hold the grid, within [-180, 180].

    A lattice of points is projected, and the box widened by the largest second difference: eight times
    what a smooth map can bulge between the points.
    """
    height, width = grid.shape
    u, v = _LATTICE_U * width, _LATTICE_V * height
    a, b, c, d, e, f = grid.affine[:6]
    lon, lat = a * u + b * v + c, d * u + e * v + f
    if grid.crs != WGS84:
        lon, lat = transformer(crs_name(grid.crs), "EPSG:4326").transform(lon, lat)
    seen = np.isfinite(lon) & np.isfinite(lat)
    if not seen.all():
        # The edge of a globe's view: what lies between a point and the void is unknown.
        return [shapely.box(-180, -90, 180, 90)]
    lon = lon - 360.0 * np.round((lon - lon[_NODES // 2, _NODES // 2]) / 360.0)
    west, east = _widened(lon)
    south, north = _widened(lat)
    if east - west >= 360:
        return [shapely.box(-180, south, 180, north)]
    turn = 360.0 * np.floor((west + 180.0) / 360.0)
    west, east = west - turn, east - turn
    boxes = [shapely.box(west, south, min(east, 180.0), north)]
    if east > 180:
        boxes.append(shapely.box(-180.0, south, east - 360.0, north))
    return boxes


def _widened(values: np.ndarray) -> tuple[float, float]:
    bulge = max(np.abs(np.diff(values, 2, axis=0)).max(), np.abs(np.diff(values, 2, axis=1)).max())
    return float(values.min() - bulge - 1e-9), float(values.max() + bulge + 1e-9)


_LATTICE_U, _LATTICE_V = np.meshgrid(np.linspace(0, 1, _NODES), np.linspace(0, 1, _NODES))
