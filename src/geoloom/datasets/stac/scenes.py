"""From items to scenes: bands by name, grids as declared by items or by the files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ...core.antimeridian import HALF_TURN
from ...core.bands import Band
from ...core.errors import DatasetError
from ...core.outline import footprint, footprints
from ...core.progress import Progress
from ...core.query import Asset, Scene
from ...io.access.remote import without_query
from ...io.headers.header import Header, read_header
from ...io.headers.scan import read_headers
from ..scenes.index import boxes_of
from .band_choice import Choice, Choices, common_bands, require_same_bands
from .check_files import completed
from .items import Item, Located

log = logging.getLogger(__name__)

Grids = Literal["items", "files"]
"""Where a scene's pixel grid comes from: its item, where declared whole, or always the files' headers."""

_MOST_REPAIRED = 2000
"""Vertices of an invalid geometry that is repaired: rings laid over one another many times meet in as many
points as their number squared."""


def scenes_of(
    items: Sequence[Item],
    wanted: Sequence[str] | None,
    *,
    grids: Grids = "items",
    crs: str | None = None,
    sign: Callable[[str], str] | None = None,
    progress: Progress | None = None,
) -> list[Scene]:
    """One scene per item, in their order; all have the same bands.

    Args:
        items: At least one.
        wanted: Bands, by the names of bands or assets, or by common names, in order. None means all bands of
            the assets that hold data, as far as all items have them.
        grids: Whose word counts.
        crs: Instead of what items and files declare.
        sign: Address -> the address to read; scenes keep the unsigned ones.
        progress: Called as headers are read.

    Raises:
        BandError: a band is unknown; the message lists what there is.
        DatasetError: the items have no band in common, or a name means other bands in some of them.
        ReadError: a header that is needed cannot be read.
    """
    signed = sign or (lambda uri: uri)
    choices = Choices(wanted, lambda uri: read_header(signed(uri), crs=crs))
    chosen = [choices.of(item) for item in items]
    if wanted is None:
        names = common_bands(chosen)
        chosen = [
            tuple(c for name in names for c in picked if c.band.name == name) for picked in chosen
        ]
    else:
        require_same_bands(items, chosen)
    located = [
        [item.located(key) for key in dict.fromkeys(choice.key for choice in picked)]
        for item, picked in zip(items, chosen, strict=True)
    ]
    headers = _needed_headers(located, grids, crs, signed, progress)
    finest = [_finest(files, headers, crs) for files in located]
    return [
        _scene(item, picked, files, headers, grid, outline)
        for item, picked, files, grid, outline in zip(
            items, chosen, located, finest, _outlines(items, finest, grids), strict=True
        )
    ]


def _needed_headers(
    located: Sequence[Sequence[Located]],
    grids: Grids,
    crs: str | None,
    signed: Callable[[str], str],
    progress: Progress | None,
) -> dict[str, Header]:
    """Headers, by unsigned address, of the items' files whose grids are not declared."""
    hrefs = [
        file.href for files in located for file in files if grids == "files" or not file.declared
    ]
    if not hrefs:
        return {}
    if grids == "items":
        log.info("items do not declare the grids of %d files: their headers are read", len(hrefs))
    address_of = {href: signed(href) for href in hrefs}
    read = read_headers(list(dict.fromkeys(address_of.values())), crs=crs, progress=progress)
    return {href: read[address] for href, address in address_of.items()}


def _finest(files: Sequence[Located], headers: dict[str, Header], crs: str | None) -> GeoBox:
    """The grid with the smallest pixels of an item's files."""
    read = [headers[file.href].grid for file in files if file.href in headers]
    declared = [file.declared for file in files if file.href not in headers and file.declared]
    if declared:
        finest = min(declared, key=lambda grid: grid.pixel_area).grid()
        read.append(finest if crs is None else GeoBox(finest.shape, finest.affine, crs))
    return min(read, key=lambda grid: abs(float(grid.affine.determinant)))


