"""The one measure of area on the ground: that of the ellipsoid, in every CRS.

A polygon's edges are straight in its CRS, as a map's are. They are cut so finely that the geodesics between
the cuts are as good as the edges; then the ellipsoid's own polygon area is taken (Karney 2013, section 6),
which knows neither a seam at 180 degrees nor a pole. Pixels are such polygons: measured at a few nodes of a
grid and interpolated between them, so that a large map costs little more than a small one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from .antimeridian import degrees_per_unit, full_turn
from .grid import crs_name, transformer

Floats = NDArray[np.float64]

_SHORT_M, _LONG_M = 300.0, 5_000.0
"""Edges are cut to a sixteenth of the polygon, within these. Between a straight edge of length L and its
geodesic lies about L**3 / 12R on the ground, R being 6371 km: 2e-5 of the smallest polygon that is cut."""

_POLAR_DEG = 89.8
"""Rings wholly beyond this latitude are measured in an equal-area plane around the pole. Of geodesics, the
area down to the equator is counted, and PROJ's own equal-area planes count so, too: half of the Earth for a
ring of a few metres around the pole. That loses 0.03 m2, a thousandth of a pixel of 5 m there, and at 89.8
degrees, 22 km from the pole, 4e-6 of one of 20 cm."""

_WIDEST_M = 5e6
"""Wider polygons are cut in four first: of a ring around half the Earth, no side is the inside."""

_METRES_PER_RADIAN = 6_371_007.2
_ORDER = 9
_NODES = np.cos(np.pi * (np.arange(_ORDER) + 0.5) / _ORDER)
# Between the nodes, which are the roots of a Chebyshev polynomial, an interpolant errs most at its extremes.
_CHECKS = np.cos(np.pi * np.arange(_ORDER + 1) / _ORDER)
_TO_FACTORS: Floats = np.asarray(
    np.linalg.inv(np.polynomial.chebyshev.chebvander(_NODES, _ORDER - 1)), dtype=np.float64
)
_TOLERANCE = 1e-7
"""Largest share by which an interpolated pixel's area may err at the checks."""

_ASKED_M = 500.0
"""Smaller pixels are measured by a patch of this side around them: PROJ's noise is below 1e-8 of it."""

_EXACT_PX = 16
"""Cells of at most this side are measured pixel by pixel rather than quartered."""


def polygon_areas_m2(polygons: NDArray[Any] | Sequence[Any], crs: CRS) -> Floats:
    """Areas on the ground of polygons in a CRS.

    Longitudes may run on beyond 180 degrees, and polygons may hold a pole. Areas are those of the CRS's own
    ellipsoid; where the CRS has no place on a body, those of its plane.

    Args:
        polygons: (N,) polygons or multipolygons; holes count off.
        crs: Theirs.

    Returns:
        float64 (N,), square metres; NaN where a vertex has no place on the ellipsoid. Within 1e-5 of the
        polygon between its straight edges, on a convex polygon of any size.

    Example:
        >>> from odc.geo.crs import CRS
        >>> field = shapely.box(179.5, 66, 180.5, 67)
        >>> round(polygon_areas_m2([field], CRS("EPSG:4326"))[0] / 1e6)
        4964
    """
    parts, owners = shapely.get_parts(np.asarray(polygons, dtype=object), return_index=True)
    ground = _ground(crs_name(crs))
    if ground is None:
        areas = shapely.area(parts) * _unit(crs) ** 2
    else:
        parts, owners = _cut_wide(parts, owners, _WIDEST_M / ground.unit_m)
        areas = _measured(parts, ground)
    return np.bincount(owners, areas, minlength=len(polygons)).astype(np.float64, copy=False)


def pixel_areas_m2(grid: GeoBox) -> Floats:
    """Areas on the ground of the pixels of a grid, each within 1e-6 of `polygon_areas_m2` of its outline.

    Returns:
        float64 that broadcasts to (H, W), square metres; 0 for a pixel that is not wholly on the ellipsoid.

    Example:
        >>> from affine import Affine
        >>> square = GeoBox((2, 2), Affine(200, 0, 0, 0, -200, 8_400_000), "EPSG:3857")  # at 60 degrees north
        >>> round(pixel_areas_m2(square).mean())
        10033
    """
    height, width = grid.shape
    if _ground(crs_name(grid.crs)) is None:
        return np.array([[abs(grid.affine.determinant) * _unit(grid.crs) ** 2]])
    if grid.crs.geographic and grid.affine.b == grid.affine.d == 0:
        return _cell_areas(grid, (0, height, 0, 1))  # the same in each column
    return _cell_areas(grid, (0, height, 0, width))


def grid_area_m2(grid: GeoBox) -> float:
    """Area on the ground that a grid covers, square metres; NaN where a corner is not on the ellipsoid."""
    height, width = grid.shape
    return float(polygon_areas_m2(_outlines(grid, 0, 0, width, height), grid.crs)[0])


