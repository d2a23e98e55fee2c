"""How much ground each class of a label layer covers, and where."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import tee
from operator import or_
from pathlib import Path

import numpy as np

from ..core.area import pixel_areas_m2
from ..core.classes import Classes
from ..core.errors import SamplerError, suggest
from ..core.query import Query
from ..datasets.arrays import ArrayDataset
from ..datasets.base import GeoDataset
from ..datasets.intersect import IntersectionDataset
from ..datasets.region import Region, describe_regions
from ..datasets.unite import UnionDataset
from ..io.vector.areas import RoiSource
from .kept import fingerprint, kept_counts
from .rois import rois_of
from .sampling_regions import GridChoice, SamplingRegion, Toi, region_parts_of, sampling_region_of
from .survey import read_masks, tiles_of
from .tally import Counts, Tally, numbered

log = logging.getLogger(__name__)

MOST_POINTS = 1 << 28
"""Points looked at where `every_px` is not given: less than a minute's work beside the reading."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelStatistics:
    """What a label layer holds, seen at the points of a lattice over each region.

    Its size does not grow with the ground: of a class seen at more than 65,536 points an even share is kept.
    Make it with `label_statistics`.
    """

    regions: tuple[Region, ...]
    """Those looked at, cut to the area and time of interest; chips are drawn from them."""
    codes: np.ndarray
    """(K,) int64, rising: the codes seen."""
    counts: np.ndarray
    """(R, K) int64, valid points by region and class."""
    points: tuple[np.ndarray, ...]
    """K arrays of (region, row, col): pixels of the regions' frames at which the class was seen."""
    point_km2: np.ndarray
    """(R, K) ground that a point of each class stands for in each region, square kilometres, on average."""
    every_px: int
    """Distance between points, in pixels of the frames."""
    classes: Classes | None = None
    """What the codes mean, where the labels know."""

    @property
    def names(self) -> tuple[str, ...]:
        """K names; the code, as text, of a class without one."""
        return _names(self.codes.tolist(), self.classes)

    @property
    def ground_km2(self) -> np.ndarray:
        """(K,) ground of each class, square kilometres; of scenes on one ground, the sum."""
        ground: np.ndarray = (self.point_km2 * self.counts).sum(axis=0)
        return ground

    @property
    def shares(self) -> dict[str, float]:
        """Share of the labelled ground by class name."""
        ground = self.ground_km2
        return dict(zip(self.names, (ground / ground.sum()).tolist(), strict=True))

    def position(self, key: str | int) -> int:
        """Position of a class among the K, by its name or code.

        Raises:
            SamplerError: it was not seen; the message names those that were.
        """
        known = self.names if isinstance(key, str) else tuple(self.codes.tolist())
        if key not in known:
            raise SamplerError(f"no ground of class {key!r} was found{suggest(key, known)}")
        return known.index(key)

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {share:.2%}" for name, share in self.shares.items())
        step = "every pixel" if self.every_px == 1 else f"one pixel in {self.every_px**2}"
        return f"LabelStatistics({len(self.regions)} regions, {step}: {shares})"


def label_statistics(
    dataset: GeoDataset,
    *,
    labels: GeoDataset | None = None,
    roi: RoiSource | None = None,
    toi: Toi | None = None,
    grid: GridChoice = "native",
    every_px: int | None = None,
    seed: int = 0,
    cache: str | Path | None = None,
) -> LabelStatistics:
    """Look once at where the classes of a label layer lie.

    Guarantee: the same for the same labels, options and seed. Labels are read as the dataset reads them, in
    batches of tiles, by threads; memory does not grow with the ground.

    Args:
        dataset: Whose regions to look at: those that chips will be drawn from.
        labels: Whose mask to look at. Default: the label layer of `dataset` alone, so that no imagery is
            read (unless a pairing by time needs it); give `dataset` itself to count only pixels of which the
            imagery is valid as well.
        roi: Where: one area of interest or several; see `RandomGeoSampler`.
        toi: When: as `Interval.of` reads it.
        grid: The lattice of the chips; see `RandomGeoSampler`.
        every_px: Look at one pixel in so many rows and columns; an object smaller than that may be missed.
            Default: the smallest step that looks at no more than 268 million points.
        seed: Of the choice which points of a common class are kept.
        cache: A file that keeps the result: written by the first call, read by later ones with equal
            regions and options. Where labels were rewritten since, delete it.

    Raises:
        SamplerError: there is no label layer, or no label is valid anywhere.

    Example:
        >>> label_statistics(dataset, every_px=4)  # doctest: +SKIP
        LabelStatistics(3 regions, one pixel in 16: forest 71.20 %, cleared 28.71 %, water 0.09 %)
    """
    labels = label_layer(dataset) if labels is None else labels
    parts = region_parts_of(dataset, grid=grid, rois=rois_of(roi), toi=toi)
    sampled = [sampling_region_of(part, 1, "pixels") for part in parts]
    every_px = _step(sampled) if every_px is None else every_px
    if every_px < 1:
        raise SamplerError(f"every_px={every_px}; give at least 1, which looks at every pixel")
    regions = tuple(region.source for region in sampled)
    key = fingerprint(regions, labels, every_px, seed)
    counts = kept_counts(cache, key, lambda: _look(sampled, labels, every_px, seed))
    if not len(counts.codes):
        raise SamplerError(
            f"no label of {labels!r} is valid anywhere: one pixel in {every_px**2} was looked at of "
            f"{describe_regions(regions)}"
        )
    statistics = LabelStatistics(
        regions=regions,
        codes=counts.codes,
        counts=counts.counts,
        points=counts.points,
        point_km2=counts.ground_m2 / np.maximum(counts.counts, 1) / 1e6,
        every_px=every_px,
        classes=labels.classes,
    )
    log.info("%r", statistics)
    return statistics


