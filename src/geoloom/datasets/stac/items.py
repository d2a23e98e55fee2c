"""Items as plain records."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any

import pyproj
import shapely
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ...core.errors import DatasetError
from ...core.grid import crs_name
from ...core.interval import Interval
from .addresses import joined
from .assets import AssetKind, asset_kind
from .json_values import MOST_ASSETS, fields, number, text

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class DeclaredGrid:
    """A file's lattice, as an item declares it; a grid is made of it only where one is needed."""

    shape: tuple[int, int]
    """Rows, columns."""
    transform: tuple[float, ...]
    """(6,), affine a, b, c, d, e, f of the upper-left pixel corner."""
    crs: CRS

    @property
    def pixel_area(self) -> float:
        """In the CRS's units, squared."""
        a, b, _, d, e, _ = self.transform
        return abs(a * e - b * d)

    def grid(self) -> GeoBox:
        """The lattice."""
        return GeoBox(self.shape, Affine(*self.transform), self.crs)


@dataclass(frozen=True, slots=True)
class Located:
    """Where an asset lies: in storage, and on the Earth."""

    href: str
    """Absolute path or address."""
    declared: DeclaredGrid | None
    """None where the item does not declare CRS, shape and transform."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One item of a catalogue, as far as it matters for reading."""

    name: str
    collection: str | None
    when: Interval
    outline: BaseGeometry | None = field(repr=False)
    """Its geometry in longitude and latitude; None where it has none."""
    kinds: tuple[AssetKind, ...] = field(repr=False)
    """Its assets."""
    located: Callable[[str], Located] = field(repr=False)
    """Asset key -> where it lies."""
    home: str
    """The document that holds it, for messages."""


def parse_item(document: Mapping[str, Any], home: str) -> Item:
    """The item that a STAC document (a GeoJSON Feature) describes.

    Args:
        document: As JSON has it, of any STAC version from 1.0.
        home: Address of the document; relative addresses inside start from there.

    Raises:
        DatasetError: it has no time or one that is not a time, an asset without an address, or a geometry
            that is none; the message names the item.
    """
    name = text(document.get("id"), "the id", f"an item of {home}") or "without id"
    whose = f"item {name!r} of {home}"
    properties = fields(document.get("properties"), "properties", whose)
    assets = _assets(document.get("assets"), whose)
    gsd_m = number(properties.get("gsd"), "gsd", whose)

    def located(key: str) -> Located:
        asset = assets[key]
        return Located(joined(home, asset["href"]), declared_grid_of(asset, properties))

    return Item(
        name=name,
        collection=text(document.get("collection"), "the collection", whose),
        when=item_time(properties, whose),
        outline=_outline(document.get("geometry"), whose),
        kinds=tuple(asset_kind(key, asset, gsd_m, whose) for key, asset in assets.items()),
        located=located,
        home=home,
    )


def _assets(value: Any, whose: str) -> Mapping[str, Mapping[str, Any]]:
    assets = fields(value, "assets", whose)
    if len(assets) > MOST_ASSETS:
        raise DatasetError(
            f"{whose} has {len(assets):,} assets; at most {MOST_ASSETS:,} are read of one: split it"
        )
    for key, asset in assets.items():
        href = asset.get("href") if isinstance(asset, Mapping) else None
        if not href or not isinstance(href, str):
            raise DatasetError(f"asset {key!r} of {whose} has no href; correct the item")
    return assets


def _outline(geometry: Any, whose: str) -> BaseGeometry | None:
    if not geometry:
        return None
    try:
        return shapely.from_geojson(json.dumps(geometry))
    except shapely.errors.ShapelyError as error:
        raise DatasetError(f"{whose} has a geometry that is not GeoJSON: {error}") from error


def item_time(properties: Mapping[str, Any], whose: str) -> Interval:
    """The item's time, half-open: its range, else the second of its `datetime`.

    An end belongs to the range, as the standard has it, to the second; but midnight ends the day before,
    so that what is dated from one New Year to the next touches one year alone.

    Raises:
        DatasetError: there is no time, or it is not written as RFC 3339.
    """
    start, end, at = (properties.get(n) for n in ("start_datetime", "end_datetime", "datetime"))
    if not (start and end) and not at:
        raise DatasetError(
            f"{whose} has neither a datetime nor a start_datetime and end_datetime; add one to its properties"
        )
    try:
        return (
            interval_of(_instant(start), _instant(end))
            if start and end
            else interval_of(_instant(at))
        )
    except (ValueError, OverflowError) as error:  # the last second of the year 9999 has no end
        raise DatasetError(
            f"{whose} is dated {start or at!r} to {end or at!r}, which is not a time ({error}); expected "
            "such as '2019-07-27T00:00:00Z', the end not before the start"
        ) from error


def _instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def interval_of(start: datetime, end: datetime | None = None) -> Interval:
    """The interval from `start` up to and with `end`; see `item_time`."""
    last = start if end is None else end
    stop = last.replace(microsecond=0)
    if end is None or end.timetz().replace(tzinfo=None) != time.min or end <= start:
        stop += _SECOND
    return Interval(start, stop)


def declared_grid_of(*sources: Mapping[str, Any]) -> DeclaredGrid | None:
    """What the projection extension declares: CRS, shape and transform; None unless all three.

    Args:
        sources: Fields of the asset, then of the item, which count where the asset has none.
    """
    shape, transform, crs = (_first(sources, names) for names in (_SHAPE, _TRANSFORM, _CRS))
    return declared_grid(shape, transform, crs)


_SHAPE, _TRANSFORM = ("proj:shape",), ("proj:transform",)
_CRS = ("proj:code", "proj:epsg", "proj:wkt2", "proj:projjson")
PLACING = (_SHAPE, _TRANSFORM, _CRS)
"""Fields of the projection extension: any of each triple's names will do, the first that is there."""


def _first(sources: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Any:
    return next((v for fields in sources for name in names if (v := fields.get(name))), None)


def declared_grid(shape: Any, transform: Any, crs: Any) -> DeclaredGrid | None:
    """The lattice of these values, as JSON has them; None where one is missing or makes no sense."""
    if not isinstance(shape, list | tuple) or not isinstance(transform, list | tuple):
        return None
    try:
        height, width = (int(side) for side in shape)
        six = tuple(float(value) for value in transform[:6])
    except (TypeError, ValueError, OverflowError):
        return None
    if not isinstance(crs, str | int | Mapping) or not all(map(math.isfinite, six)):
        return None
    known = native_crs(json.dumps(crs) if isinstance(crs, Mapping) else crs)
    whole = len(transform) in (6, 9) and all(1 <= side <= _MOST_PIXELS for side in (height, width))
    if known is None or not whole or six == _UNPLACED:
        return None
    grid = DeclaredGrid((height, width), six, known)
    return grid if grid.pixel_area > 0 else None


_MOST_PIXELS = (1 << 31) - 1
"""Of a side, as GDAL has it."""

_UNPLACED = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@lru_cache(maxsize=1024)
def native_crs(given: str | int) -> CRS | None:
    """The CRS of an EPSG number, a code, WKT 2 or PROJJSON; None where PROJ knows none such."""
    try:
        parsed = pyproj.CRS.from_user_input(given)
        return CRS(crs_name(CRS(parsed.to_wkt())))
    except (pyproj.exceptions.CRSError, OverflowError, ValueError):
        return None
