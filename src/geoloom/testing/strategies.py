"""Hypothesis strategies: grids of every awkward kind, pairs of them in one place, cuts, and intervals."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Literal

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from geoloom.core.errors import MissingExtraError
from geoloom.core.interval import Interval

from .ramps import truth

try:
    from hypothesis import assume
    from hypothesis import strategies as st
except ImportError as error:
    raise MissingExtraError("hypothesis", "testing") from error

Kind = Literal["north", "south", "polar", "antimeridian", "degree", "rotated", "south_up", "oblong"]
"""What is awkward about a grid: where it lies, its units, or its pixels' shape."""

KINDS: tuple[Kind, ...] = (
    "north",
    "south",
    "polar",
    "antimeridian",
    "degree",
    "rotated",
    "south_up",
    "oblong",
)

_METRES_PER_DEGREE = 111_320.0


@st.composite
def places(draw: st.DrawFn, kind: Kind | None = None) -> tuple[float, float]:
    """Longitude and latitude of somewhere that suits the kind."""
    lon = draw(st.floats(-179, 179))
    lat = draw(st.floats(-70, 70))
    if kind == "north":
        lat = abs(lat) + 1
    elif kind == "south":
        lat = -abs(lat) - 1
    elif kind == "polar":
        lat = math.copysign(draw(st.floats(82, 90)), draw(st.sampled_from([-1, 1])))
    elif kind == "antimeridian":
        lon = draw(st.sampled_from([-180.0, 180.0])) + draw(st.floats(-0.02, 0.02))
    return lon, lat


def crs_choices(lon: float, lat: float) -> list[str]:
    """CRSs in which a place can sensibly be mapped, nearest habits first.

    Equal-area ones are left out: PROJ before 9.6 inverts them with an error of 0.6 mm, so that pyproj and
    GDAL, each with its own PROJ, may differ by more than the laws allow.
    """
    local = f"+proj=stere +lat_0={lat:.1f} +lon_0={lon:.1f} +datum=WGS84 +units=m"
    if abs(lat) > 80:
        return [
            "EPSG:3413" if lat > 0 else "EPSG:3031",
            "EPSG:3995" if lat > 0 else "EPSG:3031",
            local,
        ]
    zone = int((lon + 180) // 6) % 60 + 1
    beside = zone % 60 + 1
    hemisphere = 600 if lat >= 0 else 700
    return [
        f"EPSG:{32000 + hemisphere + zone}",
        f"EPSG:{32000 + hemisphere + beside}",
        "EPSG:4326",
        "EPSG:3857",
        local,
    ]


def grid_around(
    place: tuple[float, float],
    crs: str,
    shape: tuple[int, int],
    pixel_m: float,
    *,
    oblong: float = 1.0,
    turn_deg: float = 0.0,
    south_up: bool = False,
) -> GeoBox:
    """A grid centred on a longitude and latitude.

    Args:
        place: Longitude, latitude.
        crs: Anything that pyproj reads.
        shape: Rows, columns.
        pixel_m: Pixel height in metres (in degrees' worth of metres where the CRS counts degrees).
        oblong: Pixel width over height.
        turn_deg: Rotation of the axes.
        south_up: First row southernmost.
    """
    to_crs = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = to_crs.transform(*place)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"{crs} has no place for {place}")
    if CRS(crs).geographic:
        # A grid that straddles the antimeridian counts on past 180, as files do.
        pixel_m /= _METRES_PER_DEGREE
        x = place[0]
    height, width = shape
    affine = (
        Affine.translation(x, y)
        * Affine.rotation(turn_deg)
        * Affine.scale(pixel_m * oblong, pixel_m if south_up else -pixel_m)
        * Affine.translation(-width / 2, -height / 2)
    )
    return GeoBox(shape, affine, crs)