@dataclass(frozen=True, slots=True)
class _Ground:
    """From a CRS to its own ellipsoid."""

    crs: str
    geodetic: str
    """The geodetic CRS below it, whose datum it shares: nothing is shifted on the way."""
    geographic: bool
    degrees: float
    """In a unit of the geodetic CRS."""
    unit_m: float
    """Metres, about, in a unit of the CRS."""
    ellipsoid: pyproj.Geod

    def lonlat(self, xy: Floats) -> Floats:
        """Degrees (N, 2) on the ellipsoid."""
        if not self.geographic:
            xy = np.column_stack(transformer(self.crs, self.geodetic).transform(*xy.T))
        lon, lat = (xy * self.degrees).T
        return np.column_stack(
            [lon, lat.clip(-90.0, 90.0)]
        )  # of a pixel on the pole, half is beyond it

    def geodesic_m2(self, lon: Floats, lat: Floats) -> float:
        """Area of a ring whose sides are geodesics."""
        return abs(float(self.ellipsoid.polygon_area_perimeter(lon, lat)[0]))

    def polar_m2(self, lon: Floats, lat: Floats) -> float:
        """Area of a ring near a pole, whose sides are straight in the equal-area plane around it.

        Source:
            Snyder 1987, equation 3-12, as an integral from the pole whose terms are not subtracted from that
            of the equator, and which ends after the second: the third is below 1e-13 of it at 89.8 degrees.
        """
        e2 = self.ellipsoid.es
        up = 2 * np.sin(np.radians(90 - abs(lat)) / 2) ** 2  # 1 - sin(latitude)
        radius = self.ellipsoid.a * np.sqrt(2 * up / (1 - e2) * (1 - 2 * e2 / (1 - e2) * up))
        x, y = radius * np.cos(np.radians(lon)), radius * np.sin(np.radians(lon))
        return float(shapely.Polygon(np.column_stack([x, y])).area)


@lru_cache(maxsize=256)
def _ground(crs: str) -> _Ground | None:
    """None where the CRS is of no body, such as that of a drawing."""
    known = CRS(crs)
    below, ellipsoid = known.proj.geodetic_crs, known.proj.get_geod()
    if below is None or ellipsoid is None:
        return None
    geodetic = CRS(below.to_2d().to_wkt())
    degrees = degrees_per_unit(geodetic)
    geographic = full_turn(known) is not None
    unit_m = np.radians(degrees) * _METRES_PER_RADIAN if geographic else _unit(known)
    return _Ground(crs, crs_name(geodetic), geographic, degrees, float(unit_m), ellipsoid)


def _ground_of(crs: CRS) -> _Ground:
    ground = _ground(crs_name(crs))
    assert ground is not None  # of a drawing, no pixel is asked for
    return ground


def _unit(crs: CRS) -> float:
    """Metres in a unit of a projected CRS."""
    axes = crs.proj.axis_info
    return float(axes[0].unit_conversion_factor) if axes else 1.0


