"""Scenes as places on Earth: which overlap, and where windows of one lie in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..core.errors import ConfigError
from ..core.grid import crs_name, has_place, pixel_map, transformer
from ..core.outline import footprints

OUTLINE = np.array(
    [(0, 0), (0.5, 0), (1, 0), (1, 0.5), (1, 1), (0.5, 1), (0, 1), (0, 0.5)], dtype=float
)
"""Corners and side middles of the unit square, around it: (row, col)."""

_ELLIPSOID = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Scenes and a chip size, seen as places: scenes that overlap on Earth are one group, measured in
    pixels of the group's first scene."""

    grids: tuple[GeoBox, ...]
    size: tuple[int, int]
    """Rows and columns of a chip."""
    groups: tuple[tuple[int, ...], ...]
    """Scenes that overlap, directly or through others."""
    group_of: np.ndarray
    """(scenes,) int64 position in `groups` of each scene."""

    @classmethod
    def of(cls, grids: Sequence[GeoBox], size: tuple[int, int]) -> Ground:
        """Ground under some scenes; a scene without a place on Earth overlaps none."""
        placed = np.array([i for i, grid in enumerate(grids) if has_place(grid.crs)], np.int64)
        outlines = np.array(footprints([grids[i] for i in placed]), dtype=object)
        first, second = shapely.STRtree(outlines).query(outlines, predicate="intersects")
        pairs = placed[first], placed[second]
        overlap = coo_array((np.ones(len(first), bool), pairs), shape=(len(grids), len(grids)))
        group_of = connected_components(overlap, directed=False)[1].astype(np.int64)
        members: list[list[int]] = [[] for _ in range(int(group_of.max(initial=-1)) + 1)]
        for scene, group in enumerate(group_of.tolist()):
            members[group].append(scene)
        return cls(tuple(grids), size, tuple(map(tuple, members)), group_of)

    def pixel_sides_m(self) -> np.ndarray:
        """(groups, 2): the least height and width of pixels of each group's first scene, metres.

        Raises:
            ConfigError: a scene has no place on Earth, so that nothing is known of metres.
        """
        sides = []
        for members in self.groups:
            grid = self.grids[members[0]]
            if not has_place(grid.crs):
                raise ConfigError(
                    "lengths are given in metres, and a scene has no place on Earth; give pixels (block_px, "
                    "buffer_px)"
                )
            rows, cols = (
                np.array([0.5, 0.02, 0.02, 0.98, 0.98]),
                np.array([0.5, 0.02, 0.98] * 2)[:5],
            )
            rows, cols = rows * grid.shape[0], cols * grid.shape[1]
            at = [
                _lonlat(grid, rows + down, cols + right) for down, right in ((0, 0), (1, 0), (0, 1))
            ]
            sides.append(
                [float(np.nanmin(_ELLIPSOID.inv(*at[0], *end)[2])) for end in (at[1], at[2])]
            )
        return np.array(sides).reshape(-1, 2)

    def gap_px(self, metres: float) -> int:
        """So many pixels, in each group, are at least so many metres."""
        return int(np.ceil(metres / self.pixel_sides_m().min() - 1e-9)) if metres else 0

    def anchor(self, scene: int) -> int:
        """The scene in whose pixels `scene` is measured."""
        return self.groups[int(self.group_of[scene])][0]

    def extents(self, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest (row, col) of windows (n, 3), in anchors' pixels, float64 (n, 2) each."""
        low = np.empty((len(windows), 2))
        high = np.empty((len(windows), 2))
        for scene in np.unique(windows[:, 0]):
            chosen = windows[:, 0] == scene
            corners = windows[chosen, 1:].astype(float)
            if self.anchor(scene) == scene:
                low[chosen], high[chosen] = corners, corners + self.size
                continue
            outline = corners[:, None, :] + OUTLINE * np.array(self.size)
            at = self.to_anchor(int(scene), outline.reshape(-1, 2)).reshape(outline.shape)
            low[chosen], high[chosen] = at.min(axis=1), at.max(axis=1)
        return low, high

    def to_anchor(self, scene: int, rows_cols: np.ndarray) -> np.ndarray:
        """(row, col) of a scene as (row, col) of its anchor."""
        return _between(self.grids[scene], self.grids[self.anchor(scene)], rows_cols)

    def from_anchor(self, scene: int, rows_cols: np.ndarray) -> np.ndarray:
        """(row, col) of a scene's anchor as (row, col) of the scene."""
        return _between(self.grids[self.anchor(scene)], self.grids[scene], rows_cols)


def _lonlat(grid: GeoBox, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of pixel coordinates."""
    a, b, c, d, e, f = grid.affine[:6]
    move = transformer(crs_name(grid.crs), "EPSG:4326")
    lon, lat = move.transform(a * cols + b * rows + c, d * cols + e * rows + f)
    return lon, lat


def _between(grid: GeoBox, other: GeoBox, rows_cols: np.ndarray) -> np.ndarray:
    """(row, col) of one grid, (n, 2), as (row, col) of another."""
    rows, cols = rows_cols[:, 0], rows_cols[:, 1]
    if grid.crs == other.crs:
        a, b, c, d, e, f = pixel_map(other, grid)[:6]
        return np.stack([d * cols + e * rows + f, a * cols + b * rows + c], axis=1)
    a, b, c, d, e, f = grid.affine[:6]
    route: Transformer = transformer(crs_name(grid.crs), crs_name(other.crs))
    x, y = route.transform(a * cols + b * rows + c, d * cols + e * rows + f)
    a, b, c, d, e, f = (~other.affine)[:6]
    return np.stack([d * x + e * y + f, a * x + b * y + c], axis=1)
