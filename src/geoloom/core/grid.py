"""What geoloom asks of a GeoBox beyond what odc-geo answers.

All comparisons happen in pixels with a tolerance, never by `==` on world coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely import (
    MultiPoint,
    Polygon,
    box,
    get_coordinates,
    is_valid,
    make_valid,
    polygons,
)
from shapely.geometry.base import BaseGeometry

from .antimeridian import HALF_TURN, around, turns_between, unwrapped
from .errors import GridError

LATTICE_TOLERANCE_PX = 1e-5
"""Two lattices that stay this close over a read are one.

Above the noise of float64 affines (1e-9 px), below what a resampled value shows: a copy instead of a warp
may differ from it by no more than cutting a grid may (1e-5 of the signal).
"""

WGS84 = CRS("EPSG:4326")

BLOCK_PX = 1024
"""Side of the blocks in which a whole raster is passed over."""
_OUTLINED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class PixelWindow:
    """Whole pixels of a lattice, as offsets and a shape. Offsets may lie outside the raster."""

    row: int
    col: int
    height: int
    width: int


def block_windows(shape: tuple[int, int], block_px: int = BLOCK_PX) -> Iterator[PixelWindow]:
    """Windows that tile a raster, row by row; those at the end are smaller where the side does not divide."""
    height, width = shape
    for row in range(0, height, block_px):
        for col in range(0, width, block_px):
            yield PixelWindow(row, col, min(block_px, height - row), min(block_px, width - col))


def window_slices(window: PixelWindow) -> tuple[slice, slice]:
    """Rows and columns of a window, for indexing."""
    return (
        slice(window.row, window.row + window.height),
        slice(window.col, window.col + window.width),
    )


def window_grid(grid: GeoBox, window: PixelWindow) -> GeoBox:
    """The grid of a window that lies inside `grid`."""
    rows, cols = window_slices(window)
    return grid[rows, cols]


def crs_name(crs: CRS) -> str:
    """`EPSG:n` where the CRS has a code, else WKT; `CRS(crs_name(c))` gives the CRS back."""
    return f"EPSG:{crs.epsg}" if crs.epsg else str(crs.to_wkt())


def crs_title(name: str) -> str:
    """A CRS given by `crs_name`, by its code, or by its title where only a long definition describes it."""
    return name if len(name) < 20 else f"'{CRS(name).proj.name}'"


def as_crs(given: Any) -> CRS:
    """A CRS given as a code, WKT, or a CRS.

    Raises:
        GridError: PROJ knows none of that name.

    Example:
        >>> as_crs("EPSG:4326").geographic
        True
    """
    try:
        return CRS(given)
    except (CRSError, ValueError, TypeError, OverflowError, RecursionError) as error:
        shown = repr(given)
        raise GridError(
            f"{shown[:80]}{'...' if len(shown) > 80 else ''} is not a CRS that PROJ knows; give a code such "
            "as 'EPSG:32633', or WKT"
        ) from error


def has_place(crs: CRS | None) -> bool:
    """Whether a CRS places pixels on a body: an engineering CRS has coordinates of its own alone."""
    return crs is not None and not crs.proj.is_engineering


def require_area(grid: GeoBox) -> None:
    """Refuse a grid whose pixels have no size or no place.

    Raises:
        GridError: its affine map holds NaN or infinity, or makes all pixels one line or point.
    """
    a, b, c, d, e, f = grid.affine[:6]
    if not (0 < abs(a * e - b * d) < math.inf and math.isfinite(c) and math.isfinite(f)):
        raise GridError(
            f"the grid's affine map {(a, b, c, d, e, f)} gives pixels no size or no place; expected finite "
            "numbers, and sides that are not 0; see what the pixel size was computed from"
        )


def pixel_map(source: GeoBox, grid: GeoBox) -> Affine:
    """Affine from pixel coordinates of `grid` to those of `source`; both must share a CRS.

    Raises:
        GridError: the CRSs differ, so the map is not affine.
    """
    if source.crs != grid.crs:
        raise GridError(
            f"grids have different CRSs ({crs_name(source.crs)}, {crs_name(grid.crs)}): "
            "no affine map joins them"
        )
    return ~source.affine * grid.affine


def lattice_window(
    source: GeoBox, grid: GeoBox, *, tolerance_px: float = LATTICE_TOLERANCE_PX
) -> PixelWindow | None:
    """The window of `source` that is `grid`, or None where the two lattices differ.

    The test is made at the grid's corners, in source pixels, so that a pixel size that is off in the
    tenth digit still counts as equal over a chip and as different over a continent.
    """
    if source.crs != grid.crs:
        return None
    to_source = pixel_map(source, grid)
    height, width = grid.shape
    col, row = to_source * (0, 0)
    col0, row0 = round(col), round(row)
    for x, y in ((0, 0), (width, 0), (0, height), (width, height)):
        at_col, at_row = to_source * (x, y)
        if abs(at_col - col0 - x) > tolerance_px or abs(at_row - row0 - y) > tolerance_px:
            return None
    return PixelWindow(row0, col0, height, width)


def pixel_centres(grid: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """World x and y of every pixel centre, float64 (H, W) each."""
    height, width = grid.shape
    cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    a, b, c, d, e, f = grid.affine[:6]
    return a * cols + b * rows + c, d * cols + e * rows + f


@lru_cache(maxsize=256)
def transformer(source: str, target: str) -> Transformer:
    """A cached pyproj transformer in (x, y) order between two CRSs given by `crs_name`.

    Raises:
        GridError: no transformation joins them, as between a planet and the Earth.
    """
    try:
        return Transformer.from_crs(source, target, always_xy=True)
    except ProjError as error:
        raise GridError(
            f"no transformation from {crs_title(source)} to {crs_title(target)} ({error}); check both CRSs"
        ) from error


def densified_outline(grid: GeoBox, points_per_side: int = 32) -> np.ndarray:
    """World coordinates along the grid's edge, closed, float64 (4 * points_per_side + 1, 2)."""
    height, width = grid.shape
    cols, rows = _edge(points_per_side)
    cols, rows = cols * width, rows * height
    a, b, c, d, e, f = grid.affine[:6]
    return np.column_stack([a * cols + b * rows + c, d * cols + e * rows + f])


