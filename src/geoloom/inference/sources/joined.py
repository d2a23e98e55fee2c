"""Several raster files as one source: band beside band, side by side, or date after date.

They are joined as `prepare` joins them, without a file in between.

Legend: C bands, T dates, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from ...core.bands import Band
from ...core.errors import ConfigError, ModelError
from ...io.engines import EngineName
from ...io.explain import FileRead
from ...io.headers.header import Header
from ...io.headers.scan import own_bands
from ...io.mosaic import read_many
from ...io.raster import Raster, read
from ...models.scene_bands import SourceBands
from ...preparation.nodata import free_nodata
from .file import engine_for, explained
from .source import SourcePixels


@dataclass(frozen=True, slots=True)
class JoinedFiles:
    """What the sources of several files have in common."""

    headers: tuple[Header, ...]
    """In the order in which they were given."""
    grid: GeoBox
    nodata: float | None = None
    """Stored value that means unobserved, instead of the files' own."""

    @property
    def files(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(header.uri for header in self.headers)

    @property
    def is_series(self) -> bool:
        """Not unless files are dates."""
        return False

    def stated(self, join: str) -> dict[str, Any]:
        """How the files are joined, their paths, and the states in which their headers were read."""
        return {
            "scene": list(self.files),
            "scene_stamp": [[list(part) for part in header.stamp] for header in self.headers],
            "join": join,
            "nodata": self.nodata,
        }

    def title(self) -> str:
        """For messages."""
        first = self.headers[0].uri
        return first if len(self.headers) == 1 else f"{first} and {len(self.headers) - 1} more"

    def wanted(self, numbers: Sequence[int]) -> list[tuple[Header, list[int]]]:
        """The files that hold some bands, and the bands' numbers there."""
        return [(header, list(numbers)) for header in self.headers]

    def explain(self, grid: GeoBox, numbers: Sequence[int]) -> Iterator[FileRead]:
        """What `read` takes from the files."""
        for position, (header, own) in enumerate(self.wanted(numbers)):
            gaps = self.fills_gaps and position > 0
            read = explained(header, grid, own, self.engine(header, grid), fills_gaps=gaps)
            if read is not None:
                yield read

    @property
    def fills_gaps(self) -> bool:
        """Whether files after the first are read only where those before observed nothing."""
        return False

    def file(self, header: Header, grid: GeoBox, numbers: Sequence[int]) -> Raster:
        """Some bands of one file on a grid."""
        engine = self.engine(header, grid)
        return read(header, grid, bands=numbers, nodata=self.nodata, engine=engine)

    def engine(self, header: Header, grid: GeoBox) -> EngineName:
        """Who reads a file."""
        return engine_for(header, grid)


@dataclass(frozen=True, slots=True)
class StackedFiles(JoinedFiles):
    """The bands of all files beside one another: a pixel is observed where all files read observe it."""

    names: tuple[str, ...] = ()
    """Of the bands of all files."""
    join: str = "bands"
    """`bands`, or `dates` where a network takes the bands of several dates as those of one image."""

    @property
    def bands(self) -> SourceBands:
        """As the files tell of them, under their joint names, numbered through; of the type that `prepare`
        would write."""
        own = [band for header in self.headers for band in own_bands(header)]
        named = tuple(
            replace(Band.named(name), unit=b.unit, scale=b.scale, offset=b.offset)
            for name, b in zip(self.names, own, strict=True)
        )
        numbers = tuple(range(1, len(named) + 1))
        return SourceBands(self.title(), named, numbers, (self._dtype,) * len(named))

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Source.identity`."""
        return self.stated(self.join)

    @property
    def _dtype(self) -> str:
        with suppress(ConfigError):
            return str(free_nodata(self.headers, self.nodata, gaps=False)[0])
        return str(np.result_type(*(d for header in self.headers for d in header.dtypes)))

    def _places(self) -> list[tuple[Header, int]]:
        """The file of each band, and its number there."""
        return [(header, number) for header in self.headers for number in header.data_bands]

    def wanted(self, numbers: Sequence[int]) -> list[tuple[Header, list[int]]]:
        """The files that hold some bands, and the bands' numbers there, each once."""
        places = self._places()
        by_file: dict[int, tuple[Header, list[int]]] = {}
        for number in dict.fromkeys(numbers):
            header, own = places[number - 1]
            by_file.setdefault(id(header), (header, []))[1].append(own)
        return list(by_file.values())

    def read(self, grid: GeoBox, numbers: Sequence[int]) -> SourcePixels | None:
        """A window of all files that hold one of the bands."""
        planes: dict[tuple[int, int], np.ndarray] = {}
        valid: np.ndarray | None = None
        for header, own in self.wanted(numbers):
            raster = self.file(header, grid, own)
            valid = raster.valid if valid is None else valid & raster.valid
            if not valid.any():
                return None
            at = ((id(header), number) for number in own)
            planes.update(zip(at, raster.values, strict=True))
        assert valid is not None  # a model reads at least one band
        common, places = np.result_type(*planes.values()), self._places()
        wanted = (places[number - 1] for number in numbers)
        stacked = [planes[id(header), own].astype(common) for header, own in wanted]
        return SourcePixels(np.stack(stacked), valid)


@dataclass(frozen=True, slots=True)
class MosaicFiles(JoinedFiles):
    """Files side by side, in any CRSs: each pixel comes from the first file that observed it.

    Raises:
        ModelError: they hold different bands, or in different numbers.
    """

    def __post_init__(self) -> None:
        first, *others = (own_bands(header) for header in self.headers)
        for header, bands in zip(self.headers[1:], others, strict=True):
            if _quantities(bands) != _quantities(first):
                raise ModelError(
                    f"{header.uri} holds {_described(bands)}, {self.headers[0].uri} {_described(first)}: the "
                    "files of a mosaic hold the same bands in the same unit, scale and offset; bring them to "
                    "those first, or join them otherwise"
                )

    @property
    def bands(self) -> SourceBands:
        """As the first file declares them."""
        return replace(SourceBands.of_file(self.headers[0]), uri=self.title())

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Source.identity`."""
        return self.stated("mosaic")

    @property
    def fills_gaps(self) -> bool:
        """As a mosaic does."""
        return True

    def read(self, grid: GeoBox, numbers: Sequence[int]) -> SourcePixels | None:
        """A window of the mosaic."""
        engine = self.engine(self.headers[0], grid)
        raster = read_many(self.headers, grid, bands=numbers, nodata=self.nodata, engine=engine)
        return SourcePixels(raster.values, raster.valid) if raster.valid.any() else None

    def engine(self, header: Header, grid: GeoBox) -> EngineName:
        """One for all: where some lie on other pixels, the one that warps fast."""
        asked = {engine_for(file, grid) for file in self.headers}
        return "auto" if "auto" in asked else "gdal"


@dataclass(frozen=True, slots=True)
class DatedFiles(JoinedFiles):
    """A file for each date, of equally many bands, as a series. A pixel gets an answer where one observes it.

    Raises:
        ModelError: the files hold different bands.
    """

    times: tuple[float, ...] = ()
    """Of each file, seconds since 1970 UTC, ascending; NaN where the names do not tell."""

    def __post_init__(self) -> None:
        MosaicFiles.__post_init__(self)  # type: ignore[arg-type]  # dates are alike for the same reasons

    @property
    def is_series(self) -> bool:
        """Always."""
        return True

    @property
    def bands(self) -> SourceBands:
        """Of each date, as the first file declares them."""
        return replace(SourceBands.of_file(self.headers[0]), uri=self.title())

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Source.identity`."""
        return {**self.stated("dates"), "times": [str(time) for time in self.times]}

    def read(self, grid: GeoBox, numbers: Sequence[int]) -> SourcePixels | None:
        """A window of all dates."""
        dates = [self.file(header, grid, numbers) for header in self.headers]
        seen = np.stack([date.valid for date in dates])
        if not seen.any():
            return None
        values = np.stack([date.values for date in dates])
        some = np.logical_or.reduce(seen)
        return SourcePixels(values, some, np.array(self.times), seen)


def _quantities(bands: Sequence[Band]) -> list[tuple[str, str | None, float, float]]:
    return [(band.name, band.unit, band.scale, band.offset) for band in bands]


def _described(bands: Sequence[Band]) -> str:
    return ", ".join(_each(bands))


def _each(bands: Sequence[Band]) -> Iterator[str]:
    for band in bands:
        yield f"{band.name} ({band.unit or 'no known unit'}, scale {band.scale:g}, offset {band.offset:g})"
