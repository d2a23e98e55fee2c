"""Shares of an epoch's table: one per rank, from any position on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

from torch import distributed
from torch.utils.data.distributed import DistributedSampler

from ..core.errors import SamplerError
from .table import ChipTable

_STATE = ("epoch", "position", "units", "seed")


@dataclass(slots=True)
class _Pass:
    """One rank's way through what is left of an epoch. Counts in units: queries, or whole batches."""

    epoch: int
    start: int
    """Units of the table that were given, by all ranks, before."""
    stop: int
    """Where the ranks' shares end: the table's length, or a little less where ends are dropped."""
    rank: int
    world_size: int
    given: int = 0
    """Units of this rank's share handed out so far."""

    @property
    def units(self) -> range:
        """Positions in the table of this rank's share."""
        return range(self.start + self.rank, self.stop, self.world_size)

    def position(self, given: int) -> int:
        """Units of the table that all ranks have given when each has given that many."""
        return min(self.start + given * self.world_size, self.stop)


class TableSampler(DistributedSampler[Any], ABC):
    """A sampler that hands out a finite table of queries per epoch, or a rank's share of it.

    Guarantee: over all ranks, each query of the table is given once an epoch, none twice to even out the
    ends: the first ranks give one more where the table does not divide, or with `drop_last` what does not
    divide is left out at its end. Rank r gives the queries r, r + world_size, ... A `DataLoader` hands
    whole batches to its workers, so that holds for any number of those as well.

    A torch `DistributedSampler` by type, by which Lightning knows that the shares are made already: it leaves
    a `DataLoader(sampler=...)` as it is and calls `set_epoch`. To a `batch_sampler` it wants to add a
    sampler of its own, and says that it cannot: give it `Trainer(use_distributed_sampler=False)`.

    Args:
        rank, world_size: Whose share. Default: as `torch.distributed` says once it is initialised,
            asked when a pass begins; else all.
        drop_last: Give every rank equally many, as gradient synchronisation needs.
    """

    seed = 0
    _unit = 1
    _seed_is_common = True

    def __init__(self, rank: int | None, world_size: int | None, drop_last: bool) -> None:
        # Not the base's: it would ask torch.distributed now, before a trainer has initialised it.
        self._given_rank = _checked(rank, world_size)
        # Not public as `drop_last`: Lightning would take a sampler of batches for one that it can rebuild.
        self._even = drop_last
        self.epoch = 0
        self._start = 0
        self._passed: _Pass | None = None

    @abstractmethod
    def table(self, epoch: int = 0) -> ChipTable:
        """The chips of an epoch, of all ranks, in order."""

    @abstractmethod
    def _units(self) -> int:
        """Length of an epoch's table, in units."""

    def shard(self, rank: int, world_size: int) -> Self:
        """The same sampler, giving one rank's share.

        Raises:
            SamplerError: rank is not one of 0 to world_size - 1.
        """
        other = copy(self)
        other._given_rank = _checked(rank, world_size)
        other._passed = None
        return other

    def share(self, epoch: int = 0) -> ChipTable:
        """The chips of an epoch that this rank gives, in order."""
        return self._rows(self._pass(epoch, 0))

    def __len__(self) -> int:
        """Queries (or batches) that this rank gives in a whole epoch."""
        return len(self._pass(self.epoch, 0).units)

    def __repr__(self) -> str:
        rank = "" if self._given_rank is None else ", rank {} of {}".format(*self._given_rank)
        return (
            f"{type(self).__name__}({self.chips_per_epoch} chips per epoch, seed {self.seed}{rank})"
        )

    @property
    def chips_per_epoch(self) -> int:
        """Length of every epoch's table."""
        return self._units() * self._unit

    def __iter__(self) -> Iterator[Any]:
        # A pass begins with its first query: a DataLoader with workers calls iter() twice for one pass.
        now = self._passed = self._pass(self.epoch, self._start)
        self.epoch, self._start = now.epoch + 1, 0
        for unit in self._handed(self._rows(now)):
            now.given += 1
            yield unit

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next pass is; without it, the one after the last.

        The epoch that a loaded state stopped in goes on where it stopped; any other starts at its start.
        """
        if epoch != self.epoch:
            self.epoch, self._start = int(epoch), 0
        self._passed = None

    def state_dict(self, given: int | None = None) -> dict[str, int]:
        """Where the pass stands, for `load_state_dict`; of rank 0, when ranks have equal steps behind them.

        Args:
            given: Queries (batches, of a sampler of batches) of this pass that were used by this rank.
                Default: those handed out, which is right for a `DataLoader` without workers; with
                `num_workers` it reads ahead, so say `given=steps * batch_size`.
        """
        now = self._passed or self._pass(self.epoch, self._start)
        position = now.position(now.given if given is None else given)
        over = position >= now.stop
        return {
            "epoch": now.epoch + over,
            "position": 0 if over else position,
            "units": self._units(),
            "seed": self.seed,
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on with exactly the queries not yet given; the number of ranks may be another.

        The seed is the state's, too.

        Raises:
            SamplerError: the state is of an epoch of another length.
        """
        lacking = [key for key in _STATE if key not in state]
        if lacking:
            raise SamplerError(f"the state lacks {', '.join(lacking)}; give what state_dict() gave")
        if state["units"] != self._units():
            raise SamplerError(
                f"the state is of an epoch of length {state['units']}, this sampler's has {self._units()}; "
                "make it with the dataset and the options of the run that was stopped"
            )
        self.seed, self._seed_is_common = int(state["seed"]), True
        self.epoch, self._start = int(state["epoch"]), int(state["position"])
        self._passed = None

    def require_common_seed(self, world_size: int) -> None:
        """Refuse several ranks where each would draw a seed of its own.

        Raises:
            SamplerError: no seed was given.
        """
        if world_size > 1 and not self._seed_is_common:
            raise SamplerError(
                f"each of {world_size} ranks would draw chips of its own; give the same seed to all, such "
                "as generator=0"
            )

    def _pass(self, epoch: int, start: int) -> _Pass:
        rank, world_size = self._given_rank or _distributed()
        self.require_common_seed(world_size)
        units = self._units()
        if self._even and units < world_size:
            raise SamplerError(
                f"an epoch of {units} has nothing for some of {world_size} ranks, and drop_last leaves "
                "nothing for any; ask for a larger length or smaller chips"
            )
        stop = units - (units - start) % world_size if self._even else units
        return _Pass(epoch, start, stop, rank, world_size)

    def _rows(self, now: _Pass) -> ChipTable:
        table = self.table(now.epoch)
        units = table.rows.reshape(-1, self._unit)
        share = units[now.start + now.rank : now.stop : now.world_size]
        return ChipTable(table.regions, share.ravel())

    def _handed(self, share: ChipTable) -> Iterator[Any]:
        """A share, unit after unit."""
        return iter(share)


def _checked(rank: int | None, world_size: int | None) -> tuple[int, int] | None:
    if rank is None and world_size is None:
        return None
    if rank is None or world_size is None or not 0 <= rank < world_size:
        raise SamplerError(
            f"rank={rank} of world_size={world_size}; give both, rank from 0 to world_size - 1, or neither"
        )
    return int(rank), int(world_size)


def _distributed() -> tuple[int, int]:
    """This process's rank and the number of ranks."""
    if not distributed.is_available() or not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()
