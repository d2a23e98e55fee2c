"""The regions that a sampler draws from, and the size of its chips there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal, TypeAlias

from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from ..core.errors import SamplerError
from ..core.interval import Instant, Interval
from ..datasets.base import GeoDataset
from ..datasets.region import Region, common_lattice, describe_regions, pixel_geometry
from .rois import cut_by_rois, cut_to_rois

Units: TypeAlias = Literal["pixels", "crs"]
Size: TypeAlias = int | float | tuple[int, int] | tuple[float, float]
GridChoice: TypeAlias = Literal["native", "common"] | GeoBox
Toi: TypeAlias = Interval | Instant | tuple[Instant, Instant]


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of one of a dataset's regions."""

    region: Region
    number: int
    """Position of the dataset's region that it is part of."""
    roi: int = 0
    """Position of the place of interest that it lies in, where these are kept apart."""


@dataclass(frozen=True, slots=True)
class Place:
    """A region on the lattice that it is sampled on."""

    region: Region
    shape: tuple[int, int]
    """Height and width of a chip here, pixels."""
    area_px: BaseGeometry
    """The region's area in pixel coordinates (col, row) of its frame."""
    number: int = 0
    """Position of the dataset's region that it is part of."""
    roi: int = 0
    """Position of the place of interest that it lies in, where these are kept apart."""

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
    rois: Sequence[Region] | None,
    toi: Toi | None,
    apart: bool = False,
) -> tuple[Place, ...]:
    """The dataset's regions inside a region and time of interest, on the grid chosen; see `cuts_of`."""
    cuts = cuts_of(dataset, grid=grid, rois=rois, toi=toi, apart=apart)
    return tuple(place_of(cut, size, units) for cut in cuts)


def cuts_of(
    dataset: GeoDataset,
    *,
    grid: GridChoice,
    rois: Sequence[Region] | None,
    toi: Toi | None,
    apart: bool = False,
) -> list[Cut]:
    """What is left of the dataset's regions inside a region and time of interest, on the grid chosen.

    Args:
        dataset: Whose regions.
        grid: See `RandomGeoSampler`.
        rois: Places of interest, from `rois_of`; a region gives one part for all of them.
        toi: Time of interest.
        apart: Give one part for each place of interest instead, place by place.

    Raises:
        SamplerError: nothing is left, or a region has no pixels of its own.
    """
    if not hasattr(dataset, "regions"):
        raise SamplerError(
            f"a sampler draws from a dataset, got {dataset!r}; make one of files first, such as "
            "RasterDataset(path)"
        )
    cuts = [Cut(region, number) for number, region in enumerate(dataset.regions)]
    if toi is not None:
        when = Interval.of(toi)
        inside = [(cut, cut.region.during(when)) for cut in cuts]
        cuts = [Cut(region, cut.number) for cut, region in inside if region is not None]
        _some(cuts, dataset, f"toi {when}")
    if rois is not None:
        cuts = _in_rois(cuts, rois, apart=apart)
        _some(cuts, dataset, f"roi ({describe_regions(rois).split(', time')[0]})")
    cuts = _on_grid(cuts, grid)
    _some(cuts, dataset, "the given grid")
    return cuts


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


def refuse_too_large(places: tuple[Place, ...], size: Size, advice: str) -> SamplerError:
    """The error that says how large the scenes are."""
    largest = max(places, key=lambda p: p.frame.shape[0] * p.frame.shape[1])
    height, width = places[0].shape
    return SamplerError(
        f"a chip of size {size!r} ({height} x {width} pixels) exceeds every scene; the largest, "
        f"{largest.region.name or 'unnamed'}, has {largest.frame.shape[0]} x {largest.frame.shape[1]} "
        f"pixels; {advice}"
    )


def place_of(cut: Cut, size: Size, units: Units) -> Place:
    """A part of a region with the shape of chips there."""
    frame = cut.region.frame
    assert frame is not None  # `_on_grid` left none without
    area_px = pixel_geometry(cut.region.area, frame)
    return Place(cut.region, chip_shape(size, units, frame), area_px, cut.number, cut.roi)


def _in_rois(cuts: Sequence[Cut], rois: Sequence[Region], *, apart: bool) -> list[Cut]:
    regions = [cut.region for cut in cuts]
    if apart:
        parts = cut_by_rois(regions, rois)
        return [Cut(part, cuts[number].number, place) for number, place, part in parts]
    wholes = zip(cuts, cut_to_rois(regions, rois), strict=True)
    return [Cut(part, cut.number) for cut, part in wholes if part is not None]


def _on_grid(cuts: list[Cut], grid: GridChoice) -> list[Cut]:
    if isinstance(grid, GeoBox):
        return _moved(cuts, grid, bounded=True)
    if grid not in ("native", "common"):
        raise SamplerError(f"grid is {grid!r}; expected 'native', 'common' or a GeoBox")
    frames = [cut.region.frame for cut in cuts if cut.region.frame is not None]
    if not frames or (grid == "native" and len(frames) < len(cuts)):
        raise SamplerError(
            "a vector layer has no pixels of its own: make it with res=..., sample it together with "
            "imagery (imagery & labels), or give the sampler grid=GeoBox(...)"
        )
    return cuts if grid == "native" else _moved(cuts, common_lattice(frames[0], None, None))


def _moved(cuts: Sequence[Cut], lattice: GeoBox, *, bounded: bool = False) -> list[Cut]:
    moved = [(cut, cut.region.on_lattice(lattice, bounded=bounded)) for cut in cuts]
    return [Cut(region, cut.number, cut.roi) for cut, region in moved if region is not None]


def _some(cuts: Sequence[Cut], dataset: GeoDataset, what: str) -> None:
    if not cuts:
        raise SamplerError(
            f"nothing is left inside {what}: the dataset holds {describe_regions(dataset.regions)}"
        )