def class_shares(
    dataset: GeoDataset, queries: Iterable[Query], *, labels: GeoDataset | None = None
) -> dict[str, float]:
    """Share of the valid pixels of some chips by class name: what a network would see.

    Args:
        dataset: Whose labels; see `label_statistics`.
        queries: The chips, such as `sampler.table()`; their masks are read.
        labels: As `label_statistics`.

    Returns:
        Shares that sum to 1, by name, or by the code as text where it has none.

    Raises:
        SamplerError: there is no label layer, or no label is valid in the chips.
    """
    labels = label_layer(dataset) if labels is None else labels
    total: Counter[int] = Counter()
    for mask, valid in read_masks(labels, queries):
        if valid.any():
            present, positions = numbered(mask[valid])
            total.update(dict(zip(present.tolist(), np.bincount(positions).tolist(), strict=True)))
    if not total:
        raise SamplerError(f"no label of {labels!r} is valid in the chips")
    codes = sorted(total)
    shares = [total[code] / total.total() for code in codes]
    return dict(zip(_names(codes, labels.classes), shares, strict=True))


def label_layer(dataset: GeoDataset) -> GeoDataset:
    """The part of a dataset that gives its mask, without the imagery beside it.

    Raises:
        SamplerError: there is none, or several.
    """
    if "mask" not in dataset.layers:
        raise SamplerError(
            f"{dataset!r} has no label layer; join it with labels (imagery & labels), or name them with "
            "labels=..."
        )
    if isinstance(dataset, ArrayDataset):
        return dataset.labels()
    if isinstance(dataset, IntersectionDataset):
        if dataset.pairing.rule != "overlap":
            return dataset  # which labels belong to a query is known only beside the imagery
        parts = [part for part in dataset.parts if "mask" in part.layers]
        if len(parts) > 1:
            raise SamplerError(
                f"{len(parts)} label layers lie in {dataset!r}; name the one to look at with labels=..."
            )
        return label_layer(parts[0])
    if isinstance(dataset, UnionDataset) and "image" in dataset.layers:
        return reduce(or_, [label_layer(part) for part in dataset.parts])
    return dataset


def _look(
    regions: Sequence[SamplingRegion], labels: GeoDataset, every_px: int, seed: int
) -> Counts:
    """All points, added up."""
    tally = Tally(len(regions), seed)
    tiles, ahead = tee(tiles_of(regions, every_px))
    masks = read_masks(labels, (tile.query for tile in ahead))
    for tile, (mask, valid) in zip(tiles, masks, strict=True):
        at = np.nonzero(valid if tile.inside is None else valid & tile.inside)
        rows, cols = tile.row + every_px * at[0], tile.col + every_px * at[1]
        areas_m2 = np.broadcast_to(pixel_areas_m2(tile.query.grid), mask.shape)[at]
        tally.add(tile.region, tile.number, mask[at], rows, cols, areas_m2)
    return tally.result()


def _step(regions: Sequence[SamplingRegion]) -> int:
    pixels = sum(region.area_px.area for region in regions)
    return max(1, math.ceil(math.sqrt(pixels / MOST_POINTS)))


def _names(codes: Sequence[int], classes: Classes | None) -> tuple[str, ...]:
    known = {} if classes is None else dict(zip(classes.codes, classes.names, strict=True))
    return tuple(known.get(code, str(code)) for code in codes)
