"""Which chips to write: queries in order, and what is known of the scenes that they lie in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from itertools import chain, count, islice
from typing import Any, TypeAlias, get_args

import numpy as np
from odc.geo.geobox import GeoBox

from ..core.errors import ChipError, suggest
from ..core.query import Query
from ..datasets.scenes.index import grid_key
from ..samplers.shard import TableSampler
from ..samplers.table import ChipTable
from ..splits.names import SPLITS, Split
from ..splits.overlap import Ground
from ..splits.rules import RandomSplit, SplitRule, check_splits, counts_by_split, warn_of_overlaps

log = logging.getLogger(__name__)

Asked: TypeAlias = Query | GeoBox
SplitChoice: TypeAlias = Split | SplitRule | Callable[[Query], Split | None] | None

LOOSE = "queries"
"""Source of chips whose scene is not known."""


@dataclass(frozen=True, slots=True)
class ChipRequest:
    """One chip to write."""

    query: Query
    source: str
    row: int
    col: int
    split: Split | None


@dataclass(frozen=True, slots=True, eq=False)
class ChipRequests:
    """Chips in order, to be gone through once."""

    queries: Iterable[Asked | Sequence[Asked]]
    """As given, batches among them; of a table, the table."""
    total: int | None
    """How many they are; None where that shows in the end."""
    scenes: Mapping[str, GeoBox] = field(default_factory=dict)
    """Native grid of each scene, where a table says."""
    places: np.ndarray | None = None
    """(n, 3) int64: scene, row, col of each chip, where a table says."""
    split: Split | Callable[[Query], Split | None] | np.ndarray | None = None
    """Of all, by query, or (n,) int8 codes."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Where the queries come from, JSON values."""

    @classmethod
    def of(cls, queries: Any) -> ChipRequests:
        """What a sampler, its table, or any iterable of queries asks for.

        Raises:
            ChipError: it is neither.
        """
        if isinstance(queries, TableSampler):
            notes = {
                "sampler": type(queries).__name__,
                "seed": queries.seed,
                "epoch": queries.epoch,
            }
            return cls._of_table(queries.table(queries.epoch), notes)
        if isinstance(queries, ChipTable):
            return cls._of_table(queries, {"sampler": "ChipTable"})
        if isinstance(queries, Query | GeoBox):
            return cls([queries], 1)
        if not isinstance(queries, Iterable):
            raise ChipError(
                f"chips are asked for by queries, got {type(queries).__name__}; give a sampler, its table, "
                "or a list of Query"
            )
        return cls(queries, len(queries) if isinstance(queries, Sized) else None)

    @classmethod
    def _of_table(cls, table: ChipTable, notes: Mapping[str, Any]) -> ChipRequests:
        used, number = np.unique(table.rows["region"], return_inverse=True)
        numbers: dict[Any, int] = {}
        scenes: dict[str, GeoBox] = {}
        of_region = []
        for region in (table.regions[i] for i in used.tolist()):
            assert region.frame is not None  # samplers take only regions with pixels
            key = region.name, *grid_key(region.frame)
            if key not in numbers:
                numbers[key] = len(numbers)
                scenes[_unused(region.name or LOOSE, scenes)] = region.frame
            of_region.append(numbers[key])
        scene = np.asarray(of_region, dtype=np.int64)[number]
        places = np.stack([scene, table.rows["row"], table.rows["col"]], axis=1)
        return cls(table, len(table), scenes, places, notes=notes)

    def divided(self, split: SplitChoice) -> ChipRequests:
        """The same chips, each in its split; by a rule, without those that lie across splits.

        Raises:
            ChipError: the split is unknown, a rule leaves one empty, or it cannot know where scenes lie.
        """
        if isinstance(split, str):
            if split not in SPLITS:
                raise ChipError(f"unknown split {split!r}{suggest(split, SPLITS)}")
            return replace(self, split=split)
        if split is None or callable(split):
            return replace(self, split=split)
        if not isinstance(split, get_args(SplitRule)):
            raise ChipError(
                f"split is {split!r}; expected one of {', '.join(SPLITS)}, a rule such as BlockSplit(), or "
                "a function of a query"
            )
        return self._by_rule(split)

    def _by_rule(self, rule: SplitRule) -> ChipRequests:
        if self.places is None or not isinstance(self.queries, ChipTable):
            raise ChipError(
                f"{type(rule).__name__} divides scenes, and loose queries do not say in which they lie; give "
                "the sampler itself or its table, or a function of a query as split="
            )
        shapes = np.unique(self.queries.rows[["height", "width"]]).tolist()
        if len(shapes) != 1:
            raise ChipError(f"a split by ground needs chips of one size; found {shapes}")
        ground = Ground.of(list(self.scenes.values()), shapes[0])
        if isinstance(rule, RandomSplit):
            codes = rule.deal(len(self.places))
            warn_of_overlaps(ground, self.places, codes)
        else:
            codes = rule.areas(ground, None).of(self.places)
        kept = codes >= 0
        shares = zip(SPLITS, rule.shares(), strict=True)
        check_splits(counts_by_split(codes), [name for name, share in shares if share > 0])
        dropped = int(np.count_nonzero(~kept))
        if dropped:
            log.warning(
                "%d of %d chips are left out: they lie across ground of different splits",
                dropped,
                len(codes),
            )
        return replace(
            self,
            queries=ChipTable(self.queries.regions, self.queries.rows[kept]),
            total=len(codes) - dropped,
            places=self.places[kept],
            split=codes[kept],
            notes={**self.notes, "split": repr(rule), "dropped_between_splits": dropped},
        )

    def __iter__(self) -> Iterator[ChipRequest]:
        names = list(self.scenes)
        for k, query in enumerate(_flat(self.queries)):
            source, row, col = LOOSE, 0, 0
            if self.places is not None:
                scene, row, col = self.places[k].tolist()
                source = names[scene]
            split = self.split
            if isinstance(split, np.ndarray):
                split = SPLITS[split[k]]
            elif callable(split):
                split = split(query)
            yield ChipRequest(query, source, row, col, split)

    def batches(self, size: int) -> Iterator[list[ChipRequest]]:
        """Successive lists of `size` chips; the last one may be shorter."""
        chips = iter(self)
        while batch := list(islice(chips, size)):
            yield batch


def _flat(queries: Iterable[Asked | Sequence[Asked]]) -> Iterator[Query]:
    for item in queries:
        if isinstance(item, Query):
            yield item
        elif isinstance(item, GeoBox):
            yield Query(item)
        elif isinstance(item, list | tuple):
            yield from _flat(item)
        else:
            raise ChipError(
                f"chips are asked for by Query or GeoBox, found {type(item).__name__} among the queries"
            )


def _unused(name: str, taken: Mapping[str, GeoBox]) -> str:
    """The name, with a number behind it where another scene bears it."""
    numbered = (f"{name} ({n})" for n in count(2))
    return next(candidate for candidate in chain([name], numbered) if candidate not in taken)
