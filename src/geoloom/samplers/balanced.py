"""Chips in which classes are seen in balance."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..core.errors import SamplerError
from ..datasets.base import GeoDataset
from ..io.vector.areas import RoiSource
from .random import length_of, seed_of
from .sampling_regions import (
    GridChoice,
    RegionPart,
    Size,
    Toi,
    Units,
    refuse_too_large,
    sampling_region_of,
)
from .shard import TableSampler
from .statistics import LabelStatistics, label_statistics
from .table import ROW, ChipTable

if TYPE_CHECKING:
    from torch import Generator

_TRIES = 200
"""Draws of a chip that has to lie wholly in an area."""

log = logging.getLogger(__name__)


class BalancedGeoSampler(TableSampler):
    """Queries drawn class by class, so that rare classes are seen as often as common ones.

    For each chip a class is drawn, then a pixel of that class, any ground of it alike, then one of the
    whole-pixel positions in the scene's frame whose chip holds that pixel. So a chip drawn for a class shows
    it, and shows much of it the likelier the more there is. An epoch holds each class as often as its weight
    says, to the chip; equal seeds give equal epochs.

    Args:
        dataset: Whose regions to draw from.
        size: Height and width of a chip, or both.
        length: Chips an epoch. Default: as many as would tile the area once.
        roi, toi: As `RandomGeoSampler`; the pixels drawn lie inside.
        units: Of `size`: `pixels`, or the `crs`'s units.
        generator: Seed, or a torch generator from which to draw one. Default: torch's own.
        class_weights: How often each class is drawn, by name or code; others are left out, but are seen
            around it. Default: all classes found alike.
        labels: Whose classes; see `label_statistics`.
        statistics: What `label_statistics` found before; its labels, roi, toi and grid hold then. Default:
            looked up now.
        grid: As `RandomGeoSampler`.
        rank, world_size, drop_last: Whose share; see `TableSampler`. Ranks need the same seed.

    Raises:
        SamplerError: nothing is left of the dataset, no scene can hold a chip, or a class has no ground.

    Example:
        >>> sampler = BalancedGeoSampler(dataset, size=224, length=512, generator=0)  # doctest: +SKIP
        >>> sampler.statistics.shares, sampler.chances                                # doctest: +SKIP
        ({'forest': 0.7121, 'water': 0.0009, ...}, {'forest': 0.3333, 'water': 0.3333, ...})
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
        class_weights: Mapping[str | int, float] | Literal["equal"] = "equal",
        labels: GeoDataset | None = None,
        statistics: LabelStatistics | None = None,
        grid: GridChoice = "native",
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(rank, world_size, drop_last)
        if statistics is None:
            statistics = label_statistics(dataset, labels=labels, roi=roi, toi=toi, grid=grid)
        elif any(given is not None for given in (labels, roi, toi)) or grid != "native":
            raise SamplerError(
                "the statistics fix the labels, roi, toi and grid; give these to label_statistics alone"
            )
        self.statistics = statistics
        parts = [RegionPart(region, number) for number, region in enumerate(statistics.regions)]
        regions = tuple(sampling_region_of(part, size, units) for part in parts)
        self._regions = regions
        fits = np.array([region.fits for region in regions])
        if not fits.any():
            raise refuse_too_large(regions, size, "give a smaller size")
        self._frames = np.array([tuple(region.frame.shape) for region in regions])
        self._shapes = np.array([region.shape for region in regions])
        self._points, self._steps = _drawable(statistics, fits)
        self._chances = _chances(statistics, class_weights, self._steps)
        fitting = [region for region in regions if region.fits]
        self.length = length_of(length, fitting)
        self.seed = seed_of(generator)
        self._seed_is_common = generator is not None

    @property
    def chances(self) -> dict[str, float]:
        """Share of an epoch's chips that are drawn for each class, by name; what is seen: `class_shares`."""
        return dict(zip(self.statistics.names, self._chances.tolist(), strict=True))

    def drawn(self, epoch: int = 0) -> np.ndarray:
        """Codes (length,) of the classes for which the chips of an epoch are drawn, in order."""
        codes: np.ndarray = self.statistics.codes[
            self._drawn(np.random.default_rng([self.seed, epoch]))
        ]
        return codes

    def table(self, epoch: int = 0) -> ChipTable:
        """The chips of an epoch; the same for equal seeds, wherever it is made."""
        rng = np.random.default_rng([self.seed, epoch])
        drawn = self._drawn(rng)
        rows = np.empty(self.length, ROW)
        for k in np.unique(drawn).tolist():
            members = np.flatnonzero(drawn == k)
            rows[members] = self._placed(k, len(members), rng)
        return ChipTable(self.statistics.regions, rows)

    def _placed(self, k: int, count: int, rng: np.random.Generator) -> np.ndarray:
        """Chips that show a class; those are drawn again that would stick out of the ground of a split."""
        rows = self._around_points(k, count, rng)
        for _ in range(_TRIES):
            astray = np.flatnonzero(self._stick_out(rows))
            if not len(astray):
                return rows
            rows[astray] = self._around_points(k, len(astray), rng)
        raise SamplerError(
            f"hardly any chip around {self.statistics.names[k]} lies wholly in the ground to be sampled; "
            "give a smaller size, or larger ground"
        )

    def _around_points(self, k: int, count: int, rng: np.random.Generator) -> np.ndarray:
        """Chips in their frames around random points of a class."""
        at = np.searchsorted(self._steps[k], rng.random(count), side="right")
        points, rows = self._points[k][at], np.empty(count, ROW)
        region = rows["region"] = points["region"]
        shape, frame = self._shapes[region], self._frames[region]
        for axis, name in enumerate(("row", "col")):
            pixel, span = points[name].astype(np.int64), shape[:, axis]
            first = np.maximum(pixel - span + 1, 0)
            last = np.minimum(pixel, frame[:, axis] - span)
            rows[name] = rng.integers(first, last, endpoint=True)
        rows["height"], rows["width"] = shape.T
        return rows

    def _stick_out(self, rows: np.ndarray) -> np.ndarray:
        """Whether (N,) chips leave an area in which they have to lie wholly."""
        out = np.zeros(len(rows), bool)
        for number in np.unique(rows["region"]).tolist():
            region, own = self._regions[number], np.flatnonzero(rows["region"] == number)
            out[own] = ~region.keeps(rows["row"][own], rows["col"][own])
        return out

    def _units(self) -> int:
        return self.length

    def _drawn(self, rng: np.random.Generator) -> np.ndarray:
        """Positions (length,) of the classes: each as often as its chance says, in random order."""
        steps = (np.arange(self.length) + rng.random()) / self.length
        drawn = np.searchsorted(np.cumsum(self._chances), steps, side="right")
        return rng.permutation(np.minimum(drawn, np.flatnonzero(self._chances)[-1]))


