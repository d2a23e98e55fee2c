"""Chips at random positions."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import SamplerError
from ..datasets.base import GeoDataset
from ..datasets.region import ground_km2
from ..io.vector.areas import RoiSource
from .reach import centres_of, covered_px
from .rois import rois_of
from .sampling_regions import (
    GridChoice,
    SamplingRegion,
    Size,
    Toi,
    Units,
    refuse_too_large,
    refuse_uncovered,
    sampling_regions_of,
)
from .shard import TableSampler
from .table import ROW, ChipTable, rows_of
from .weights import RoiWeights, Weights, chances

if TYPE_CHECKING:
    from torch import Generator

log = logging.getLogger(__name__)

_ROUND = 1 << 14
_MOST_ROUNDS = 1000
_SMALL_PX = 64
_HAIR = 1e-6
_NOTABLE = 0.01
"""Share of the ground that is never drawn from which on that is worth a warning."""


class RandomGeoSampler(TableSampler):
    """Queries at random positions: a scene by the ground that chips can cover there, then any position in it.

    Chips lie wholly in a scene's frame, their centres in its area, on whole pixels of its lattice: imagery
    is copied, not resampled. Inside a scene all such positions are alike, so that ground near its edge is
    seen less often than that in its middle. In the ground of a split (see `geoloom.splits.divide`) chips lie
    wholly inside. Scenes that cannot hold a chip are not drawn; the log says how
    much ground that is. Each pass over the sampler is the next epoch, another draw; equal seeds give
    equal epochs.

    Args:
        dataset: Whose regions to draw from.
        size: Height and width of a chip, or both.
        length: Chips an epoch. Default: as many as would tile the area once.
        roi: Where: a shapely geometry or (west, south, east, north) in degrees, a GeoBox, an odc-geo
            Geometry in any CRS, several of these, a GeoDataFrame, or a vector file. Chips' centres lie
            inside; where areas overlap, the ground counts once.
        toi: When: as `Interval.of` reads it, such as `"2019-07"`.
        units: Of `size`: `pixels`, or the `crs`'s units (metres, degrees).
        generator: Seed, or a torch generator from which to draw one. Default: torch's own.
        weights: How often each region is drawn: by the `area` on the ground that chips can cover there, with
            valid data where the dataset was made with `footprints="valid"`; `equal`; one number per region of
            the dataset; or a function of the region (cut to the roi). 0 leaves a region out.
        roi_weights: How often each area of interest is drawn: `equal`, or one number per area; `weights`
            hold inside each. Default: the areas count as one.
        grid: `native`: each scene's own pixels; `common`: one lattice in the first scene's CRS for all; or
            the lattice of a GeoBox, inside it.
        rank, world_size, drop_last: Whose share of the `length` chips; see `TableSampler`. Ranks need the
            same seed.

    Raises:
        SamplerError: nothing is left of the dataset, a chip exceeds every scene, or weights do not fit.

    Example:
        >>> sampler = RandomGeoSampler(dataset, size=224, length=512, generator=0)  # doctest: +SKIP
    """

    def __init__(
        self,
        dataset: GeoDataset,
        size: Size,
        length: int | None = None,
        roi: RoiSource | None = None,
        toi: Toi | None = None,
        units: Units = "pixels",
        generator: int | Generator | None = None,
        *,
        weights: Weights = "area",
        roi_weights: RoiWeights | None = None,
        grid: GridChoice = "native",
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(rank, world_size, drop_last)
        rois = rois_of(roi)
        if roi_weights is not None and rois is None:
            raise SamplerError("roi_weights are given, but no roi; name the areas of interest")
        apart = roi_weights is not None
        regions = sampling_regions_of(
            dataset, size, units=units, grid=grid, rois=rois, toi=toi, apart=apart
        )
        eligible = [(region, centres_of(region)) for region in regions if region.fits]
        if not eligible:
            raise refuse_too_large(regions, size, "give a smaller size")
        kept = [(region, centres) for region, centres in eligible if _can_hold(region, centres)]
        if not kept and all(region.limit_px is not None for region, _ in eligible):
            raise refuse_uncovered(size)
        if not kept:
            raise SamplerError(
                f"no chip of size {size!r} lies in a scene with its centre in the area sampled; give a "
                "smaller size or a larger roi"
            )
        self._regions = tuple(region for region, _ in kept)
        self._centres = tuple(centres for _, centres in kept)
        whole = ground_km2([region.source for region in self._regions])
        covered = [covered_px(region, centres) / region.area_px.area for region, centres in kept]
        ground = whole * covered
        usable = set(map(id, self._regions))
        _report_missed([r for r in regions if id(r) not in usable], self._regions, whole, ground)
        self._chances = chances(
            self._regions,
            ground,
            weights,
            roi_weights,
            region_count=len(dataset.regions),
            roi_count=len(rois or ()),
        )
        drawn = [
            region for region, chance in zip(self._regions, self._chances, strict=True) if chance
        ]
        self.length = length_of(length, drawn)
        self.seed = seed_of(generator)
        self._seed_is_common = generator is not None

    def table(self, epoch: int = 0) -> ChipTable:
        """The chips of an epoch; the same for equal seeds, wherever it is made."""
        rng = np.random.default_rng([self.seed, epoch])
        chosen = rng.choice(len(self._regions), size=self.length, p=self._chances)
        return self._filled(chosen, rng)

    def _units(self) -> int:
        return self.length

    def _filled(self, chosen: np.ndarray, rng: np.random.Generator) -> ChipTable:
        """A table with a position drawn in each of the regions chosen."""
        rows = np.empty(len(chosen), dtype=ROW)
        order = np.argsort(chosen, kind="stable")
        numbers, starts = np.unique(chosen[order], return_index=True)
        for number, members in zip(numbers, np.split(order, starts[1:]), strict=True):
            region = self._regions[number]
            row, col = _draw(region, self._centres[number], len(members), rng)
            rows[members] = rows_of(int(number), row, col, region.shape)
        return ChipTable(tuple(region.source for region in self._regions), rows)


class RandomBatchGeoSampler(RandomGeoSampler):
    """Batches of random queries, each from one scene: fewer files are touched.

    Give it to a `DataLoader` as `batch_sampler`, or to `geoloom.loader` as `sampler`.

    Args:
        dataset: Whose regions to draw from.
        size: Height and width of a chip, or both.
        batch_size: Queries a batch.
        length: Chips an epoch, rounded down to whole batches. Default: as many as would tile the area.
        roi, toi, units, generator, weights, roi_weights, grid: As `RandomGeoSampler`.
        rank, world_size, drop_last: Whose share of the batches; see `TableSampler`.

    Raises:
        SamplerError: as `RandomGeoSampler`, or fewer chips than one batch are asked for.
    """

    def __init__(
        self,
        dataset: GeoDataset,
        size: Size,
        batch_size: int,
        length: int | None = None,
        roi: RoiSource | None = None,
        toi: Toi | None = None,
        units: Units = "pixels",
        generator: int | Generator | None = None,
        *,
        weights: Weights = "area",
        roi_weights: RoiWeights | None = None,
        grid: GridChoice = "native",
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(
            dataset,
            size,
            length,
            roi,
            toi,
            units,
            generator,
            weights=weights,
            roi_weights=roi_weights,
            grid=grid,
            rank=rank,
            world_size=world_size,
            drop_last=drop_last,
        )
        if not _is_whole(batch_size):
            raise SamplerError(f"batch_size is {batch_size!r}; give a whole number of chips")
        if length is None:
            self.length = max(self.length, batch_size)
        if not 1 <= batch_size <= self.length:
            raise SamplerError(
                f"batch_size={batch_size} with length={self.length}; give 1 to length"
            )
        self.batch_size = self._unit = int(batch_size)

    def table(self, epoch: int = 0) -> ChipTable:
        """The chips of an epoch, batch after batch."""
        rng = np.random.default_rng([self.seed, epoch])
        chosen = rng.choice(len(self._regions), size=self._units(), p=self._chances)
        return self._filled(np.repeat(chosen, self.batch_size), rng)

    def _units(self) -> int:
        return self.length // self.batch_size

    def _handed(self, share: ChipTable) -> Iterator[Any]:
        return share.batches(self.batch_size)


def _report_missed(
    left_out: Sequence[SamplingRegion],
    drawn: Sequence[SamplingRegion],
    whole_km2: np.ndarray,
    covered_km2: np.ndarray,
) -> None:
    """Say how much ground no chip can cover, and where: it is never drawn."""
    missed_km2 = whole_km2 - covered_km2
    in_part = np.flatnonzero(missed_km2 > _HAIR * whole_km2)
    if not len(in_part) and not left_out:
        return
    lost_km2 = ground_km2([region.source for region in left_out])
    share = (lost_km2.sum() + missed_km2.sum()) / (lost_km2.sum() + whole_km2.sum())
    worst = left_out[int(lost_km2.argmax())] if left_out else drawn[int(missed_km2.argmax())]
    log.log(
        logging.WARNING if share >= _NOTABLE else logging.INFO,
        "chips do not reach %.1f %% of the ground: %d of %d regions cannot hold one, %d only in part; such "
        "as %s (%d x %d pixels, chips of %d x %d)",
        100 * share, len(left_out), len(left_out) + len(drawn), len(in_part),
        worst.source.name or "an unnamed one", *worst.frame.shape, *worst.shape,
    )  # fmt: skip


def _can_hold(region: SamplingRegion, centres: Any) -> bool:
    """Whether some whole-pixel position has its centre in the area; tried where that is in doubt."""
    if centres.area >= _SMALL_PX:
        return True
    if centres.area <= 0:
        return False
    return len(_tried(region, centres, _ROUND, np.random.default_rng(0))[0]) > 0


def _draw(
    region: SamplingRegion, centres: Any, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of `count` chips, by rejection from the box around the area."""
    rows, cols, drawn = [], [], 0
    left, top, right, bottom = centres.bounds
    share = max(centres.area / max((right - left) * (bottom - top), 1e-9), 1e-3)
    for _ in range(_MOST_ROUNDS):
        tries = min(max(int(1.2 * (count - drawn) / share) + 8, 16), 1 << 20)
        row, col = _tried(region, centres, tries, rng)
        rows.append(row)
        cols.append(col)
        drawn += len(row)
        if drawn >= count:
            return np.concatenate(rows)[:count], np.concatenate(cols)[:count]
    raise SamplerError(
        f"region {region.source.name!r} is too thin to draw {count} chips from: {drawn} found in "
        f"{_MOST_ROUNDS} rounds; widen the roi"
    )