def footprint(grid: GeoBox, points_per_side: int = 32) -> BaseGeometry:
    """The grid's outline in longitude and latitude, split at the antimeridian.

    A grid that holds a pole becomes the cap around it. Where the projection cannot place part of the edge
    (a geostationary image's corners show space), the outline runs around what it can.

    Raises:
        GridError: no part of the grid has a place on Earth.
    """
    lon, lat = _lon_lat(grid, densified_outline(grid, points_per_side))
    finite = np.isfinite(lon) & np.isfinite(lat)
    if not finite.all():
        lon, lat = _lon_lat(grid, _placed_outline(grid, points_per_side))
        finite = np.isfinite(lon) & np.isfinite(lat)
        lon, lat = lon[finite], lat[finite]
    lon = unwrapped(lon)
    if finite.all() and turns_between(lon):
        return _polar_cap(lon, lat)
    return _on_earth(make_valid(Polygon(np.column_stack([lon, lat]))))


def footprints(grids: Sequence[GeoBox], points_per_side: int = 32) -> list[BaseGeometry]:
    """`footprint` of each of many grids: the same vertices, at a tenth of the cost."""
    outlines: dict[int, BaseGeometry] = {}
    alike: dict[str, list[int]] = {}
    for number, grid in enumerate(grids):
        alike.setdefault(str(grid.crs), []).append(number)
    for numbers in alike.values():
        for start in range(0, len(numbers), _OUTLINED_AT_ONCE):
            some = numbers[start : start + _OUTLINED_AT_ONCE]
            outlines.update(_plain_footprints(grids, some, points_per_side))
    return [
        outlines[number] if number in outlines else footprint(grid, points_per_side)
        for number, grid in enumerate(grids)
    ]


def _plain_footprints(
    grids: Sequence[GeoBox], numbers: Sequence[int], points_per_side: int
) -> dict[int, BaseGeometry]:
    """Of the grids of one CRS that lie wholly on Earth, and neither on a pole nor the antimeridian."""
    chosen = [grids[number] for number in numbers]
    cols, rows = _edge(points_per_side)
    height, width = np.array([tuple(grid.shape) for grid in chosen], float).T[..., None]
    a, b, c, d, e, f = np.array([grid.affine[:6] for grid in chosen]).T[..., None]
    x, y = (k * (cols * width) + m * (rows * height) + n for k, m, n in ((a, b, c), (d, e, f)))
    at = _lon_lat(chosen[0], np.column_stack([x.ravel(), y.ravel()]))
    lon, lat = (values.reshape(x.shape) for values in at)
    with np.errstate(invalid="ignore"):
        plain = (np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= HALF_TURN)).all(axis=1)
        plain &= (np.abs(np.diff(lon)) < HALF_TURN).all(axis=1)
    outlines = polygons(np.stack([lon[plain], lat[plain]], axis=-1))
    good = is_valid(outlines)
    places = np.asarray(numbers)[plain][good]
    return dict(zip(places.tolist(), outlines[good].tolist(), strict=True))


