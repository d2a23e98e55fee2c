"""Chips around points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from ..core.errors import SamplerError
from ..core.grid import crs_name
from ..datasets.base import GeoDataset
from .drawing.windows import centred_windows
from .sampling_regions import GridChoice, Size, Toi, Units, sampling_regions_of
from .shard import TableSampler
from .table import ChipTable, joined_rows, rows_of

if TYPE_CHECKING:
    from geopandas import GeoDataFrame, GeoSeries


class PointGeoSampler(TableSampler):
    """One query around each point, in every scene that holds it; the same every epoch.

    Chips lie on whole pixels of a scene's lattice, the point in their middle; near the scene's edge they are
    moved inward. Points that mean the same chip give one.

    Args:
        dataset: Whose regions to look in.
        size: Height and width of a chip, or both.
        points: A vector file or a GeoDataFrame; of lines and polygons, the centroids count. Or x and y (n, 2)
            and their CRS.
        toi: When: as `Interval.of` reads it.
        units: Of `size`: `pixels`, or the `crs`'s units.
        grid: As `RandomGeoSampler`.
        rank, world_size, drop_last: Whose share; see `TableSampler`.

    Raises:
        SamplerError: no point lies in a scene that can hold a chip.
        VectorError: the file cannot be read as one layer of features with a CRS.

    Example:
        >>> sampler = PointGeoSampler(dataset, size=64, points="plots.gpkg")  # doctest: +SKIP
    """

    def __init__(
        self,
        dataset: GeoDataset,
        size: Size,
        points: str | Path | GeoDataFrame | GeoSeries | tuple[np.ndarray, str],
        toi: Toi | None = None,
        units: Units = "pixels",
        *,
        grid: GridChoice = "native",
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(rank, world_size, drop_last)
        xy, crs = read_points(points)
        regions = [
            region
            for region in sampling_regions_of(
                dataset, size, units=units, grid=grid, rois=None, toi=toi
            )
            if region.fits
        ]
        parts = []
        for number, region in enumerate(regions):
            corners = centred_windows(xy, crs, region.frame, region.shape)
            row, col = corners.T
            height, width = region.shape
            boxes = shapely.box(col, row, col + width, row + height)
            inside = shapely.intersects(region.area_px, boxes) & region.keeps(row, col)
            parts.append(rows_of(number, row[inside], col[inside], region.shape))
        rows = joined_rows(parts)
        if not len(rows):
            raise SamplerError(
                f"none of {len(xy)} points lies in a scene of {dataset!r} that holds a chip; check their "
                f"CRS, {crs}, and the size"
            )
        self._table = ChipTable(tuple(region.source for region in regions), rows)

    def table(self, epoch: int = 0) -> ChipTable:
        """The chips, scene by scene; all epochs are alike."""
        return self._table

    def _units(self) -> int:
        return len(self._table)


def read_points(points: Any) -> tuple[np.ndarray, str]:
    """x and y (n, 2) of points, and their CRS; of lines and polygons, the centroids.

    Args:
        points: A vector file, a table of geopandas, or x and y with a CRS.
    """
    if isinstance(points, tuple):
        xy, crs = points
        return np.asarray(xy, dtype=float).reshape(-1, 2), str(crs)
    if hasattr(points, "to_crs"):
        if points.crs is None:
            raise SamplerError("the points have no CRS; say which with set_crs")
        geometries, crs = points.geometry.to_numpy(), points.crs.to_string()
    else:
        from ..io.vector.layers import read_features

        features = read_features(points)
        geometries, crs = features.geometries, crs_name(features.crs)
    centres = shapely.centroid(geometries)
    return np.column_stack([shapely.get_x(centres), shapely.get_y(centres)]), crs