def _drawable(
    statistics: LabelStatistics, fits: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Points of each class in regions that can hold a chip, and the running sums of their chances."""
    points = [points[fits[points["region"]]] for points in statistics.points]
    steps = []
    for k, drawable in enumerate(points):
        ground = np.cumsum(statistics.point_km2[drawable["region"], k])
        steps.append(ground / ground[-1] if len(ground) else ground)
    if not fits.all():
        log.info("%d of %d regions cannot hold a chip", (~fits).sum(), len(fits))
    return points, steps


def _chances(
    statistics: LabelStatistics,
    class_weights: Mapping[str | int, float] | Literal["equal"],
    steps: list[np.ndarray],
) -> np.ndarray:
    """The chance (K,) of each class to be drawn."""
    lacking = np.array([len(ends) == 0 for ends in steps])
    if class_weights == "equal":
        chances = np.where(lacking, 0.0, 1.0)
    elif isinstance(class_weights, Mapping):
        chances = np.zeros(len(steps))
        for key, weight in class_weights.items():
            chances[statistics.position(key)] += weight
    else:
        raise SamplerError(
            f"class_weights is {class_weights!r}; expected 'equal' or weights by class name or code"
        )
    if not np.isfinite(chances).all() or (chances < 0).any() or not chances.any():
        raise SamplerError(f"class weights must be 0 or more and not all 0, got {class_weights!r}")
    names = [name for name, no in zip(statistics.names, lacking & (chances > 0), strict=True) if no]
    if names:
        raise SamplerError(
            f"no scene that can hold a chip shows {', '.join(names)}; give a smaller size"
        )
    shares: np.ndarray = chances / chances.sum()
    return shares