@st.composite
def grids(
    draw: st.DrawFn,
    kind: Kind | None = None,
    *,
    place: tuple[float, float] | None = None,
    crs: str | None = None,
    min_px: int = 8,
    max_px: int = 48,
    pixel_m: st.SearchStrategy[float] = st.floats(5, 60),  # noqa: B008 - strategies are immutable
) -> GeoBox:
    """A grid of one kind (any, if None), small enough to read in milliseconds."""
    if kind is None:
        kind = draw(st.sampled_from(KINDS))
    where = place if place is not None else draw(places(kind))
    if crs is None:
        choices = crs_choices(*where)
        degrees = kind == "degree" and abs(where[1]) <= 80
        crs = "EPSG:4326" if degrees else draw(st.sampled_from(choices))
    size = st.integers(min_px, max_px)
    return grid_around(
        where,
        crs,
        (draw(size), draw(size)),
        draw(pixel_m),
        oblong=draw(st.floats(0.5, 2.0)) if kind == "oblong" else 1.0,
        turn_deg=draw(st.floats(-180, 180)) if kind == "rotated" else 0.0,
        south_up=kind == "south_up",
    )


@st.composite
def overlapping_grids(
    draw: st.DrawFn,
    kind: Kind | None = None,
    *,
    shrink: tuple[float, float] = (0.3, 3.0),
    max_px: int = 48,
) -> tuple[GeoBox, GeoBox]:
    """A source and a grid around one place, in any two CRSs and orientations; some pixel centres meet.

    Args:
        kind: What is awkward about the source (any, if None); the grid draws its own.
        shrink: Range of the grid's pixel size over the source's.
        max_px: Longest side of either.
    """
    if kind is None:
        kind = draw(st.sampled_from(KINDS))
    lon, lat = draw(places(kind))
    pixel_m = draw(st.floats(5, 60))
    source = draw(grids(kind, place=(lon, lat), max_px=max_px, pixel_m=st.just(pixel_m)))
    shapes: list[Kind] = ["north", "rotated", "south_up", "oblong"]
    offset = st.floats(-8, 8)
    beside = (
        lon + draw(offset) * pixel_m / _METRES_PER_DEGREE / max(math.cos(math.radians(lat)), 0.01),
        min(max(lat + draw(offset) * pixel_m / _METRES_PER_DEGREE, -90), 90),
    )
    ratio = draw(st.floats(*shrink))
    grid = draw(
        grids(
            draw(st.sampled_from(shapes)),
            place=beside,
            crs=draw(st.sampled_from(crs_choices(lon, lat))),
            max_px=max_px,
            pixel_m=st.just(pixel_m * ratio),
        )
    )
    assume(truth(source, grid).inside().any())  # small turned grids can miss each other
    return source, grid


@st.composite
def cuts(draw: st.DrawFn, grid: GeoBox) -> tuple[slice, slice]:
    """Rows and columns of a window that lies inside a grid."""
    height, width = grid.shape
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    bottom, right = draw(st.integers(top + 1, height)), draw(st.integers(left + 1, width))
    return slice(top, bottom), slice(left, right)


@st.composite
def intervals(draw: st.DrawFn, *, first_year: int = 1972, last_year: int = 2060) -> Interval:
    """An interval of one second to twenty years."""
    start = draw(
        st.datetimes(
            datetime(first_year, 1, 1),
            datetime(last_year, 1, 1),
            timezones=st.just(UTC),
        )
    )
    length = timedelta(seconds=draw(st.integers(1, 20 * 366 * 86_400)))
    assume(start.year + 21 < 9999)
    return Interval(start, start + length)


@st.composite
def timelines(
    draw: st.DrawFn, *, min_size: int = 0, max_size: int = 8, years: tuple[int, int] = (2017, 2021)
) -> tuple[Interval, ...]:
    """Different intervals of acquisitions, oldest first: days, composites and years, which may overlap.

    Args:
        min_size, max_size: How many.
        years: First and last in which one starts.
    """
    first = datetime(years[0], 1, 1, tzinfo=UTC)
    days = (datetime(years[1] + 1, 1, 1, tzinfo=UTC) - first).days
    starts = st.integers(0, days - 1).map(lambda day: first + timedelta(days=day))
    dated = st.builds(
        lambda start, length: Interval(start, start + timedelta(days=length)),
        starts,
        st.sampled_from([1, 1, 1, 16, 30, 365]),
    )
    whole_years = st.integers(*years).map(lambda year: Interval.of(str(year)))
    intervals = st.one_of(dated, dated, whole_years)
    drawn = draw(st.lists(intervals, min_size=min_size, max_size=max_size, unique=True))
    return tuple(sorted(drawn))
