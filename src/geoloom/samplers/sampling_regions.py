"""The regions that a sampler draws from, and the size of its chips there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ..core.errors import SamplerError
from ..core.interval import Instant, Interval
from ..core.roi import HINT
from ..datasets.base import GeoDataset
from ..datasets.region import Region, common_lattice, describe_regions, pixel_geometry
from .rois import cut_by_rois, cut_to_rois

SLIVER_PX = 1e-3
"""What two areas may share, or one lack, by rounding alone, pixels."""

Units: TypeAlias = Literal["pixels", "crs"]
Size: TypeAlias = int | float | tuple[int, int] | tuple[float, float]
GridChoice: TypeAlias = Literal["native", "common"] | GeoBox
Toi: TypeAlias = Interval | Instant | tuple[Instant, Instant]


@dataclass(frozen=True, slots=True)
class RegionPart:
    """What is left of one of a dataset's regions."""

    region: Region
    number: int
    """Position of the dataset's region that it is part of."""
    roi: int = 0
    """Position of the area of interest that it lies in, where these are kept apart."""


@dataclass(frozen=True, slots=True)
class SamplingRegion:
    """A region on the lattice that it is sampled on."""

    source: Region
    shape: tuple[int, int]
    """Height and width of a chip here, pixels."""
    area_px: BaseGeometry
    """The region's area in pixel coordinates (col, row) of its frame."""
    number: int = 0
    """Position of the dataset's region that it is part of."""
    roi: int = 0
    """Position of the area of interest that it lies in, where these are kept apart."""
    limit_px: BaseGeometry | None = None
    """In which chips must lie wholly, in pixels of the frame; None: in the frame."""

    @property
    def frame(self) -> GeoBox:
        """The lattice."""
        assert self.source.frame is not None  # refused when the region was made
        return self.source.frame

    def may_hold(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Whether (n,) chips may start at these rows and columns: centres in the area, all in the limit."""
        height, width = self.shape
        inside: np.ndarray = self.keeps(rows, cols)
        inside &= shapely.contains_xy(self.area_px, cols + width / 2, rows + height / 2)
        return inside

    def keeps(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Whether (n,) chips that start at these rows and columns lie wholly in the limit."""
        return within_limit(self.limit_px, rows, cols, self.shape)

    @property
    def fits(self) -> bool:
        """Whether a chip lies in the frame."""
        high, wide = self.frame.shape
        return bool(self.shape[0] <= high and self.shape[1] <= wide)


def sampling_regions_of(
    dataset: GeoDataset,
    size: Size,
    *,
    units: Units,
    grid: GridChoice,
    rois: Sequence[Region] | None,
    toi: Toi | None,
    apart: bool = False,
) -> tuple[SamplingRegion, ...]:
    """The dataset's regions in an area and time of interest, on the grid chosen; see `region_parts_of`."""
    parts = region_parts_of(dataset, grid=grid, rois=rois, toi=toi, apart=apart)
    return tuple(sampling_region_of(part, size, units) for part in parts)


def region_parts_of(
    dataset: GeoDataset,
    *,
    grid: GridChoice,
    rois: Sequence[Region] | None,
    toi: Toi | None,
    apart: bool = False,
) -> list[RegionPart]:
    """What is left of the dataset's regions inside an area and time of interest, on the grid chosen.

    Args:
        dataset: Whose regions.
        grid: See `RandomGeoSampler`.
        rois: Areas of interest, from `rois_of`; a region gives one part for all of them.
        toi: Time of interest.
        apart: Give one part for each area of interest instead, area by area.

    Raises:
        SamplerError: nothing is left, or a region has no pixels of its own.
    """
    if not hasattr(dataset, "regions"):
        instead = "make one of files first, such as RasterDataset(path)"
        if hasattr(dataset, "as_geo"):
            instead = (
                "its samples are numbered, so that a DataLoader needs shuffle=True alone; where they have a "
                "place, dataset.as_geo() is asked by it"
            )
        raise SamplerError(f"a sampler draws from a dataset, got {dataset!r}; {instead}")
    parts = [RegionPart(region, number) for number, region in enumerate(dataset.regions)]
    if toi is not None:
        when = Interval.of(toi)
        inside = [(part, part.region.during(when)) for part in parts]
        parts = [RegionPart(region, part.number) for part, region in inside if region is not None]
        _some(parts, dataset, f"toi {when}")
    if rois is not None:
        parts = _in_rois(parts, rois, apart=apart)
        _some(parts, dataset, f"roi ({describe_regions(rois).split(', time')[0]})", HINT)
    parts = _on_grid(parts, grid)
    _some(parts, dataset, "the given grid")
    return parts


def chip_shape(size: Size, units: Units, frame: GeoBox, *, what: str = "size") -> tuple[int, int]:
    """Height and width in pixels of a size given in pixels or in units of the frame's CRS.

    Raises:
        SamplerError: the size is not positive, or pixels are not whole.
    """
    sides = size if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2 or not all(isinstance(s, Real) and math.isfinite(s) for s in sides):
        raise SamplerError(f"{what} is {size!r}; give a number, or two (height, width)")
    height, width = sides
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


def chip_boxes(rows: np.ndarray, cols: np.ndarray, shape: tuple[Any, Any]) -> np.ndarray:
    """Boxes (n,) of chips in pixels (col, row), a thousandth of a pixel smaller: edges are rounded.

    Args:
        rows, cols: (n,) of their first pixels.
        shape: Height and width, of all or (n,) of each.
    """
    (height, width), hair = shape, SLIVER_PX
    boxes: np.ndarray = shapely.box(
        cols + hair, rows + hair, cols + width - hair, rows + height - hair
    )
    return boxes


def refuse_too_large(regions: tuple[SamplingRegion, ...], size: Size, advice: str) -> SamplerError:
    """The error that says how large the scenes are."""
    largest = max(regions, key=lambda region: region.frame.shape[0] * region.frame.shape[1])
    height, width = regions[0].shape
    return SamplerError(
        f"a chip of size {size!r} ({height} x {width} pixels) exceeds every scene; the largest, "
        f"{largest.source.name or 'unnamed'}, has {largest.frame.shape[0]} x {largest.frame.shape[1]} "
        f"pixels; {advice}"
    )


def within_limit(
    limit_px: BaseGeometry | None, rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Whether (n,) chips lie wholly in a polygon of pixels; all do where there is none."""
    if limit_px is None:
        return np.ones(len(rows), bool)
    shapely.prepare(limit_px)
    inside: np.ndarray = shapely.covers(limit_px, chip_boxes(rows, cols, shape))
    return inside


def refuse_uncovered(size: Size) -> SamplerError:
    """The error that says that no place is large enough for a chip as a whole."""
    return SamplerError(
        f"no chip of size {size!r} lies wholly in the ground to be sampled; give a smaller size, or larger "
        "ground (block_px, a smaller buffer_px, larger regions)"
    )


def sampling_region_of(part: RegionPart, size: Size, units: Units) -> SamplingRegion:
    """A part of a region with the shape of chips there."""
    frame = part.region.frame
    assert frame is not None  # `_on_grid` left none without
    area_px = pixel_geometry(part.region.area, frame)
    limit = part.region.limit
    return SamplingRegion(
        part.region,
        chip_shape(size, units, frame),
        area_px,
        part.number,
        part.roi,
        None if limit is None else pixel_geometry(limit, frame),
    )


def _in_rois(
    parts: Sequence[RegionPart], rois: Sequence[Region], *, apart: bool
) -> list[RegionPart]:
    regions = [part.region for part in parts]
    if apart:
        return [
            RegionPart(region, parts[number].number, roi)
            for number, roi, region in cut_by_rois(regions, rois)
        ]
    wholes = zip(parts, cut_to_rois(regions, rois), strict=True)
    return [RegionPart(region, part.number) for part, region in wholes if region is not None]


def _on_grid(parts: list[RegionPart], grid: GridChoice) -> list[RegionPart]:
    if isinstance(grid, GeoBox):
        return _moved(parts, grid, bounded=True)
    if grid not in ("native", "common"):
        raise SamplerError(f"grid is {grid!r}; expected 'native', 'common' or a GeoBox")
    frames = [part.region.frame for part in parts if part.region.frame is not None]
    if not frames or (grid == "native" and len(frames) < len(parts)):
        raise SamplerError(
            "a vector layer has no pixels of its own: make it with res=..., sample it together with "
            "imagery (imagery & labels), or give the sampler grid=GeoBox(...)"
        )
    return parts if grid == "native" else _moved(parts, common_lattice(frames[0], None, None))


def _moved(
    parts: Sequence[RegionPart], lattice: GeoBox, *, bounded: bool = False
) -> list[RegionPart]:
    moved = [(part, part.region.on_lattice(lattice, bounded=bounded)) for part in parts]
    return [
        RegionPart(region, part.number, part.roi) for part, region in moved if region is not None
    ]


def _some(parts: Sequence[RegionPart], dataset: GeoDataset, what: str, hint: str = "") -> None:
    if not parts:
        raise SamplerError(
            f"nothing is left inside {what}: the dataset holds {describe_regions(dataset.regions)}"
            f"{'; ' if hint else ''}{hint}"
        )
