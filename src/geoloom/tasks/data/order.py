"""In which order an epoch asks for its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from ...core.errors import ConfigError
from ...samplers.shard import TableSampler


class Items(Protocol):
    """What a dataset is asked for, one sample after the other: positions, or queries."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(self, position: int) -> Any:
        """One of them."""
        ...


class Order(Protocol):
    """What each epoch of a training asks its dataset for; equal on all devices."""

    def __len__(self) -> int:
        """Samples of an epoch."""
        ...

    def epoch(self, number: int) -> Items:
        """What the dataset is asked for, in order; the same whenever this is called."""
        ...

    def state(self) -> dict[str, Any]:
        """What identifies this order, as plain values, for checkpoints."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Become the order of a checkpoint.

        Raises:
            ConfigError: it is one of other data or options.
        """
        ...


class ShuffledOrder:
    """Every sample of a map-style dataset once, in an order that follows from seed and epoch alone."""

    def __init__(self, length: int, seed: int) -> None:
        self._length = length
        self._seed = seed

    def __len__(self) -> int:
        return self._length

    def epoch(self, number: int) -> Sequence[int]:
        """Positions in the dataset."""
        generator = torch.Generator().manual_seed(self._seed + 1_000_003 * (number + 1))
        positions: list[int] = torch.randperm(self._length, generator=generator).tolist()
        return positions

    def state(self) -> dict[str, Any]:
        """Length and seed."""
        return {"samples": self._length, "seed": self._seed}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Nothing is taken over, as it must be the same."""
        _require_same(self.state(), state)


class TableOrder:
    """The queries of a sampler's tables, epoch by epoch.

    Args:
        sampler: Of geoloom.samplers; its own notion of an epoch under way is neither used nor moved.
    """

    def __init__(self, sampler: TableSampler) -> None:
        self._sampler = sampler

    def __len__(self) -> int:
        return self._sampler.chips_per_epoch

    def epoch(self, number: int) -> Items:
        """Queries, each made when it is asked for."""
        return self._sampler.table(number)

    def state(self) -> dict[str, Any]:
        """Length, and the sampler's seed."""
        return {"samples": len(self), "seed": self._sampler.seed}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over the seed, which the sampler may have drawn for itself."""
        _require_same(self.state(), {**state, "seed": self._sampler.seed})
        self._sampler.seed = int(state["seed"])


def _require_same(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    changed = [f"{k}: {theirs.get(k)!r} -> {v!r}" for k, v in mine.items() if theirs.get(k) != v]
    if changed:
        raise ConfigError(
            f"the checkpoint is of a training on other data ({'; '.join(changed)}); resume it with the data "
            "module that it was started with"
        )
