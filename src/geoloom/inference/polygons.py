"""A class map as polygons, a band of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry import shape

from ..core.area import polygon_areas_m2
from ..core.classes import Classes
from ..io.headers.header import read_header
from ..io.write.geopackage import ClassPolygonWriter
from .small_areas import HECTARE_M2, Band, class_bands, without_small_areas

_PIXELS_AT_ONCE = 8_000_000
_FLUSH = 20_000
"""Finished polygons that are kept before they are written."""


def polygonize(
    class_map: str | Path,
    out: str | Path,
    classes: Classes,
    *,
    overwrite: bool = False,
    rows: int | None = None,
    min_area: float | None = None,
) -> Path:
    """Write the connected areas of each class as polygons along the pixels' edges.

    Pixels are connected by their sides. The result does not depend on `rows`. Memory holds one band of rows
    and the polygons that reach its lower edge: a class that winds through the whole scene is kept whole,
    about 100 bytes for each of its corners.

    Args:
        class_map: A raster of class codes; its nodata is left out, and so are codes of no class.
        out: The GeoPackage: fields `class`, `code` and `area_m2` (on the ellipsoid, whatever the CRS), with
            a style of the class colours.
        classes: What the codes mean.
        overwrite: Replace an existing file.
        rows: How many rows to take at once; as many as make 8 million pixels if not given.
        min_area: Hectares on the ellipsoid that a polygon has at least: what is smaller joins its neighbours,
            as `small_areas.without_small_areas` does, which takes memory for each area of the map. The class
            map itself keeps its pixels.

    Returns:
        Path of the GeoPackage.

    Raises:
        WriteError: the file exists and `overwrite` is not set, or cannot be written; or
            small areas of more than 5 million are to join their neighbours.
    """
    header = read_header(class_map)
    step = rows or max(1, _PIXELS_AT_ONCE // int(header.grid.shape[1]))
    place = _place(header.grid.affine)
    with ClassPolygonWriter(
        out,
        header.grid.crs,
        names=dict(zip(classes.codes, classes.names, strict=True)),
        colors=classes.colormap(),
        overwrite=overwrite,
    ) as writer:
        pending: list[tuple[Any, int]] = []

        def flush() -> None:
            shapes = shapely.transform(np.array([s for s, _ in pending], dtype=object), place)
            areas_m2 = polygon_areas_m2(shapes, header.grid.crs)
            writer.write(shapes, np.array([code for _, code in pending], np.uint8), areas_m2)
            pending.clear()

        bands = (
            class_bands(header, classes, step)
            if min_area is None
            else without_small_areas(header, classes, step, min_area * HECTARE_M2)
        )
        for finished in _polygons(bands, int(header.grid.shape[1])):
            pending.append(finished)
            if len(pending) >= _FLUSH:
                flush()
        if pending:
            flush()
    return Path(out)


@dataclass(slots=True)
class _Open:
    """The pieces of one area that reaches the lower edge of the rows seen so far."""

    code: int
    pieces: list[Any]


def _polygons(bands: Iterable[Band], width: int) -> Iterator[tuple[Any, int]]:
    """Each connected area once, as a polygon in pixel coordinates and its code."""
    above: list[_Open | None] = [None] * width
    for band in bands:
        top, bottom = band.window.row, band.window.row + band.window.height
        shapes = [
            (shape(geometry), int(code))
            for geometry, code in rasterio.features.shapes(
                band.codes, mask=band.wanted, connectivity=4, transform=Affine.translation(0, top)
            )
        ]
        yield from _join(above, shapes, top, bottom)
    for area in _distinct(above):
        yield _merged(area)


def _join(
    above: list[_Open | None], shapes: list[tuple[Any, int]], top: int, bottom: int
) -> Iterator[tuple[Any, int]]:
    """Join a band's areas to those that reach it from above; give out those that end in it.

    `above` says for each column which open area owns the pixel over the band, and is updated to the pixel
    on the band's last row.
    """
    merged: dict[int, _Open] = {}

    def root(area: _Open) -> _Open:
        while id(area) in merged:
            area = merged[id(area)]
        return area

    before = _distinct(above)
    reaching: list[tuple[_Open, list[tuple[int, int]]]] = []
    for polygon, code in shapes:
        _, low, _, high = polygon.bounds
        if low > top and high < bottom:
            yield polygon, code
            continue
        area = _Open(code, [polygon])
        for start, stop in _spans(polygon, top) if low == top else ():
            for neighbour in _distinct(above[start:stop]):
                other = root(neighbour)
                joined = root(area)
                if other.code == code and other is not joined:
                    into, gone = sorted((joined, other), key=lambda area: -len(area.pieces))
                    into.pieces.extend(gone.pieces)
                    merged[id(gone)] = into
        reaching.append((area, _spans(polygon, bottom) if high == bottom else []))
    above[:] = [None] * len(above)
    for area, spans in reaching:
        for start, stop in spans:
            above[start:stop] = [root(area)] * (stop - start)
    still = {id(area) for area in _distinct(above)}
    ended = {id(root(a)): root(a) for a in (*before, *(area for area, _ in reaching))}
    for key, area in ended.items():
        if key not in still:
            yield _merged(area)


def _spans(polygon: Any, line: int) -> list[tuple[int, int]]:
    """Columns [start, stop) along which a polygon's outer edge runs on a pixel line."""
    xy = shapely.get_coordinates(polygon.exterior)
    on = (xy[:-1, 1] == line) & (xy[1:, 1] == line)
    ends = np.sort(np.stack([xy[:-1, 0][on], xy[1:, 0][on]], axis=1), axis=1)
    return [(int(start), int(stop)) for start, stop in ends]


def _distinct(areas: list[_Open | None]) -> list[_Open]:
    """Each area once, in order of appearance."""
    return list({id(area): area for area in areas if area is not None}.values())


def _merged(area: _Open) -> tuple[Any, int]:
    """One polygon of an area's pieces, without the corners that only the bands' edges made."""
    if len(area.pieces) == 1:
        return area.pieces[0], area.code
    return shapely.simplify(shapely.union_all(area.pieces), 0), area.code


def _place(affine: Affine) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    a, b, c, d, e, f = (float(v) for v in affine[:6])
    matrix, origin = np.array([[a, d], [b, e]]), np.array([c, f])
    return lambda xy: xy @ matrix + origin
