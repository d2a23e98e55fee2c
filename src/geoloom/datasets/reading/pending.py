"""Arrays of a batch that wait to be filled, side by side in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from odc.geo.geobox import GeoBox

from ...core.bands import Band
from ...core.errors import ReadError
from ...io.batch import ReadOrder
from ...io.buffers import BUFFERS
from .by_file import scaled_planes
from .channel_stacks import SceneStacks

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True, eq=False)
class PendingRead:
    """One query's values and validity, from when they are asked for to when they are read."""

    grid: GeoBox
    scenes: tuple[SceneStacks, ...]
    """In order of priority; several only where each is read at once."""
    channels: int
    dtype: np.dtype[Any]
    """Of the values as they are read."""
    scaling: tuple[Band, ...] | None
    """Bands whose scale and offset to apply, one per channel; None for none."""
    failed: list[ReadError] | None = None
    """As of the orders."""
    values: np.ndarray = field(init=False, repr=False)
    """(C, H, W)."""
    seen: list[np.ndarray] = field(init=False, repr=False)
    """(H, W) bool, one per piece that is read at once, the first of them in the batch's own memory."""
    tensors: tuple[Tensor, Tensor] = field(init=False, repr=False)
    """`values` and the first of `seen` as pieces of the batch's tensors, by which `collate` knows them."""

    def orders(self) -> list[ReadOrder]:
        """What to read; `allot` comes before."""
        first = self.scenes[0].pieces
        if len(first) == 1:
            stacks = tuple(scene.pieces[0].stack for scene in self.scenes)
            order = ReadOrder(
                self.grid, stacks, first[0].resampling, self.values, self.seen[0], self.failed
            )
            return [order]
        return [
            ReadOrder(
                self.grid,
                (p.stack,),
                p.resampling,
                self.values[p.start : p.stop],
                seen,
                self.failed,
            )
            for p, seen in zip(first, self.seen, strict=True)
        ]

    def filled(self) -> tuple[np.ndarray | Tensor, Tensor]:
        """Values (C, H, W) and valid (H, W), once they are read."""
        first, *others = self.seen
        for seen in others:
            np.logical_and(first, seen, out=first)
        values, valid = self.tensors
        if self.scaling is None:
            return values, valid
        return scaled_planes(self.values, self.scaling), valid


def allot(waiting: Sequence[PendingRead]) -> None:
    """Give arrays to all; those of one shape and dtype are adjacent in memory, in the order given."""
    import torch

    alike: dict[tuple[Any, ...], list[PendingRead]] = {}
    for pending in waiting:
        key = tuple(pending.grid.shape), pending.channels, pending.dtype
        alike.setdefault(key, []).append(pending)
    for (shape, channels, dtype), members in alike.items():
        # The pool looks through all it ever gave: expensive where single samples are kept by the thousand.
        take = BUFFERS.take if len(members) > 1 else np.empty
        values = take((len(members), channels, *shape), dtype)
        seen = take((len(members), *shape), np.dtype(np.bool_))
        tensors = zip(
            torch.from_numpy(values).unbind(), torch.from_numpy(seen).unbind(), strict=True
        )
        for i, (pending, pair) in enumerate(zip(members, tensors, strict=True)):
            pending.tensors = pair
            more = len(pending.scenes[0].pieces) - 1
            pending.values = values[i]
            pending.seen = [seen[i], *(np.empty(shape, np.bool_) for _ in range(more))]