def _edge(points_per_side: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows along the edge of a grid of one pixel, closed."""
    t = np.linspace(0, 1, points_per_side, endpoint=False)
    zero, one = np.zeros_like(t), np.ones_like(t)
    return np.concatenate([t, one, 1 - t, zero, [0.0]]), np.concatenate(
        [zero, t, one, 1 - t, [0.0]]
    )


def _lon_lat(grid: GeoBox, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World points (N, 2) of the grid's CRS as longitudes and latitudes, infinite off the Earth."""
    if grid.crs == WGS84:
        return points[:, 0], points[:, 1]
    try:
        change = transformer(crs_name(grid.crs), "EPSG:4326")
    except GridError as error:
        raise GridError(
            f"no place on Earth for a grid in '{grid.crs.proj.name}' ({error.__cause__}); check its CRS"
        ) from error
    lon, lat = change.transform(points[:, 0], points[:, 1])
    return lon, lat


def _placed_outline(grid: GeoBox, points_per_side: int) -> np.ndarray:
    """World coordinates around the pixels that have a place on Earth, taken as convex in the image."""
    height, width = grid.shape
    steps = 2 * points_per_side + 1
    nodes = np.stack(np.meshgrid(np.linspace(0, width, steps), np.linspace(0, height, steps)), -1)
    nodes = nodes.reshape(-1, 2)
    a, b, c, d, e, f = grid.affine[:6]
    to_world = np.array([[a, d], [b, e]])
    lon, lat = _lon_lat(grid, nodes @ to_world + (c, f))
    hull = MultiPoint(nodes[np.isfinite(lon) & np.isfinite(lat)]).convex_hull
    if hull.area == 0:
        raise GridError(
            f"no place on Earth for a grid in '{grid.crs.proj.name}' at {tuple(grid.boundingbox)}; "
            "check its CRS and transform"
        )
    outline = hull.exterior.segmentize(max(height, width) / points_per_side)
    around: np.ndarray = get_coordinates(outline) @ to_world + (c, f)
    return around


def _polar_cap(lon: np.ndarray, lat: np.ndarray) -> BaseGeometry:
    """The region between a ring around a pole and that pole."""
    pole = 90.0 if lat.mean() > 0 else -90.0
    ring = np.column_stack([lon, lat])
    closed = np.vstack([ring, [ring[-1, 0], pole], [ring[0, 0], pole]])
    return _on_earth(make_valid(Polygon(closed)))


def _on_earth(outline: BaseGeometry) -> BaseGeometry:
    """An outline between the poles, cut at the antimeridian."""
    west, south, east, north = outline.bounds
    if south < -90 or north > 90:
        outline = outline.intersection(box(west, -90, east, 90))
    return around(outline, 0.0)


def place(grid: GeoBox) -> dict[str, Any]:
    """The plain values by which a sample says where it lies: crs, transform (6,), bounds (4,)."""
    a, b, c, d, e, f = grid.affine[:6]
    height, width = grid.shape
    # As grid.boundingbox, which takes ten times as long, once a sample.
    xs = c, width * a + c, height * b + c, width * a + height * b + c
    ys = f, width * d + f, height * e + f, width * d + height * e + f
    return {
        "crs": crs_name(grid.crs),
        "transform": np.array((a, b, c, d, e, f), dtype=np.float64),
        "bounds": np.array((min(xs), min(ys), max(xs), max(ys)), dtype=np.float64),
    }


def grid_at(shape: tuple[int, int], transform_6: Any, crs: str) -> GeoBox:
    """The grid of a sample, from what it says of its place: shape, transform (6,) and CRS."""
    return GeoBox(shape, Affine(*(float(v) for v in transform_6)), crs)
