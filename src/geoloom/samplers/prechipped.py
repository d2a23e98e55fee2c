"""Scenes that are chips already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import SamplerError
from ..datasets.base import GeoDataset
from ..datasets.region import Region, pixel_geometry
from ..io.vector.areas import RoiSource
from .random import seed_of
from .rois import rois_of
from .sampling_regions import GridChoice, Toi, region_parts_of, within_limit
from .shard import TableSampler
from .table import ROW, ChipTable

if TYPE_CHECKING:
    from torch import Generator


class PreChippedGeoSampler(TableSampler):
    """One query for each scene, of its whole frame: for files that were cut to chips by others.

    Args:
        dataset: Whose scenes to give.
        roi: Where, one area or several; see `RandomGeoSampler`. Scenes that touch one are given whole.
        toi: When: as `Interval.of` reads it.
        shuffle: Give them in a random order, another each epoch.
        generator: Of the order: seed, or a torch generator from which to draw one. Default: torch's own.
        grid: As `RandomGeoSampler`.
        rank, world_size, drop_last: Whose share; see `TableSampler`. To shuffle, ranks need the same seed.

    Raises:
        SamplerError: nothing is left of the dataset.

    Example:
        >>> sampler = PreChippedGeoSampler(dataset, shuffle=True, generator=0)  # doctest: +SKIP
    """

    def __init__(
        self,
        dataset: GeoDataset,
        roi: RoiSource | None = None,
        toi: Toi | None = None,
        shuffle: bool = False,
        generator: int | Generator | None = None,
        *,
        grid: GridChoice = "native",
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(rank, world_size, drop_last)
        parts = region_parts_of(dataset, grid=grid, rois=rois_of(roi), toi=toi)
        regions = tuple(part.region for part in parts if _may_be_given(part.region))
        if not regions:
            raise SamplerError(
                "no scene lies wholly in the ground to be sampled; divide scenes as wholes (SceneSplit)"
            )
        rows = np.zeros(len(regions), ROW)
        rows["region"] = np.arange(len(regions))
        shapes = [region.frame.shape for region in regions if region.frame is not None]
        rows["height"], rows["width"] = np.array(shapes).T
        self._table = ChipTable(regions, rows)
        self.shuffle = shuffle
        if shuffle:
            self.seed = seed_of(generator)
            self._seed_is_common = generator is not None

    def table(self, epoch: int = 0) -> ChipTable:
        """The scenes of an epoch, in order."""
        if not self.shuffle:
            return self._table
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self._table))
        return ChipTable(self._table.regions, self._table.rows[order])

    def _units(self) -> int:
        return len(self._table)


def _may_be_given(region: Region) -> bool:
    """Whether the whole frame is wanted: it has to lie in the limit, where there is one."""
    if region.limit is None or region.frame is None:
        return True
    start, limit_px = np.zeros(1), pixel_geometry(region.limit, region.frame)
    return bool(within_limit(limit_px, start, start, region.frame.shape.yx)[0])
