"""Area of each class of a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.area import pixel_areas_m2
from ..core.classes import Classes
from ..core.grid import PixelWindow, row_windows, window_grid, window_slices
from ..figures.views import Source, classes_of
from ..io.headers.header import read_header
from ..io.raster import Raster, read

BLOCK_ROWS = 256
_HECTARE_M2 = 10_000.0


@dataclass(frozen=True, slots=True)
class ClassArea:
    """How much of a map is of one class."""

    name: str
    code: int
    color: str
    pixels: int
    hectares: float
    share: float
    """Of the mapped area, 0 to 1; NaN where nothing is mapped."""


@dataclass(frozen=True, slots=True)
class AreaTable:
    """Area by class, in the order of the classes."""

    rows: tuple[ClassArea, ...]
    unmapped_pixels: int
    """Pixels without a class: not observed, or of a code that is none of the classes."""

    @property
    def hectares(self) -> float:
        """All that has a class."""
        return sum(row.hectares for row in self.rows)


def class_areas(source: Source, classes: Classes | None = None) -> AreaTable:
    """Count a class map's pixels and their area on the ground, block by block.

    A pixel's area is that of its outline on the ellipsoid, in any CRS, as it is for the map's polygons.

    Args:
        source: File or raster of stored class codes, one band.
        classes: Names, codes and colours; None takes the file's own.

    Example:
        >>> from affine import Affine
        >>> grid = GeoBox((1, 3), Affine(30, 0, 500_000, 0, -30, 0), "EPSG:32720")
        >>> lake = Raster(np.array([[[1, 1, 2]]]), np.ones((1, 3), bool), grid, ("class",))
        >>> [round(row.hectares, 2) for row in class_areas(lake, Classes.of(["water", "land"])).rows]
        [0.18, 0.09]
    """
    known = classes if classes is not None else classes_of(source)
    grid = source.grid if isinstance(source, Raster) else read_header(source).grid
    pixels = np.zeros(len(known), dtype=np.int64)
    square_m = np.zeros(len(known))
    unmapped = 0
    for window in row_windows(grid.shape, BLOCK_ROWS):
        part = window_grid(grid, window)
        codes, valid = _block(source, part, window)
        position, is_class = known.encode(codes)
        counted = valid & is_class
        count = np.bincount(position[counted], minlength=len(known))
        pixels += count
        cells = pixel_areas_m2(part)
        if cells.size == 1:
            square_m += count * cells.item()
        else:
            each = np.broadcast_to(cells, counted.shape)[counted]
            square_m += np.bincount(position[counted], weights=each, minlength=len(known))
        unmapped += int((~counted).sum())
    total = square_m.sum() or np.nan
    return AreaTable(
        tuple(
            ClassArea(name, code, color, int(n), float(m2) / _HECTARE_M2, float(m2 / total))
            for (name, code, color), n, m2 in zip(known, pixels, square_m, strict=True)
        ),
        unmapped,
    )


def _block(source: Source, part: GeoBox, window: PixelWindow) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(source, Raster):
        at = window_slices(window)
        return source.values[0, *at], source.valid[at]
    stored = read(source, part, bands=[1], resampling="nearest")
    return stored.values[0], stored.valid
