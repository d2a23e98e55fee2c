"""The nouns that travel between layers: what is asked, what exists, what is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypedDict

from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from .bands import Band
from .errors import DatasetError, GridError, QueryError
from .grid import require_area
from .interval import ALWAYS, Interval


@dataclass(frozen=True, slots=True)
class Query:
    """Which pixels on Earth, and when.

    Raises:
        QueryError: the grid is not a GeoBox.
        GridError: the grid has no CRS, no pixels, or pixels without a size.
        IntervalError: the time is none.

    Example:
        >>> grid = GeoBox.from_bbox((0, 0, 1, 1), "EPSG:4326", shape=(10, 10))
        >>> Query(grid, "2019-06") == Query(grid, Interval.of("2019-06"))
        True
    """

    grid: GeoBox
    """Shape, affine and CRS of the pixels asked for."""
    when: Interval = ALWAYS
    """Also given as `Interval.of` reads it, such as `"2019-06"`."""

    def __post_init__(self) -> None:
        if not isinstance(self.grid, GeoBox):
            raise QueryError(
                f"a query's grid is a GeoBox, got {type(self.grid).__name__}; make one with "
                "GeoBox.from_bbox(bounds, crs, resolution=...)"
            )
        if not isinstance(self.when, Interval):
            object.__setattr__(self, "when", Interval.of(self.when))
        if self.grid.crs is None:
            raise GridError("the query's grid has no CRS; build it with GeoBox(shape, affine, crs)")
        if self.grid.is_empty():
            raise GridError(f"the query's grid has shape {tuple(self.grid.shape)}: no pixels")
        require_area(self.grid)

    def takes(self, when: Interval) -> bool:
        """Whether data of an interval answers the query: here, where some instant is in both."""
        return when.overlaps(self.when)


@dataclass(frozen=True, slots=True)
class MomentQuery(Query):
    """A query for what was acquired at certain moments, and for nothing that merely overlaps them.

    Series and pairings ask by it. `when` holds all the moments; make one with `at`.
    """

    moments: tuple[Interval, ...] = ()
    """Intervals of acquisitions, each as its scene states it."""

    @classmethod
    def at(cls, grid: GeoBox, moments: tuple[Interval, ...]) -> MomentQuery:
        """The query for at least one moment."""
        return cls(grid, Interval.hull(moments), moments)

    def takes(self, when: Interval) -> bool:
        """Whether it is one of the moments."""
        return when in self.moments


@dataclass(frozen=True, slots=True)
class Asset:
    """Where one band of a scene is stored."""

    uri: str
    """Path or GDAL path of the file."""
    index: int = 1
    """Band number inside the file, 1-based as GDAL counts."""
    grid: GeoBox | None = None
    """The file's lattice when it was found; None where only other sources describe it."""
    measured: int = 0
    """How many of the file's bands, from the first, are known to be measurements, whatever their tags say."""
    dtype: str | None = None
    """Numpy's name of the stored type, such as `uint16`; None where nothing but the file says."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One acquisition: bands that share a moment and a native grid. Knows no pixels and no handles."""

    name: str
    grid: GeoBox
    """The native lattice (the finest one, where bands differ in resolution)."""
    when: Interval
    bands: tuple[Band, ...]
    assets: tuple[Asset, ...]
    """One a band, in the order of `bands`."""
    footprint: BaseGeometry = field(repr=False, hash=False, compare=False)
    """Outline in longitude and latitude (EPSG:4326), split at the antimeridian."""

    def __post_init__(self) -> None:
        if len(self.bands) != len(self.assets):
            raise DatasetError(
                f"scene {self.name!r} has {len(self.bands)} bands and {len(self.assets)} assets; "
                "give one asset per band"
            )


class Sample(TypedDict, total=False):
    """What a dataset answers: a plain dict of tensors and strings, so default collate takes it.

    Every key is optional. Which axis is which is said by keys, not by the number of dimensions: an image has
    a T axis where there are `times`. Of several label layers each has its name behind the key, such as
    `mask:buildings`. What a network learns from is one of the keys of `core.outputs.TARGETS`.

    Legend: C channels, T dates, H rows, W columns, K classes or values, N boxes, M maps, S instants of sound.
    """

    image: Any
    """(C, H, W) or, of a series, (T, C, H, W) from the oldest date to the newest, native dtype or float32. A
    pair of before and after is a series of two."""
    valid: Any
    """(H, W) bool, True = observed **and** labelled, in every layer and band; what losses and metrics count.
    Of a series, at as many dates as it demands."""
    observed: Any
    """(H, W) bool, True = observed in every band of the image, whatever the labels say; what networks are
    shown. Where it is missing, `valid` is."""
    times: Any
    """(T,) float64, seconds since 1970 UTC, for series: the middle of each acquisition, step or date asked
    for; NaN where a date only fills up the number."""
    valid_series: Any
    """(T, H, W) bool, True = observed in every layer and band of the series at that date; wherever there are
    `times`."""

    mask: Any
    """(H, W) int64 class codes or positions."""
    mask_series: Any
    """(T, H, W) int64, labels of each date."""
    label: Any
    """() int64, class position of the whole image."""
    multilabel: Any
    """(K, H, W) or, of the whole image, (K,) bool, True = the class is present."""
    value: Any
    """(K, H, W) or, of the whole image, (K,) float32 in the values' own units, NaN = unknown."""
    boxes: Any
    """(N, 4) float32, pixels: left, top, right, bottom, from the upper-left corner of the image."""
    box_labels: Any
    """(N,) int64, class position of each box."""
    box_masks: Any
    """(N, H, W) bool, True = part of what is in the box."""
    audio: Any
    """(S,) float32, sound recorded there."""
    audio_hz: Any
    """() int64, instants per second of the sound."""
    aux: Any
    """(M, H, W), further maps for the network that are not bands of the image."""

    seed: Any
    """() int64 of a sample that is trained on, from which its augmentations draw."""

    crs: str
    """CRS of the grid, as `EPSG:n` or WKT; like the next two, where the sample has a place."""
    transform: Any
    """(6,) float64, affine a, b, c, d, e, f of the upper-left pixel corner."""
    bounds: Any
    """(4,) float64, left, bottom, right, top in the CRS's units."""
