"""Vector features, indexed once and burned onto any grid in any CRS."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import shapely
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from shapely import STRtree

from ...core.antimeridian import TURNS, near
from ...core.errors import VectorError
from ...core.grid import crs_name, transformer

log = logging.getLogger(__name__)

CHORD_TOLERANCE_PX = 1e-3
"""How far a reprojected straight edge may stray from its true curve, in pixels of the grid."""

LARGE_VERTICES = 256
"""Features with more vertices are cut to the grid's surroundings before they are reprojected."""

OnTop = Literal["last", "highest", "lowest"]
"""Which of the features over a pixel gives it its code: the last, or that of the highest or lowest code."""

_LATTICE = 17
_MOST_PIECES = 4096
_REMEMBERED_GRIDS = 4


class _Moved:
    """Features in another CRS, (N,) shapes as far as they were asked for; None where they have no place."""

    __slots__ = ("shapes", "tried")

    def __init__(self, count: int) -> None:
        self.shapes = np.empty(count, dtype=object)
        self.tried = np.zeros(count, dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Geometries with class codes in one CRS. Later ones lie on top of earlier ones.

    Raises:
        VectorError: nothing usable is given, or the lengths differ.

    Example:
        >>> from odc.geo.geobox import GeoBox
        >>> square = Features(np.array([shapely.box(0, 0, 2, 1)]), np.array([1]), {1: "forest"},
        ...                   CRS("EPSG:32622"))
        >>> square.burn(GeoBox.from_bbox((0, 0, 3, 1), crs="EPSG:32622", resolution=1))
        array([[1, 1, 0]], dtype=uint8)
    """

    geometries: np.ndarray
    """(N,) shapely geometries: points, lines or polygons."""
    codes: np.ndarray
    """(N,) int, 1..K; 0 marks a feature of none of the classes asked for."""
    class_names: Mapping[int, str]
    """Name by code, without 0."""
    crs: CRS
    source: str = "features"
    """Where they come from, for messages."""
    _tree: Any = field(init=False, repr=False)
    _sizes: np.ndarray = field(init=False, repr=False)
    _bounds: np.ndarray = field(init=False, repr=False)
    _moved: dict[tuple[str, int], _Moved] = field(init=False, repr=False)
    _reported: set[str] = field(init=False, repr=False)
    """CRSs of which the log says that features have no place there."""
    _lock: threading.Lock = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.geometries) != len(self.codes) or len(self.geometries) == 0:
            raise VectorError(
                f"{self.source}: {len(self.geometries)} geometries and {len(self.codes)} codes; "
                "give one code to each of at least one geometry"
            )
        object.__setattr__(self, "_tree", STRtree(self.geometries))
        object.__setattr__(self, "_sizes", shapely.get_num_coordinates(self.geometries))
        object.__setattr__(self, "_bounds", shapely.bounds(self.geometries))
        object.__setattr__(self, "_moved", {})
        object.__setattr__(self, "_reported", set())
        object.__setattr__(self, "_lock", threading.Lock())

    def __len__(self) -> int:
        return len(self.geometries)

    def __reduce__(self) -> tuple[Any, ...]:
        # The tree and the reprojected copies are cheaper to make again than to send.
        return Features, (self.geometries, self.codes, self.class_names, self.crs, self.source)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top of all features, in their CRS."""
        left, bottom = self._bounds[:, :2].min(axis=0)
        right, top = self._bounds[:, 2:].max(axis=0)
        return float(left), float(bottom), float(right), float(top)

    def near(self, grid: GeoBox) -> np.ndarray:
        """Indices, ascending, of the features whose bounds come near the grid: a superset of those on it."""
        return self._within(_surroundings(grid, self.crs))

    def on(self, grid: GeoBox) -> tuple[np.ndarray, np.ndarray]:
        """Geometries (M,) in the grid's CRS that come near it, and their codes (M,), in drawing order."""
        zone = _surroundings(grid, self.crs)
        chosen = self._within(zone)
        geometries = self._reprojected(chosen, zone, grid)
        if grid.crs.geographic:
            geometries, chosen = _around_the_globe(geometries, chosen, grid)
        keep = ~(shapely.is_missing(geometries) | shapely.is_empty(geometries))
        return geometries[keep], self.codes[chosen[keep]]

    def burn(
        self,
        grid: GeoBox,
        *,
        all_touched: bool = False,
        fill: int = 0,
        other: int | None = None,
        on_top: OnTop = "last",
    ) -> np.ndarray:
        """Class codes on the grid's pixels.

        A pixel takes the code of the last feature that holds its centre (or, with `all_touched`, that
        touches it). Straight edges stay straight in the features' own CRS. Points burn the pixel that
        holds them; lines burn the pixels along them.

        Args:
            grid: Any grid in any CRS.
            all_touched: Burn every pixel that a feature touches.
            fill: Code of pixels without a feature: they are not labelled.
            other: Code of pixels under features outside the classes asked for; None leaves those
                features out, as if they were not there.
            on_top: Whose code a pixel of several features takes; where the `highest` is not the `lowest`,
                classes overlap.

        Returns:
            uint8 (H, W), or uint16 where a code exceeds 255.

        Raises:
            VectorError: a code does not fit 16 bits.
        """
        from rasterio.features import rasterize

        dtype = self._dtype(fill, other)
        geometries, codes = self.on(grid)
        if other is None:
            geometries, codes = geometries[codes > 0], codes[codes > 0]
        else:
            codes = np.where(codes > 0, codes, other)
        if len(geometries) == 0:
            return np.full(tuple(grid.shape), fill, dtype=dtype)
        if on_top != "last":
            order = np.argsort(codes if on_top == "highest" else -codes, kind="stable")
            geometries, codes = geometries[order], codes[order]
        burned: np.ndarray = rasterize(
            zip(_as_mappings(geometries), codes.tolist(), strict=True),
            out_shape=tuple(grid.shape),
            transform=grid.affine,
            fill=fill,
            all_touched=all_touched,
            dtype=dtype,
        )
        return burned

    def _dtype(self, fill: int, other: int | None) -> str:
        codes = [fill, other or 0, *self.class_names]
        if min(codes) < 0 or max(codes) > 65535:
            raise VectorError(
                f"{self.source}: codes run from {min(codes)} to {max(codes)}; "
                "fill and other must lie in 0..65535"
            )
        return "uint8" if max(codes) < 256 else "uint16"

    def _within(self, zone: np.ndarray | None) -> np.ndarray:
        if zone is None:
            return np.arange(len(self))
        shifts = TURNS if self.crs.geographic else (0.0,)
        boxes = [shapely.box(zone[0] + s, zone[1], zone[2] + s, zone[3]) for s in shifts]
        numbers: np.ndarray = np.unique(self._tree.query(boxes)[1])
        return numbers

    def _reprojected(self, chosen: np.ndarray, zone: np.ndarray | None, grid: GeoBox) -> np.ndarray:
        """The chosen features in the grid's CRS: small ones whole and remembered, large ones cut."""
        tolerance = 2.0 ** math.floor(math.log2(_pixel_size(grid) * CHORD_TOLERANCE_PX))
        route = crs_name(self.crs), crs_name(grid.crs)
        out = np.empty(len(chosen), dtype=object)
        if zone is None:
            large = np.zeros(len(chosen), dtype=bool)
        else:
            large = self._sizes[chosen] > LARGE_VERTICES
            large |= self._reaches_far(chosen, zone)
            cut = _cut(self.geometries[chosen[large]], zone, self.crs)
            out[large] = self._project(cut, route, tolerance)
        if self.crs == grid.crs:
            out[~large] = self.geometries[chosen[~large]]
            return out
        known = self._remembered(route[1], math.frexp(tolerance)[1])
        missing = chosen[~large & ~known.tried[chosen]]
        if len(missing):
            # Threads that miss the same features write the same shapes; `tried` comes after them.
            known.shapes[missing] = self._project(self.geometries[missing], route, tolerance)
            known.tried[missing] = True
        out[~large] = known.shapes[chosen[~large]]
        return out

    def _remembered(self, target: str, exponent: int) -> _Moved:
        """What was reprojected so far for a CRS and tolerance; a few such are kept."""
        key = target, exponent
        with self._lock:
            known = self._moved.get(key)
            if known is None:
                for oldest in list(self._moved)[: 1 - _REMEMBERED_GRIDS]:
                    del self._moved[oldest]
                known = self._moved[key] = _Moved(len(self))
            return known

    def _project(
        self, geometries: np.ndarray, route: tuple[str, str], tolerance: float
    ) -> np.ndarray:
        """`_project`, which reports features without a place once per CRS."""
        moved, lost = _project(geometries, route, tolerance)
        if lost:
            with self._lock:
                new = route[1] not in self._reported
                self._reported.add(route[1])
            if new:
                log.warning(
                    "%s: %d features near the grid have points with no place in %s: left out, as are others "
                    "of which this holds",
                    self.source,
                    lost,
                    route[1][:40],
                )
        return moved

    def _reaches_far(self, chosen: np.ndarray, zone: np.ndarray) -> np.ndarray:
        """Whether a feature is several times wider than the zone, so that its far end may not project."""
        spans = self._bounds[chosen, 2:] - self._bounds[chosen, :2]
        far: np.ndarray = (spans > 4 * (zone[2:] - zone[:2])).any(axis=1)
        return far


def _as_mappings(geometries: np.ndarray) -> list[Any]:
    """Geometries as rasterio takes them; polygons of one ring as GeoJSON, which it would make of each."""
    shapes: list[Any] = geometries.tolist()
    plain = shapely.get_type_id(geometries) == 3
    plain &= shapely.get_num_interior_rings(geometries) == 0
    places = np.flatnonzero(plain).tolist()
    points = shapely.get_coordinates(geometries[plain]).tolist()
    ends = np.cumsum(shapely.get_num_coordinates(geometries[plain])).tolist()
    for place, start, end in zip(places, [0, *ends], ends, strict=False):
        shapes[place] = {"type": "Polygon", "coordinates": [points[start:end]]}
    return shapes


def _pixel_size(grid: GeoBox) -> float:
    a, b, _, d, e, _ = grid.affine[:6]
    return min(math.hypot(a, d), math.hypot(b, e))


def _surroundings(grid: GeoBox, crs: CRS) -> np.ndarray | None:
    """Bounds (4,) in `crs` that surely hold the grid, with a margin; None where it does not project.

    A lattice of points is projected and the bounds widened by its largest step, so that what bulges
    between the points is met too. In degrees, longitudes run on around the grid's centre.
    """
    height, width = grid.shape
    cols, rows = np.meshgrid(
        np.linspace(-1, width + 1, _LATTICE), np.linspace(-1, height + 1, _LATTICE)
    )
    a, b, c, d, e, f = grid.affine[:6]
    x, y = a * cols + b * rows + c, d * cols + e * rows + f
    if grid.crs != crs:
        x, y = transformer(crs_name(grid.crs), crs_name(crs)).transform(x, y)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    if crs.geographic and grid.crs != crs:
        x = near(x, x[_LATTICE // 2, _LATTICE // 2])
    margin = [
        max(np.abs(np.diff(v, axis=0)).max(), np.abs(np.diff(v, axis=1)).max()) for v in (x, y)
    ]
    return np.array(
        [x.min() - margin[0], y.min() - margin[1], x.max() + margin[0], y.max() + margin[1]]
    )


def _cut(geometries: np.ndarray, zone: np.ndarray, crs: CRS) -> np.ndarray:
    """The parts of the geometries inside the zone; in degrees also one turn to the east and west."""
    left, bottom, right, top = zone
    if not crs.geographic:
        return np.asarray(shapely.clip_by_rect(geometries, left, bottom, right, top), dtype=object)
    parts = np.array(
        [shapely.clip_by_rect(geometries, left + s, bottom, right + s, top) for s in TURNS],
        dtype=object,
    )
    filled = ~shapely.is_empty(parts)
    single = filled.sum(axis=0) <= 1
    cut: np.ndarray = parts[filled.argmax(axis=0), np.arange(parts.shape[1])]
    for i in np.flatnonzero(~single):
        cut[i] = shapely.geometrycollections(parts[filled[:, i], i])
    return cut


def _project(
    geometries: np.ndarray, route: tuple[str, str], tolerance: float
) -> tuple[np.ndarray, int]:
    """Geometries in the second CRS of the route; long edges get vertices so that they bend as they must.

    A geometry with a point that the target cannot place becomes None; how many did is the second result.
    """
    if route[0] == route[1] or len(geometries) == 0:
        return geometries, 0
    xy, owner = shapely.get_coordinates(geometries, return_index=True)
    moved_xy = _moved(xy, owner, route)
    limits = _edge_limits(xy, moved_xy, owner, len(geometries), route, tolerance)
    if np.isfinite(limits).any():
        geometries = shapely.segmentize(geometries, limits)
        xy, owner = shapely.get_coordinates(geometries, return_index=True)
        moved_xy = _moved(xy, owner, route)
    finite = np.isfinite(moved_xy).all(axis=1)
    moved: np.ndarray = np.array(geometries, dtype=object)
    shapely.set_coordinates(moved, np.where(finite[:, None], moved_xy, 0.0))
    lost = np.unique(owner[~finite])
    moved[lost] = None
    return moved, len(lost)


def _moved(xy: np.ndarray, owner: np.ndarray, route: tuple[str, str]) -> np.ndarray:
    """Points (N, 2) in the second CRS; longitudes of one owner run on across the antimeridian."""
    x, y = transformer(*route).transform(xy[:, 0], xy[:, 1])
    if CRS(route[1]).geographic and len(x):
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        x = near(x, np.repeat(x[first], np.diff(np.append(first, len(x)))))
    return np.column_stack([x, y])


def _edge_limits(
    xy: np.ndarray,
    moved: np.ndarray,
    owner: np.ndarray,
    count: int,
    route: tuple[str, str],
    tolerance: float,
) -> np.ndarray:
    """Longest edge (count,) by geometry whose straight image strays less than the tolerance.

    An edge's true image is compared with the straight one a quarter along it, where neither a bow nor an
    S-curve hides. Straying grows with the square of the length, so one measurement gives the limit.
    """
    limits = np.full(count, np.inf)
    edges = np.flatnonzero((owner[:-1] == owner[1:]) & (xy[:-1] != xy[1:]).any(axis=1))
    if len(edges) == 0:
        return limits
    along = xy[edges + 1] - xy[edges]
    x, y = transformer(*route).transform(*(xy[edges] + 0.25 * along).T)
    straight = moved[edges] + 0.25 * (moved[edges + 1] - moved[edges])
    if CRS(route[1]).geographic:
        x = near(x, straight[:, 0])
    with np.errstate(invalid="ignore"):
        stray = 4 / 3 * np.hypot(x - straight[:, 0], y - straight[:, 1])
    bends = np.isfinite(stray) & (stray > tolerance)
    pieces = np.minimum(np.sqrt(stray[bends] / tolerance) / 0.9, _MOST_PIECES)
    np.minimum.at(limits, owner[edges[bends]], np.hypot(*along[bends].T) / pieces)
    return limits


def _around_the_globe(
    geometries: np.ndarray, chosen: np.ndarray, grid: GeoBox
) -> tuple[np.ndarray, np.ndarray]:
    """Adds copies one turn away where these lie on the grid (a grid across the antimeridian)."""
    box = grid.boundingbox
    bounds = shapely.bounds(geometries)
    turned, owners = [], []
    for shift in TURNS:
        meets = (bounds[:, 0] + shift <= box.right) & (bounds[:, 2] + shift >= box.left)
        turned.append(
            shapely.transform(geometries[meets], lambda xy, by=shift: xy + np.array([by, 0.0]))
            if shift
            else geometries[meets]
        )
        owners.append(np.flatnonzero(meets))
    order = np.argsort(np.concatenate(owners), kind="stable")
    positions = np.concatenate(owners)[order]
    return np.concatenate(turned)[order], chosen[positions]