def _scene(
    item: Item,
    chosen: Sequence[Choice],
    files: Sequence[Located],
    headers: dict[str, Header],
    grid: GeoBox,
    outline: BaseGeometry,
) -> Scene:
    hrefs = dict(
        zip(dict.fromkeys(c.key for c in chosen), (file.href for file in files), strict=True)
    )
    return Scene(
        name=item.name,
        grid=grid,
        when=item.when,
        bands=tuple(_band(c.band, headers.get(hrefs[c.key]), c.index) for c in chosen),
        assets=tuple(_asset(c, hrefs[c.key], headers.get(hrefs[c.key])) for c in chosen),
        footprint=outline,
    )


def _asset(choice: Choice, href: str, header: Header | None) -> Asset:
    dtype = choice.dtype if header is None else header.dtypes[choice.index - 1]
    return Asset(href, choice.index, dtype=dtype)


def _band(band: Band, header: Header | None, index: int) -> Band:
    return band if header is None else completed(band, header, index)


def _outlines(items: Sequence[Item], grids: Sequence[GeoBox], source: Grids) -> list[BaseGeometry]:
    """What each scene covers: its item's geometry, else all of its grid.

    A geometry that is missing, too tangled to repair, or of which a part is wider than half the Earth or
    reaches beyond 180 degrees (drawn across the antimeridian instead of split there), is not used; nor one
    that lies elsewhere than a grid that the files declare.

    Raises:
        DatasetError: an item's geometry and grid lie in different places.
    """
    outlines = np.array([item.outline for item in items], dtype=object)
    broken = ~shapely.is_valid(outlines) & ~shapely.is_missing(outlines)
    outlines[broken & (shapely.get_num_coordinates(outlines) > _MOST_REPAIRED)] = None
    broken &= ~shapely.is_missing(outlines)
    outlines[broken] = shapely.make_valid(outlines[broken])
    outlines = shapely.force_2d(outlines)
    parts, owners = shapely.get_parts(outlines, return_index=True)
    west, _, east, _ = shapely.bounds(parts).T
    doubtful = (east - west > HALF_TURN) | (west < -HALF_TURN) | (east > HALF_TURN)
    usable = np.zeros(len(outlines), dtype=bool)
    usable[owners] = True
    usable[owners[doubtful]] = False
    usable &= shapely.area(outlines) > 0
    for number in _elsewhere(outlines, grids, usable):
        usable[number] = False
        _report(items[number], outlines[number], grids[number], source)
    lacking = np.flatnonzero(~usable).tolist()
    for number, outline in zip(lacking, footprints([grids[i] for i in lacking]), strict=True):
        outlines[number] = outline
    results: list[BaseGeometry] = outlines.tolist()
    return results


def _elsewhere(outlines: np.ndarray, grids: Sequence[GeoBox], usable: np.ndarray) -> list[int]:
    """Positions of the usable geometries that do not touch their grids."""
    numbers = np.flatnonzero(usable)
    boxes = boxes_of([grids[i] for i in numbers.tolist()])
    owners = np.repeat(numbers, [len(parts) for parts in boxes])
    parts = np.array([box for parts in boxes for box in parts], dtype=object)
    touching = np.unique(owners[shapely.intersects(parts, outlines[owners])])
    positions: list[int] = np.setdiff1d(numbers, touching).tolist()
    return positions


def _report(item: Item, geometry: BaseGeometry, grid: GeoBox, source: Grids) -> None:
    at, west_to_north = (
        ", ".join(f"{value:.4f}" for value in shape.bounds) for shape in (geometry, footprint(grid))
    )
    problem = (
        f"item {item.name!r} of {without_query(item.home)} has a geometry at ({at}), but its pixels lie at "
        f"({west_to_north})"
    )
    if source == "items":
        raise DatasetError(
            f"{problem}; correct proj:transform and proj:code, or open the catalogue with grids='files', "
            "which reads them from the files"
        )
    log.warning("%s, elsewhere: its geometry is not used", problem)
