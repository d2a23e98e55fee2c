"""An outline around the pixels of a raster that were observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ..core.grid import row_windows, window_grid
from .access.handles import open_handle
from .headers.header import Header
from .headers.validity import observed
from .raster import read

CELLS = 512
"""Cells along the longer side of an image, in which it is looked at."""

REACH_CELLS = 5
"""The outline lies nowhere farther than so many cells (each way) from an observed pixel."""

FILLED_SHARE = 0.01
"""Holes of a smaller share of the image are filled."""

_CLOSED_CELLS = 2
"""Gaps twice as wide are filled, so that what is scattered becomes one body."""

_MARGIN_CELLS = 1.3
"""Straightened by a cell, and grown by a little more, an outline contains what it contained."""

_MOST_PARTS = 64
_STRIP_BYTES = 1 << 26


def observed_outline(header: Header, band: int, *, nodata: float | None = None) -> BaseGeometry:
    """Polygons around the observed pixels, simplified, in pixel coordinates (col, row); empty for none.

    Guarantee: they hold every observed pixel, and nothing farther than `REACH_CELLS` cells from one (a cell
    is 1/512 of the longer side), but that holes smaller than a hundredth of the image are filled, and that
    what is scattered over more than 64 pieces gets one hull. Of a file with overviews only one of these is
    read: specks smaller than its pixels may then be missed, where they lie apart from all else.

    Args:
        header: Of the raster.
        band: Its number.
        nodata: Stored value that means unobserved, instead of the file's own.

    Raises:
        ReadError: the file is damaged.
    """
    height, width = header.grid.shape
    image = shapely.box(0, 0, width, height)
    whole_numbers = np.dtype(header.dtypes[band - 1]).kind in "iu"
    if header.validity[band - 1] == "all" and nodata is None and whole_numbers:
        return image
    seen, cell_xy = _cells(header, band, nodata)
    if not seen.any():
        return shapely.Polygon()
    outline = _around(_closed(seen))
    simple = outline.simplify(1.0).buffer(_MARGIN_CELLS, join_style="mitre", mitre_limit=2.0)
    if not simple.covers(outline):
        simple = outline
    return shapely.transform(simple, lambda xy: xy * cell_xy).intersection(image)


def _cells(
    header: Header, band: int, nodata: float | None
) -> tuple[NDArray[np.bool_], tuple[float, float]]:
    """Which cells hold an observed pixel; and how many pixels a cell is wide and high."""
    side = max(1, round(max(header.grid.shape) / CELLS))
    height, width = header.grid.shape
    seen = _in_overview(header, band, nodata, side)
    if seen is not None:
        return _dilated(seen, 1), (width / seen.shape[1], height / seen.shape[0])
    seen = np.zeros((-(-height // side), -(-width // side)), dtype=np.bool_)
    rows = max(1, _STRIP_BYTES // (8 * width * side)) * side
    for window in row_windows(header.grid.shape, rows):
        part = window_grid(header.grid, window)
        valid = read(header, part, bands=[band], resampling="nearest", nodata=nodata).valid
        seen[window.row // side : -(-(window.row + window.height) // side)] = _any(valid, side)
    return seen, (float(side), float(side))


def _in_overview(
    header: Header, band: int, nodata: float | None, side: int
) -> NDArray[np.bool_] | None:
    """Which pixels of the coarsest overview no coarser than a cell are observed; None without one."""
    handle = open_handle(header.uri)
    factors = [factor for factor in handle.overviews(band) if 1 < factor <= side]
    if not factors:
        return None
    factor = max(factors)
    shape = tuple(-(-length // factor) for length in header.grid.shape)
    values = handle.read(band, out_shape=shape)[None]
    masks = handle.read_masks(band, out_shape=shape)[None]
    seen: NDArray[np.bool_] = observed(values, masks, header, (band,), nodata)[0]
    return seen


def _any(valid: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """Whether a block of `side` x `side` pixels has one that is true; those at the edge may be smaller."""
    height, width = valid.shape
    padded = np.zeros((-(-height // side) * side, -(-width // side) * side), dtype=np.bool_)
    padded[:height, :width] = valid
    rows: NDArray[np.bool_] = np.logical_or.reduce(
        padded.reshape(-1, side, padded.shape[1]), axis=1
    )
    marked: NDArray[np.bool_] = np.logical_or.reduce(rows.reshape(len(rows), -1, side), axis=2)
    return marked


def _dilated(seen: NDArray[np.bool_], cells: int) -> NDArray[np.bool_]:
    from scipy import ndimage

    dilated: NDArray[np.bool_] = ndimage.maximum_filter(seen, 2 * cells + 1, mode="constant")
    return dilated


def _closed(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Grown, then shrunk by as much: what was seen stays."""
    from scipy import ndimage

    room = np.pad(seen, 2 * _CLOSED_CELLS)
    grown = _dilated(room, _CLOSED_CELLS)
    closed = ndimage.minimum_filter(grown, 2 * _CLOSED_CELLS + 1, mode="constant")
    inner = slice(2 * _CLOSED_CELLS, -2 * _CLOSED_CELLS)
    result: NDArray[np.bool_] = closed[inner, inner]
    return result


def _around(seen: NDArray[np.bool_]) -> BaseGeometry:
    """Polygons along the edges of the true cells, without their smaller holes."""
    from rasterio.features import shapes

    polygons: Any = shapes(seen.astype(np.uint8), mask=seen, transform=Affine.identity())
    parts = [
        _with_large_holes(shape["coordinates"], FILLED_SHARE * seen.size) for shape, _ in polygons
    ]
    whole = shapely.union_all(shapely.make_valid(parts))
    return whole.convex_hull if shapely.get_num_geometries(whole) > _MOST_PARTS else whole


def _with_large_holes(rings: Sequence[Any], area: float) -> BaseGeometry:
    holes = [ring for ring in rings[1:] if shapely.Polygon(ring).area >= area]
    return shapely.Polygon(rings[0], holes)
