"""Numbered samples dealt out by where they lie: whole cells of land to each split, and a gap between."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..core.errors import ConfigError
from .gaps.distances import TOUCHING_M, pairs_within
from .gaps.places import Places, placed
from .names import SPLITS, TEST, TRAIN, VAL
from .stratify.classes import Columns, SampleClasses, warn_of_lacking
from .stratify.deal import deal

log = logging.getLogger(__name__)

Grids: TypeAlias = Sequence[GeoBox | None] | None
"""Where each of n samples lies; None where that is unknown, of one or of all."""
Codes = NDArray[np.int8]

_DEGREE_M = 111_195.0
_NEARLY_POLE = 89.9
_MOST_COLUMNS = 1 << 32
_MEASURED = 1000
"""Of the samples, evenly chosen, tell how large the median one is."""
_ENOUGH_CELLS = 32
"""Of land that hold samples: as large as leave this many, so that little is lost along their edges."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleGround:
    """The ground of n samples, and what they show."""

    places: Places
    side_m: float
    """Of the square that the median sample is as large as, metres on the ground."""
    pixel_m: float
    """Of the square that the median sample's pixels are as large as, metres."""
    classes: SampleClasses | None

    @classmethod
    def of(cls, columns: Columns, grids: Grids, rule: Any) -> Self:
        """From what is known of samples.

        Args:
            columns: What is known of each.
            grids: Where each lies.
            rule: For messages.

        Raises:
            ConfigError: a sample has no place on Earth.
        """
        known = placed(grids)
        name = type(rule).__name__
        if grids is None or not known.all() or not len(known):
            raise ConfigError(
                f"{name} divides samples by where they lie, and {int((~known).sum()) or 'none'} of them "
                f"{'tell' if not known.any() else 'do not tell'} it; divide them by class (ClassSplit) or by "
                "a column (ColumnSplit, GroupSplit), or give them a place: GeoTIFF"
            )
        whole = [grid for grid in grids if grid is not None]
        places = Places.of_grids(whole)
        some = np.unique(np.linspace(0, len(whole) - 1, _MEASURED).astype(np.int64))
        areas = places.take(some).areas_m2()
        sizes = np.array([np.prod(whole[i].shape) for i in some.tolist()])
        return cls(
            places,
            float(np.sqrt(np.median(areas))),
            float(np.sqrt(np.median(areas / sizes))),
            SampleClasses.of_columns(columns),
        )

    def cells(
        self,
        *,
        shares: Sequence[float],
        side_m: float | None,
        buffer_m: float,
        seed: int,
    ) -> Codes:
        """Split code (n,) of each sample: that of the cell of land that its middle lies in; -1 where it comes
        nearer to another split's sample than the buffer.

        Args:
            shares: Of train, test and val, summing to 1.
            side_m: Of a cell, metres; None: as large as leaves enough of them.
            buffer_m: Least gap between samples of different splits; 0: they share no ground.
            seed: Of the dealing.
        """
        centres = self.places.centres()
        if side_m is None:
            side_m = self._enough_cells(centres)
        codes, unit_of = self.dealt(
            cell_numbers(centres, side_m), shares, seed, f"cells of {side_m:.4g} m"
        )
        codes = keep_apart(self.places, codes, buffer_m)
        warn_of_lacking(self.classes, codes, _wanted(shares), unit_of, "cell")
        return codes

    def buffer_m(self, buffer_px: int | None, buffer_m: float | None) -> float:
        """The gap asked for, in pixels or metres, or a quarter of a sample; metres."""
        if buffer_m is not None:
            return buffer_m
        return self.side_m / 4 if buffer_px is None else buffer_px * self.pixel_m

    def meeting(self, *, shares: Sequence[float], seed: int) -> Codes:
        """Split code (n,) of each sample, those that share ground together."""
        mine, theirs = self.places.meeting(self.places)
        pairs = coo_array((np.ones(len(mine), bool), (mine, theirs)), shape=(len(self.places),) * 2)
        groups = connected_components(pairs, directed=False)[1].astype(np.int64)
        codes, unit_of = self.dealt(groups, shares, seed, "groups of samples that share ground")
        warn_of_lacking(self.classes, codes, _wanted(shares), unit_of, "group")
        return codes

    def dealt(
        self, unit_of: NDArray[np.int64], shares: Sequence[float], seed: int, what: str
    ) -> tuple[Codes, NDArray[np.int64]]:
        """Split code and unit of each sample, each unit as a whole in one split; see `deal_units`."""
        return deal_units(unit_of, self.classes, shares, seed, what)

    def _enough_cells(self, centres: NDArray[np.float64]) -> float:
        """The largest of some sides that leaves enough cells with samples, metres; at least two samples."""
        side_m, least = 4_096_000.0, 2 * self.side_m
        while side_m > least and len(np.unique(cell_numbers(centres, side_m))) < _ENOUGH_CELLS:
            side_m /= 2
        return max(side_m, least)

    def take(self, rows: NDArray[np.int64]) -> Self:
        """The ground of some samples."""
        classes = None if self.classes is None else self.classes.take(rows)
        return replace(self, places=self.places.take(rows), classes=classes)


