"""Where the pixels of one grid fall in another, in any CRSs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj.exceptions import ProjError

from geoloom.core.antimeridian import full_turn, near
from geoloom.core.errors import GridError, ReadError
from geoloom.core.grid import PixelWindow, crs_name, crs_title, transformer

Floats = NDArray[np.float64]


def source_window(source: GeoBox, grid: GeoBox, reach: tuple[int, int]) -> PixelWindow | None:
    """The window of `source`, inside it, that a warp onto `grid` can touch; None where there is none.

    Places are computed on a lattice of nodes over the grid, its edges included. Between nodes a smooth
    map strays by less than its second differences, which are added to the margin; near a pole or a
    seam those are large, and the window with them.
    """
    height, width = grid.shape
    for nodes in (32, max(height, width)):
        nodes_x = np.linspace(0, width, min(width, nodes) + 1)
        nodes_y = np.linspace(0, height, min(height, nodes) + 1)
        at = to_source(source, grid, *np.meshgrid(nodes_x, nodes_y))
        placed = np.isfinite(at[0]) & np.isfinite(at[1])
        if placed.all() or placed.shape == (height + 1, width + 1):
            break
    if not placed.any():
        return None
    (left, right), (top, bottom) = (
        _extent(along, placed, margin, size)
        for along, margin, size in zip(at, reach, source.shape[::-1], strict=True)
    )
    if left >= right or top >= bottom:
        return None
    return PixelWindow(top, left, bottom - top, right - left)


def _extent(at: Floats, placed: NDArray[np.bool_], reach: float, size: int) -> tuple[int, int]:
    if placed.all():
        bends = [abs(np.diff(at, n=2, axis=axis)) for axis in (0, 1) if at.shape[axis] > 2]
        reach += max((float(bend.max()) for bend in bends), default=0.0)
    positions = at[placed]
    low, high = np.floor(positions.min() - reach), np.ceil(positions.max() + reach)
    return int(np.clip(low, 0, size)), int(np.clip(high, 0, size))


def to_source(source: GeoBox, grid: GeoBox, cols: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """Pixel coordinates of `grid` as pixel coordinates of `source`; not finite where no place is.

    From another CRS, longitudes are counted towards the source's own, so that a source that runs from 170 to
    190 degrees, or from 0 to 360, is met on both sides of the antimeridian. Between equal CRSs the map is
    affine: who reads moves the grid first (`core.antimeridian.turned_pieces`).

    Raises:
        ReadError: no transformation joins the two CRSs.
    """
    a, b, c, d, e, f = grid.affine[:6]
    x, y = a * cols + b * rows + c, d * cols + e * rows + f
    if source.crs != grid.crs:
        x, y = moved(crs_name(grid.crs), crs_name(source.crs), x, y)
        turn = full_turn(source.crs)
        if turn is not None:
            middle = source.affine * (source.shape[1] / 2, source.shape[0] / 2)
            x = near(x, middle[0], turn)
    a, b, c, d, e, f = (~source.affine)[:6]
    return a * x + b * y + c, d * x + e * y + f


def moved(source: str, target: str, x: Any, y: Any) -> tuple[Floats, Floats]:
    """World points from one CRS (by `crs_name`) in another; infinite where they have no place there.

    Raises:
        ReadError: no transformation joins the two, as between a planet and the Earth.
    """
    try:
        there: tuple[Floats, Floats] = transformer(source, target).transform(x, y)
    except (GridError, ProjError) as error:
        raise ReadError(
            f"no transformation from {crs_title(source)} to {crs_title(target)} "
            f"({error.__cause__ or error}); read onto a "
            "grid in the file's own CRS, or give crs= if the file is mis-tagged"
        ) from error
    return there
