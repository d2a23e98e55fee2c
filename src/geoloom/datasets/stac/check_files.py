"""Items against the files that they describe."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from odc.geo.geobox import GeoBox

from ...core.bands import Band, unit_of
from ...core.errors import DatasetError
from ...core.grid import PixelWindow, crs_name, lattice_window
from ...core.query import Scene
from ...io.access.remote import without_query
from ...io.headers.header import Header

log = logging.getLogger(__name__)

_SAME_SIZE = 1e-3
"""Pixels whose sizes differ by less, relatively, were meant to be equal."""


def completed(band: Band, header: Header, index: int) -> Band:
    """The band with what its file declares and the item does not; for nodata the file decides.

    Raises:
        DatasetError: the file has no band of that number.
    """
    if index > header.count:
        raise DatasetError(
            f"band {band.name!r} is number {index} of {without_query(header.uri)} by its item, but the file "
            f"has {header.count}; correct the item's bands, or name others with bands=[...]"
        )
    scale, offset = header.scales[index - 1], header.offsets[index - 1]
    if (band.scale, band.offset) == (1.0, 0.0):
        band = replace(band, scale=scale, offset=offset)
    elif (scale, offset) not in ((1.0, 0.0), (band.scale, band.offset)):
        log.warning(
            "band %s: the catalogue gives scale %g and offset %g, %s %g and %g; the catalogue's are used",
            band.name, band.scale, band.offset, without_query(header.uri), scale, offset,
        )  # fmt: skip
    nodata = header.nodata[index - 1]
    if nodata is None and header.validity[index - 1] == "all":
        nodata = band.nodata
    unit = band.unit or (unit_of(header.units[index - 1]) if header.units else None)
    return replace(band, unit=unit, nodata=nodata)


def check(scene: Scene, headers: Sequence[Header], *, whole: bool) -> None:
    """Compare a scene's grid, which its item declares, with its files.

    A file with pixels of the scene's size must have exactly its grid; a coarser one must lie over it.

    Args:
        scene: As the catalogue describes it.
        headers: Of its files, at least one.
        whole: Whether these are all files of the item that are read, so that one of them has its grid.

    Raises:
        DatasetError: they disagree; the message names item and file, both values, and what to change.
    """
    exact = False
    for header in headers:
        ratio = _pixel_area(header.grid) / _pixel_area(scene.grid)
        if header.grid.crs != scene.grid.crs or ratio < 1 - _SAME_SIZE:
            raise _disagree(scene, header)
        if ratio <= 1 + _SAME_SIZE:
            if not _equal(header.grid, scene.grid):
                raise _disagree(scene, header)
            exact = True
        elif not _overlap(header.grid, scene.grid):
            raise _disagree(scene, header)
    if whole and not exact:
        raise _disagree(scene, headers[0])


def _pixel_area(grid: GeoBox) -> float:
    return abs(float(grid.affine.determinant))


def _equal(one: GeoBox, other: GeoBox) -> bool:
    same: bool = one.shape == other.shape
    return same and lattice_window(one, other) == PixelWindow(0, 0, *one.shape)


def _overlap(one: GeoBox, other: GeoBox) -> bool:
    a, b = one.boundingbox, other.boundingbox
    across = a.left < b.right and b.left < a.right
    return bool(across and a.bottom < b.top and b.bottom < a.top)


def _disagree(scene: Scene, header: Header) -> DatasetError:
    return DatasetError(
        f"item {scene.name!r} says that its finest pixels are {_described(scene.grid)}, but "
        f"{without_query(header.uri)} is {_described(header.grid)}; correct proj:shape, proj:transform and "
        "proj:code of the item, or open the catalogue with grids='files', which reads them from the files"
    )


def _described(grid: GeoBox) -> str:
    height, width = grid.shape
    at = ", ".join(f"{value:.12g}" for value in grid.affine[:6])
    return f"{height} x {width} at ({at}) in {crs_name(grid.crs)[:60]}"
