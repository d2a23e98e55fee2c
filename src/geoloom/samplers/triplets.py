"""Chips with one near and one far, from which to learn without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import SamplerError
from ..datasets.base import GeoDataset
from ..io.vector.areas import RoiSource
from .centres import Centres, distance_m
from .random import RandomGeoSampler
from .sampling_regions import GridChoice, Size, Toi, Units
from .table import ROW, ChipTable
from .weights import RoiWeights, Weights

if TYPE_CHECKING:
    from torch import Generator

_TRIES = 16
"""Draws of a chip beside an anchor before another anchor is drawn."""
_MOST_ROUNDS = 200
_TOO_FEW = 1 / 64
"""Share of anchors that must find both companions at once."""
_REACH = 1.25
"""By how much neighbours are sought beyond where they should lie, as pixels' sizes vary."""


class TripletGeoSampler(RandomGeoSampler):
    """Batches of triplets: an anchor, a neighbour near it, and a distant chip (Tile2Vec).

    A batch holds all anchors, then their neighbours, then their distant chips, in the same order:
    `anchor, neighbour, distant = batch["image"].chunk(3)`. Give it to a `DataLoader` as `batch_sampler`, or
    to `geoloom.loader` as `sampler`.

    Distances are those between chips' centres on the ellipsoid, in metres, whatever the CRSs of the two:
    neighbours are at most `near_m` away, in the anchor's own scene and never the anchor itself, every
    position alike; distant chips lie in any scene, farther than `far_m`. Anchors that can have no such
    companions are not drawn.

    Args:
        dataset: Whose regions to draw from.
        size: Height and width of a chip, or both.
        triplets: Triplets a batch: three times as many queries.
        near_m: Longest distance of a neighbour, metres.
        far_m: A distant chip is farther than this, metres. Default: `near_m`.
        length: Triplets an epoch, rounded down to whole batches. Default: as many as tile the area.
        roi, toi, units, generator, weights, roi_weights, grid: As `RandomGeoSampler`.
        rank, world_size, drop_last: Whose share of the batches; see `TableSampler`.

    Raises:
        SamplerError: as `RandomGeoSampler`, fewer triplets than one batch are asked for, or hardly any anchor
            has companions that near and that far.

    Source:
        Jean et al. 2019, Tile2Vec, section 3.1.

    Example:
        >>> sampler = TripletGeoSampler(dataset, 50, triplets=16, near_m=1500)  # doctest: +SKIP
        >>> for batch in gl.loader(dataset, sampler):                           # doctest: +SKIP
        ...     anchor, neighbour, distant = batch["image"].chunk(3)
    """

    def __init__(
        self,
        dataset: GeoDataset,
        size: Size,
        triplets: int,
        near_m: float,
        far_m: float | None = None,
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
        if length is None:
            self.length = max(self.length, triplets)
        if not 1 <= triplets <= self.length:
            raise SamplerError(f"triplets={triplets} with length={self.length}; give 1 to length")
        self.near_m, self.far_m = float(near_m), float(near_m if far_m is None else far_m)
        if not (self.near_m > 0 and self.far_m >= 0):
            raise SamplerError(f"near_m={near_m} and far_m={far_m}; give metres above 0")
        self.triplets = int(triplets)
        self.batch_size = self._unit = 3 * self.triplets
        self._ground = Centres(self._regions)
        self._limits = np.array([region.frame.shape for region in self._regions]) - np.array(
            [region.shape for region in self._regions]
        )

    def table(self, epoch: int = 0) -> ChipTable:
        """The chips of an epoch, batch after batch; in each, anchors, neighbours, distant chips."""
        rng = np.random.default_rng([self.seed, epoch])
        members = np.empty((3, self._units() * self.triplets), ROW)
        lacking = np.arange(members.shape[1])
        for _ in range(_MOST_ROUNDS):
            drawn, near, far = self._drawn(len(lacking), rng)
            whole = near & far
            members[:, lacking[whole]] = drawn[:, whole]
            if whole.sum() < _TOO_FEW * len(lacking) and len(lacking) >= 1 / _TOO_FEW:
                break
            lacking = lacking[~whole]
            if not len(lacking):
                batches = members.reshape(3, -1, self.triplets).swapaxes(0, 1)
                return ChipTable(tuple(region.source for region in self._regions), batches.ravel())
        raise self._without_companions(float(near.mean()), float(far.mean()))

    def _units(self) -> int:
        return self.length // self.triplets

    def _handed(self, share: ChipTable) -> Iterator[Any]:
        return share.batches(self.batch_size)

    def _drawn(
        self, count: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Triplets (3, count), and whether each has its neighbour and its distant chip."""
        anchors = self._anywhere(count, rng)
        at = self._ground.lonlat(anchors)
        boxes = self._around(anchors)

        def neighbours(missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            companions = anchors[missing].copy()
            first, last = boxes[0][missing], boxes[1][missing]
            companions["row"], companions["col"] = rng.integers(first, last, endpoint=True).T
            good = self._ground.inside(companions) & (companions != anchors[missing])
            return companions, good & (self._metres(companions, at, missing) <= self.near_m)

        def distant(missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            companions = self._anywhere(len(missing), rng)
            return companions, self._metres(companions, at, missing) > self.far_m

        beside = [_tried(count, draw) for draw in (neighbours, distant)]
        return (
            np.stack([anchors, *(companions for companions, _ in beside)]),
            beside[0][1],
            beside[1][1],
        )

    def _anywhere(self, count: int, rng: np.random.Generator) -> np.ndarray:
        chosen = rng.choice(len(self._regions), size=count, p=self._chances)
        return self._filled(chosen, rng).rows

    def _around(self, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and last row and column (N, 2) at which a chip near each anchor may start."""
        right, down = self._ground.pixel_m(anchors)
        reach = np.ceil(_REACH * self.near_m / np.stack([down, right], axis=1)).astype(np.int64)
        start = np.stack([anchors["row"], anchors["col"]], axis=1)
        limits = self._limits[anchors["region"]]
        return np.maximum(start - reach, 0), np.minimum(start + reach, limits)

    def _metres(
        self, companions: np.ndarray, at: tuple[np.ndarray, np.ndarray], members: np.ndarray
    ) -> np.ndarray:
        """From each companion to its anchor."""
        return distance_m(self._ground.lonlat(companions), (at[0][members], at[1][members]))

    def _without_companions(self, near: float, far: float) -> SamplerError:
        if near < far:
            return SamplerError(
                f"hardly any chip has another within near_m={self.near_m:g} in its scene "
                f"({near:.1%} of those tried); give a larger near_m, or a smaller size"
            )
        return SamplerError(
            f"hardly any chip has another farther than far_m={self.far_m:g} ({far:.1%} of those tried); give "
            "a smaller far_m, or more ground"
        )


def _tried(
    count: int, draw: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """What was drawn for each of so many chips, again where it was not good; and whether it is."""
    rows, good = np.empty(count, ROW), np.zeros(count, bool)
    for _ in range(_TRIES):
        missing = np.flatnonzero(~good)
        if not len(missing):
            break
        rows[missing], good[missing] = draw(missing)
    return rows, good
