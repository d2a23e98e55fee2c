"""One raster file as the source of a map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from odc.geo.geobox import GeoBox

from ...core.grid import lattice_window
from ...core.resampling import default_resampling
from ...io.engines import EngineName
from ...io.explain import FileRead, explain_read
from ...io.headers.header import Header
from ...io.raster import read
from ...models.scene_bands import SourceBands
from .source import SourcePixels


@dataclass(frozen=True, slots=True)
class FileSource:
    """A raster file, on its own pixels unless another grid is given."""

    header: Header
    nodata: float | None = None
    """Stored value that means unobserved, instead of the file's own."""
    onto: GeoBox | None = None
    """The map's pixels; None for the file's own, which are copied."""

    @property
    def grid(self) -> GeoBox:
        """The pixels of the map."""
        return self.header.grid if self.onto is None else self.onto

    @property
    def bands(self) -> SourceBands:
        """As the file declares them."""
        return SourceBands.of_file(self.header)

    @property
    def is_series(self) -> bool:
        """Never: a file is one date."""
        return False

    @property
    def files(self) -> tuple[str, ...]:
        """The file."""
        return (self.header.uri,)

    @property
    def identity(self) -> Mapping[str, Any]:
        """Its path, the state in which its header was read, and what counts as unobserved."""
        return {
            "scene": self.header.uri,
            "scene_stamp": [list(part) for part in self.header.stamp],
            "nodata": self.nodata,
        }

    def explain(self, grid: GeoBox, numbers: Sequence[int]) -> Iterator[FileRead]:
        """What `read` takes from the file."""
        read = explained(self.header, grid, numbers, engine_for(self.header, grid))
        if read is not None:
            yield read

    def read(self, grid: GeoBox, numbers: Sequence[int]) -> SourcePixels | None:
        """A window of the file, or its pixels warped once onto another lattice."""
        engine = engine_for(self.header, grid)
        raster = read(self.header, grid, bands=numbers, nodata=self.nodata, engine=engine)
        return SourcePixels(raster.values, raster.valid) if raster.valid.any() else None


def engine_for(header: Header, grid: GeoBox) -> EngineName:
    """Who reads a tile of a map.

    Copies are GDAL's: tiles in order gain nothing from mapped files, whose pages would count as this
    process's memory, up to the file's whole size. Warps are the direct engine's where it reads the file:
    that is several times faster.
    """
    return "auto" if lattice_window(header.grid, grid) is None else "gdal"


def explained(
    header: Header,
    grid: GeoBox,
    numbers: Sequence[int],
    engine: EngineName,
    *,
    fills_gaps: bool = False,
) -> FileRead | None:
    """What reading some bands of a file for a map takes from it."""
    return explain_read(
        header,
        grid,
        tuple(numbers),
        default_resampling(categorical=header.categorical),
        engine=engine,
        fills_gaps=fills_gaps,
    )
