"""What geoloom asks of a GeoBox beyond what odc-geo answers.

All comparisons happen in pixels with a tolerance, never by `==` on world coordinates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.types import Shape2d
from pyproj import Transformer
from pyproj.exceptions import CRSError, ProjError

from .errors import GridError

LATTICE_TOLERANCE_PX = 1e-5
"""Two lattices that stay this close over a read are one.

Above the noise of float64 affines (1e-9 px), below what a resampled value shows: a copy instead of a warp
may differ from it by no more than cutting a grid may (1e-5 of the signal).
"""

WGS84 = CRS("EPSG:4326")

SixFactors = tuple[float, float, float, float, float, float]
"""Of an affine map: x' = a x + b y + c, y' = d x + e y + f."""

BLOCK_PX = 1024
"""Side of the blocks in which a whole raster is passed over."""


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


def row_windows(shape: tuple[int, int], rows: int) -> Iterator[PixelWindow]:
    """Windows of so many rows each, as wide as the raster, from top to bottom; the last may be smaller."""
    height, width = shape
    for row in range(0, height, rows):
        yield PixelWindow(row, 0, min(rows, height - row), width)


def window_slices(window: PixelWindow) -> tuple[slice, slice]:
    """Rows and columns of a window, for indexing."""
    return (
        slice(window.row, window.row + window.height),
        slice(window.col, window.col + window.width),
    )


def window_grid(grid: GeoBox, window: PixelWindow) -> GeoBox:
    """The part of a grid's lattice under a window, which may lie beyond the grid's edges.

    Inside the grid it equals `grid[rows, cols]`, bit for bit, at a fifth of the cost; a slice counts negative
    numbers from the end and stops at the edge, a window does neither.

    Example:
        >>> grid = GeoBox((4, 4), Affine(10, 0, 0, 0, -10, 40), "EPSG:32633")
        >>> window_grid(grid, PixelWindow(-1, -2, 2, 3)).boundingbox.bbox
        (-20.0, 30.0, 10.0, 50.0)
    """
    a, b, c, d, e, f = grid.affine[:6]
    row, col = window.row, window.col
    # A plain tuple would be looked at for what it might be, which costs more than the GeoBox.
    shape = Shape2d(x=window.width, y=window.height)
    corner = a * col + b * row + c, d * col + e * row + f
    return GeoBox(shape, Affine(a, b, corner[0], d, e, corner[1]), grid.crs)


def window_inside(window: PixelWindow, shape: tuple[int, int]) -> PixelWindow | None:
    """The part of a window that lies inside a raster of a shape, itself where all does; None where none does.

    Example:
        >>> window_inside(PixelWindow(-1, 2, 3, 9), (4, 4))
        PixelWindow(row=0, col=2, height=2, width=2)
    """
    top, left = max(window.row, 0), max(window.col, 0)
    bottom = min(window.row + window.height, shape[0])
    right = min(window.col + window.width, shape[1])
    if top >= bottom or left >= right:
        return None
    height, width = bottom - top, right - left
    if height == window.height and width == window.width:
        return window
    return PixelWindow(top, left, height, width)


def window_around(
    left: float,
    top: float,
    right: float,
    bottom: float,
    *,
    tolerance_px: float = LATTICE_TOLERANCE_PX,
) -> PixelWindow | None:
    """The fewest whole pixels that hold a box of pixel coordinates; None where it has no area.

    A side this close to the edge of a pixel counts as on it.

    Example:
        >>> window_around(0.5, -2.0, 3.0000001, 1.0)
        PixelWindow(row=-2, col=0, height=3, width=3)
    """
    first_row, first_col = math.floor(top + tolerance_px), math.floor(left + tolerance_px)
    height = math.ceil(bottom - tolerance_px) - first_row
    width = math.ceil(right - tolerance_px) - first_col
    return PixelWindow(first_row, first_col, height, width) if min(height, width) > 0 else None


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
    """The window of `source`'s lattice that is `grid`, or None where the two lattices differ.

    The test is made at the grid's corners, in source pixels, so that a pixel size that is off in the
    tenth digit still counts as equal over a chip and as different over a continent.
    """
    if source.crs != grid.crs:
        return None
    return window_of(grid, (~source.affine)[:6], tolerance_px)


def window_of(
    grid: GeoBox, to_pixel: SixFactors, tolerance_px: float = LATTICE_TOLERANCE_PX
) -> PixelWindow | None:
    """`lattice_window`, of a source in the grid's CRS.

    Args:
        grid: The grid.
        to_pixel: The affine factors from the world to source columns and rows, which are expensive to invert.
        tolerance_px: See there.
    """
    a, b, c, d, e, f = to_pixel
    grid_a, grid_b, x, grid_d, grid_e, y = grid.affine[:6]
    height, width = grid.shape
    at_col, at_row = a * x + b * y + c, d * x + e * y + f
    col, row = round(at_col), round(at_row)
    # How far off the grid is at its first corner, and what is added along its rows and its columns.
    for off, across, down in (
        (at_col - col, width * (a * grid_a + b * grid_d - 1), height * (a * grid_b + b * grid_e)),
        (at_row - row, width * (d * grid_a + e * grid_d), height * (d * grid_b + e * grid_e - 1)),
    ):
        if not (
            abs(off) <= tolerance_px
            and abs(off + across) <= tolerance_px
            and abs(off + down) <= tolerance_px
            and abs(off + across + down) <= tolerance_px
        ):
            return None
    return PixelWindow(row, col, height, width)


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
    cols, rows = unit_outline(points_per_side)
    cols, rows = cols * width, rows * height
    a, b, c, d, e, f = grid.affine[:6]
    return np.column_stack([a * cols + b * rows + c, d * cols + e * rows + f])


def unit_outline(points_per_side: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows along the edge of a grid of one pixel, closed."""
    t = np.linspace(0, 1, points_per_side, endpoint=False)
    zero, one = np.zeros_like(t), np.ones_like(t)
    return np.concatenate([t, one, 1 - t, zero, [0.0]]), np.concatenate(
        [zero, t, one, 1 - t, [0.0]]
    )


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