def _cut_wide(
    parts: NDArray[Any], owners: NDArray[np.int64], widest: float
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Polygons none of which is wider or higher than `widest`, and whose part each is."""
    while (wide := _extents(parts) > widest).any():
        left, bottom, right, top = shapely.bounds(parts[wide]).T
        middle, centre = (left + right) / 2, (bottom + top) / 2
        quarters = [
            shapely.intersection(parts[wide], shapely.box(*sides))
            for sides in (
                (left, bottom, middle, centre),
                (middle, bottom, right, centre),
                (left, centre, middle, top),
                (middle, centre, right, top),
            )
        ]
        pieces, among = shapely.get_parts(np.concatenate(quarters), return_index=True)
        whose = np.tile(owners[wide], 4)[among]
        polygons = shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON
        parts = np.concatenate([parts[~wide], pieces[polygons]])
        owners = np.concatenate([owners[~wide], whose[polygons]])
    return parts, owners


def _extents(parts: NDArray[Any]) -> Floats:
    left, bottom, right, top = shapely.bounds(parts).T
    extents: Floats = np.nan_to_num(np.maximum(right - left, top - bottom))
    return extents


def _measured(parts: NDArray[Any], ground: _Ground) -> Floats:
    """Areas (N,) of polygons, ring by ring: the outline's, less those of the holes."""
    short, long = _SHORT_M / ground.unit_m, _LONG_M / ground.unit_m
    fine = shapely.segmentize(parts, (_extents(parts) / 16).clip(short, long))
    if not len(fine):
        return np.empty(0)
    _, xy, (rings, polygons) = shapely.to_ragged_array(fine)
    lon, lat = ground.lonlat(xy).T
    polar = np.minimum.reduceat(abs(lat), rings[:-1]) > _POLAR_DEG
    areas = np.array([
        -(ground.polar_m2 if near else ground.geodesic_m2)(lon[start : stop - 1], lat[start : stop - 1])
        for start, stop, near in zip(rings[:-1].tolist(), rings[1:].tolist(), polar.tolist(), strict=True)
    ])  # fmt: skip
    areas[polygons[:-1]] *= -1
    return np.add.reduceat(areas, polygons[:-1])


_Cell = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last."""


def _cell_areas(grid: GeoBox, cell: _Cell) -> Floats:
    """Areas of a cell's pixels, that broadcast to its shape."""
    top, bottom, left, right = cell
    small = (bottom - top) * (right - left) <= _ORDER**2
    areas = None if small else _interpolated(grid, cell)
    if areas is not None:
        return areas
    if small or max(bottom - top, right - left) <= _EXACT_PX:
        cols, rows = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
        return np.nan_to_num(_asked(grid, cols, rows, (1.0, 1.0)))
    areas = np.empty((bottom - top, right - left))
    for quarter in _quarters(cell):
        rows_at, cols_at = (
            slice(quarter[0] - top, quarter[1] - top),
            slice(quarter[2] - left, quarter[3] - left),
        )
        areas[rows_at, cols_at] = _cell_areas(grid, quarter)
    return areas


def _interpolated(grid: GeoBox, cell: _Cell) -> Floats | None:
    """A polynomial through the areas at nodes of a cell; None where it errs, or a node has no place."""
    top, bottom, left, right = cell
    a, b, _, d, e, _ = grid.affine[:6]
    unit_m = _ground_of(grid.crs).unit_m
    sides = tuple(max(1.0, _ASKED_M / (np.hypot(*edge) * unit_m)) for edge in ((a, d), (b, e)))
    (row_nodes, row_checks), (col_nodes, col_checks) = (
        _lattices(bottom - top),
        _lattices(right - left),
    )

    def asked(v: Floats, u: Floats) -> Floats:
        cols, rows = left + (1 + u) * (right - left) / 2, top + (1 + v) * (bottom - top) / 2
        return _asked(grid, *np.meshgrid(cols, rows), sides)

    nodes, checks = asked(row_nodes, col_nodes), asked(row_checks, col_checks)
    if not (np.isfinite(nodes).all() and np.isfinite(checks).all()):
        return None
    factors = _fit(len(row_nodes)) @ nodes @ _fit(len(col_nodes)).T
    if (abs(_at(factors, row_checks, col_checks) - checks) > _TOLERANCE * checks).any():
        return None
    # One value for all where even the sum of all that varies does not show.
    flat = _TOLERANCE / 10 * abs(factors[0, 0])
    if abs(factors[:, 1:]).sum() < flat:
        factors = factors[:, :1]
    if abs(factors[1:]).sum() < flat:
        factors = factors[:1]
    return _at(
        factors, _centres(top, bottom, factors.shape[0]), _centres(left, right, factors.shape[1])
    )


def _lattices(pixels: int) -> tuple[Floats, Floats]:
    """Nodes and checks along an axis, from -1 to 1; of one pixel its centre."""
    return (_NODES, _CHECKS) if pixels > 1 else (np.zeros(1), np.zeros(1))


def _fit(nodes: int) -> Floats:
    return _TO_FACTORS if nodes == _ORDER else np.ones((1, 1))


def _centres(first: int, after: int, factors: int) -> Floats:
    """Pixel centres from -1 to 1; the first alone where nothing varies."""
    count = after - first if factors > 1 else 1
    centres: Floats = (2 * np.arange(count) + 1) / (after - first) - 1
    return centres


def _at(factors: Floats, v: Floats, u: Floats) -> Floats:
    """The polynomial of Chebyshev factors (M, N) at rows v and columns u."""
    vander = np.polynomial.chebyshev.chebvander
    down, across = vander(v, factors.shape[0] - 1), vander(u, factors.shape[1] - 1)
    values: Floats = down @ factors @ across.T
    return values


def _asked(grid: GeoBox, cols: Floats, rows: Floats, sides: tuple[float, float]) -> Floats:
    """Areas of pixels by their centres, each from a patch of so many columns and rows around it."""
    wide, high = sides
    outlines = _outlines(grid, cols - wide / 2, rows - high / 2, cols + wide / 2, rows + high / 2)
    placed = np.isfinite(_ground_of(grid.crs).lonlat(shapely.get_coordinates(outlines))).all(axis=1)
    placed = placed.reshape(-1, 5).all(axis=1)  # a closed box has five vertices
    areas = np.full(cols.size, np.nan)
    areas[placed] = polygon_areas_m2(outlines[placed], grid.crs)
    areas /= wide * high
    return areas.reshape(cols.shape)


def _outlines(grid: GeoBox, left: Any, top: Any, right: Any, bottom: Any) -> NDArray[Any]:
    """Polygons (N,) in a grid's CRS of boxes in its pixels."""
    a, b, c, d, e, f = grid.affine[:6]
    cols, rows = np.array([left, right, right, left]), np.array([top, top, bottom, bottom])
    corners = np.stack([a * cols + b * rows + c, d * cols + e * rows + f], axis=-1)
    return np.asarray(shapely.polygons(np.moveaxis(corners.reshape(4, -1, 2), 0, 1)))


def _quarters(cell: _Cell) -> Iterator[_Cell]:
    top, bottom, left, right = cell
    middle_row, middle_col = (top + bottom + 1) // 2, (left + right + 1) // 2
    for first, after in ((top, middle_row), (middle_row, bottom)):
        for start, stop in ((left, middle_col), (middle_col, right)):
            if first < after and start < stop:
                yield first, after, start, stop
