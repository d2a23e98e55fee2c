"""The regions that a sampler draws from, and the size of its chips there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import shapely
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry
from shapely.geometry.base import BaseGeometry

from ..core.errors import SamplerError
from ..core.grid import WGS84
from ..core.interval import Instant, Interval
from ..datasets.base import GeoDataset, describe
from ..datasets.raster import common_lattice
from ..datasets.region import Region, pixel_geometry

Units: TypeAlias = Literal["pixels", "crs"]
Size: TypeAlias = int | float | tuple[int, int] | tuple[float, float]
GridChoice: TypeAlias = Literal["native", "common"] | GeoBox
Roi: TypeAlias = BaseGeometry | Geometry | GeoBox | tuple[float, float, float, float]
Toi: TypeAlias = Interval | Instant | tuple[Instant, Instant]


@dataclass(frozen=True, slots=True)
class Place:
    """A region on the lattice that it is sampled on."""

    region: Region
    shape: tuple[int, int]
    """Height and width of a chip here, pixels."""
    area_px: BaseGeometry
    """The region's area in pixel coordinates (col, row) of its frame."""

    @property
    def frame(self) -> GeoBox:
        """The lattice."""
        assert self.region.frame is not None  # refused when the place was made
        return self.region.frame

    @property
    def fits(self) -> bool:
        """Whether a chip lies in the frame."""
        high, wide = self.frame.shape
        return bool(self.shape[0] <= high and self.shape[1] <= wide)


def places_of(
    dataset: GeoDataset,
    size: Size,
    *,
    units: Units,
    grid: GridChoice,
    roi: Roi | None,
    toi: Toi | None,
) -> tuple[Place, ...]:
    """The dataset's regions inside a region and time of interest, on the grid chosen.

    Raises:
        SamplerError: nothing is left, a region has no pixels of its own, or the size is no size.
    """
    regions = list(dataset.regions)
    if toi is not None:
        when = Interval.of(toi)
        regions = [cut for region in regions if (cut := region.during(when)) is not None]
        _some(regions, dataset, f"toi {when}")
    if roi is not None:
        geometry, crs = _geometry_of(roi)
        regions = [cut for region in regions if (cut := region.within(geometry, crs)) is not None]
        _some(regions, dataset, f"roi {geometry.bounds} in {crs}")
    regions = _on_grid(regions, grid)
    _some(regions, dataset, "the given grid")
    return tuple(_place(region, size, units) for region in regions)


def chip_shape(size: Size, units: Units, frame: GeoBox, *, what: str = "size") -> tuple[int, int]:
    """Height and width in pixels of a size given in pixels or in units of the frame's CRS.

    Raises:
        SamplerError: the size is not positive, or pixels are not whole.
    """
    height, width = size if isinstance(size, tuple) else (size, size)
    if units == "crs":
        res = frame.resolution
        height, width = round(height / abs(res.y)), round(width / abs(res.x))
    elif units != "pixels":
        raise SamplerError(f"units is {units!r}; expected 'pixels' or 'crs'")
    if height < 1 or width < 1 or height != int(height) or width != int(width):
        raise SamplerError(
            f"{what}={size!r} in {units} is {height} x {width} pixels; give whole pixels, at least 1, or "
            "units='crs' for a length on the ground"
        )
    return int(height), int(width)


def refuse_too_large(places: tuple[Place, ...], size: Size, mend: str) -> SamplerError:
    """The error that says how large the scenes are."""
    largest = max(places, key=lambda p: p.frame.shape[0] * p.frame.shape[1])
    height, width = places[0].shape
    return SamplerError(
        f"a chip of size {size!r} ({height} x {width} pixels) exceeds every scene; the largest, "
        f"{largest.region.name or 'unnamed'}, has {largest.frame.shape[0]} x {largest.frame.shape[1]} "
        f"pixels; {mend}"
    )


def _place(region: Region, size: Size, units: Units) -> Place:
    frame = region.frame
    assert frame is not None  # `_on_grid` left none without
    return Place(region, chip_shape(size, units, frame), pixel_geometry(region.area, frame))


def _on_grid(regions: list[Region], grid: GridChoice) -> list[Region]:
    if isinstance(grid, GeoBox):
        moved = [region.on_lattice(grid, bounded=True) for region in regions]
        return [region for region in moved if region is not None]
    if grid not in ("native", "common"):
        raise SamplerError(f"grid is {grid!r}; expected 'native', 'common' or a GeoBox")
    frames = [region.frame for region in regions if region.frame is not None]
    if not frames or (grid == "native" and len(frames) < len(regions)):
        raise SamplerError(
            "a vector layer has no pixels of its own: make it with res=..., sample it together with "
            "imagery (imagery & labels), or give the sampler grid=GeoBox(...)"
        )
    if grid == "native":
        return regions
    lattice = common_lattice(frames[0], None, None)
    moved = [region.on_lattice(lattice) for region in regions]
    return [region for region in moved if region is not None]


def _geometry_of(roi: Roi) -> tuple[BaseGeometry, Any]:
    if isinstance(roi, GeoBox):
        region = Region.of_frame(roi, Interval.always())
        return region.area, region.crs
    if isinstance(roi, Geometry):
        if roi.crs is None:
            raise SamplerError(
                "the roi has no CRS; build it with odc.geo.geom.Geometry(shape, crs)"
            )
        return roi.geom, roi.crs
    if isinstance(roi, tuple):
        west, south, east, north = roi
        if west <= east:
            return shapely.box(west, south, east, north), WGS84
        return shapely.box(west, south, east + 360, north), WGS84
    return roi, WGS84


def _some(regions: list[Region], dataset: GeoDataset, what: str) -> None:
    if not regions:
        raise SamplerError(
            f"nothing is left inside {what}: the dataset holds {describe(dataset.regions)}"
        )
