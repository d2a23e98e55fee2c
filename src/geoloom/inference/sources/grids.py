"""The pixels of a map: those of the scenes, or a grid of choice, as far as there is data or interest."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TypeAlias

import numpy as np
import shapely
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from ...core.errors import ConfigError, GridError
from ...core.grid import (
    PixelWindow,
    as_crs,
    crs_name,
    crs_title,
    lattice_window,
    window_around,
    window_grid,
    window_inside,
)
from ...core.roi import HINT, Roi
from ...datasets.region import Region, common_lattice, describe_regions, pixel_geometry
from ...io.headers.header import read_header
from ...io.vector.areas import RoiSource, roi_of

log = logging.getLogger(__name__)

Resolution: TypeAlias = float | tuple[float, float]

GridLike: TypeAlias = str | Path | GeoBox
"""A raster whose grid is meant, or a grid."""


@dataclass(frozen=True, slots=True)
class GridChoice:
    """Which pixels a map shall have, where not those of the scenes.

    Raises:
        ConfigError: `like` goes with neither CRS nor resolution, or the resolution is not above 0.
    """

    crs: str | CRS | None = None
    resolution: Resolution | None = None
    """Side of a pixel, or width and height, in units of the CRS."""
    like: GridLike | None = None
    """A raster whose grid is taken as it is, or a grid."""

    def __post_init__(self) -> None:
        if self.like is not None and not (self.crs is None and self.resolution is None):
            raise ConfigError(
                "like takes the grid of a raster, its CRS and resolution with it; leave --crs and "
                "--resolution (crs=, resolution=) out, or --like (like=)"
            )
        if self.resolution is not None and not all(map(_is_side, self._sides or ())):
            raise ConfigError(f"resolution is {self.resolution!r}; give a number above 0")

    @property
    def is_given(self) -> bool:
        """Whether it says anything."""
        return self != GridChoice()

    @property
    def _sides(self) -> tuple[float, float] | None:
        given = self.resolution
        if given is None:
            return None
        if isinstance(given, Sequence) and not isinstance(given, str):
            return given[0], given[1]
        return given, given

    def on(self, regions: Sequence[Region], title: str) -> GeoBox:
        """The grid of the map of what lies in some regions.

        Args:
            regions: Of the scenes, the first of which says how large pixels are where nothing else does.
            title: What holds them, for messages.

        Raises:
            GridError: scenes lie in several CRSs and none is chosen, or no scene lies on the grid chosen.
        """
        if self.like is not None:
            lattice = self.like if isinstance(self.like, GeoBox) else read_header(self.like).grid
        else:
            lattice = self._lattice(regions, title)
        bounded = self.like is not None
        moved = [region.on_lattice(lattice, bounded=bounded) for region in regions]
        frames = [r.frame for r in moved if r is not None and r.frame is not None]
        windows = [w for frame in frames if (w := lattice_window(lattice, frame)) is not None]
        if not windows:
            raise GridError(
                f"{title} holds nothing on the grid that is asked for, in "
                f"{crs_title(crs_name(lattice.crs))}: it holds {describe_regions(regions)}; choose another"
            )
        if bounded:
            return lattice
        if self.resolution is not None:
            self._check_size(lattice, [region for region in moved if region is not None], title)
        return window_grid(lattice, _around(windows))

    def _check_size(self, lattice: GeoBox, regions: Sequence[Region], title: str) -> None:
        """Refuse pixels that are larger than all that is mapped, whose middles lie beside it."""
        left, top, right, bottom = shapely.total_bounds([region.area for region in regions])
        width, height = right - left, bottom - top
        if min(abs(lattice.resolution.x), abs(lattice.resolution.y)) > max(width, height):
            unit = str(lattice.crs.units[0])
            raise GridError(
                f"pixels of {self.resolution!r} ({unit}) are larger than all of {title}, {width:.6g} x "
                f"{height:.6g} in {crs_title(crs_name(lattice.crs))}; give a smaller --resolution "
                "(resolution=)"
            )

    def _lattice(self, regions: Sequence[Region], title: str) -> GeoBox:
        """One lattice for all; any grid of it."""
        first = regions[0].frame
        if first is None:
            raise GridError(f"{title} has no pixels of its own; say --resolution (resolution=)")
        if self.is_given:
            crs = None if self.crs is None else as_crs(self.crs)
            return common_lattice(first, crs, self._sides)
        places = list(dict.fromkeys(crs_title(crs_name(region.crs)) for region in regions))
        if len(places) > 1:
            raise GridError(
                f"the {len(regions)} scenes of {title} lie in {len(places)} CRSs ({', '.join(places[:6])}), "
                f"and a map has one: choose its grid, --crs {places[0]} (crs={places[0]!r}) or --like a "
                "raster (like=); or make a map of each scene, --per-scene (per_scene=True)"
            )
        frames = [region.frame for region in regions if region.frame is not None]
        elsewhere = sum(lattice_window(first, frame) is None for frame in frames)
        if elsewhere:
            log.warning(
                "%d of the %d scenes of %s lie on other pixels than the first, on whose the map is made: "
                "they are resampled",
                elsewhere,
                len(regions),
                title,
            )
        return first


def _is_side(value: object) -> bool:
    return isinstance(value, Real) and 0 < float(value) < math.inf


def within(grid: GeoBox, roi: RoiSource | None) -> tuple[GeoBox, Roi | None]:
    """The part of a grid, in whole pixels, around an area of interest; and the area in the grid's CRS.

    Raises:
        GridError: the area lies beside the grid.
        RoiError: it is none.
    """
    if roi is None:
        return grid, None
    area = roi_of(roi)
    there = area.on(grid)
    window = None
    if not there.is_empty:
        window = window_around(*shapely.bounds(pixel_geometry(there, grid)).tolist())
    shape = int(grid.shape[0]), int(grid.shape[1])
    inside = None if window is None else window_inside(window, shape)
    if inside is None or not shapely.intersects(there, grid.extent.geom):
        west, south, east, north = Roi.of(grid).lonlat_bounds
        raise GridError(
            f"{area.described()} lies beside what is mapped, which spans longitude {west:.4f}..{east:.4f}, "
            f"latitude {south:.4f}..{north:.4f}; {HINT}"
        )
    return window_grid(grid, inside), Roi(there, grid.crs, area.name)


def _around(windows: Sequence[PixelWindow]) -> PixelWindow:
    starts = np.array([(w.row, w.col) for w in windows])
    stops = np.array([(w.row + w.height, w.col + w.width) for w in windows])
    (top, left), (bottom, right) = starts.min(axis=0).tolist(), stops.max(axis=0).tolist()
    return PixelWindow(top, left, bottom - top, right - left)