def _tried(
    region: SamplingRegion, centres: Any, tries: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Of random whole-pixel positions, those with their centre in the area."""
    (height, width), (high, wide) = region.shape, region.frame.shape
    left, top, right, bottom = centres.bounds
    col = np.floor(rng.uniform(left, right, tries) - width / 2 + 0.5).astype(np.int64)
    row = np.floor(rng.uniform(top, bottom, tries) - height / 2 + 0.5).astype(np.int64)
    inside = (col >= 0) & (row >= 0) & (col <= wide - width) & (row <= high - height)
    inside &= region.may_hold(row, col)
    return row[inside], col[inside]


def default_length(regions: Iterable[SamplingRegion]) -> int:
    """As many chips as would tile the areas once."""
    tiles = (p.area_px.area / (p.shape[0] * p.shape[1]) for p in regions)
    return max(1, sum(max(1, int(count)) for count in tiles))


def length_of(length: int | None, regions: Iterable[SamplingRegion]) -> int:
    """The number of chips asked for; as many as would tile the areas once where none is.

    Raises:
        SamplerError: it is not a whole number, or less than 1.
    """
    if length is None:
        return default_length(regions)
    if not _is_whole(length) or length < 1:
        raise SamplerError(f"length is {length!r}; give a whole number of chips, at least 1")
    return int(length)


def _is_whole(number: Any) -> bool:
    return isinstance(number, Real) and math.isfinite(number) and number == math.floor(number)


def seed_of(generator: int | Generator | None) -> int:
    """The seed meant by a number or a torch generator; drawn from torch's own where there is none."""
    if isinstance(generator, (int, np.integer)):
        if generator < 0:
            raise SamplerError(f"generator={generator}; a seed is 0 or more")
        return int(generator)
    import torch

    if generator is not None and not isinstance(generator, torch.Generator):
        raise SamplerError(
            f"generator is {generator!r}; give a seed, a whole number of 0 or more, or a torch.Generator"
        )
    return int(torch.randint(0, 2**62, (), generator=generator).item())