def deal_units(
    unit_of: NDArray[Any],
    classes: SampleClasses | None,
    shares: Sequence[float],
    seed: int,
    what: str,
) -> tuple[Codes, NDArray[np.int64]]:
    """Split code of each sample, and the number of its unit, which as a whole is in one split.

    Args:
        unit_of: (n,) names or numbers of units.
        classes: Of which each split shall have its share; None: of samples alone.
        shares: Of train, test and val, summing to 1.
        seed: Of the dealing.
        what: What the units are, for messages.

    Raises:
        ConfigError: there are fewer units than splits.
    """
    wanted = _wanted(shares)
    kinds, numbers = np.unique(unit_of, return_inverse=True)
    numbers = numbers.ravel().astype(np.int64)
    if len(kinds) < len(wanted):
        raise ConfigError(
            f"samples lie in {len(kinds)} {what}, fewer than the {len(wanted)} splits; choose smaller "
            "ones, or leave a split out (val=0)"
        )
    sizes = np.bincount(numbers, minlength=len(kinds)).astype(float)[:, None]
    weights = sizes
    if classes is not None:
        weights = np.concatenate([sizes, classes.weights(numbers, len(kinds))], axis=1)
    of_units = deal(weights, np.array(shares), wanted, np.random.default_rng(seed))
    log.info("%d samples dealt out in %d %s", len(numbers), len(kinds), what)
    return of_units[numbers], numbers


def cell_numbers(centres: NDArray[np.float64], side_m: float) -> NDArray[np.int64]:
    """Number (n,) of the cell in which each point lies, of a lattice of equal cells over the Earth.

    Rows are counted from the equator, and in each columns from Greenwich, as wide as rows are high: cells
    depend on the side alone, not on the samples. At the antimeridian they are cut.

    Args:
        centres: (n, 2) longitude and latitude.
        side_m: Of a cell, metres.

    Example:
        >>> at = np.array([[10.0, 60.0], [10.0, 60.01], [10.0, 61.0]])
        >>> len(set(cell_numbers(at, 50_000).tolist()))
        2
    """
    height = side_m / _DEGREE_M
    row = np.floor(centres[:, 1] / height)
    middle = np.radians(np.clip((row + 0.5) * height, -_NEARLY_POLE, _NEARLY_POLE))
    column = np.floor(centres[:, 0] * np.cos(middle) / height)
    return np.asarray(row.astype(np.int64) * _MOST_COLUMNS + column.astype(np.int64))


def keep_apart(places: Places, codes: Codes, buffer_m: float) -> Codes:
    """The same splits, without samples that come too near to one of another split: -1.

    Of two that are too near, that for training is left out; of one for testing and one for validation, the
    latter.

    Args:
        places: Of the samples.
        codes: (n,) split codes.
        buffer_m: Least gap, metres; 0: they share no ground, and may touch.
    """
    kept = codes.copy()
    for split, held in ((VAL, (TEST,)), (TRAIN, (TEST, VAL))):
        mine = np.flatnonzero(kept == split)
        others = np.flatnonzero(np.isin(kept, held))
        if not len(mine) or not len(others):
            continue
        one, two = places.take(mine), places.take(others)
        near = one.meeting(two)[0]
        if buffer_m > 0:
            at, _, metres = pairs_within(one.lonlat, two.lonlat, buffer_m)
            near = np.concatenate([near, at[metres < buffer_m - TOUCHING_M]])
        kept[mine[near]] = -1
    lost = int((kept != codes).sum())
    if lost:
        log.warning(
            "%d of %d samples are in no split: they %s a sample of another one",
            lost,
            len(codes),
            f"lie nearer than {buffer_m:.4g} m to" if buffer_m else "share ground with",
        )
    return kept


def split_names(codes: Codes) -> NDArray[Any]:
    """(n,) names of splits by their codes; None where a sample is in none."""
    names: NDArray[Any] = np.array([*SPLITS, None], object)[codes]
    return names


def _wanted(shares: Sequence[float]) -> list[int]:
    return [code for code, share in enumerate(shares) if share > 0]
